//! Whatever the server adds: fields, kinds and values of tomorrow.

use cargo_batch_types::{Batch, BatchData, BatchStatus, GetBatchResponse, Node, from_json};
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::{batch, node, read, written};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(|number: f64| Value::from(number)),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            fields(inner).prop_map(Value::from),
        ]
    })
}

fn fields(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec((".{0,8}", value), 0..4).prop_map(|fields| fields.into_iter().collect())
}

/// Fields under names that the specification doesn't have.
fn extra() -> impl Strategy<Value = Map<String, Value>> {
    fields(any_json()).prop_map(|fields| {
        fields
            .into_iter()
            .map(|(name, value)| (format!("new {name}"), value))
            .collect()
    })
}

proptest! {
    // The same cases each time: a test that fails now and then is of no help.
    #![proptest_config(ProptestConfig {
        cases: 256,
        rng_seed: prop::test_runner::RngSeed::Fixed(7),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn extra_members_change_nothing(
        top in extra(),
        data in extra(),
        node in extra(),
        position in extra(),
    ) {
        let mut json = batch();
        for (pointer, extra) in
            [("", top), ("/data", data), ("/nodes/0", node), ("/nodes/0/position", position)]
        {
            json.pointer_mut(pointer).and_then(Value::as_object_mut).unwrap().extend(extra);
        }
        prop_assert_eq!(read::<Batch>(json), read::<Batch>(batch()));
    }

    #[test]
    fn any_unknown_kind_survives(kind in "[a-z]{1,8}!", fields in fields(any_json())) {
        let mut data = Value::Object(fields);
        data["kind"] = kind.into();
        prop_assert_eq!(&written(&read::<BatchData>(data.clone())), &data);
        // A node has fields of its own, so those of the kind must not be named like them.
        let mut json = node();
        json.as_object_mut().unwrap().shift_remove("actionSlug");
        json["kind"] = data["kind"].clone();
        json["fields"] = data;
        prop_assert_eq!(written(&read::<Node>(json.clone())), json);
    }

    #[test]
    fn any_text_is_an_enum_value(text in ".{0,20}") {
        let status = BatchStatus::from(&*text);
        prop_assert_eq!(status.as_str(), &*text);
        prop_assert_eq!(&read::<BatchStatus>(written(&status)), &status);
        prop_assert_eq!(matches!(status, BatchStatus::Unknown(_)), !BatchStatus::KNOWN.contains(&status));
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in ".{0,64}", json in any_json()) {
        let _ = from_json::<GetBatchResponse>(text.as_bytes());
        let _ = from_json::<BatchData>(json.to_string().as_bytes());
        let _ = from_json::<Node>(json.to_string().as_bytes());
    }
}
