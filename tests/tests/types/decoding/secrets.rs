//! Secrets: sent, and never shown.

use cargo_batch_types::{
    Batch, BatchData, DownloadResponse, ExecuteActionBatchRequest, GetBatchResponse, SignedUrl,
    WebhookSecret,
};
use serde_json::{Value, json};

use super::{batch, read, refused, with, written};

const SECRET: &str = "hush-hush-5f1c";

#[test]
fn a_secret_is_not_shown() {
    let hidden = [
        format!("{:?}", WebhookSecret::new(SECRET)),
        format!("{:?}", SignedUrl::new(SECRET)),
        format!("{:#?}", read::<DownloadResponse>(json!({ "url": SECRET }))),
        format!("{:?}", read::<Batch>(with(batch(), "/data", form()))),
        format!(
            "{:#?}",
            read::<GetBatchResponse>(json!({ "batch": with(batch(), "/data", form()) }))
        ),
        format!(
            "{:?}",
            read::<ExecuteActionBatchRequest>(json!({
                "action": { "kind": "native", "actionSlug": "x" },
                "records": [],
                "webhookSecret": SECRET,
            }))
        ),
    ];
    for text in hidden {
        assert!(!text.contains(SECRET), "{text}");
    }
}

fn form() -> Value {
    json!({ "kind": "form", "s3Filename": "a.csv", "webhookSecret": SECRET })
}

#[test]
fn a_secret_is_sent() {
    let batch: Batch = read(with(batch(), "/data", form()));
    assert_eq!(written(&batch)["data"], form());
    let BatchData::Form(data) = batch.data else {
        panic!("{:?}", batch.data)
    };
    assert_eq!(data.webhook_secret.unwrap().expose(), SECRET);
}

#[test]
fn a_secret_of_a_kind_nobody_knows_is_not_shown() {
    for data in [
        json!({ "kind": "telepathy", "password": SECRET }),
        json!({ "kind": "form", "s3Filename": 3, "webhookSecret": SECRET }),
        json!({ "kind": "telepathy", "deep": [{ "token": SECRET }] }),
    ] {
        let batch: Batch = read(with(batch(), "/data", data));
        let text = format!("{batch:?}");
        assert!(!text.contains(SECRET), "{text}");
        assert!(text.contains("Unknown("), "{text}");
    }
}

#[test]
fn a_secret_is_not_in_the_error_about_it() {
    let error = refused::<ExecuteActionBatchRequest>(json!({
        "action": { "kind": "native", "actionSlug": "x" },
        "records": [],
        "webhookSecret": [SECRET],
    }));
    assert_eq!(error.field_path(), "webhookSecret");
    assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
}
