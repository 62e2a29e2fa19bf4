//! Errors that name the field and the reason.

use cargo_batch_types::{Batch, GetBatchResponse, from_json};
use serde_json::{Value, json};

use super::{batch, node, refused, with};

#[test]
fn an_error_names_the_field_from_the_outside_in() {
    let nodes = json!([
        node(),
        node(),
        node(),
        with(node(), "/config", json!("text"))
    ]);
    let response = |batch: Value| json!({ "batch": batch });
    let path = |json: Value| refused::<GetBatchResponse>(json).field_path().to_owned();
    assert_eq!(
        path(response(with(batch(), "/nodes", nodes))),
        "batch.nodes[3].config"
    );
    assert_eq!(
        path(response(with(
            batch(),
            "/nodes/0/position/x",
            json!("left")
        ))),
        "batch.nodes[0].position.x"
    );
    assert_eq!(
        path(response(with(
            batch(),
            "/nodes/0/childrenUuids/0",
            json!("x")
        ))),
        "batch.nodes[0].childrenUuids[0]"
    );
    assert_eq!(
        path(response(with(batch(), "/status", json!(3)))),
        "batch.status"
    );
    assert_eq!(path(json!({})), ".");
}

#[test]
fn an_error_says_the_field_and_the_reason() {
    let error = refused::<Batch>(with(batch(), "/uuid", json!("x")));
    let text = error.to_string();
    assert!(
        text.starts_with("field `uuid`: ") && text.contains("UUID"),
        "{text}"
    );
    // It says everything itself: a report that walks the sources doesn't say it twice.
    assert!(std::error::Error::source(&error).is_none());
}

#[test]
fn text_that_is_not_json_is_an_error() {
    for text in ["", "<html>", "{", r#"{"uuid": "#] {
        assert!(from_json::<Batch>(text.as_bytes()).is_err(), "{text}");
    }
    let twice = format!("{0}{0}", batch());
    assert_eq!(
        from_json::<Batch>(twice.as_bytes())
            .unwrap_err()
            .field_path(),
        "."
    );
}
