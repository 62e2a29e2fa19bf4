//! What the changelog says of a small change of the specification.

use cargo_batch_tests::Spec;
use xtask::changelog::{Markdown, compare, first};
use xtask::spec::Document;

fn document(spec: &Spec) -> Document {
    Document::parse(spec.text()).unwrap()
}

/// Each change as a line, with `!` before those that break.
fn lines(before: &Document, after: &Document) -> Vec<String> {
    let changes = compare(before, after).into_iter();
    let line = |mark: bool, what: String| if mark { format!("! {what}") } else { what };
    changes.map(|it| line(it.breaking, it.what)).collect()
}

/// What an edit is said to change, and what its opposite is.
#[track_caller]
fn there_and_back(edited: &Spec, there: &[&str], back: &[&str]) {
    let (real, edited) = (document(&Spec::real()), document(edited));
    assert_eq!(lines(&real, &edited), there);
    assert_eq!(lines(&edited, &real), back);
}

#[test]
fn nothing_is_different() {
    let edited = Spec::real().replace(
        "    BatchRunsStatus:",
        "enum: [healthy, unhealthy]",
        "enum: [unhealthy, healthy]",
    );
    there_and_back(&edited, &[], &[]);
    assert_eq!(Markdown(&[]).to_string(), "The API is the same.\n");
}

#[test]
fn a_value_of_an_enum() {
    let edited = Spec::real().replace(
        "    BatchRunsStatus:",
        "enum: [healthy, unhealthy]",
        "enum: [healthy, unhealthy, mixed]",
    );
    there_and_back(
        &edited,
        &["value `mixed` of `BatchRunsStatus` is new"],
        &["! value `mixed` of `BatchRunsStatus` is gone"],
    );
}

#[test]
fn a_reason() {
    let edited = Spec::real().replace(
        "    CreateBatchErrorReason:",
        "        - notEnoughCredits\n",
        "        - notEnoughCredits\n        - paused\n",
    );
    there_and_back(
        &edited,
        &["reason `paused` of `CreateBatchErrorReason` is new"],
        &["! reason `paused` of `CreateBatchErrorReason` is gone"],
    );
}

#[test]
fn a_field_that_may_be_absent() {
    let field = "        priority:\n          type: integer\n          nullable: true\n";
    let edited = Spec::real().replace(
        "    Batch:",
        "        finishedAt:\n",
        &format!("{field}        finishedAt:\n"),
    );
    there_and_back(
        &edited,
        &["field `Batch.priority` is new"],
        &["! field `Batch.priority` is gone"],
    );
}

#[test]
fn a_field_that_must_be_sent() {
    let edited = Spec::real()
        .replace(
            "    CreateFileData:",
            "      properties:\n",
            "      properties:\n        delimiter:\n          type: string\n",
        )
        .replace(
            "    CreateFileData:",
            "required: [",
            "required: [delimiter, ",
        );
    there_and_back(
        &edited,
        &["! field `CreateFileData.delimiter` is new, and required"],
        &["! field `CreateFileData.delimiter` is gone"],
    );
}

#[test]
fn another_type_of_a_field() {
    let edited = Spec::real().replace("        runsCount:", "type: integer\n", "type: number\n");
    let changes = lines(&document(&Spec::real()), &document(&edited));
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert!(
        changes[0].starts_with("! field `Batch.runsCount` is number"),
        "{changes:?}"
    );
}

#[test]
fn a_kind_of_a_union() {
    let edited = Spec::real().replace(
        "    BatchData:",
        "          form: '#/components/schemas/FormData'\n",
        "",
    );
    there_and_back(
        &edited,
        &["! kind `form` of `BatchData` is gone"],
        &["kind `form` of `BatchData` is new"],
    );
}

#[test]
fn an_operation_and_its_behaviour() {
    let renamed = Spec::real().replace(
        "  /orchestration/batches/preview:",
        "operationId: preview_batch",
        "operationId: look_at_batch",
    );
    let summary = "Preview the records that a batch would take";
    there_and_back(
        &renamed,
        &[
            "! operation `preview_batch` is gone",
            &format!("operation `look_at_batch` is new: {summary}"),
        ],
        &[
            "! operation `look_at_batch` is gone",
            &format!("operation `preview_batch` is new: {summary}"),
        ],
    );
    let repeated = Spec::real().replace(
        "  /orchestration/batches/preview:",
        "x-idempotent: true",
        "x-idempotent: false",
    );
    let said = ["operation `preview_batch` behaves differently: `x-idempotent`"];
    there_and_back(&repeated, &said, &said);
    let other = Spec::real().replace(
        "  /orchestration/batches/preview:",
        "'#/components/schemas/PreviewBatchResponse'",
        "'#/components/schemas/Batch'",
    );
    let changes = lines(&document(&Spec::real()), &document(&other));
    assert_eq!(
        changes,
        ["! operation `preview_batch` answers `Batch` now, not `PreviewBatchResponse`"]
    );
}

#[test]
fn what_breaks_comes_first() {
    let edited = Spec::real()
        .replace(
            "    BatchRunsStatus:",
            "enum: [healthy, unhealthy]",
            "enum: [healthy, mixed]",
        )
        .replace(
            "  /orchestration/batches/preview:",
            "x-idempotent: true",
            "x-idempotent: false",
        );
    let changes = compare(&document(&Spec::real()), &document(&edited));
    assert_eq!(
        Markdown(&changes).to_string(),
        "#### Breaks\n\n\
         - value `unhealthy` of `BatchRunsStatus` is gone\n\n\
         #### Doesn't break\n\n\
         - operation `preview_batch` behaves differently: `x-idempotent`\n\
         - value `mixed` of `BatchRunsStatus` is new\n"
    );
}

#[test]
fn a_first_version_is_its_operations() {
    let lines = first(&document(&Spec::real()));
    let said = "`create_batch`: Create a batch and start it".to_owned();
    assert!(lines.contains(&said), "{lines:?}");
}
