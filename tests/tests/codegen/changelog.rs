//! What the changelog says of a small change of the specification.

use std::sync::LazyLock;

use cargo_batch_tests::Spec;
use xtask::changelog::{Change, Markdown, Version, compare, first};
use xtask::spec::Document;

fn version(spec: &Spec) -> Version {
    let document = Document::parse(spec.text()).unwrap();
    Version::new(&document).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

static REAL: LazyLock<Version> = LazyLock::new(|| version(&Spec::real()));

/// Each change as a line, with `!` before those that break, and `$` before those that may cost money.
fn lines(before: &Version, after: &Version) -> Vec<String> {
    let changes = compare(before, after).into_iter();
    let line = |change: Change| match (change.money, change.breaking) {
        (true, _) => format!("$ {}", change.what),
        (_, true) => format!("! {}", change.what),
        _ => change.what,
    };
    changes.map(line).collect()
}

/// What an edit is said to change, and what its opposite is.
#[track_caller]
fn there_and_back(edited: &Spec, there: &[&str], back: &[&str]) {
    let edited = version(edited);
    assert_eq!(lines(&REAL, &edited), there);
    assert_eq!(lines(&edited, &REAL), back);
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
    let edited = Spec::real()
        .replace(
            "    BatchRunsStatus:",
            "enum: [healthy, unhealthy",
            "enum: [healthy, unhealthy, madeUp",
        )
        .replace(
            "    BatchRunsStatus:",
            "        healthy:",
            "        madeUp: Made up, e.g. here. Really.\n        healthy:",
        );
    there_and_back(
        &edited,
        &["`BatchRunsStatus::MadeUp` is new: Made up, e.g. here"],
        &["! `BatchRunsStatus::MadeUp` is gone"],
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
        &["`CreateBatchErrorReason::MadeUp` is new"],
        &["! `CreateBatchErrorReason::MadeUp` is gone"],
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
        &["`Batch::made_up` is new"],
        &["! `Batch::made_up` is gone"],
    );
}

#[test]
fn a_field_and_its_setter_are_one_difference() {
    let model = "allOf: [{ $ref: '#/components/schemas/ModelUuid' }]";
    let edited = Spec::real().replace(
        "    CreateFileData:",
        "      properties:\n",
        &format!(
            "      properties:\n        madeUpUuid:\n          description: Made up. Really.\n          {model}\n"
        ),
    );
    there_and_back(
        &edited,
        &["`CreateFileData::made_up_uuid` is new: Made up"],
        &["! `CreateFileData::made_up_uuid` is gone"],
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
    let (one, two) = (
        "(s3_filename: impl Into<String>) -> Self`",
        "(delimiter: impl Into<String>, s3_filename: impl Into<String>) -> Self`",
    );
    let change = |path: &str, is: &str, was: &str| {
        let name = path.rsplit("::").next().unwrap();
        format!("! `{path}` is now `fn {name}{is}; it was `fn {name}{was}")
    };
    let (file, new) = ("CreateBatchData::file", "CreateFileData::new");
    there_and_back(
        &edited,
        &[
            &change(file, two, one),
            &change(new, two, one),
            "`CreateFileData::delimiter` is new",
        ],
        &[
            &change(file, one, two),
            "! `CreateFileData::delimiter` is gone",
            &change(new, one, two),
        ],
    );
}

#[test]
fn another_type_of_a_field() {
    let edited = Spec::real().replace("        runsCount:", "type: integer\n", "type: number\n");
    there_and_back(
        &edited,
        &["! `Batch::runs_count` is now `f64`; it was `u64`"],
        &["! `Batch::runs_count` is now `u64`; it was `f64`"],
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
        &[
            "! `BatchData::Form` is gone",
            "`FormData::kind` is new: Always `form`",
        ],
        &[
            "! `FormData::kind` is gone",
            "`BatchData::Form` is new: Records entered through a form, or given to a single action",
        ],
    );
}

const PREVIEW: &str = "  /orchestration/batches/preview:";

#[test]
fn an_operation_and_its_behaviour() {
    let renamed = Spec::real().replace(
        PREVIEW,
        "operationId: preview_batch",
        "operationId: look_at_batch",
    );
    let summary = "Previews the records that a batch would take";
    there_and_back(
        &renamed,
        &[
            "! `Client::preview_batch` is gone",
            &format!("`Client::look_at_batch` is new: {summary}"),
        ],
        &[
            "! `Client::look_at_batch` is gone",
            &format!("`Client::preview_batch` is new: {summary}"),
        ],
    );
    let retried = Spec::real().replace(PREVIEW, "x-idempotent: true", "x-idempotent: false");
    there_and_back(
        &retried,
        &[
            "$ `Client::preview_batch` is no longer retried when it isn't known whether the request reached the server: nothing is spent twice, and a lost response is an error",
        ],
        &[
            "$ `Client::preview_batch` is now retried when it isn't known whether the request reached the server: whatever it costs can be spent twice",
        ],
    );
    let other = Spec::real().replace(
        PREVIEW,
        "'#/components/schemas/PreviewBatchResponse'",
        "'#/components/schemas/Batch'",
    );
    let send = |response: &str| {
        format!("`async fn send(self) -> Result<Response<types::{response}>, Error>`")
    };
    let (is, was) = (send("Batch"), send("PreviewBatchResponse"));
    assert_eq!(
        lines(&REAL, &version(&other)),
        [format!("! `PreviewBatch::send` is now {is}; it was {was}")]
    );
}

#[test]
fn a_renamed_operation_may_cost_money_too() {
    let renamed = Spec::real()
        .replace(
            PREVIEW,
            "operationId: preview_batch",
            "operationId: look_at_batch",
        )
        .replace(PREVIEW, "x-idempotent: true", "x-idempotent: false");
    let changes = lines(&REAL, &version(&renamed));
    assert!(
        changes[0].starts_with("$ `Client::look_at_batch` is no longer retried"),
        "{changes:?}"
    );
}

#[test]
fn a_parameter() {
    let optional = "        - name: madeUp\n          in: query\n          description: Made up. Really.\n          \
                    schema: { type: boolean }\n";
    let first = "        - name: uuids[]\n";
    let list = "  /orchestration/batches/list:";
    let edited = Spec::real().replace(list, first, &format!("{optional}{first}"));
    there_and_back(
        &edited,
        &["`ListBatches::made_up` is new: Made up"],
        &["! `ListBatches::made_up` is gone"],
    );
    let required = format!("{optional}          required: true\n");
    let edited = Spec::real().replace(list, first, &format!("{required}{first}"));
    let (with, without) = (
        "`fn list_batches(&self, made_up: bool) -> ListBatches`",
        "`fn list_batches(&self) -> ListBatches`",
    );
    there_and_back(
        &edited,
        &[&format!(
            "! `Client::list_batches` is now {with}; it was {without}"
        )],
        &[&format!(
            "! `Client::list_batches` is now {without}; it was {with}"
        )],
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
        .replace(PREVIEW, "x-idempotent: true", "x-idempotent: false");
    let changes = compare(&REAL, &version(&edited));
    assert_eq!(
        Markdown(&changes).to_string(),
        "#### Money\n\n\
         - `Client::preview_batch` is no longer retried when it isn't known whether the request reached the server: \
         nothing is spent twice, and a lost response is an error\n\n\
         #### Breaks\n\n\
         - `BatchRunsStatus::Unhealthy` is gone\n\n\
         #### Doesn't break\n\n\
         - `BatchRunsStatus::MadeUp` is new\n"
    );
}

#[test]
fn a_first_version_is_its_operations() {
    let lines = first(&REAL);
    let said = "`create_batch`: Creates a batch and starts it".to_owned();
    assert!(lines.contains(&said), "{lines:?}");
    assert!(lines.is_sorted(), "{lines:?}");
}

#[test]
fn what_nothing_can_be_generated_from_is_an_error_with_its_line() {
    let edited = Spec::real()
        .replace("    Column:", "        slug:\n", "        '1 x':\n")
        .replace("    Column:", "required: [slug, ", "required: ['1 x', ");
    let document = Document::parse(edited.text()).unwrap();
    let problems = Version::new(&document).unwrap_err();
    let (problem, line) = (&problems[0], problems[0].line.unwrap());
    assert!(edited.line(line).contains("'1 x'"), "{problem}");
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
            "$ `Client::create_batch` no longer counts as one that spends credits: what it creates can be taken for what another request created, and be paid for twice",
            "! `CreateBatch::max_records` is gone",
            "! `CreationRequest::CreateBatch` is gone",
            "! `impl TryFrom<CreationRequest> for types::CreateBatchRequest` is gone",
        ],
        &[
            "$ `Client::create_batch` is now known to spend credits: what it creates is identified by `batch.uuid`, and not taken for what another request created",
            "`CreateBatch::max_records` is new: Sets how many records the batch may have at most",
            "`CreationRequest::CreateBatch` is new: Of [`create_batch`](crate::Client::create_batch)",
            "`impl TryFrom<CreationRequest> for types::CreateBatchRequest` is new",
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
            "$ what `Client::create_batch` creates, and spends credits on, is now identified by `batch.releaseUuid`; it was identified by `batch.uuid`",
        ],
        &[
            "$ what `Client::create_batch` creates, and spends credits on, is now identified by `batch.uuid`; it was identified by `batch.releaseUuid`",
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
            "$ `CreateBatchErrorReason::FailedToStart` now means that nothing was created: the creation is repeated, and paid for twice if that isn't so",
        ],
        &[
            "$ after `CreateBatchErrorReason::FailedToStart` something may exist that credits are spent on: its creation is not simply repeated",
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
            "$ a batch of `BatchData::Segment`, which credits were spent on, now has no fingerprint (opaque); it had the fingerprint `segmentUuid` (shared) and the ids `segmentUuid`",
        ],
        &[
            "$ a batch of `BatchData::Segment`, which credits were spent on, now has the fingerprint `segmentUuid` (shared) and the ids `segmentUuid`; it had no fingerprint (opaque)",
        ],
    );
}

// ---- behaviour ----

#[test]
fn what_no_signature_shows() {
    let list = "  /orchestration/batches/list:";
    let get = "  /orchestration/batches/{uuid}:";
    let cases: [(Spec, &str); 7] = [
        (
            Spec::real().replace(list, "pageSize: 100", "pageSize: 50"),
            "`Client::list_batches` is now read in pages of 50 items, without a total; it was read in pages of 100 items, without a total",
        ),
        (
            Spec::real().replace(get, "interval: 5\n", "interval: 10\n"),
            "`Client::get_batch` is now polled every 10 s, and every 15 s after 60 s from 1000 runs on; it was polled every 5 s, and every 15 s after 60 s from 1000 runs on",
        ),
        (
            Spec::real().replace(PREVIEW, PREVIEW, "  /orchestration/preview:"),
            "`Client::preview_batch` is now sent as `POST /orchestration/preview`; it was sent as `POST /orchestration/batches/preview`",
        ),
        (
            Spec::real().replace(
                list,
                "        - name: hasRuns\n",
                "        - name: withRuns\n          x-rust-name: has_runs\n",
            ),
            "`ListBatches::has_runs` is now sent as `withRuns`; it was sent as `hasRuns`",
        ),
        (
            Spec::real()
                .replace(
                    "    Column:",
                    "        slug:\n",
                    "        name:\n          x-rust-name: slug\n",
                )
                .replace("    Column:", "required: [slug,", "required: [name,"),
            "! `Column::slug` is now `name` in JSON; it was `slug`",
        ),
        (
            Spec::real().replace(
                "    BatchStatus:",
                "x-terminal: [",
                "x-terminal: [running, ",
            ),
            "! `BatchStatus::Running` now ends a batch or run",
        ),
        (
            Spec::real().replace(
                "    CreateBatchErrorReason:",
                "        workflowNotFound: Check `workflowUuid`, and",
                "        workflowNotFound: Correct `workflowUuid`, and",
            ),
            "the advice on `CreateBatchErrorReason::WorkflowNotFound` is now: Correct `workflowUuid`, and that the token belongs to the workspace of the workflow",
        ),
    ];
    for (edited, change) in cases {
        assert_eq!(lines(&REAL, &version(&edited)), [change]);
    }
}

// ---- traps: what looks the same, or compatible, in the document ----

fn patched(name: &str) -> Spec {
    let patch = cargo_batch_tests::fixture(&format!("codegen-cases/{name}.patch"));
    Spec::real().patched(&patch).0
}

#[test]
fn traps() {
    let cases: [(Spec, &[&str]); 11] = [
        (
            patched("changelog-t_server"),
            &["! `BASE_URL` is now `https://api.other.io/v2`; it was `https://api.getcargo.io/v1`"],
        ),
        (
            patched("changelog-t_tag_moved"),
            &["! `CancelBatch` is now `runs::CancelBatch`; it was `batches::CancelBatch`"],
        ),
        (
            patched("changelog-u_min_removed"),
            &["! `Batch::runs_count` is now `i64`; it was `u64`"],
        ),
        (
            patched("changelog-t_kind_shares_schema"),
            &[
                "! `impl From<CreateFormData> for CreateBatchData` is gone",
                "`CreateBatchData::FormTwo` is new: Enrols records entered through a form",
            ],
        ),
        // Two operations have the same reasons, so a reason no longer says which of them failed.
        (
            Spec::real().everywhere("/ExecuteActionError'", "/CreateRunError'"),
            &[
                "! `Reason::ExecuteAction` is now `(types::CreateRunErrorReason)`; it was `(types::ExecuteActionErrorReason)`",
            ],
        ),
        // A new optional field takes traits from its type, and from all that hold it.
        (
            Spec::real().replace(
                "    Column:",
                "        slug:\n",
                "        width:\n          type: number\n          nullable: true\n        slug:\n",
            ),
            &[
                "! `Column` no longer implements `Eq`, `Hash`",
                "! `ListModelsResponse` no longer implements `Eq`, `Hash`",
                "! `Model` no longer implements `Eq`, `Hash`",
                "! `PreviewBatchResponse` no longer implements `Eq`, `Hash`",
                "`Column::width` is new",
            ],
        ),
        // What is no longer sent has no constructors and setters.
        (
            Spec::real().everywhere(
                "/CompleteMultipartUploadRequest'",
                "/AbortMultipartUploadRequest'",
            ),
            &[
                "! `Client::complete_multipart_upload` is now `fn complete_multipart_upload(&self, body: impl Into<types::AbortMultipartUploadRequest>) -> CompleteMultipartUpload`; it was `fn complete_multipart_upload(&self, body: impl Into<types::CompleteMultipartUploadRequest>) -> CompleteMultipartUpload`",
                "! `CompleteMultipartUploadRequest::new` is gone",
                "! `UploadedPart::new` is gone",
            ],
        ),
        // An extension that only the generator reads.
        (
            Spec::real().replace(
                "    CreateFilterData:",
                "          x-omission:\n            whole_model: >-\n              Selects every record of the model, or as many as `limit` permits. Each of them may cost credits.\n",
                "",
            ),
            &[
                "! `CreateBatchData::filter` is now `fn filter(model_uuid: impl Into<ModelUuid>) -> Self`; it was `fn filter(model_uuid: impl Into<ModelUuid>, filter: impl Into<Filter>) -> Self`",
                "! `CreateFilterData::new` is now `fn new(model_uuid: impl Into<ModelUuid>) -> Self`; it was `fn new(model_uuid: impl Into<ModelUuid>, filter: impl Into<Filter>) -> Self`",
                "! `CreateFilterData::whole_model` is gone",
            ],
        ),
        (
            Spec::real().replace(
                "  /orchestration/batches/list:",
                "      x-pagination:\n        style: offset\n        in: query\n        limit: limit\n        offset: offset\n        items: batches\n        pageSize: 100\n",
                "",
            ),
            &[
                "! `ListBatches::items` is gone",
                "! `ListBatches::pages` is gone",
            ],
        ),
        // Compiles as before, and means something else.
        (
            Spec::real().replace(
                "    AbortMultipartUploadRequest:",
                "        s3Filename: *upload_s3_filename\n        uploadId: *upload_id\n",
                "        uploadId: *upload_id\n        s3Filename: *upload_s3_filename\n",
            ),
            &[
                "! `AbortMultipartUploadRequest::new` is now `fn new(upload_id: impl Into<String>, s3_filename: impl Into<String>) -> Self`; it was `fn new(s3_filename: impl Into<String>, upload_id: impl Into<String>) -> Self`",
            ],
        ),
        (
            Spec::real().replace("    Column:", "required: [slug, type, label]", "required: [slug, type]"),
            &["! `Column::label` is now `Option<String>`; it was `String`"],
        ),
    ];
    for (edited, changes) in cases {
        assert_eq!(lines(&REAL, &version(&edited)), changes);
    }
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
    there_and_back(
        &named,
        &[
            "! `Column::slug` is now called `Column::other`",
            "! `PeriodUnit::Day` is now called `PeriodUnit::Days`",
        ],
        &[
            "! `Column::other` is now called `Column::slug`",
            "! `PeriodUnit::Days` is now called `PeriodUnit::Day`",
        ],
    );
    let renamed = Spec::real().replace(
        "    PeriodUnit:",
        "      x-module",
        "      x-rust-name: Unit\n      x-module",
    );
    let changes = lines(&REAL, &version(&renamed));
    assert!(
        changes.contains(&"! `PeriodUnit` is gone".to_owned()),
        "{changes:?}"
    );
    let old = Spec::real()
        .replace(
            "    Column:",
            "          description: Name of the column in the records.\n",
            "          description: It.\n          deprecated: true\n",
        )
        .replace(
            PREVIEW,
            "      x-idempotent: true\n",
            "      x-idempotent: true\n      deprecated: true\n",
        );
    there_and_back(
        &old,
        &[
            "`Client::preview_batch` is deprecated",
            "`Column::slug` is deprecated",
        ],
        &[
            "`Client::preview_batch` is no longer deprecated",
            "`Column::slug` is no longer deprecated",
        ],
    );
}

#[test]
fn a_method_can_be_gone_while_its_field_remains() {
    let edited = Spec::real().everywhere("/DownloadRunsRequest'", "/CountRunsRequest'");
    let changes = lines(&REAL, &version(&edited));
    for change in [
        "! `DownloadRunsRequest::new` is gone",
        "! the method `DownloadRunsRequest::release` is gone",
    ] {
        assert!(
            changes.contains(&change.to_owned()),
            "{change}: {changes:#?}"
        );
    }
}
