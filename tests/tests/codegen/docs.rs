//! The documentation of what is generated: it names things as Rust does, and says what can fail.

use cargo_batch_tests::{Spec, generated, report};

use insta::assert_snapshot;
use xtask::codegen::{Chunk, Generated, generate};
use xtask::spec::Operation;

fn text<'a>(chunks: &'a [Chunk], name: &str) -> &'a str {
    let chunk = chunks.iter().find(|chunk| chunk.name == name);
    &chunk.unwrap_or_else(|| panic!("no chunk is {name}")).text
}

fn edited(spec: &Spec) -> Generated {
    generate(spec.text()).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// The lines of documentation of a text.
fn documentation(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().map(str::trim_start);
    lines.filter_map(|line| line.strip_prefix("///").or(line.strip_prefix("//!")))
}

/// The documentation right before an item.
fn documentation_of<'a>(text: &'a str, item: &str) -> Vec<&'a str> {
    let before = text.split(item).next().unwrap_or_default();
    assert!(before.len() < text.len(), "no item is {item}");
    let lines: Vec<&str> = before.trim_end().lines().map(str::trim).collect();
    let start = lines
        .iter()
        .rposition(|line| !line.starts_with("///") && !line.starts_with("#["));
    lines[start.map_or(0, |start| start + 1)..].to_vec()
}

fn operations() -> Vec<Operation> {
    let operations = Operation::all(cargo_batch_tests::document()).expect("it is sound");
    let generated = operations
        .into_iter()
        .filter(|it| it.hand_written.is_none());
    generated.collect()
}

#[test]
fn a_code_span_in_a_schema_links_to_rust() {
    let spans = "`releaseUuid`, `data`, `Batch.finishedAt`, `BatchStatus.success`, `CreateBatchData.recordIds`, \
                 `Batch`, `get_batch`, `nothing`, `Batch.nothing`, ``releaseUuid``, \\\\`releaseUuid\\\\`";
    let spec = Spec::real().replace(
        "    CreateBatchRequest:",
        "          description: The records to send through the workflow. Which kinds fit depends on the workflow.\n",
        &format!("          description: \"{spans}\"\n"),
    );
    let generated = edited(&spec);
    let chunk = text(&generated.types, "CreateBatchRequest");
    assert_snapshot!(documentation_of(chunk, "pub data:").join("\n"), @r"
    /// [`release_uuid`](Self::release_uuid), [`data`](Self::data), [`Batch::finished_at`](crate::Batch::finished_at), [`BatchStatus::Success`](crate::BatchStatus::Success), [`CreateBatchData::RecordIds`](crate::CreateBatchData::RecordIds), [`Batch`](crate::Batch), `Client::get_batch`, `nothing`, `Batch.nothing`, ``releaseUuid``, \`releaseUuid\`
    ");
}

#[test]
fn a_code_span_of_an_enum_or_a_union_links_to_a_variant() {
    let spec = Spec::real()
        .replace(
            "    BatchRunsStatus:",
            "        healthy: The runs are doing well.\n",
            "        healthy: Not `unhealthy`.\n",
        )
        .replace(
            "    CreateRecordIdsData:",
            "      description: Enrols records, named by their ids, in a play.\n",
            "      description: Takes `ids`, and not `filter`.\n",
        );
    let generated = edited(&spec);
    let status = text(&generated.types, "BatchRunsStatus");
    assert_snapshot!(documentation_of(status, "Healthy =").join("\n"), @r"
    /// Not [`Unhealthy`](Self::Unhealthy).
    ");
    // The description of a variant is that of its fields, which aren't those of the union.
    let union = text(&generated.types, "CreateBatchData");
    assert_snapshot!(documentation_of(union, "RecordIds(").join("\n"), @r#"
    /// Takes [`ids`](crate::CreateRecordIdsData::ids), and not `filter`.
    #[serde(rename = "recordIds")]
    "#);
    let fields = text(&generated.types, "CreateRecordIdsData");
    assert_snapshot!(documentation_of(fields, "#[derive").join("\n"), @r"
    /// Takes [`ids`](Self::ids), and not `filter`.
    ");
}

#[test]
fn a_code_span_of_an_operation_links_to_what_it_takes_and_returns() {
    let spec = Spec::real()
        .replace(
            "  /orchestration/runs/count:",
            "        Counts the runs that meet all of the given filters. The request only reads, although its method is POST.\n",
            "        Takes `workflowUuid`, returns `count`, unlike `list_runs`.\n",
        )
        .replace(
            "  /orchestration/batches/list:",
            "          description: Only batches with one of these statuses.\n",
            "          description: Not `uuids`, nor `BatchStatus.success`.\n",
        )
        .replace(
            "  /orchestration/tools/{uuid}:",
            "      description: Reads a tool.\n",
            "      description: Takes `uuid`, and fails with `toolNotFound`.\n",
        );
    let generated = edited(&spec);
    let line = |operation: &str, item: &str, start: &str| {
        let lines = documentation_of(text(&generated.operations, operation), item);
        let line = lines.iter().find(|line| line.starts_with(start));
        line.map_or(String::new(), |line| (*line).to_owned())
    };
    assert_snapshot!(line("count_runs", "pub fn count_runs", "/// Takes"), @r"
    /// Takes [`workflow_uuid`](types::CountRunsRequest::workflow_uuid), returns [`count`](types::CountRunsResponse::count), unlike [`list_runs`](Client::list_runs).
    ");
    assert_snapshot!(line("list_batches", "pub fn statuses", "/// Sets"), @r"
    /// Sets `statuses`. Not [`uuids`](ListBatches::uuids), nor [`BatchStatus::Success`](types::BatchStatus::Success).
    ");
    assert_snapshot!(line("get_tool", "pub fn get_tool", "/// Takes"), @r"
    /// Takes `uuid`, and fails with [`ToolNotFound`](types::GetToolErrorReason::ToolNotFound).
    ");
}

#[test]
fn a_fence_in_a_description_has_no_links() {
    let spec = Spec::real().replace(
        "    SegmentData:",
        "      description: All records of a segment. For plays.\n",
        "      description: |\n        A sample:\n\n        ```\n        `segmentUuid`\n        ```\n\n        \
         Of `segmentUuid`.\n",
    );
    let generated = edited(&spec);
    let chunk = text(&generated.types, "SegmentData");
    assert_snapshot!(documentation_of(chunk, "#[derive").join("\n"), @r"
    /// A sample:
    ///
    /// ```text
    /// `segmentUuid`
    /// ```
    ///
    /// Of [`segment_uuid`](Self::segment_uuid).
    ");
}

#[test]
fn no_name_of_the_wire_is_in_the_documentation() {
    let generated = generated();
    let chunks = generated.types.iter().chain(&generated.operations);
    let found: Vec<String> = chunks
        .flat_map(|chunk| {
            let spans =
                documentation(&chunk.text).flat_map(|line| line.split('`').skip(1).step_by(2));
            let wire = spans.filter(|span| is_camel_case(span));
            wire.map(|span| format!("{}: {span}", chunk.name))
        })
        .collect();
    assert_eq!(found, [""; 0], "qualify them, as `Schema.field`");
    assert!(is_camel_case("finishedAt") && is_camel_case("uuids[]") && !is_camel_case("Batch"));
}

fn is_camel_case(span: &str) -> bool {
    let name = span.trim_end_matches("[]");
    let is_name = name.chars().all(char::is_alphanumeric) && name.starts_with(char::is_lowercase);
    is_name && (name.contains(char::is_uppercase) || name.len() < span.len())
}

#[test]
fn every_call_lists_its_errors() {
    for operation in operations() {
        let chunk = text(&generated().operations, &operation.id);
        let error = operation.error.clone().unwrap_or_default();
        let has_reasons = generated()
            .types
            .iter()
            .any(|it| it.name == format!("{error}Reason"));
        for item in [&format!("pub fn {}(", operation.id), "pub async fn send("] {
            let lines = documentation_of(chunk, item).join("\n");
            let place = format!("{} {item}:\n{lines}", operation.id);
            assert!(lines.contains("/// # Errors\n"), "{place}");
            for kind in [
                "Status",
                "Unauthorized",
                "Connect",
                "Interrupted",
                "InvalidResponse",
                "InvalidRequest",
            ] {
                let link = format!("[`{kind}`](crate::ErrorKind::{kind})");
                assert!(lines.contains(&link), "{place}");
            }
            let reasons = lines.contains(&format!("[`types::{error}Reason`]"));
            assert_eq!(reasons, has_reasons, "{place}");
            let is_creation = operation.creates.is_some();
            assert_eq!(
                lines.contains("Error::is_ambiguous"),
                is_creation,
                "{place}"
            );
        }
        for item in ["pub async fn send_as<", "fn into_future(self)"] {
            let lines = documentation_of(chunk, item).join("\n");
            assert!(
                lines.contains("/// # Errors\n"),
                "{} {item}:\n{lines}",
                operation.id
            );
        }
    }
}

#[test]
fn what_is_to_be_preferred_is_named_first_and_exists() {
    let api = crate::public_api::of_package("cargo-batch-client");
    let exists = |item: &str| {
        let Some((owner, method)) = item.split_once("::") else {
            return false;
        };
        api.lines().any(|line| {
            let (place, rest) = line.split_once(": ").unwrap_or_default();
            let is_method = rest
                .trim_start_matches("async ")
                .starts_with(&format!("fn {method}"));
            place.rsplit("::").next() == Some(owner) && is_method
        })
    };
    assert!(exists("Client::watch") && !exists("Client::watch_none") && !exists("Batch::watch"));
    let mut named = 0;
    for operation in operations() {
        let chunk = text(&generated().operations, &operation.id);
        let method = format!("pub fn {}(", operation.id);
        let lines = documentation_of(chunk, &method);
        for (i, entry) in operation.see_also.iter().enumerate() {
            let line = lines.get(i + 2).copied().unwrap_or_default();
            let (start, end) = (
                format!("/// Prefer [`{}`]", entry.item),
                format!(" to {}.", entry.to),
            );
            assert!(
                line.starts_with(&start) && line.ends_with(&end),
                "{}: {line}",
                operation.id
            );
            assert!(
                exists(&entry.item),
                "{}: no method is {}",
                operation.id,
                entry.item
            );
            named += 1;
        }
    }
    assert!(named > 20, "only {named} are named");
}

#[test]
fn a_batch_is_created_once() {
    for operation in operations() {
        let is_batch = operation
            .creates
            .as_ref()
            .is_some_and(|path| path[0] == "batch");
        let is_once = operation
            .see_also
            .first()
            .is_some_and(|it| it.item == "Client::create_batch_once");
        assert_eq!(is_batch, is_once, "{}", operation.id);
    }
}

#[test]
fn a_preferred_item_is_a_method() {
    let spec = Spec::real().replace(
        "  /orchestration/tools/list:",
        "item: Client::tools",
        "item: the catalog",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: paths./orchestration/tools/list.get.x-see-also.0.item: `the catalog` is no method such as `Client::watch`
      > - item: the catalog
    ");
    let spec = Spec::real().replace(
        "  /orchestration/tools/list:",
        "          to: find",
        "          why: find",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: paths./orchestration/tools/list.get.x-see-also: unknown field `why`, expected `item` or `to`
      > x-see-also:
    ");
}

#[test]
fn documentation_by_hand_prefers_nothing() {
    let spec = Spec::real().replace(
        "  /workspaceManagement/files/upload:",
        "      x-idempotent: false\n",
        "      x-idempotent: false\n      x-see-also:\n        - item: Client::upload\n          to: upload it\n",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: paths./workspaceManagement/files/upload.post.x-see-also: the documentation of the operation is written by hand: leave it out
      > x-see-also:
    ");
}

#[test]
fn uncertain_facts_are_explained_where_they_are() {
    for (name, file) in generated().files() {
        if !name.ends_with(".rs") {
            continue;
        }
        let marks = documentation(&file)
            .filter(|line| line.contains("Unknown: ") || line.contains("Unconfirmed: "));
        let head = file.split("\n// @generated").next().unwrap_or_default();
        assert_eq!(
            head.contains("\"Unknown:\" marks"),
            marks.count() > 0,
            "{name}"
        );
    }
}

#[test]
fn descriptions_use_the_terms_of_the_field() {
    const OTHERS: [&str; 16] = [
        "answer", "answers", "answered", "member", "members", "link", "links", "piece", "pieces",
        "anew", "nobody", "somebody", "whoever", "patience", "told", "goes on",
    ];
    let generated = generated();
    let chunks = generated.types.iter().chain(&generated.operations);
    let found: Vec<String> = chunks
        .chain([&generated.reasons, &generated.table])
        .flat_map(|chunk| {
            let lines = documentation(&chunk.text);
            let lines = lines.filter(|line| OTHERS.iter().any(|term| has(line, term)));
            lines.map(|line| format!("{}:{line}", chunk.name))
        })
        .collect();
    assert_eq!(found, [""; 0], "see the glossary in CONTRIBUTING.md");
    assert!(has("What it is answered with.", "answered") && !has("unlinked", "link"));
}

/// Whether a line has a term, as a word of its own.
fn has(line: &str, term: &str) -> bool {
    let words = line.to_lowercase();
    let words: Vec<&str> = words.split(|c: char| !c.is_alphanumeric()).collect();
    format!(" {} ", words.join(" ")).contains(&format!(" {term} "))
}
