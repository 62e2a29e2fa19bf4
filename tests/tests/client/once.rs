//! Creating exactly once: what is adopted, what is created again, and what is left undecided.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use cargo_batch_client::types::{
    Action, BatchUuid, CreateBatchData, CreateBatchRequest, CreateFilterData,
    ExecuteActionBatchRequest, Filter, ModelUuid, NumberCondition, Record, SegmentUuid,
    WorkflowUuid,
};
use cargo_batch_client::{Client, ErrorKind};
use cargo_batch_tests::script::{Script, Seen, batch, json, status, uuid};
use serde_json::{Value, json as value};

const CREATE: &str = "POST /v1/orchestration/batches";
const ACTION: &str = "POST /v1/orchestration/actions/execute-batch";
const LIST: &str = "GET /v1/orchestration/batches/list";

/// A server that keeps batches, and whose answers to creations get lost as a test says.
#[derive(Clone, Default)]
struct World {
    batches: Arc<Mutex<Vec<Value>>>,
}

/// The moment of the server's clock so long after the start.
fn at(seconds: f64) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp_millis(1_768_471_200_000 + (seconds * 1000.0) as i64).unwrap()
}

impl World {
    /// Makes a batch that was or will be created so many seconds after the start.
    fn make(&self, seconds: f64, workflow: &Value, data: Value) -> Value {
        let mut batches = self.batches.lock().unwrap();
        let created = batch(value!({
            "uuid": uuid(1000 + batches.len()), "workflowUuid": workflow, "data": data,
            "createdAt": at(seconds), "updatedAt": at(seconds), "finishedAt": null,
        }));
        batches.push(created.clone());
        created
    }

    fn count(&self) -> usize {
        self.batches.lock().unwrap().len()
    }

    /// Carries a creation out as the API would, so many seconds late.
    fn act(&self, seen: &Seen, late: f64) -> Value {
        let request = seen.json();
        let workflow = request.get("workflowUuid").cloned();
        let mut data = match seen.line.as_str() {
            ACTION => value!({ "kind": "form", "webhookUrl": request["webhookUrl"] }),
            _ => request["data"].clone(),
        };
        if data["kind"] == "records" || data["kind"] == "form" {
            data.as_object_mut().unwrap().remove("records");
            data["s3Filename"] = "kept.json".into();
        }
        let made = self.make(
            seen.at.as_secs_f64() + late,
            &workflow.unwrap_or_else(|| uuid(8).into()),
            data,
        );
        value!({ "batch": made })
    }

    /// The newest first, as far as they exist at that time.
    fn list(&self, seen: &Seen) -> Response<Body> {
        let number = |name: &str| -> usize { seen.values(name)[0].parse().unwrap() };
        let now = value!(at(seen.at.as_secs_f64()));
        let workflows = seen.values("workflowUuids[]");
        let batches = self.batches.lock().unwrap();
        let mut shown: Vec<&Value> = batches
            .iter()
            .filter(|batch| batch["createdAt"].as_str() <= now.as_str())
            .filter(|batch| {
                workflows.is_empty() || workflows.contains(&batch["workflowUuid"].as_str().unwrap())
            })
            .collect();
        shown.sort_by_key(|batch| std::cmp::Reverse(batch["createdAt"].as_str()));
        let page = shown
            .into_iter()
            .skip(number("offset"))
            .take(number("limit"));
        json(value!({ "batches": page.collect::<Vec<_>>() }))
    }

    fn get(&self, seen: &Seen) -> Response<Body> {
        let id = seen.line.rsplit('/').next().unwrap();
        let batches = self.batches.lock().unwrap();
        match batches.iter().find(|batch| batch["uuid"] == id) {
            Some(batch) => json(value!({ "batch": batch })),
            None => status(404),
        }
    }

    /// A server that answers creations as `create` says, and everything else as it should.
    async fn serve(
        &self,
        create: impl Fn(&World, &Seen) -> Response<Body> + Send + Sync + 'static,
    ) -> (Script, Client) {
        self.serve_list(create, World::list).await
    }

    /// The same, with a list as `list` says.
    async fn serve_list(
        &self,
        create: impl Fn(&World, &Seen) -> Response<Body> + Send + Sync + 'static,
        list: impl Fn(&World, &Seen) -> Response<Body> + Send + Sync + 'static,
    ) -> (Script, Client) {
        let world = self.clone();
        let script = Script::start(move |seen| {
            let mut answer = match seen.line.as_str() {
                CREATE | ACTION => create(&world, seen),
                LIST => list(&world, seen),
                "POST /v1/workspaceManagement/files/upload" => json(value!({
                    "s3Filename": format!("up-{}.csv", seen.number), "contentType": "text/csv",
                    "name": "records.csv",
                })),
                _ => world.get(seen),
            };
            let date = at(seen.at.as_secs_f64()).format("%a, %d %b %Y %H:%M:%S GMT");
            let date = date.to_string().parse().unwrap();
            answer.headers_mut().insert("date", date);
            answer
        })
        .await;
        let client = script.client();
        (script, client)
    }
}

fn workflow() -> WorkflowUuid {
    uuid(7).parse().unwrap()
}

fn model() -> ModelUuid {
    uuid(5).parse().unwrap()
}

fn request(data: impl Into<CreateBatchData>) -> CreateBatchRequest {
    CreateBatchRequest::new(data).workflow(workflow())
}

fn filter(above: u32) -> CreateFilterData {
    let condition = NumberCondition::greater_than("employees", above);
    CreateFilterData::new(model())
        .filter(Filter::all(condition))
        .limit(10)
}

/// Acts, and the answer is lost.
fn lost(world: &World, seen: &Seen) -> Response<Body> {
    world.act(seen, 0.0);
    status(502)
}

#[tokio::test(start_paused = true)]
async fn what_was_made_is_adopted_whatever_tells_it_apart() {
    for data in [
        CreateBatchData::file("f.csv"),
        filter(50).into(),
        CreateBatchData::record_ids(model(), ["b", "a"]),
    ] {
        let world = World::default();
        // Somebody else's, made while this one is under way.
        world.make(
            1.0,
            &value!(workflow()),
            value!({ "kind": "file", "s3Filename": "g.csv" }),
        );
        world.make(-500.0, &value!(workflow()), value!(data));
        let (script, client) = world.serve(lost).await;
        let adopted = client
            .create_batch_once(request(data.clone()))
            .await
            .unwrap();
        assert_eq!(adopted.uuid.to_string(), uuid(1002), "{data:?}");
        assert_eq!(script.seen_at(CREATE).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_provably_absent_is_created_again_after_the_settling_time() {
    let world = World::default();
    let (script, client) = world
        .serve(|world, seen| match seen.number {
            0 => status(502),
            _ => json(world.act(seen, 0.0)),
        })
        .await;
    let made = client.create_batch_once(request(filter(50))).await.unwrap();
    assert_eq!((made.uuid.to_string(), world.count()), (uuid(1000), 1));
    let creations = script.seen_at(CREATE);
    assert_eq!(creations.len(), 2);
    assert_eq!(creations[1].at, Duration::from_secs(60));
    let looks = script.seen_at(LIST);
    let looks: Vec<u64> = looks.iter().map(|seen| seen.at.as_secs()).collect();
    assert_eq!(looks, [1, 5, 15, 30, 60]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_appears_late_is_still_the_one() {
    for late in [20.0, 58.0] {
        let world = World::default();
        let (script, client) = world
            .serve(move |world, seen| {
                world.act(seen, late);
                status(504)
            })
            .await;
        let made = client
            .create_batch_once(request(CreateBatchData::file("f.csv")))
            .await
            .unwrap();
        assert_eq!((made.uuid.to_string(), world.count()), (uuid(1000), 1));
        assert_eq!(script.seen_at(CREATE).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_settling_time_is_the_callers_to_choose() {
    let world = World::default();
    let (script, _) = world
        .serve(|world, seen| match seen.number {
            0 => status(502),
            _ => json(world.act(seen, 0.0)),
        })
        .await;
    let client = script.builder().settling(Duration::from_secs(600));
    let once = client.build().unwrap();
    once.create_batch_once(request(filter(50))).await.unwrap();
    assert_eq!(script.seen_at(CREATE)[1].at, Duration::from_secs(600));
}

#[tokio::test(start_paused = true)]
async fn data_that_comes_back_otherwise_is_never_paid_for_twice() {
    let world = World::default();
    let (script, client) = world
        .serve(|world, seen| {
            // The server has rewritten the filter, so that nobody can say whose batch it is.
            let mut data = seen.json()["data"].clone();
            data["filter"]["groups"][0]["conditions"][0]["value"] = value!("50");
            world.make(seen.at.as_secs_f64(), &value!(workflow()), data);
            status(502)
        })
        .await;
    let error = client
        .create_batch_once(request(filter(50)))
        .await
        .unwrap_err();
    assert!(error.is_ambiguous() && !error.is_retryable());
    assert_eq!(error.candidates().len(), 1);
    assert!(error.to_string().contains(&uuid(1000)), "{error}");
    assert_eq!((script.seen_at(CREATE).len(), world.count()), (1, 1));
    let found = client
        .find_created(&request(filter(50)), &error)
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_read_decides_nothing() {
    let script = Script::start(|seen| status(if seen.line == LIST { 500 } else { 502 })).await;
    let error = script
        .client()
        .create_batch_once(request(CreateBatchData::file("f.csv")))
        .await
        .unwrap_err();
    assert!(error.is_ambiguous() && !error.is_retryable(), "{error}");
    assert_eq!(error.operation().unwrap().id, "create_batch");
    assert!(
        error.to_string().contains("looking for the batch failed"),
        "{error}"
    );
    assert_eq!(script.seen_at(CREATE).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_cannot_be_read_does_not_end_a_look() {
    let world = World::default();
    // Two pages, none of which is so old that a look could end with it.
    for n in 0..150 {
        let data = value!({ "kind": "file", "s3Filename": format!("old-{n}") });
        world.make(-10.0, &value!(workflow()), data);
    }
    let refused = Mutex::new(false);
    let list = move |world: &World, seen: &Seen| {
        let mut refused = refused.lock().unwrap();
        if seen.values("offset") == ["100"] && !std::mem::replace(&mut *refused, true) {
            return status(400);
        }
        world.list(seen)
    };
    let (script, client) = world.serve_list(lost, list).await;
    let began = tokio::time::Instant::now();
    let file = request(CreateBatchData::file("f.csv"));
    client.create_batch_once(file).await.unwrap();
    // In the first look, a second after the loss; the next would be four seconds later.
    assert!(began.elapsed() < Duration::from_millis(4500));
    let seen = script.seen_at(LIST);
    let offsets: Vec<_> = seen.iter().map(|seen| seen.values("offset")[0]).collect();
    assert_eq!(offsets, ["0", "100", "100", "151"]);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_can_be_read_after_the_settling_time_still_decides() {
    for made in [true, false] {
        let world = World::default();
        let create = move |world: &World, seen: &Seen| match made {
            true => lost(world, seen),
            false if seen.at < Duration::from_secs(60) => status(502),
            false => json(world.act(seen, 0.0)),
        };
        let list = |world: &World, seen: &Seen| match seen.at < Duration::from_secs(150) {
            true => status(500),
            false => world.list(seen),
        };
        let (script, client) = world.serve_list(create, list).await;
        let file = request(CreateBatchData::file("f.csv"));
        let batch = client.create_batch_once(file).await.unwrap();
        assert_eq!((batch.uuid.to_string(), world.count()), (uuid(1000), 1));
        assert_eq!(script.seen_at(CREATE).len(), if made { 1 } else { 2 });
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_read_still_names_its_batch() {
    let world = World::default();
    let (script, client) = world
        .serve(|world, seen| {
            let made = world.act(seen, 0.0);
            json(value!({ "batch": { "uuid": made["batch"]["uuid"], "status": 7 } }))
        })
        .await;
    let segment: SegmentUuid = uuid(3).parse().unwrap();
    let made = client
        .create_batch_once(request(CreateBatchData::segment(segment)))
        .await
        .unwrap();
    assert_eq!(made.uuid.to_string(), uuid(1000));
    assert!(script.seen_at(LIST).is_empty());

    let id = uuid(1);
    let script = Script::start(move |seen| match seen.line.as_str() {
        CREATE => json(value!({ "batch": { "uuid": id } })),
        _ => status(404),
    })
    .await;
    let began = tokio::time::Instant::now();
    let error = script
        .client()
        .create_batch_once(request(CreateBatchData::segment(segment)))
        .await
        .unwrap_err();
    assert_eq!(began.elapsed(), Duration::ZERO, "waiting won't mend a 404");
    assert_eq!(error.created(), Some(uuid(1).parse().unwrap()));
    assert!(error.is_ambiguous() && error.kind() == ErrorKind::Unreadable);
    assert!(error.to_string().contains("was created"), "{error}");
    assert!(error.advice().unwrap().contains("go on with it"));
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_an_answer_names_is_asked_for_patiently() {
    let world = World::default();
    let known = world.clone();
    let script = Script::start(move |seen| match seen.line.as_str() {
        CREATE => {
            let answer = known.act(seen, 0.0).to_string();
            // The first half, which has the id.
            Response::new(Body::from(answer[..answer.len() / 2].to_owned()))
        }
        // As unreadable, for a while.
        _ if seen.at < Duration::from_secs(10) => Response::new(Body::from("{")),
        _ => known.get(seen),
    })
    .await;
    let segment: SegmentUuid = uuid(3).parse().unwrap();
    let request = request(CreateBatchData::segment(segment));
    let made = script.client().create_batch_once(request).await.unwrap();
    assert_eq!(made.uuid.to_string(), uuid(1000));
    assert_eq!(world.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_same_segment_is_never_silently_created_twice() {
    let world = World::default();
    let (script, client) = world.serve(lost).await;
    let segment: SegmentUuid = uuid(3).parse().unwrap();
    let request = request(CreateBatchData::segment(segment));
    let began = tokio::time::Instant::now();
    let (left, right) = tokio::join!(
        client.create_batch_once(request.clone()),
        client.create_batch_once(request.clone()),
    );
    for done in [left, right] {
        let error = done.unwrap_err();
        assert!(error.is_ambiguous());
        assert_eq!(error.candidates().len(), 2);
    }
    assert_eq!(script.seen_at(CREATE).len(), 2);
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "it won't be clearer"
    );
}

/// Nor taken for ours when there is one only: somebody else may have made it.
#[tokio::test(start_paused = true)]
async fn a_batch_of_the_same_segment_is_never_adopted() {
    let world = World::default();
    let (script, client) = world.serve(lost).await;
    let segment: SegmentUuid = uuid(3).parse().unwrap();
    let request = request(CreateBatchData::segment(segment));
    let error = client.create_batch_once(request).await.unwrap_err();
    assert!(error.is_ambiguous());
    assert_eq!(error.candidates().len(), 1);
    assert_eq!(script.seen_at(CREATE).len(), 1);
}

/// The server may write a filter otherwise than it was sent: what can't be ours for certain is only
/// known as another's by what another creation was about.
#[tokio::test(start_paused = true)]
async fn what_another_creation_has_left_holds_up_no_filter() {
    let world = World::default();
    let (_script, client) = world
        .serve(
            |world, seen| match seen.json().to_string().contains("1000") {
                true => lost(world, seen),
                false if seen.at < Duration::from_secs(10) => status(502),
                false => json(world.act(seen, 0.0)),
            },
        )
        .await;
    let left = client.create_batch_once(request(filter(1000)));
    tokio::time::timeout(Duration::from_millis(500), left)
        .await
        .unwrap_err();
    let batch = client.create_batch_once(request(filter(5))).await.unwrap();
    assert_eq!((batch.uuid.to_string(), world.count()), (uuid(1001), 2));
}

#[tokio::test(start_paused = true)]
async fn what_a_dropped_creation_may_have_made_is_not_anothers() {
    let world = World::default();
    // The second one isn't acted on: the only batch there is is the first one's.
    let (script, client) = world
        .serve(|world, seen| match seen.number {
            1 | 2 => status(502),
            _ => lost(world, seen),
        })
        .await;
    let file = request(CreateBatchData::file("f.csv"));
    let dropped = client.create_batch_once(file.clone());
    tokio::time::timeout(Duration::from_millis(500), dropped)
        .await
        .unwrap_err();
    assert_eq!(world.count(), 1);
    let error = client.create_batch_once(file).await.unwrap_err();
    assert!(error.is_ambiguous());
    assert_eq!(error.candidates().len(), 1);
    assert_eq!(script.seen_at(CREATE).len(), 2);
    // Others are not held up by it.
    client
        .create_batch_once(request(CreateBatchData::file("other.csv")))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_batch_just_before_keeps_from_creating_but_is_not_adopted() {
    let world = World::default();
    world.make(
        -30.0,
        &value!(workflow()),
        value!(CreateBatchData::from(filter(50))),
    );
    let (script, client) = world.serve(|_, _| status(502)).await;
    let error = client
        .create_batch_once(request(filter(50)))
        .await
        .unwrap_err();
    assert_eq!(error.candidates().len(), 1);
    assert_eq!(script.seen_at(CREATE).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_a_doubtful_try_is_looked_at_once_more() {
    for (late, adopted) in [(70.0, true), (90.0, false)] {
        let world = World::default();
        let (script, client) = world
            .serve(move |world, seen| match seen.at.as_secs() {
                0 => {
                    world.act(seen, late);
                    status(502)
                }
                1..70 => {
                    let mut answer = status(503);
                    let after = "20".parse().unwrap();
                    answer.headers_mut().insert("retry-after", after);
                    answer
                }
                _ => {
                    let mut answer = json(value!({ "reason": "notEnoughCredits" }));
                    *answer.status_mut() = axum::http::StatusCode::BAD_REQUEST;
                    answer
                }
            })
            .await;
        let done = client.create_batch_once(request(filter(50))).await;
        match done {
            Ok(batch) => assert_eq!(batch.uuid.to_string(), uuid(1000)),
            Err(error) => {
                assert!(!adopted, "{error}");
                assert_eq!(error.reason().unwrap().as_str(), "notEnoughCredits");
            }
        }
        assert_eq!(script.seen_at(CREATE).len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn many_at_once_are_told_from_each_other() {
    let world = World::default();
    let (script, client) = world
        .serve(|world, seen| match seen.number % 3 {
            0 => lost(world, seen),
            1 => status(502),
            _ => json(world.act(seen, 0.0)),
        })
        .await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..60 {
        let client = client.clone();
        tasks.spawn(async move {
            let data = match n % 3 {
                0 => CreateBatchData::file(format!("{n}.csv")),
                1 => filter(n).into(),
                _ => CreateBatchData::record_ids(model(), [n.to_string()]),
            };
            client.create_batch_once(request(data)).await
        });
    }
    let mut made: Vec<BatchUuid> = Vec::new();
    while let Some(done) = tasks.join_next().await {
        made.push(done.unwrap().unwrap().uuid);
    }
    made.sort_unstable();
    made.dedup();
    assert_eq!((made.len(), world.count()), (60, 60));
    assert!(script.seen_at(CREATE).len() > 60);
}

#[tokio::test(start_paused = true)]
async fn a_long_list_is_read_no_further_than_it_must() {
    // The newest first: one page is enough.
    let world = World::default();
    for n in 0..1000 {
        let data = value!({ "kind": "file", "s3Filename": format!("old-{n}") });
        world.make(-1000.0 - f64::from(n), &value!(workflow()), data);
    }
    let (script, client) = world.serve(lost).await;
    let file = request(CreateBatchData::file("f.csv"));
    client.create_batch_once(file.clone()).await.unwrap();
    assert_eq!(script.seen_at(LIST).len(), 1);

    // In no order and without end: it is given up, and not created again.
    let script = Script::start(|seen| match seen.line.as_str() {
        CREATE => status(502),
        _ => {
            let offset: usize = seen.values("offset")[0].parse().unwrap();
            let page = (offset..offset + 100).map(|n| {
                let day = 10 + n % 3;
                let made = format!("2025-01-{day}T10:00:00Z");
                batch(value!({ "uuid": uuid(n), "workflowUuid": workflow(), "createdAt": made }))
            });
            json(value!({ "batches": page.collect::<Vec<_>>() }))
        }
    })
    .await;
    let error = script.client().create_batch_once(file).await.unwrap_err();
    assert!(error.is_ambiguous() && error.candidates().is_empty());
    assert!(error.to_string().contains("100 pages"), "{error}");
    assert_eq!(script.seen_at(CREATE).len(), 1);
    assert_eq!(script.seen_at(LIST).len(), 500);
}

#[tokio::test(start_paused = true)]
async fn records_that_became_a_file_are_found_as_that_file() {
    let world = World::default();
    // Somebody else's, and ours; nothing of which can be seen for ten minutes.
    let other = value!({ "kind": "file", "s3Filename": "another.csv" });
    world.make(0.5, &value!(workflow()), other);
    let list = |world: &World, seen: &Seen| match seen.at.as_secs() {
        0..600 => status(400),
        _ => world.list(seen),
    };
    let (_, client) = world.serve_list(lost, list).await;
    let records = [Record::from_iter([("email", "ada@example.com")])];
    let sent = request(CreateBatchData::records(records));
    let error = client.create_batch_once(sent.clone()).await.unwrap_err();
    assert!(error.is_ambiguous(), "{error}");
    tokio::time::sleep(Duration::from_secs(600)).await;
    let found = client.find_created(&sent, &error).await.unwrap();
    let found: Vec<String> = found.iter().map(|batch| batch.uuid.to_string()).collect();
    assert_eq!(found, [uuid(1001)]);
}

#[tokio::test(start_paused = true)]
async fn records_are_a_file_only_when_that_says_the_same() {
    for (records, kind) in [
        (value!([{ "email": "ada@example.com" }]), "file"),
        (value!([{ "age": 36 }]), "records"),
    ] {
        let world = World::default();
        let (script, client) = world.serve(lost).await;
        let each = records.as_array().unwrap().iter();
        let records: Vec<Record> = each.map(|it| Record::of(it).unwrap()).collect();
        let sent = request(CreateBatchData::records(records));
        let done = client.create_batch_once(sent.clone()).await;
        match kind {
            "file" => assert_eq!(done.unwrap().data.tag(), "file"),
            _ => {
                let error = done.unwrap_err();
                assert_eq!(error.candidates()[0].data.tag(), kind);
            }
        }
        assert_eq!(script.seen_at(CREATE).len(), 1);
    }
    // What isn't there at all can be created again, though.
    let world = World::default();
    let (_, client) = world
        .serve(|world, seen| match seen.number {
            0 => status(502),
            _ => json(world.act(seen, 0.0)),
        })
        .await;
    let record = Record::from_iter([("age", 36)]);
    client
        .create_batch_once(request(CreateBatchData::records([record])))
        .await
        .unwrap();
    assert_eq!(world.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_action_is_never_repeated_and_what_it_may_have_made_is_found() {
    let world = World::default();
    // Somebody else's action.
    let other = value!({ "kind": "form", "s3Filename": "x", "webhookUrl": "https://e.com/2" });
    world.make(0.5, &value!(uuid(9)), other);
    let (script, client) = world.serve(lost).await;
    let record = Record::from_iter([("age", 36)]);
    let plain = ExecuteActionBatchRequest::new(Action::native("enrich"), [record]);
    let hooked = plain.clone().webhook_url("https://e.com/1");
    let error = client
        .execute_action_batch(hooked.clone())
        .await
        .unwrap_err();
    assert!(error.is_ambiguous() && !error.is_retryable());
    assert!(error.advice().unwrap().contains("spend credits again"));
    // It is looked for from when the creation began, and not from now.
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let found = client.find_created(&hooked, &error).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].uuid.to_string(), uuid(1001));
    assert_eq!(client.find_created(&plain, &error).await.unwrap().len(), 2);
    assert_eq!(script.seen_at(ACTION).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn failed_runs_are_retried_once() {
    let world = World::default();
    world.make(
        -900.0,
        &value!(workflow()),
        value!({ "kind": "file", "s3Filename": "f" }),
    );
    let (script, client) = world.serve(lost).await;
    let id: BatchUuid = uuid(1000).parse().unwrap();
    let retried = client.batch(id).retry_failed().await.unwrap();
    assert_eq!(retried.data.tag(), "runs");
    let creations = script.seen_at(CREATE);
    assert_eq!(creations.len(), 1);
    assert_eq!(
        creations[0].json()["data"],
        value!({
            "kind": "runs", "reset": { "from": "firstNode" },
            "filter": { "kind": "runs", "batchUuid": id, "statuses": ["error"] },
        })
    );
}

#[tokio::test(start_paused = true)]
async fn only_what_is_provably_unsent_is_sent_again() {
    // Status, body, `Retry-After`: how often it is sent, and whether that leaves a doubt.
    for (code, reason, after, sent, doubt) in [
        (429, None, None, 4, false),
        (503, None, Some("1"), 4, false),
        (503, None, None, 1, true),
        (500, None, None, 1, true),
        (500, Some("somethingNew"), None, 1, true),
        (500, Some("invalidDataKind"), None, 1, false),
        (400, Some("failedToStart"), None, 1, true),
        (400, Some("notEnoughCredits"), None, 1, false),
        (408, None, None, 1, true),
        (404, None, None, 1, false),
        (301, None, None, 1, false),
        (200, None, None, 1, true),
    ] {
        let script = Script::start(move |_| {
            let mut answer = match reason {
                Some(reason) => json(value!({ "reason": reason })),
                None => Response::default(),
            };
            *answer.status_mut() = axum::http::StatusCode::from_u16(code).unwrap();
            if let Some(after) = after {
                let after = after.parse().unwrap();
                answer.headers_mut().insert("retry-after", after);
            }
            answer
        })
        .await;
        let sending = script.client();
        let file = request(CreateBatchData::file("f.csv"));
        let error = sending.create_batch(file).await.unwrap_err();
        assert_eq!(script.seen().len(), sent, "{code} {reason:?}");
        assert_eq!(error.attempts() as usize, sent);
        assert_eq!(error.is_ambiguous(), doubt, "{code} {reason:?}: {error}");
        assert!(!(error.is_ambiguous() && error.is_retryable()));
    }
}
