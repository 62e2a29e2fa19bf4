//! Schemas on the wire: every form, and every kind of name.

use serde_json::{Value, json};

use crate::generated::identities::identity;
use crate::identity::Distinctness;
use crate::types::{
    Alone, AskedKind, Flat, Kind, KindKind, SearchRequest, Sort, State, Thing, ThingErrorReason,
    ThingRequest,
};

fn thing() -> Value {
    json!({
        "uuid": "67e55044-10b1-426f-9247-bb680e5fe0c8", "state": "+1", "count": 3, "real": 1.5, "truth": true,
        "moment": "2026-01-02T03:04:05Z", "words": ["one"], "list": ["l"], "map": {"a": "b"}, "free": {"c": 1},
        "any_value": [1, "2"], "created_at": "2026-01-02T03:04:05Z", "x-y": "a", "+1": "b", "self": "c", "new": "d",
        "type": "e", "createdAt": "f", "old": "g", "mapping": "h", "secret": "s", "http": {"from": "here"},
        "children": [], "kind": {"kind": "super", "more": 0.5}, "kindName": "super", "labels": {"x": {"y": 1}},
        "alone": {"sort": "alone", "with": "w"}, "flat": {"label": "l", "sort": "other", "than": "t"},
        "deep": {"next": {"next": {}}}
    })
}

#[test]
fn every_field_is_read_and_written() {
    let read: Thing = serde_json::from_value(thing()).expect("it is a thing");
    assert_eq!(serde_json::to_value(&read).expect("it is written"), thing());
    assert_eq!(read.state, State::PlusOne);
    assert_eq!(read.plus_one.as_deref(), Some("b"));
    assert_eq!(read.own.as_deref(), Some("c"));
    assert_eq!(read.is_new.as_deref(), Some("d"));
    assert_eq!(read.type_.as_deref(), Some("e"));
    assert_eq!(read.created_at_text.as_deref(), Some("f"));
    assert!(read.created_at.is_some() && read.x_y.is_some());
    assert!(matches!(read.kind, Some(Kind::Superb(_))));
    assert_eq!(read.kind_name, Some(KindKind::Superb));
    assert!(!format!("{read:?}").contains("\"s\""));
    assert_eq!(
        read.http.and_then(|http| http.from).as_deref(),
        Some("here")
    );
}

#[test]
fn every_value_of_an_enum() {
    let values = [
        (State::Open, "open"),
        (State::PlusOne, "+1"),
        (State::ThreeD, "3d"),
        (State::Nothing, ""),
        (State::NotKnown, "unknown"),
        (State::Txt, "txt"),
        (State::UpperTxt, "TXT"),
        (State::AB, "a b"),
        (State::Own, "self"),
        (State::Type, "type"),
        (State::ShutDown, "shut down"),
    ];
    assert_eq!(State::KNOWN.len(), values.len());
    for (value, text) in values {
        assert_eq!(State::from(text), value);
        assert_eq!(value.as_str(), text);
        let ends = ["+1", "shut down"].contains(&text);
        assert_eq!(value.is_terminal(), ends, "{text:?}");
    }
    assert!(matches!(State::from("other"), State::Unknown(_)));
}

#[test]
fn reasons_have_advice() {
    let advice = ThingErrorReason::Taken.advice();
    assert_eq!(advice, Some("Take another, \"this\" or {that}."));
    let read =
        crate::generated::Reason::read(&crate::generated::operations::CREATE_THING, "not-now");
    assert!(read.is_ambiguous() && read.is_known());
}

#[test]
fn unions_and_what_is_flattened() {
    let kind = AskedKind::superb(0.25);
    assert_eq!(
        serde_json::to_value(&kind).expect("it is written"),
        json!({"kind": "super", "more": 0.25})
    );
    let flat = Flat::alone("l", "w");
    assert_eq!(
        serde_json::to_value(&flat).expect("it is written"),
        json!({"label": "l", "sort": "alone", "with": "w"})
    );
    assert!(matches!(flat.sort, Sort::Alone(Alone { .. })));
    let alone: Result<Alone, _> = serde_json::from_value(json!({"sort": "other", "with": "w"}));
    assert!(alone.is_err(), "it says what it isn't");
}

#[test]
fn requests_have_constructors_setters_and_flags() {
    let moment = "2026-01-02T03:04:05Z".parse().expect("it is a moment");
    let parent: crate::types::ThingUuid = "67e55044-10b1-426f-9247-bb680e5fe0c8"
        .parse()
        .expect("it is an id");
    let request = ThingRequest::new("n", AskedKind::nothing(), moment, "t")
        .own("o")
        .parent(parent)
        .list([1, 2])
        .map([("a", "b")])
        .real(2.0)
        .created_at(moment)
        .gladly();
    assert!(request.is_gladly());
    assert_eq!(
        serde_json::to_value(&request).expect("it is written"),
        json!({
            "name": "n", "kind": {"kind": "nothing"}, "moment": "2026-01-02T03:04:05Z", "type": "t", "self": "o",
            "parentUuid": parent, "list": [1, 2], "map": {"a": "b"}, "real": 2.0,
            "created_at": "2026-01-02T03:04:05Z"
        })
    );
    assert_eq!(SearchRequest::new(State::Open).order, Some(State::Open));
    assert_eq!(SearchRequest::unordered().order, None);
}

#[test]
fn identities_follow_the_kinds() {
    let superb = identity(&KindKind::Superb).expect("it is in the table");
    assert_eq!(
        (superb.fields, superb.distinctness),
        (&["more"][..], Distinctness::Repeatable)
    );
    assert!(identity(&"quantum".into()).is_none());
}
