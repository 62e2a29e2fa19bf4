//! Lists as servers give them: in any order, dated by any clock, changing while they are read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use cargo_batch_client::types::CreateBatchData;
use cargo_batch_tests::script::{Seen, json, status, uuid};
use serde_json::{Value, json as value};

use super::{Fixtures, LIST, at, created, filter, later, lost, own_file, page, request, workflow};

/// Acts, dates the batch by another clock, and the response is lost.
fn lost_by_clock(offset: f64) -> impl Fn(&Fixtures, &Seen) -> Response<Body> {
    move |fixtures, seen| {
        fixtures.act(seen, 0.0);
        let now = at(seen.at.as_secs_f64() + offset);
        fixtures.change(|batch| batch["createdAt"] = value!(now));
        status(502)
    }
}

/// Only this machine's clock says that the batch is old: the file is its own.
#[tokio::test(start_paused = true)]
async fn no_clock_decides_that_an_own_file_was_not_run() {
    for offset in [-86_400.0, -3600.0, -600.0, 600.0, 86_400.0] {
        let fixtures = Fixtures::default();
        let (_script, client) = fixtures.serve(lost_by_clock(offset)).await;
        let request = own_file(&client).await;
        let began = tokio::time::Instant::now();
        let batch = client.create_batch_once(request).await.unwrap();
        assert_eq!(
            (batch.uuid.to_string(), fixtures.sent()),
            (uuid(1000), 1),
            "{offset}"
        );
        assert!(began.elapsed() < Duration::from_secs(2));
    }
}

/// Both dates are the server's: that the client's clock stands elsewhere changes nothing.
#[tokio::test(start_paused = true)]
async fn data_that_is_not_unique_is_adopted_by_the_servers_dates() {
    for offset in [-86_400.0, 0.0, 86_400.0] {
        let fixtures = Fixtures::default();
        for n in 0..3 {
            fixtures.make(
                offset - 500.0 - f64::from(n),
                &value!(workflow()),
                value!(CreateBatchData::from(filter(50))),
            );
            fixtures.change(|batch| batch["visible"] = value!(0.0));
        }
        let (_script, client) = fixtures.serve(lost_by_clock(offset)).await;
        let batch = client.create_batch_once(request(filter(50))).await.unwrap();
        assert_eq!(
            (batch.uuid.to_string(), fixtures.sent()),
            (uuid(1003), 1),
            "{offset}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn thirty_creations_in_one_second_dated_in_whole_seconds_are_one_batch_each() {
    let fixtures = Fixtures::default();
    let (_script, client) = fixtures
        .serve(|fixtures, seen| {
            fixtures.act(seen, 0.0);
            fixtures.change(|batch| {
                let second = created(batch).floor();
                batch["createdAt"] = value!(at(second));
            });
            status(502)
        })
        .await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..30 {
        let client = client.clone();
        tasks.spawn(async move {
            tokio::time::sleep(Duration::from_millis(n * 30)).await;
            let n = u32::try_from(n).unwrap();
            client.create_batch_once(request(filter(n))).await
        });
    }
    let mut batches: Vec<_> = tasks
        .join_all()
        .await
        .into_iter()
        .map(|done| done.unwrap().uuid)
        .collect();
    batches.sort_unstable();
    batches.dedup();
    assert_eq!((batches.len(), fixtures.sent()), (30, 30));
}

/// The batch before was dated by a server whose clock is ahead.
#[tokio::test(start_paused = true)]
async fn two_servers_clocks_apart_hide_no_batch() {
    for apart in [1.0, 60.0, 119.0] {
        let fixtures = Fixtures::default();
        for n in 0..40 {
            let data = value!({ "kind": "file", "s3Filename": format!("{n}.csv") });
            fixtures.make(-f64::from(n), &value!(workflow()), data);
        }
        let (_script, client) = fixtures.serve(lost_by_clock(-apart)).await;
        let batch = client.create_batch_once(request(filter(50))).await.unwrap();
        assert_eq!(
            (batch.uuid.to_string(), fixtures.sent()),
            (uuid(1040), 1),
            "{apart}"
        );
    }
}

fn by_update(fixtures: &Fixtures, seen: &Seen) -> Response<Body> {
    let mut shown = fixtures.shown(seen);
    shown.sort_by_key(|batch| std::cmp::Reverse(batch["updatedAt"].as_str().map(str::to_owned)));
    page(seen, shown)
}

/// The newest batch runs on and on, and so stays at the head of the list.
#[tokio::test(start_paused = true)]
async fn a_list_by_updates_with_a_running_marker_hides_no_batch() {
    let fixtures = Fixtures::default();
    for n in 0..150 {
        let data = value!({ "kind": "file", "s3Filename": format!("{n}.csv") });
        fixtures.make(-150.0 + f64::from(n), &value!(workflow()), data);
    }
    fixtures.change(|batch| batch["updatedAt"] = value!(at(1000.0)));
    let (_script, client) = fixtures.serve_list(lost, by_update).await;
    let batch = client.create_batch_once(request(filter(50))).await.unwrap();
    assert_eq!((batch.uuid.to_string(), fixtures.sent()), (uuid(1150), 1));
}

#[tokio::test(start_paused = true)]
async fn the_oldest_first_is_as_good_an_order_as_any() {
    let oldest_first = |fixtures: &Fixtures, seen: &Seen| page(seen, fixtures.shown(seen));
    for (acts, batches) in [(true, 251), (false, 250)] {
        let fixtures = Fixtures::default();
        for n in 0..250 {
            let data = value!({ "kind": "file", "s3Filename": format!("{n}.csv") });
            fixtures.make(-900.0 + f64::from(n), &value!(workflow()), data);
        }
        let create = move |fixtures: &Fixtures, seen: &Seen| match acts {
            true => lost(fixtures, seen),
            false => status(502),
        };
        let (_script, client) = fixtures.serve_list(create, oldest_first).await;
        let done = client.create_batch_once(request(filter(50))).await;
        assert_eq!(fixtures.count(), batches);
        match acts {
            true => assert_eq!(done.unwrap().uuid.to_string(), uuid(1250)),
            false => assert!(
                !done.unwrap_err().is_ambiguous(),
                "it was proved absent each time"
            ),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_batch_of_an_empty_workflow_is_found() {
    for offset in [-3600.0, 3600.0] {
        let fixtures = Fixtures::default();
        let (_script, client) = fixtures.serve(lost_by_clock(offset)).await;
        let batch = client.create_batch_once(request(filter(50))).await.unwrap();
        assert_eq!((batch.uuid.to_string(), fixtures.sent()), (uuid(1000), 1));
    }
}

/// A list of several pages in no order, in which a batch is missed when others move meanwhile.
#[tokio::test(start_paused = true)]
async fn a_batch_a_second_during_an_unordered_search_leaves_nothing_out() {
    // By id, so that new ones come at the end; a page takes its time.
    let list = |fixtures: &Fixtures, seen: &Seen| {
        let number = |name: &str| -> usize { seen.values(name)[0].parse().unwrap() };
        let shown: Vec<Value> = fixtures
            .shown(seen)
            .into_iter()
            .skip(number("offset"))
            .take(number("limit"))
            .collect();
        later(value!({ "batches": shown }), 0.4)
    };
    for acts in [true, false] {
        let fixtures = Fixtures::default();
        for n in 0..230 {
            let data = value!({ "kind": "file", "s3Filename": format!("{n}.csv") });
            fixtures.make(-900.0 + f64::from((n * 7) % 230), &value!(workflow()), data);
        }
        for n in 0..3600 {
            let data = value!({ "kind": "file", "s3Filename": format!("during-{n}.csv") });
            fixtures.make(f64::from(n), &value!(workflow()), data);
        }
        let before = fixtures.count();
        let create = move |fixtures: &Fixtures, seen: &Seen| match (acts, seen.number) {
            (true, _) => lost(fixtures, seen),
            (false, 0) => status(502),
            (false, _) => json(fixtures.act(seen, 0.0)),
        };
        let (_script, client) = fixtures.serve_list(create, list).await;
        client.create_batch_once(request(filter(50))).await.unwrap();
        let sent = if acts { 1 } else { 2 };
        assert_eq!((fixtures.sent(), fixtures.count() - before), (sent, 1));
    }
}

/// Two readings that don't agree prove nothing.
#[tokio::test(start_paused = true)]
async fn an_unordered_list_that_loses_batches_never_proves_absence() {
    let fixtures = Fixtures::default();
    for n in 0..230 {
        let data = value!({ "kind": "file", "s3Filename": format!("{n}.csv") });
        fixtures.make(-900.0 + f64::from((n * 7) % 230), &value!(workflow()), data);
    }
    // Another batch is left out each time the list is read.
    let list = |fixtures: &Fixtures, seen: &Seen| {
        let mut shown = fixtures.shown(seen);
        shown.remove(seen.number % shown.len());
        page(seen, shown)
    };
    let (_script, client) = fixtures.serve_list(|_, _| status(502), list).await;
    let error = client
        .create_batch_once(request(filter(50)))
        .await
        .unwrap_err();
    assert!(error.is_ambiguous(), "{error}");
    assert_eq!(fixtures.sent(), 1);
}

/// A listing that began before a search was due can't say that there is nothing.
#[tokio::test(start_paused = true)]
async fn a_batch_that_appears_between_two_searches_is_found_by_the_later() {
    let fixtures = Fixtures::default();
    // The first page of a search takes as long as it likes; the batch is there before it comes.
    let list = |fixtures: &Fixtures, seen: &Seen| {
        let shown = fixtures.shown(seen);
        let (offset, limit): (usize, usize) = (
            seen.values("offset")[0].parse().unwrap(),
            seen.values("limit")[0].parse().unwrap(),
        );
        let shown: Vec<Value> = shown.into_iter().skip(offset).take(limit).collect();
        later(
            value!({ "batches": shown }),
            if fixtures.sent() > 0 { 4.0 } else { 0.0 },
        )
    };
    let create = |fixtures: &Fixtures, seen: &Seen| {
        fixtures.act(seen, 58.0);
        status(502)
    };
    let (_script, client) = fixtures.serve_list(create, list).await;
    let (left, right) = tokio::join!(client.create_batch_once(request(filter(1))), async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        client.create_batch_once(request(filter(2))).await
    });
    assert_ne!(left.unwrap().uuid, right.unwrap().uuid);
    assert_eq!((fixtures.sent(), fixtures.count()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn searches_of_one_workflow_share_their_listings() {
    let fixtures = Fixtures::default();
    let (script, client) = fixtures
        .serve(|fixtures, seen| json(fixtures.act(seen, 0.0)))
        .await;
    let mut saved = Vec::new();
    for n in 0..50 {
        saved.push(
            client
                .prepare_batch(request(filter(n)))
                .await
                .unwrap()
                .save(),
        );
    }
    // As after a restart of a process that had sent none of them.
    let lists = script.seen_at(LIST).len();
    let restarted = script.client();
    let mut tasks = tokio::task::JoinSet::new();
    for saved in saved {
        let creation = restarted.resume_creation(saved);
        tasks.spawn(async move { creation.create().await });
    }
    for done in tasks.join_all().await {
        done.unwrap();
    }
    assert_eq!(fixtures.count(), 50);
    // Six searches of each, in two listings at most; and one more after each creation.
    let lists = script.seen_at(LIST).len() - lists;
    assert!(lists <= 2 * 6 + 2 * 50, "{lists} pages");
    let searches = script
        .seen_at(LIST)
        .iter()
        .filter(|seen| seen.at < Duration::from_secs(59))
        .count();
    assert!(
        searches <= 50 + 2 * 5,
        "{searches} pages before the settling time"
    );
}

/// Neither adopts while the other may still get its response.
#[tokio::test(start_paused = true)]
async fn a_response_held_back_while_its_twin_searches_is_nobodys_but_its_own() {
    let fixtures = Fixtures::default();
    let (_script, client) = fixtures
        .serve(|fixtures, seen| match seen.number {
            0 => later(fixtures.act(seen, 0.0), 20.0),
            _ => lost(fixtures, seen),
        })
        .await;
    let (held, twin) = tokio::join!(client.create_batch_once(request(filter(50))), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        client.create_batch_once(request(filter(50))).await
    });
    assert_eq!(held.unwrap().uuid.to_string(), uuid(1000));
    assert_eq!(twin.unwrap().uuid.to_string(), uuid(1001));
    assert_eq!((fixtures.sent(), fixtures.count()), (2, 2));
}

/// Two batches of one creation are an error that names both.
#[tokio::test(start_paused = true)]
async fn a_first_batch_that_appears_after_the_second_is_told() {
    let fixtures = Fixtures::default();
    let hidden = Arc::new(AtomicBool::new(true));
    let shows = hidden.clone();
    let create = move |fixtures: &Fixtures, seen: &Seen| match seen.number {
        0 => lost(fixtures, seen),
        _ => {
            hidden.store(false, Ordering::SeqCst);
            json(fixtures.act(seen, 0.0))
        }
    };
    let list = move |fixtures: &Fixtures, seen: &Seen| match shows.load(Ordering::SeqCst) {
        true => page(seen, Vec::new()),
        false => fixtures.list(seen),
    };
    let (_script, client) = fixtures.serve_list(create, list).await;
    let error = client
        .create_batch_once(request(filter(50)))
        .await
        .unwrap_err();
    assert_eq!(error.candidates().len(), 2, "{error}");
    assert!(error.is_ambiguous() && error.may_have_spent() && error.is_final());
    for batch in [uuid(1000), uuid(1001)] {
        assert!(error.to_string().contains(&batch), "{error}");
    }
    assert!(error.advice().unwrap().contains("cancel one"));
}

/// The list is searched as far as 2 minutes before the newest batch, however many were created since.
#[tokio::test(start_paused = true)]
async fn a_long_list_is_not_cut_by_this_machines_clock() {
    let fixtures = Fixtures::default();
    let (script, client) = fixtures
        .serve(|fixtures, seen| match seen.number {
            0 => {
                let made = lost(fixtures, seen);
                // Others create on, and the server's clock runs ahead of this machine's.
                for n in 0..130 {
                    let data = value!({ "kind": "file", "s3Filename": format!("other-{n}.csv") });
                    fixtures.make(600.0 + f64::from(n), &value!(workflow()), data);
                    fixtures.change(|batch| batch["visible"] = value!(0.0));
                }
                made
            }
            _ => json(fixtures.act(seen, 0.0)),
        })
        .await;
    let own = own_file(&client).await;
    let creation = client.prepare_batch(own).await.unwrap();
    let saved = creation.save();
    super::killed(creation, &fixtures).await;
    let batch = script
        .client()
        .resume_creation(saved)
        .create()
        .await
        .unwrap();
    assert_eq!((batch.uuid.to_string(), fixtures.sent()), (uuid(1000), 1));
}

/// A batch that can't be read may be the creation's own: it isn't absent.
#[tokio::test(start_paused = true)]
async fn an_unreadable_batch_in_the_list_prevents_a_second_creation() {
    let fixtures = Fixtures::default();
    let (_script, client) = fixtures
        .serve(|fixtures, seen| {
            fixtures.act(seen, 0.0);
            fixtures.change(|batch| batch["runsCount"] = value!([]));
            status(502)
        })
        .await;
    let request = own_file(&client).await;
    let error = client.create_batch_once(request).await.unwrap_err();
    assert!(error.may_have_spent(), "{error}");
    assert_eq!(fixtures.sent(), 1);
    assert!(error.to_string().contains("runsCount"), "{error}");
}
