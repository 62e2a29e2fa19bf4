//! Operations on the wire: every method, every place, every type and every kind of name.

use chrono::{DateTime, Utc};

use crate::generated::operations;
use crate::pages::HasId;
use crate::types::{AskedKind, SearchRequest, State, ThingRequest, ThingUuid};
use crate::{Client, Error};

const THING: &str = r#"{
    "uuid": "67e55044-10b1-426f-9247-bb680e5fe0c8", "state": "open", "count": 3, "real": 1.5, "truth": true,
    "moment": "2026-01-02T03:04:05Z", "words": "one", "list": [], "map": {}, "free": {}
}"#;
const UUID: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

fn client() -> Client {
    Client::answering(THING)
}

fn uuid() -> ThingUuid {
    UUID.parse().expect("it is an id")
}

fn moment() -> DateTime<Utc> {
    "2026-01-02T03:04:05.678Z".parse().expect("it is a moment")
}

fn request() -> ThingRequest {
    ThingRequest::new("n", AskedKind::nothing(), moment(), "t")
}

#[track_caller]
fn assert_sent(client: &Client, expected: &[&str]) {
    assert_eq!(client.sent(), expected);
}

#[tokio::test]
async fn every_method() {
    let client = client();
    client.get_thing(uuid()).await.expect("it is read");
    client
        .replace_thing(uuid(), request())
        .await
        .expect("it is read");
    client
        .change_thing(uuid(), request())
        .await
        .expect("it is read");
    client.create_thing(request()).await.expect("it is read");
    let body =
        r#"{"name":"n","kind":{"kind":"nothing"},"moment":"2026-01-02T03:04:05.678Z","type":"t"}"#;
    assert_sent(
        &client,
        &[
            &format!("GET /things/{UUID}"),
            &format!("PUT /things/{UUID} {body}"),
            &format!("PATCH /things/{UUID} {body}"),
            &format!("POST /things {body}"),
        ],
    );
}

#[tokio::test]
async fn creations_are_checked_for_omissions_before_they_are_sent() {
    let client = client();
    let nameless = ThingRequest::new("", AskedKind::nothing(), moment(), "t");
    let refused = client.create_thing(nameless.clone()).await;
    assert_eq!(refused, Err(Error("a name is missing".to_owned())));
    assert_sent(&client, &[]);
    client
        .change_thing(uuid(), nameless)
        .await
        .expect("it spends nothing");
}

#[tokio::test]
async fn responses_without_a_body() {
    let client = Client::answering("null");
    let () = client.delete_thing(uuid()).await.expect("nothing is read");
    let () = client
        .touch_thing(uuid(), request())
        .await
        .expect("nothing is read");
    #[expect(deprecated)]
    let stopped = client.stop_thing(uuid()).send().await;
    let () = stopped.expect("nothing is read").into_inner();
    let sent = client.sent();
    assert_eq!(sent[0], format!("DELETE /things/{UUID}"));
    assert!(
        sent[1].starts_with(&format!("POST /things/{UUID}/touch {{")),
        "{}",
        sent[1]
    );
    assert_eq!(sent[2], format!("POST /things/{UUID}/stop"));
}

#[tokio::test]
async fn required_parameters_of_every_type() {
    let client = client();
    client
        .ask_required(
            "a&b",
            moment(),
            -3,
            4,
            1e21,
            true,
            State::PlusOne,
            uuid(),
            ["x", "y z"],
            [moment()],
            [-1, 2],
            [7u64],
            [0.5],
            [true, false],
            [State::Nothing, State::UpperTxt],
            [uuid()],
        )
        .await
        .expect("it is read");
    let sent = client.sent().remove(0);
    let (path, query) = sent.split_once('?').expect("there is a query");
    assert_eq!(path, "GET /required");
    let pairs: Vec<String> = form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let mut expected = vec![
        "aText=a&b".to_owned(),
        "aMoment=2026-01-02T03:04:05.678Z".to_owned(),
        "aWhole=-3".to_owned(),
        "aCount=4".to_owned(),
        "aReal=1e21".to_owned(),
        "aTruth=true".to_owned(),
        "aState=+1".to_owned(),
        format!("aId={UUID}"),
        "lText[]=x".to_owned(),
        "lText[]=y z".to_owned(),
        "lMoment[]=2026-01-02T03:04:05.678Z".to_owned(),
        "lWhole[]=-1".to_owned(),
        "lWhole[]=2".to_owned(),
        "lCount[]=7".to_owned(),
        "lReal[]=0.5".to_owned(),
        "lTruth[]=true".to_owned(),
        "lTruth[]=false".to_owned(),
        "lState[]=".to_owned(),
        "lState[]=TXT".to_owned(),
        format!("lId[]={UUID}"),
    ];
    let mut pairs = pairs;
    pairs.sort();
    expected.sort();
    assert_eq!(pairs, expected);
}

#[tokio::test]
async fn absent_options_are_omitted() {
    let client = client();
    client.ask_optional().await.expect("it is read");
    client
        .ask_optional()
        .a_moment(moment())
        .a_count(9u64)
        .a_truth(false)
        .l_whole([1, 2])
        .await
        .expect("it is read");
    assert_sent(
        &client,
        &[
            "GET /optional",
            "GET /optional?aMoment=2026-01-02T03%3A04%3A05.678Z&aCount=9&aTruth=false&lWhole%5B%5D=1&lWhole%5B%5D=2",
        ],
    );
}

#[tokio::test]
async fn path_parameters_of_every_type() {
    let client = client();
    client
        .ask_path(
            "a/b",
            moment(),
            -3,
            4,
            0.5,
            true,
            State::Own,
            uuid(),
            "o",
            2,
        )
        .await
        .expect("it is read");
    let expected =
        format!("GET /path/a%2Fb/2026-01-02T03:04:05.678Z/-3/4/0.5/true/self/{UUID}/o-2:stop");
    assert_sent(&client, &[&expected]);
}

#[tokio::test]
async fn a_part_of_the_path_never_leads_elsewhere() {
    let client = client();
    for odd in ["", ".", ".."] {
        let error = client.ask_names(odd).await.expect_err("it is refused");
        assert_eq!(error.0, format!("{odd:?} can't be a part of a path"));
    }
    let error = client
        .ask_path(
            "a",
            moment(),
            1,
            1,
            f64::NAN,
            true,
            State::Open,
            uuid(),
            "o",
            2,
        )
        .await
        .expect_err("it is refused");
    assert_eq!(error.0, "null can't be a part of a path");
    assert_sent(&client, &[]);
    // Escaped, what a path is parted by is text.
    client.ask_names("../%2e?#").await.expect("it is read");
    assert_sent(&client, &["GET /names/..%2F%252e%3F%23"]);
}

#[tokio::test]
async fn names_that_mean_something_to_rust_or_to_generated_code() {
    let client = client();
    client
        .ask_names("z")
        .type_("1")
        .in_("2")
        .value("3")
        .error("4")
        .body("5")
        .created_at("6")
        .x_y("7")
        .plus_one("8")
        .own("9")
        .is_new("10")
        .sending("11")
        .request_number(12)
        .caller("13")
        .address("14")
        .a_b("15")
        .zz_query("16")
        .std("17")
        .await
        .expect("it is read");
    let sent = client.sent().remove(0);
    let mut pairs: Vec<&str> = sent
        .split_once('?')
        .map(|(_, query)| query.split('&').collect())
        .unwrap_or_default();
    pairs.sort_unstable();
    let mut expected = [
        "type=1",
        "in=2",
        "value=3",
        "error=4",
        "body=5",
        "created_at=6",
        "x-y=7",
        "%2B1=8",
        "self=9",
        "new=10",
        "send=11",
        "request=12",
        "client=13",
        "url=14",
        "a+b=15",
        "zz=16",
        "std=17",
    ];
    expected.sort_unstable();
    assert_eq!(pairs, expected);
    client
        .put_names("t", true, request())
        .await
        .expect("it is read");
    assert!(client.sent()[0].starts_with("PUT /names?type=t&value=true {"));
}

#[test]
fn the_table_says_how_they_behave() {
    assert_eq!(operations::DELETE_THING.method.as_str(), "DELETE");
    assert_eq!(operations::CREATE_THING.creates, Some(&["uuid"][..]));
    let pages = operations::LIST_THINGS
        .pagination
        .as_ref()
        .expect("it is paged");
    assert_eq!(pages.page_size, 50);
    assert_eq!(crate::generated::BASE_URL, "https://sink.example:8443/v2");
}

#[tokio::test]
async fn lists_are_paged_alike_by_query_and_by_body() {
    let page = format!(r#"{{"things": [{THING}], "total": 7}}"#);
    let client = Client::answering(page.leak());
    let pages = client.list_things().offset(3).pages();
    assert_eq!((pages.limit, pages.offset), (None, Some(3)));
    assert_eq!(pages.operation, &operations::LIST_THINGS);
    let page = (pages.ask)(10, 5).await.expect("it is read");
    assert_eq!((page.items.len(), page.total), (1, Some(7)));
    assert_eq!((page.items[0].id(), page.list.as_str()), (uuid(), "things"));

    let pages = client
        .list_found_things(SearchRequest::new(State::Open).limit(2))
        .items()
        .0;
    assert_eq!((pages.limit, pages.offset), (Some(2), None));
    let page = (pages.ask)(10, 5).await.expect("it is read");
    assert_eq!((page.items.len(), page.total), (1, None));
    let mut sent = client.sent();
    let pairs = sent[0].split_once('?').expect("it has a query").1;
    let mut pairs: Vec<&str> = pairs.split('&').collect();
    pairs.sort_unstable();
    assert_eq!(pairs, ["limit=5", "offset=10"]);
    sent.remove(0);
    assert_eq!(
        sent,
        [r#"POST /things/search {"limit":5,"offset":10,"order":"open"}"#]
    );
}
