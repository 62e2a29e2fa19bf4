//! A small change of the specification changes just the generated chunks one would expect.

use std::collections::BTreeMap;

use cargo_batch_tests::{Spec, generated};
use xtask::codegen::{Generated, generate};

#[test]
fn no_change() {
    assert_eq!(changes(&Spec::real()), [""; 0]);
}

#[test]
fn a_value_of_an_enum() {
    let spec = Spec::real()
        .replace(
            "    BatchRunsStatus:",
            "enum: [healthy, unhealthy",
            "enum: [healthy, unhealthy, madeUp",
        )
        .replace(
            "    BatchRunsStatus:",
            "        healthy: The runs are doing well.\n",
            "        healthy: The runs are doing well.\n        madeUp: Some are, some are not.\n",
        );
    assert_eq!(changes(&spec), ["changed type BatchRunsStatus"]);
}

#[test]
fn a_field_of_a_schema() {
    let spec = Spec::real().replace(
        "    Batch:",
        "        finishedAt:\n",
        "        madeUp:\n          type: integer\n          description: Which goes first.\n          \
         nullable: true\n        finishedAt:\n",
    );
    assert_eq!(changes(&spec), ["changed type Batch"]);
}

#[test]
fn a_field_of_what_is_sent() {
    let spec = Spec::real().replace(
        "    CreateFileData:",
        "        mappings:\n",
        "        delimiter:\n          type: string\n          description: Between two cells.\n        mappings:\n",
    );
    assert_eq!(changes(&spec), ["changed type CreateFileData"]);
}

#[test]
fn a_kind_of_a_union() {
    let spec = Spec::real()
        .replace(
            "    BatchData:",
            "        - $ref: '#/components/schemas/FormData'\n",
            "        - $ref: '#/components/schemas/FormData'\n        - $ref: '#/components/schemas/StreamData'\n",
        )
        .replace(
            "    BatchData:",
            "          form: '#/components/schemas/FormData'\n",
            "          form: '#/components/schemas/FormData'\n          stream: '#/components/schemas/StreamData'\n",
        )
        .replace(
            "    BatchData:",
            "        form: { distinctness: opaque }\n",
            "        form: { distinctness: opaque }\n        stream: { fields: [topic], distinctness: shared }\n",
        )
        .replace("    BatchDataKind:", "schedule, form", "schedule, form, stream")
        .replace(
            "    BatchDataKind:",
            "        form: >-\n",
            "        stream: Records as they come.\n        form: >-\n",
        )
        .after(
            "    SegmentData:",
            "
    StreamData:
      type: object
      description: Records as they come.
      x-module: data
      required: [kind, topic]
      properties:
        kind:
          type: string
          enum: [stream]
          description: Always `stream`.
        topic:
          type: string
          description: Where they come from.
",
        );
    assert_eq!(
        changes(&spec),
        [
            "changed identities",
            "changed type BatchData",
            "changed type BatchDataKind",
            "new type StreamData"
        ]
    );
}

#[test]
fn an_operation() {
    let spec = Spec::real().after(
        "  /orchestration/batches/{uuid}/cancel:",
        "
  /orchestration/batches/{uuid}/pause:
    post:
      operationId: pause_batch
      tags: [batches]
      summary: Pause a batch
      description: Holds the remaining runs back.
      x-idempotent: true
      parameters:
        - name: uuid
          in: path
          required: true
          description: The batch to pause.
          schema: { $ref: '#/components/schemas/BatchUuid' }
      responses:
        '2XX':
          description: The pause was accepted.
          content:
            application/json:
              schema: { $ref: '#/components/schemas/GetBatchResponse' }
        '4XX':
          description: The request was refused.
          content:
            application/json:
              schema: { $ref: '#/components/schemas/ApiError' }
        '5XX':
          description: The server failed.
          content:
            application/json:
              schema: { $ref: '#/components/schemas/ApiError' }
",
    );
    assert_eq!(
        changes(&spec),
        ["changed operation table", "new operation pause_batch"]
    );
}

#[test]
fn a_behaviour() {
    let spec = Spec::real().replace(
        "  /orchestration/runs/{uuid}:",
        "interval: 2",
        "interval: 3",
    );
    assert_eq!(changes(&spec), ["changed operation table"]);
}

#[test]
fn a_reason() {
    let spec = Spec::real()
        .replace("    UploadFileErrorReason:", "enum: [noFile]", "enum: [noFile, tooLarge]")
        .replace(
            "    UploadFileErrorReason:",
            "        noFile: The request holds no file.\n",
            "        noFile: The request holds no file.\n        tooLarge: The file is too large.\n",
        )
        .replace(
            "    UploadFileErrorReason:",
            "        noFile: Send the file",
            "        tooLarge: Upload it in parts.\n        noFile: Send the file",
        );
    assert_eq!(changes(&spec), ["changed type UploadFileErrorReason"]);
}

/// The names of the chunks that are not what the real specification gives.
fn changes(spec: &Spec) -> Vec<String> {
    let changed = generate(spec.text()).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let (before, after) = (chunks(generated()), chunks(&changed));
    let mut changes: Vec<String> = after
        .iter()
        .filter_map(|(name, text)| match before.get(name) {
            Some(old) if old == text => None,
            Some(_) => Some(format!("changed {name}")),
            None => Some(format!("new {name}")),
        })
        .collect();
    changes.extend(
        before
            .keys()
            .filter(|name| !after.contains_key(*name))
            .map(|name| format!("gone {name}")),
    );
    changes.sort();
    changes
}

fn chunks(generated: &Generated) -> BTreeMap<String, &str> {
    let types = generated
        .types
        .iter()
        .map(|chunk| (format!("type {}", chunk.name), chunk.text.as_str()));
    let operations = generated
        .operations
        .iter()
        .map(|chunk| (format!("operation {}", chunk.name), chunk.text.as_str()));
    let rest = [
        &generated.table,
        &generated.reasons,
        &generated.creations,
        &generated.identities,
    ]
    .map(|chunk| (chunk.name.clone(), chunk.text.as_str()));
    types.chain(operations).chain(rest).collect()
}
