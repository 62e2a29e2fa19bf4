//! What the changelog says of a small change of the specification.

use cargo_batch_tests::Spec;
use xtask::changelog::{Markdown, compare, first};
use xtask::spec::Document;

fn document(spec: &Spec) -> Document {
    Document::parse(spec.text()).unwrap()
}

/// Each change as a line, with `!` before those that break, and `$` before those that may cost money.
fn lines(before: &Document, after: &Document) -> Vec<String> {
    let changes = compare(before, after).into_iter();
    let line = |change: xtask::changelog::Change| match (change.money, change.breaking) {
        (true, _) => format!("$ {}", change.what),
        (_, true) => format!("! {}", change.what),
        _ => change.what,
    };
    changes.map(line).collect()
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
        "enum: [healthy, unhealthy",
        "enum: [unhealthy, healthy",
    );
    there_and_back(&edited, &[], &[]);
    assert_eq!(Markdown(&[]).to_string(), "The API is the same.\n");
}

#[test]
fn a_value_of_an_enum() {
    let edited = Spec::real().replace(
        "    BatchRunsStatus:",
        "enum: [healthy, unhealthy",
        "enum: [healthy, unhealthy, madeUp",
    );
    there_and_back(
        &edited,
        &["value `madeUp` of `BatchRunsStatus` is new"],
        &["! value `madeUp` of `BatchRunsStatus` is gone"],
    );
}

#[test]
fn a_reason() {
    let edited = Spec::real().replace(
        "    CreateBatchErrorReason:",
        "        - notEnoughCredits\n",
        "        - notEnoughCredits\n        - madeUp\n",
    );
    there_and_back(
        &edited,
        &["reason `madeUp` of `CreateBatchErrorReason` is new"],
        &["! reason `madeUp` of `CreateBatchErrorReason` is gone"],
    );
}

#[test]
fn a_field_that_may_be_absent() {
    let field = "        madeUp:\n          type: integer\n          nullable: true\n";
    let edited = Spec::real().replace(
        "    Batch:",
        "        finishedAt:\n",
        &format!("{field}        finishedAt:\n"),
    );
    there_and_back(
        &edited,
        &["field `Batch.madeUp` is new"],
        &["! field `Batch.madeUp` is gone"],
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
    let summary = "Previews the records that a batch would take";
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
    there_and_back(
        &repeated,
        &[
            "$ `preview_batch` is no longer sent again when it isn't known whether it arrived: nothing is spent twice, and a lost response is an error",
        ],
        &[
            "$ `preview_batch` is sent again now when it isn't known whether it arrived: whatever it costs can be spent twice",
        ],
    );
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
fn money_comes_first_and_then_what_breaks() {
    let edited = Spec::real()
        .replace(
            "    BatchRunsStatus:",
            "enum: [healthy, unhealthy",
            "enum: [healthy, madeUp",
        )
        .replace(
            "  /orchestration/batches/preview:",
            "x-idempotent: true",
            "x-idempotent: false",
        );
    let changes = compare(&document(&Spec::real()), &document(&edited));
    assert_eq!(
        Markdown(&changes).to_string(),
        "#### Money\n\n\
         - `preview_batch` is no longer sent again when it isn't known whether it arrived: nothing is spent twice, and \
         a lost response is an error\n\n\
         #### Breaks\n\n\
         - value `unhealthy` of `BatchRunsStatus` is gone\n\n\
         #### Doesn't break\n\n\
         - value `madeUp` of `BatchRunsStatus` is new\n"
    );
}

#[test]
fn a_first_version_is_its_operations() {
    let lines = first(&document(&Spec::real()));
    let said = "`create_batch`: Creates a batch and starts it".to_owned();
    assert!(lines.contains(&said), "{lines:?}");
}

// ---- money ----

#[test]
fn what_is_created() {
    let edited = Spec::real().replace(
        "  /orchestration/batches:",
        "      x-creates: batch.uuid\n",
        "",
    );
    there_and_back(
        &edited,
        &[
            "$ `create_batch` no longer counts as one that spends credits: what it creates can be taken for another's, and paid for twice",
        ],
        &[
            "$ `create_batch` is known to spend credits: what it creates is recognised by `batch.uuid`, and not taken for another's",
        ],
    );
    let moved = Spec::real().replace(
        "  /orchestration/batches:",
        "x-creates: batch.uuid",
        "x-creates: batch.releaseUuid",
    );
    there_and_back(
        &moved,
        &[
            "$ what `create_batch` creates, and credits are spent on, is recognised by `batch.releaseUuid` now, not by `batch.uuid`",
        ],
        &[
            "$ what `create_batch` creates, and credits are spent on, is recognised by `batch.uuid` now, not by `batch.releaseUuid`",
        ],
    );
}

#[test]
fn what_may_exist_after_a_refusal() {
    let edited = Spec::real().replace(
        "    CreateBatchErrorReason:",
        "x-ambiguous: [failedToStart]",
        "x-ambiguous: []",
    );
    there_and_back(
        &edited,
        &[
            "$ the reason `failedToStart` of `CreateBatchErrorReason` means now that nothing was created: it is created again, and paid for twice if that isn't so",
        ],
        &[
            "$ after the reason `failedToStart` of `CreateBatchErrorReason` something may exist that credits are spent on: it isn't simply created again",
        ],
    );
}

#[test]
fn by_what_a_batch_is_recognised() {
    let edited = Spec::real().replace(
        "    BatchData:",
        "fields: [segmentUuid], ids: [segmentUuid], distinctness: shared",
        "distinctness: opaque",
    );
    there_and_back(
        &edited,
        &[
            "$ what was created from the kind `segment` of `BatchData`, and paid for, is not recognised (opaque) now; it was recognised by `segmentUuid` (shared) and told apart by `segmentUuid`",
        ],
        &[
            "$ what was created from the kind `segment` of `BatchData`, and paid for, is recognised by `segmentUuid` (shared) and told apart by `segmentUuid` now; it was not recognised (opaque)",
        ],
    );
}

// ---- what was once told as nothing ----

fn patched(name: &str) -> Spec {
    let patch = cargo_batch_tests::fixture(&format!("codegen-cases/{name}.patch"));
    Spec::real().patched(&patch).0
}

#[test]
fn changes_that_were_once_told_as_none() {
    there_and_back(
        &patched("changelog-t_server"),
        &[r#"! `BASE_URL` is "https://api.other.io/v2" now, not "https://api.getcargo.io/v1""#],
        &[r#"! `BASE_URL` is "https://api.getcargo.io/v1" now, not "https://api.other.io/v2""#],
    );
    there_and_back(
        &patched("changelog-t_tag_moved"),
        &["! operation `cancel_batch` is in `runs` now, not in `batches`"],
        &["! operation `cancel_batch` is in `batches` now, not in `runs`"],
    );
    there_and_back(
        &patched("changelog-u_min_removed"),
        &["! field `Batch.runsCount` is integer now, not integer from 0"],
        &["! field `Batch.runsCount` is integer from 0 now, not integer"],
    );
    there_and_back(
        &patched("changelog-t_kind_shares_schema"),
        &[
            "! `CreateFormData` is of several kinds of `CreateBatchData` now, so it can't be turned into one",
            "kind `formTwo` of `CreateBatchData` is new",
        ],
        &["! kind `formTwo` of `CreateBatchData` is gone"],
    );
}

#[test]
fn names_in_rust_and_deprecations() {
    let named = Spec::real()
        .replace(
            "    PeriodUnit:",
            "      enum: [day]\n",
            "      enum: [day]\n      x-rust-name: { day: Days }\n",
        )
        .replace(
            "    Column:",
            "          description: Name of the column in the records.\n",
            "          description: It.\n          x-rust-name: other\n",
        );
    let changes = lines(&document(&Spec::real()), &document(&named));
    assert_eq!(
        changes,
        [
            "! field `Column.slug` is `other` in Rust now, not `slug`",
            "! value `day` of `PeriodUnit` is `Days` in Rust now, not `Day`",
        ]
    );
    let renamed = Spec::real().replace(
        "    PeriodUnit:",
        "      x-module",
        "      x-rust-name: Unit\n      x-module",
    );
    let changes = lines(&document(&Spec::real()), &document(&renamed));
    assert!(
        changes.contains(&"! type `PeriodUnit` is gone".to_owned()),
        "{changes:?}"
    );
    let old = Spec::real()
        .replace(
            "    Column:",
            "          description: Name of the column in the records.\n",
            "          description: It.\n          deprecated: true\n",
        )
        .replace(
            "  /orchestration/batches/preview:",
            "      x-idempotent: true\n",
            "      x-idempotent: true\n      deprecated: true\n",
        );
    there_and_back(
        &old,
        &[
            "operation `preview_batch` is deprecated",
            "field `Column.slug` is deprecated",
        ],
        &[
            "operation `preview_batch` is no longer deprecated",
            "field `Column.slug` is no longer deprecated",
        ],
    );
}
