//! What a failure means for a creation, over real sockets, TLS and frames, and held against what the
//! server has read.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use cargo_batch_client::types::{BatchUuid, CreateBatchData, CreateBatchRequest};
use cargo_batch_client::{Client, ClientBuilder, Error, RetryPolicy};
use cargo_batch_tests::broken_server::{
    Counts, Last, Opening, Plan, Protocol, Reply, Server, Step, Until,
};
use cargo_batch_tests::script::{TOKEN, batch, uuid};
use cargo_batch_tests::{child, frames};
use serde_json::json as value;
use tokio::runtime::{Builder, Runtime};

use Effect::{Any, Decided, Refused, Unknown, Unsent, Well};
use Protocol::{Http1, Http1Tls, Http2};

/// What a creation comes to that is sent once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// It succeeds.
    Well,
    /// It fails, and no server has received it.
    Unsent,
    /// It fails with a status that means so by convention, whatever the server has read.
    Refused,
    /// It fails, and nothing was created.
    Decided,
    /// It fails, and a batch may exist.
    Unknown,
    /// Any of these but `Refused`, by what comes first.
    Any,
}

/// A cause.
#[derive(Clone, Debug)]
struct Row {
    name: String,
    protocols: &'static [Protocol],
    /// Connections are refused at first.
    closed: bool,
    /// It won't pass: it isn't retried.
    permanent: bool,
    /// A creation went well before on the same connection.
    reused: bool,
    plan: Plan,
    effect: Effect,
}

const ALL: &[Protocol] = &[Http1, Http1Tls, Http2];
const TLS: &[Protocol] = &[Http1Tls, Http2];
const FIRST: &[Protocol] = &[Http1, Http1Tls];

fn created(n: usize) -> String {
    value!({ "batch": batch(value!({ "uuid": uuid(n) })) }).to_string()
}

fn reply(status: u16, body: impl Into<String>) -> Reply {
    Reply {
        status,
        headers: vec![("content-type", "application/json")],
        body: body.into(),
    }
}

fn row(name: impl Into<String>, protocols: &'static [Protocol], effect: Effect) -> Row {
    Row {
        name: name.into(),
        protocols,
        closed: false,
        permanent: false,
        reused: false,
        plan: Plan::default(),
        effect,
    }
}

impl Row {
    fn opening(mut self, opening: Opening) -> Self {
        self.plan.openings = VecDeque::from([opening]);
        self
    }

    fn request(mut self, until: Until, steps: impl Into<Vec<Step>>) -> Self {
        self.plan.requests.push_back((until, steps.into()));
        self
    }

    fn reused(mut self) -> Self {
        self.reused = true;
        let steps = vec![Step::Respond(reply(200, created(1)))];
        self.plan.requests.push_front((Until::Whole, steps));
        self
    }
}

/// Causes that are no response.
fn broken_off() -> Vec<Row> {
    use Until::{Arrived, Head, Nothing, PartOfBody, PartOfHead, Whole};
    let mut rows = vec![
        Row {
            closed: true,
            ..row("refused port", ALL, Unsent)
        },
        row("accepted and closed", TLS, Unsent).opening(Opening::Close),
        row("accepted and reset", TLS, Unsent).opening(Opening::Reset),
        // By what the client sees first.
        row("accepted and closed", &[Http1], Any).opening(Opening::Close),
        row("accepted and reset", &[Http1], Any).opening(Opening::Reset),
        Row {
            permanent: true,
            ..row("certificate not trusted", TLS, Unsent).opening(Opening::Untrusted)
        },
        row("handshake cut", TLS, Unsent).opening(Opening::CutHandshake),
        row("handshake never completed", TLS, Unsent).opening(Opening::Silent),
        // The connection has ended before the request can begin: hyper cancels that.
        row("closed in the handshake", &[Http2], Unsent).opening(Opening::CloseInHandshake),
        row("closed in the handshake", &[Http1Tls], Any).opening(Opening::CloseInHandshake),
        row("never a response", &[Http1], Unknown).opening(Opening::Silent),
        row("no settings", &[Http2], Unknown)
            .opening(Opening::NoSettings)
            .request(Whole, [Step::Silence]),
        row("close_notify after the request", TLS, Unknown).request(Whole, [Step::CloseNotify]),
        row("garbage before the request", &[Http1], Any).request(
            Nothing,
            [Step::Bytes(b"garbage\r\n\r\n".into()), Step::Close],
        ),
        row("garbage for a response", ALL, Unknown).request(
            Whole,
            [Step::Bytes(b"garbage\r\n\r\n".into()), Step::Ignore],
        ),
        row("response that breaks off in its head", FIRST, Unknown)
            .request(Whole, [Step::Bytes(b"HTTP/1.1 200 O".into()), Step::Close]),
        row("early hints, then closed", ALL, Unknown)
            .request(Whole, [Step::Interim(103), Step::Close]),
        row("early hints, then reset", ALL, Unknown)
            .request(Whole, [Step::Interim(103), Step::Reset]),
        row("continue, then closed", ALL, Unknown).request(Head, [Step::Interim(100), Step::Close]),
        row("stray response before reuse", FIRST, Well)
            .request(
                Nothing,
                [Step::Respond(reply(200, created(2))), Step::Ignore],
            )
            .reused(),
        row("stray bytes before reuse", ALL, Well)
            .request(
                Nothing,
                [Step::Bytes(b"stray\r\n\r\n".into()), Step::Ignore],
            )
            .reused(),
        row("closed when reused", &[Http1], Any)
            .request(Arrived, [Step::Close])
            .reused(),
        row("reset when reused", &[Http1], Any)
            .request(Arrived, [Step::Reset])
            .reused(),
    ];
    let cuts = [
        ("closed", Step::Close),
        ("reset", Step::Reset),
        ("never read on", Step::Silence),
    ];
    for (how, step) in cuts {
        for (place, until) in [
            ("within the head", PartOfHead),
            ("after the head", Head),
            ("within the body", PartOfBody),
            ("after the request", Whole),
        ] {
            let name = format!("{how} {place}");
            let cut = row(&name, ALL, Unknown).request(until, [step.clone()]);
            let reused = row(format!("{name}, reused"), ALL, Unknown)
                .request(until, [step.clone()])
                .reused();
            rows.extend([cut, reused]);
        }
        if step != Step::Silence {
            let idle = row(format!("{how} before reuse"), ALL, Well);
            rows.push(idle.request(Nothing, [step.clone()]).reused());
        }
        let half = [Step::Half(reply(200, created(1))), step.clone()];
        rows.push(row(format!("{how} within the response"), ALL, Unknown).request(Whole, half));
    }
    rows
}

const NO_ERROR: u32 = 0;
const REFUSED_STREAM: u32 = 7;

/// What only HTTP/2 has.
fn frames_of_http2() -> Vec<Row> {
    use Until::{Head, Nothing, PartOfBody, Whole};
    const ONE: &[Protocol] = &[Http2];
    let mut rows = Vec::new();
    // 1 PROTOCOL_ERROR, 2 INTERNAL_ERROR, 8 CANCEL, 11 ENHANCE_YOUR_CALM, 13 HTTP_1_1_REQUIRED
    for code in [NO_ERROR, 1, 2, REFUSED_STREAM, 8, 11, 13] {
        for until in [Head, Whole] {
            let name = format!("RST_STREAM {code} after {until:?}");
            rows.push(row(name, ONE, Unknown).request(until, [Step::EndStream(code)]));
        }
    }
    let half = [Step::Half(reply(200, created(1))), Step::EndStream(2)];
    rows.push(row("RST_STREAM within the response", ONE, Unknown).request(Whole, half));
    let below = Step::GoAway(Last::Below, NO_ERROR);
    for (how, then) in [("kept", Step::Ignore), ("closed", Step::Close)] {
        for until in [Nothing, Head, PartOfBody] {
            let name = format!("GOAWAY below after {until:?}, {how}");
            let steps = [below.clone(), then.clone()];
            rows.push(row(&name, ONE, Unsent).request(until, steps.clone()));
            let reused = row(format!("{name}, reused"), ONE, Unsent);
            if until != Nothing {
                rows.push(reused.request(until, steps).reused());
            }
        }
    }
    let twice = [
        Step::GoAway(Last::Highest, NO_ERROR),
        below.clone(),
        Step::Ignore,
    ];
    rows.push(row("GOAWAY highest, then below", ONE, Unsent).request(Head, twice));
    rows.push(
        row("GOAWAY below before reuse", ONE, Well)
            .request(Nothing, [below, Step::Ignore])
            .reused(),
    );
    for last in [Last::This, Last::Highest] {
        let away = Step::GoAway(last, NO_ERROR);
        for step in [Step::Close, Step::Reset, Step::CloseNotify, Step::Silence] {
            let name = format!("GOAWAY {last:?}, then {step:?}");
            rows.push(row(name, ONE, Unknown).request(Whole, [away.clone(), step]));
        }
        let name = format!("GOAWAY {last:?}, then a response");
        let steps = [away, Step::Respond(reply(200, created(1))), Step::Close];
        rows.push(row(name, ONE, Well).request(Whole, steps));
    }
    for code in [1, 2, 11] {
        for last in [Last::Below, Last::This] {
            let name = format!("GOAWAY {code} {last:?}");
            let steps = [Step::GoAway(last, code), Step::Close];
            rows.push(row(name, ONE, Unknown).request(Head, steps));
        }
    }
    rows
}

/// Responses.
fn responses() -> Vec<Row> {
    let responds = |name: &str, reply: Reply, effect| {
        row(name, ALL, effect).request(Until::Whole, [Step::Respond(reply)])
    };
    let mut rows = vec![
        responds("no JSON", reply(200, r#"{"batch":"#), Unknown),
        responds("a page", reply(200, "<h1>Back soon</h1>"), Unknown),
        responds("nothing", reply(200, ""), Unknown),
        responds("204", reply(204, ""), Unknown),
        responds("too long", reply(200, " ".repeat(20_000)), Unknown),
        row("413 before the body, then closed", FIRST, Decided)
            .request(Until::Head, [Step::Respond(reply(413, "")), Step::Close]),
    ];
    for (status, effect) in [
        (429, Refused),
        (400, Decided),
        (404, Decided),
        (425, Decided),
        (301, Unknown),
        (302, Unknown),
        (307, Unknown),
        (308, Unknown),
        (408, Unknown),
        (499, Unknown),
        (500, Unknown),
        (502, Unknown),
        (503, Unknown),
        (504, Unknown),
        (520, Unknown),
    ] {
        let mut said = reply(status, "{}");
        if status / 100 == 3 {
            said.headers.push(("location", "/v1/elsewhere"));
        }
        rows.push(responds(&status.to_string(), said, effect));
    }
    for after in ["1", "Wed, 21 Oct 2015 07:28:00 GMT"] {
        for (status, effect) in [(429, Refused), (503, Unknown), (408, Unknown)] {
            let mut said = reply(status, "{}");
            said.headers.push(("retry-after", after));
            let name = format!("{status}, Retry-After {after}");
            rows.push(responds(&name, said, effect));
        }
    }
    for (reason, status, effect) in [
        ("notEnoughCredits", 500, Decided),
        ("failedToStart", 400, Unknown),
        ("failedToStart", 429, Unknown),
        ("somethingNew", 500, Unknown),
        ("somethingNew", 400, Decided),
    ] {
        let body = value!({ "reason": reason, "errorMessage": "No." }).to_string();
        let name = format!("{status} {reason}");
        rows.push(responds(&name, reply(status, body), effect));
    }
    rows
}

fn paused() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap()
}

fn builder(server: &Server) -> ClientBuilder {
    Client::builder(TOKEN)
        .base_url(server.base_url())
        .attempt_timeout(Duration::from_secs(8))
        .max_response_bytes(10_000)
        .jitter_seed(1)
}

async fn create(client: &Client) -> Result<BatchUuid, Error> {
    let request = CreateBatchRequest::new(CreateBatchData::file("f.csv"));
    Ok(client.create_batch(request).await?.batch.uuid)
}

fn effect(result: &Result<BatchUuid, Error>) -> Effect {
    match result {
        Ok(_) => Well,
        Err(error) => match (error.is_ambiguous(), error.is_retryable()) {
            (true, false) => Unknown,
            (false, false) => Decided,
            (false, true) if error.status().is_some() => Refused,
            (false, true) => Unsent,
            (true, true) => panic!("ambiguous and retryable: {error:#}"),
        },
    }
}

/// Creates a batch where the row's cause comes up, and returns what the server has read of it.
fn run(row: &Row, protocol: Protocol, policy: RetryPolicy) -> (Result<BatchUuid, Error>, Counts) {
    let all = async {
        let body = created(1);
        let (server, socket) = Server::closed(protocol, row.plan.clone(), &body);
        let client = builder(&server).retry(policy).build().unwrap();
        let result = if row.closed {
            let opened = async {
                // After the first attempt, which takes no time.
                tokio::time::sleep(Duration::from_millis(1)).await;
                server.listen(socket);
            };
            tokio::join!(create(&client), opened).0
        } else {
            server.listen(socket);
            if row.reused {
                create(&client).await.unwrap();
                let is_unread = row.plan.requests[1].0 == Until::Nothing;
                server.acted(if is_unread { 2 } else { 1 }).await;
            }
            create(&client).await
        };
        // Whatever the server still has to read.
        tokio::time::sleep(Duration::from_secs(60)).await;
        let mut counts = server.counts();
        if row.reused {
            counts.begun -= 1;
            counts.whole -= 1;
        }
        (result, counts)
    };
    let hour = Duration::from_secs(3600);
    let done = paused().block_on(async { tokio::time::timeout(hour, all).await });
    done.unwrap_or_else(|_| panic!("{}, {protocol:?}: it never ends", row.name))
}

/// Holds a cause against what the server has read; what is wrong with it.
fn check(row: &Row, protocol: Protocol) -> Result<(), String> {
    let (once, read) = run(row, protocol, RetryPolicy::never());
    let found = effect(&once);
    let wrong = |what: &str| {
        Err(format!(
            "{}, {protocol:?}: {what}: {once:?}, {read:?}",
            row.name
        ))
    };
    if found == Unsent && read.whole > 0 {
        return wrong("called not received, but read whole");
    }
    if row.effect != Any && row.effect != found {
        return wrong(&format!("{found:?}, not {:?}", row.effect));
    }
    if found == Well && read.whole != 1 {
        return wrong("created, but not read once");
    }
    // With attempts to spare.
    let (many, read_many) = run(row, protocol, RetryPolicy::default());
    let is_right = match (row.effect, &many) {
        (_, Ok(id)) => {
            let whole = if found == Refused { 2 } else { 1 };
            let is_sent_again = matches!(row.effect, Unsent | Refused | Well | Any);
            is_sent_again && read_many.whole == whole && id.to_string() == uuid(1)
        }
        (Any, Err(_)) => effect(&many) == Unknown && read_many.whole <= 1,
        _ => {
            let as_once = (effect(&many), read_many) == (found, read);
            as_once && (row.permanent || matches!(found, Decided | Unknown))
        }
    };
    match is_right {
        true => Ok(()),
        false => wrong(&format!("retried: {many:?}, {read_many:?}")),
    }
}

/// Checks rows in a process that trusts the servers' certificate.
fn check_all(test: &str, rows: &[Row]) {
    if !child::is_child() {
        return frames::in_child(&format!("classify::{test}"));
    }
    let checked = rows
        .iter()
        .flat_map(|row| row.protocols.iter().map(move |protocol| (row, *protocol)))
        .map(|(row, protocol)| check(row, protocol));
    let wrong: Vec<String> = checked.filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_lost_connection_means_not_received_only_if_no_server_has_read_the_request() {
    const NAME: &str =
        "a_lost_connection_means_not_received_only_if_no_server_has_read_the_request";
    check_all(NAME, &broken_off());
}

#[test]
fn http2_only_a_go_away_below_the_request_means_not_received() {
    const NAME: &str = "http2_only_a_go_away_below_the_request_means_not_received";
    check_all(NAME, &frames_of_http2());
}

#[test]
fn only_a_429_response_means_not_received() {
    check_all("only_a_429_response_means_not_received", &responses());
}

/// A limit on the whole call ends it before the time for a connection is over.
#[test]
fn a_time_limit_is_not_received_only_if_no_connection_has_come_up() {
    const NAME: &str = "a_time_limit_is_not_received_only_if_no_connection_has_come_up";
    if !child::is_child() {
        return frames::in_child(&format!("classify::{NAME}"));
    }
    for protocol in [Http1Tls, Http2] {
        for connects in [false, true] {
            paused().block_on(async {
                let mut plan = Plan::default();
                if connects {
                    plan.openings.push_back(Opening::Serve);
                    let steps = vec![Step::Respond(reply(200, created(1))), Step::Close];
                    plan.requests.push_back((Until::Whole, steps));
                }
                plan.openings.extend([Opening::Silent; 9]);
                let server = Server::start(protocol, plan, &created(1)).await;
                let client = builder(&server).timeout(Duration::from_secs(3));
                let client = client.retry(RetryPolicy::never()).build().unwrap();
                if connects {
                    create(&client).await.unwrap();
                    server.acted(1).await;
                }
                let start = tokio::time::Instant::now();
                let failed = create(&client).await;
                assert_eq!(start.elapsed().as_secs(), 3);
                let expected = if connects { Unknown } else { Unsent };
                assert_eq!(effect(&failed), expected, "{protocol:?}: {failed:?}");
                assert_eq!(server.counts().whole, usize::from(connects));
            });
        }
    }
}

/// hyper says "dispatch task is gone" of it, also of requests that were written long ago.
#[test]
fn a_creation_whose_connection_ends_with_its_runtime_is_unknown() {
    const NAME: &str = "a_creation_whose_connection_ends_with_its_runtime_is_unknown";
    if !child::is_child() {
        return frames::in_child(&format!("classify::{NAME}"));
    }
    let others = Builder::new_multi_thread().enable_all().build().unwrap();
    for protocol in [Http1, Http1Tls, Http2] {
        let plan = Plan {
            requests: VecDeque::from([(Until::Whole, vec![Step::Silence])]),
            ..Plan::default()
        };
        let server = others.block_on(Server::start(protocol, plan, &created(1)));
        let client = builder(&server).retry(RetryPolicy::never());
        let client = client.build().unwrap();
        let mut creation = pin!(create(&client));
        let driving = Builder::new_current_thread().enable_all().build().unwrap();
        driving.block_on(async {
            tokio::select! {
                done = &mut creation => panic!("{done:?}"),
                () = server.acted(1) => {}
            }
        });
        drop(driving);
        let failed = others.block_on(creation);
        assert_eq!(effect(&failed), Unknown, "{protocol:?}: {failed:?}");
        let text = format!("{:#}", failed.unwrap_err());
        assert!(text.contains("dispatch task is gone"), "{text}");
        assert_eq!(server.counts().whole, 1);
    }
}
