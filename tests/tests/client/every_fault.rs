//! Every kind of fault that the sandbox knows, and what the client makes of it: for what may be
//! retried, for what costs money, for lists, for results and for input files.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cargo_batch_client::types::{
    Batch, BatchStatus, CreateBatchData, CreateBatchRequest, CreateFilterData, Filter,
    NumberCondition, Record,
};
use cargo_batch_client::{Client, ErrorKind, TokenFuture, TokenProvider};
use cargo_batch_sandbox::{Fault, FaultPlan, LateResponse, Rule, Sandbox};
use cargo_batch_tests::faults::kinds;

/// What becomes of a request that is hit once.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    /// It goes well as it is.
    Well,
    /// It is retried, and succeeds.
    Again,
    /// What became of it is unknown, and it isn't retried.
    Ambiguous,
    /// One or the other of the two before: hyper cancels what it had not begun when the end came.
    AgainOrAmbiguous,
    /// It ends with an error that says so.
    Fails(ErrorKind),
}
use Then::{Again, AgainOrAmbiguous, Ambiguous, Fails, Well};

/// Every kind, in the forms that make a difference: what becomes of `get_batch`, and of
/// `create_batch`.
fn table() -> Vec<(Fault, Then, Then)> {
    let stall = |seconds, acted| Fault::Stall { seconds, acted };
    let unavailable = |retry_after, acted| Fault::Unavailable {
        retry_after,
        as_date: false,
        acted,
    };
    let many = |retry_after| Fault::TooManyRequests {
        retry_after,
        as_date: retry_after == Some(3),
    };
    let api_error = |status, reason: Option<&str>| Fault::ApiError {
        status,
        reason: reason.map(str::to_owned),
        data_reason: None,
        message: None,
        acted: false,
    };
    let acted = |mut fault: Fault| {
        if let Fault::ApiError { acted, .. } = &mut fault {
            *acted = true;
        }
        fault
    };
    let late = |respond| Fault::ActLate {
        seconds: 3.0,
        respond,
    };
    let status = "hibernating".to_owned();
    let value = "quantum".to_owned();
    let refused = Fails(ErrorKind::Status);
    vec![
        (Fault::ConnectionRefused { seconds: 0.5 }, Again, Again),
        (Fault::CloseOnAccept, Again, AgainOrAmbiguous),
        (Fault::ResetBeforeReading, Again, Ambiguous),
        (Fault::ResetBeforeActing, Again, Ambiguous),
        (Fault::ResetAfterActing, Again, Ambiguous),
        (stall(Some(20.0), false), Well, Well),
        (stall(Some(20.0), true), Well, Well),
        (stall(None, false), Again, Ambiguous),
        (stall(None, true), Again, Ambiguous),
        (late(LateResponse::AfterActing), Well, Well),
        (late(LateResponse::Reset), Again, Ambiguous),
        (late(LateResponse::GatewayTimeout), Again, Ambiguous),
        (Fault::EarlyResponse { status: 413 }, refused, refused),
        (Fault::EarlyResponse { status: 503 }, Again, Ambiguous),
        (Fault::IdleClose { seconds: 0.0 }, Well, Well),
        (Fault::IdleClose { seconds: 1.0 }, Well, Well),
        (
            Fault::StrayBytes {
                bytes: None,
                seconds: 0.0,
            },
            Well,
            Well,
        ),
        (Fault::RefusedStream { acted: false }, Again, Ambiguous),
        (Fault::RefusedStream { acted: true }, Again, Ambiguous),
        (Fault::GoAway { acted: false }, Again, Ambiguous),
        (Fault::GoAway { acted: true }, Again, Ambiguous),
        (
            Fault::Trickle {
                bytes: 500,
                millis: 100,
            },
            Well,
            Well,
        ),
        (Fault::Truncate { bytes: None }, Again, Ambiguous),
        (Fault::Truncate { bytes: Some(0) }, Again, Ambiguous),
        (Fault::WrongLength { by: 10 }, Again, Ambiguous),
        (Fault::WrongLength { by: -10 }, Again, Ambiguous),
        (Fault::BadGateway { acted: false }, Again, Ambiguous),
        (Fault::BadGateway { acted: true }, Again, Ambiguous),
        (Fault::GatewayTimeout { acted: false }, Again, Ambiguous),
        (Fault::GatewayTimeout { acted: true }, Again, Ambiguous),
        (Fault::ServerError { acted: false }, Again, Ambiguous),
        (Fault::ServerError { acted: true }, Again, Ambiguous),
        (many(None), Again, Again),
        (many(Some(2)), Again, Again),
        (many(Some(3)), Again, Again),
        (many(Some(3600)), refused, refused),
        (unavailable(None, false), Again, Ambiguous),
        (unavailable(None, true), Again, Ambiguous),
        (unavailable(Some(2), false), Again, Ambiguous),
        (unavailable(Some(2), true), Again, Ambiguous),
        (Fault::RevokeToken, Again, Again),
        (api_error(400, Some("notEnoughCredits")), refused, refused),
        (api_error(400, Some("failedToStart")), refused, Ambiguous),
        (api_error(404, None), refused, refused),
        (
            acted(api_error(400, Some("failedToStart"))),
            refused,
            Ambiguous,
        ),
        (acted(api_error(408, None)), Again, Ambiguous),
        (acted(api_error(499, None)), refused, Ambiguous),
        (api_error(500, Some("brandNew")), Again, Ambiguous),
        (Fault::InvalidJson, Again, Ambiguous),
        (Fault::UnknownStatus { status }, Well, Well),
        (Fault::UnknownKind { value }, Well, Well),
        (Fault::ExtraFields, Well, Well),
        // Of what isn't a list they change nothing.
        (Fault::DuplicatePage { items: 1 }, Well, Well),
        (Fault::ReorderedPage, Well, Well),
        // Of storage alone.
        (Fault::ExpiredUrl, Well, Well),
        (Fault::ChangedContent, Well, Well),
    ]
}

#[test]
fn no_kind_is_missing() {
    let covered: BTreeSet<String> = table().iter().map(|(fault, ..)| fault.kind()).collect();
    assert_eq!(covered, kinds());
}

/// Asks the sandbox, which takes another token now and then.
struct Tokens(Arc<Sandbox>);

impl TokenProvider for Tokens {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(async { Ok(self.0.token().into()) })
    }
}

/// A sandbox, and a client of it with no connection yet.
async fn set_up() -> (Arc<Sandbox>, Client) {
    let sandbox = Sandbox::builder().validate_responses(false);
    let sandbox = Arc::new(sandbox.start().await.unwrap());
    let client = client(&sandbox);
    (sandbox, client)
}

fn client(sandbox: &Arc<Sandbox>) -> Client {
    Client::builder_with_token_provider(Tokens(sandbox.clone()))
        .base_url(sandbox.base_url())
        .jitter_seed(1)
        .build()
        .unwrap()
}

/// Lets the fault hit once, of the requests for an operation where it is about requests; false where
/// it can't.
async fn hit_once(sandbox: &Sandbox, fault: &Fault, operation: &str, port: &str) -> bool {
    let rule = match fault {
        Fault::ConnectionRefused { .. } => Rule::new(fault.clone()).on(port),
        Fault::CloseOnAccept => Rule::new(fault.clone()).on(port).count(1),
        _ => Rule::new(fault.clone()).on(operation).count(1),
    };
    sandbox.faults(rule).await.is_ok()
}

/// It has hit once. (What closes the port isn't counted.)
fn assert_hit(sandbox: &Sandbox, fault: &Fault) {
    let expected = u64::from(!matches!(fault, Fault::ConnectionRefused { .. }));
    assert_eq!(sandbox.hits(), [expected], "{fault:?}");
}

/// How often an operation was asked for; what found no open port isn't known to the sandbox.
fn asked(sandbox: &Sandbox, operation: &str) -> usize {
    let requests = sandbox.requests();
    let of = requests
        .iter()
        .filter(|seen| seen.operation.as_deref() == Some(operation));
    of.count()
}

fn filter(sandbox: &Sandbox, below: u32) -> CreateBatchRequest {
    let fixtures = sandbox.fixtures();
    let condition = NumberCondition::lower_than("employees", 1_000_000 + below);
    let data = CreateFilterData::new(fixtures.model_uuid, Filter::all(condition));
    CreateBatchRequest::new(data.limit(2)).workflow(fixtures.play_workflow_uuid)
}

#[tokio::test(start_paused = true)]
async fn idempotent_operations_are_retried() {
    for (fault, then, _) in table() {
        let (sandbox, first) = set_up().await;
        let made = first.create_batch(filter(&sandbox, 0)).await.unwrap().batch;
        let client = client(&sandbox);
        if !hit_once(&sandbox, &fault, "get_batch", "api").await {
            assert_eq!(then, Well, "{fault:?}");
            continue;
        }
        let done = client.get_batch(made.uuid).send().await;
        assert_hit(&sandbox, &fault);
        let seen = asked(&sandbox, "get_batch");
        match (then, &done) {
            (Again, Ok(response)) => {
                assert_eq!(response.batch.uuid, made.uuid);
                // Where no request was read, the second one is the first that is seen.
                let unseen = matches!(
                    fault,
                    Fault::ConnectionRefused { .. } | Fault::CloseOnAccept
                );
                assert_eq!(seen, if unseen { 1 } else { 2 }, "{fault:?}");
            }
            (Well, Ok(response)) => {
                assert_eq!((response.batch.uuid, seen), (made.uuid, 1));
                let raw = String::from_utf8_lossy(response.body());
                let (status, kind) = (response.batch.status.as_str(), response.batch.data.tag());
                match &fault {
                    Fault::UnknownStatus { .. } => assert_eq!(status, "hibernating"),
                    Fault::UnknownKind { .. } => assert_eq!(kind, "quantum"),
                    Fault::ExtraFields => assert!(raw.contains("addedLater")),
                    // It may have run on while nothing came.
                    _ => assert_eq!(
                        (BatchStatus::KNOWN.contains(&response.batch.status), kind),
                        (true, "filter")
                    ),
                }
            }
            (Fails(kind), Err(error)) => {
                assert_eq!((error.kind(), seen), (kind, 1), "{fault:?}: {error:#}");
                assert!(!error.is_ambiguous());
            }
            _ => panic!("{fault:?}: {then:?}, but {done:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn creations_are_retried_only_if_known_not_to_have_reached_the_server() {
    for (fault, _, then) in table() {
        let (sandbox, client) = set_up().await;
        if !hit_once(&sandbox, &fault, "create_batch", "api").await {
            assert_eq!(then, Well, "{fault:?}");
            continue;
        }
        let done = client.create_batch(filter(&sandbox, 0)).await;
        assert_hit(&sandbox, &fault);
        let made: u64 = sandbox.created().iter().map(|created| created.count).sum();
        match (then, &done) {
            (Again | AgainOrAmbiguous | Well, Ok(_)) => assert_eq!(made, 1, "{fault:?}"),
            (Ambiguous | AgainOrAmbiguous, Err(error)) => {
                assert!(
                    error.is_ambiguous() && !error.is_retryable(),
                    "{fault:?}: {error:#}"
                );
                assert!(
                    made <= 1 && asked(&sandbox, "create_batch") <= 1,
                    "{fault:?}"
                );
                let workflow = sandbox.fixtures().play_workflow_uuid;
                let began = "2026-01-15T10:00:00Z".parse().unwrap();
                let found = client
                    .unrecorded_batches(workflow, began, [])
                    .await
                    .unwrap();
                assert_eq!(found.len() as u64, made, "{fault:?}");
            }
            (Fails(kind), Err(error)) => {
                assert_eq!((error.kind(), made), (kind, 0), "{fault:?}: {error:#}");
                assert!(!error.is_ambiguous(), "{fault:?}: {error:#}");
            }
            _ => panic!("{fault:?}: {then:?}, but {done:?}"),
        }

        // Once is once.
        let client = self::client(&sandbox);
        assert!(hit_once(&sandbox, &fault, "create_batch", "api").await);
        let once = client.create_batch_once(filter(&sandbox, 1)).await;
        let made = sandbox.created();
        let made = made
            .iter()
            .find(|one| one.body["data"]["filter"].to_string().contains("1000001"));
        match (then, once) {
            (Fails(kind), Err(error)) => {
                assert_eq!((error.kind(), error.is_ambiguous()), (kind, false));
                assert!(made.is_none());
            }
            (_, Ok(batch)) => {
                let made = made.unwrap();
                assert_eq!(
                    (made.count, &*made.batch_uuids),
                    (1, &[batch.uuid][..]),
                    "{fault:?}"
                );
            }
            (_, Err(error)) => panic!("{fault:?}: {error:#}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_has_each_item_once() {
    for (fault, then, _) in table() {
        let (sandbox, first) = set_up().await;
        let mut made = BTreeSet::new();
        for number in 0..7 {
            let batch = first
                .create_batch(filter(&sandbox, number))
                .await
                .unwrap()
                .batch;
            made.insert(batch.uuid);
        }
        let client = client(&sandbox);
        let listed = match fault {
            // Pages overlap where there is one before.
            Fault::DuplicatePage { .. } => {
                let rule = Rule::new(fault.clone()).on("list_batches");
                sandbox.faults(rule).await.is_ok()
            }
            _ => hit_once(&sandbox, &fault, "list_batches", "api").await,
        };
        if !listed {
            assert_eq!(then, Well, "{fault:?}");
            continue;
        }
        let all = client.list_batches().limit(3).items().try_collect().await;
        assert!(
            sandbox.hits().iter().all(|hits| *hits > 0)
                || matches!(fault, Fault::ConnectionRefused { .. })
        );
        match (then, all) {
            (Again | Well, Ok(all)) => {
                let uuids: BTreeSet<_> = all.iter().map(|batch: &Batch| batch.uuid).collect();
                assert_eq!((all.len(), uuids), (7, made), "{fault:?}");
            }
            (Fails(kind), Err(error)) => assert_eq!(error.kind(), kind, "{fault:?}"),
            (_, all) => panic!("{fault:?}: {then:?}, but {all:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn results_arrive_whole_or_not_at_all() {
    let (sandbox, first) = set_up().await;
    let records = (0..2000).map(|n| Record::from_iter([("email", format!("{n}@example.com"))]));
    let request = CreateBatchRequest::new(CreateBatchData::records(records))
        .workflow(sandbox.fixtures().tool_workflow_uuid);
    let batch = first.create_batch(request).await.unwrap().batch;
    first.watch(batch.uuid).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.csv");
    let read = || std::fs::read_to_string(&path).unwrap();
    first
        .batch(batch.uuid)
        .download()
        .to_file(&path)
        .await
        .unwrap();
    let whole = read();
    assert!(whole.len() > 50_000);

    let mut changed = 0;
    for (fault, ..) in table() {
        // First a cut, then the fault, so that it hits a transfer that is resumed; and the fault alone.
        for skip in [0, 1] {
            let client = client(&sandbox);
            let place = match fault {
                Fault::ConnectionRefused { .. } | Fault::CloseOnAccept => "storage",
                _ => "storage_get",
            };
            let mut rule = Rule::new(fault.clone()).on(place);
            let mut plan = FaultPlan::new();
            if !matches!(fault, Fault::ConnectionRefused { .. }) {
                rule = rule.skip(skip).count(1);
            }
            if skip == 1 {
                let cut = Fault::Truncate {
                    bytes: Some(10_000),
                };
                plan = plan.rule(Rule::new(cut).on("storage_get").count(1));
            }
            if sandbox.faults(plan.rule(rule)).await.is_err() {
                let kind = fault.kind();
                let of_lists = ["revokeToken", "duplicatePage", "reorderedPage"];
                assert!(of_lists.contains(&&*kind), "{kind} is of storage");
                continue;
            }
            std::fs::remove_file(&path).ok();
            let done = client.batch(batch.uuid).download().to_file(&path).await;
            assert_eq!(
                std::fs::read_dir(folder.path()).unwrap().count(),
                usize::from(done.is_ok())
            );
            match (&fault, done) {
                // From here on it is another file, and it comes as that.
                (Fault::ChangedContent, Ok(_)) => {
                    assert_ne!(read(), whole);
                    changed += 1;
                }
                // The length is all there is to know a file's end by: where it is too small to begin
                // with, it can't be told; in a part that is resumed it is.
                (Fault::WrongLength { by: -10 }, Ok(_)) if skip == 0 => {
                    assert_eq!(read().len(), whole.len() - 10);
                }
                // Storage responds so when a signed URL isn't valid, and another would be no better than one
                // that has just been given. Later on, it has expired.
                (
                    Fault::ExpiredUrl
                    | Fault::ApiError {
                        status: 400 | 404 | 499,
                        ..
                    },
                    Err(error),
                ) if skip == 0 => {
                    assert_eq!(error.kind(), ErrorKind::Status);
                }
                // Of no such thing storage says so later on.
                (
                    Fault::EarlyResponse { status: 413 }
                    | Fault::ApiError { status: 499, .. }
                    | Fault::TooManyRequests {
                        retry_after: Some(3600),
                        ..
                    },
                    Err(error),
                ) => {
                    assert_eq!(error.kind(), ErrorKind::Status);
                }
                (_, Ok(_)) if changed == 0 => assert_eq!(read(), whole, "{fault:?}, {skip}"),
                (_, done) => panic!("{fault:?}, {skip}: {done:?}"),
            }
        }
    }
    assert_eq!(changed, 2);
}

#[tokio::test(start_paused = true)]
async fn input_files_arrive_whole_or_are_given_up() {
    const LENGTH: usize = (8 << 20) + 100;
    let (sandbox, _) = set_up().await;
    let content = format!("{}\n", "column").repeat(LENGTH / 7);
    for (fault, ..) in table() {
        for (place, port) in [
            ("storage_put", "storage"),
            ("create_multipart_upload", "api"),
            ("sign_multipart_part", "api"),
            ("complete_multipart_upload", "api"),
            ("upload_file", "api"),
        ] {
            let client = client(&sandbox);
            if !hit_once(&sandbox, &fault, place, port).await {
                continue; // Of lists, or of the other port.
            }
            let small = place == "upload_file";
            let bytes = match small {
                true => b"column\n1\n".to_vec(),
                false => content.clone().into_bytes(),
            };
            let reader = std::io::Cursor::new(bytes);
            let done = client.upload_from("leads.csv", reader).await;
            match done {
                Ok(file) => {
                    sandbox.faults(FaultPlan::new()).await.unwrap();
                    let columns = client.list_file_columns(&*file.s3_filename).await.unwrap();
                    assert_eq!(columns.columns[0].name, "column", "{fault:?} {place}");
                }
                Err(error) => {
                    // Only what was refused, or what is to wait for an hour, fails; a signed URL that was
                    // refused is followed by another.
                    let refused = matches!(
                        &fault,
                        Fault::EarlyResponse { status: 413 }
                            | Fault::ApiError {
                                status: 400 | 404 | 499,
                                ..
                            }
                            | Fault::TooManyRequests {
                                retry_after: Some(3600),
                                ..
                            }
                    ) || error.kind() == ErrorKind::InvalidResponse
                        && place == "sign_multipart_part";
                    let of_url = matches!(
                        &fault,
                        Fault::ApiError {
                            status: 400 | 404,
                            ..
                        }
                    );
                    assert!(
                        refused && !(of_url && place == "storage_put"),
                        "{fault:?} {place}: {error:#}"
                    );
                    // Nothing is left behind.
                    let begun = place != "create_multipart_upload" && !small;
                    let last = sandbox.requests().pop().unwrap();
                    let abort = last.operation.as_deref() == Some("abort_multipart_upload");
                    assert_eq!(abort, begun, "{fault:?} {place}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_that_nobody_knows_is_waited_through() {
    let (sandbox, client) = set_up().await;
    let made = client
        .create_batch(filter(&sandbox, 0))
        .await
        .unwrap()
        .batch;
    let status = "hibernating".to_owned();
    let rule = Rule::new(Fault::UnknownStatus { status })
        .on("get_batch")
        .count(3);
    sandbox.faults(rule).await.unwrap();
    let mut watch = client
        .watch(made.uuid)
        .deadline(Duration::from_secs(36_000));
    let mut statuses = Vec::new();
    while let Some(batch) = watch.next().await {
        statuses.push(batch.unwrap().status.as_str().to_owned());
    }
    assert_eq!(statuses[..3], ["hibernating"; 3]);
    assert!(
        ["success", "error"].contains(&&**statuses.last().unwrap()),
        "{statuses:?}"
    );
}
