//! Mistakes in the specification are named before anything is generated: what is wrong, where, and
//! on which line.

use cargo_batch_tests::{Spec, report};
use insta::assert_snapshot;

#[test]
fn a_reference_to_nowhere() {
    let spec = Spec::real().replace("    GetBatchResponse:", "schemas/Batch'", "schemas/Bach'");
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.GetBatchResponse.properties.batch.allOf.0.$ref: `#/components/schemas/Bach` leads nowhere: name a schema under components.schemas
      > allOf: [{ $ref: '#/components/schemas/Bach' }]
    ");
}

#[test]
fn an_enum_without_values() {
    let spec = Spec::real()
        .replace("    PeriodUnit:", "enum: [day]", "enum: []")
        .replace(
            "    PeriodUnit:",
            "x-enum-descriptions:\n        day: Days.",
            "x-enum-descriptions: {}",
        );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.PeriodUnit.enum: an enum needs at least one value, and its values are strings
      > enum: []
    ");
}

#[test]
fn an_enum_value_without_description() {
    let spec = Spec::real().replace("    PeriodUnit:", "enum: [day]", "enum: [day, hour]");
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.PeriodUnit.x-enum-descriptions: the value `hour` needs a text here
      > x-enum-descriptions:
    ");
}

#[test]
fn a_union_without_discriminator() {
    let discriminator = "
      discriminator:
        propertyName: operator
        mapping:
          isNull: '#/components/schemas/PresenceCheck'
          isNotNull: '#/components/schemas/PresenceCheck'
";
    let spec = Spec::real().replace("    PresenceComparison:", discriminator, "\n");
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.VectorCondition.allOf: `allOf` is either one reference, or an inline object followed by a reference to a union with a discriminator
      > allOf:
    openapi.yaml:LINE: components.schemas.AnyCondition.allOf: `allOf` is either one reference, or an inline object followed by a reference to a union with a discriminator
      > allOf:
    openapi.yaml:LINE: components.schemas.PresenceComparison: a union needs a `discriminator` with a `propertyName` and a `mapping`: nothing else tells its variants apart
      > PresenceComparison:
    ");
}

#[test]
fn an_operation_that_does_not_say_whether_it_is_idempotent() {
    let spec = Spec::real().replace(
        "  /orchestration/batches/{uuid}/cancel:",
        "      x-idempotent: true\n",
        "",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: paths./orchestration/batches/{uuid}/cancel.post: the operation needs `x-idempotent: true` or `false`: may it be retried when its outcome is unknown?
      > post:
    ");
}

#[test]
fn a_list_that_does_not_say_how_it_is_paged() {
    let pagination = "
      x-pagination:
        style: offset
        in: query
        limit: limit
        offset: offset
        items: batches
        pageSize: 100
";
    let spec = Spec::real().replace("  /orchestration/batches/list:", pagination, "\n");
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: paths./orchestration/batches/list.get: the operation takes `limit` and `offset`, so it needs `x-pagination`
      > get:
    ");
}

#[test]
fn paging_over_a_field_that_does_not_exist() {
    let spec = Spec::real().replace(
        "  /orchestration/batches/list:",
        "items: batches",
        "items: results",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: paths./orchestration/batches/list.get.x-pagination: the response has no field `results`
      > x-pagination:
    ");
}

#[test]
fn a_field_without_description() {
    let spec = Spec::real().replace(
        "    SegmentData:",
        "          description: Segment whose records are enrolled.\n",
        "",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.SegmentData.properties.segmentUuid: the field needs a description (beside a reference: `description` and `allOf: [{$ref: ...}]`)
      > segmentUuid:
    ");
}

#[test]
fn a_schema_without_description() {
    let spec = Spec::real().replace(
        "    SegmentData:",
        "      description: All records of a segment. For plays.\n",
        "",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.SegmentData: the schema needs a description
      > SegmentData:
    ");
}

#[test]
fn a_duplicate_key() {
    let spec = Spec::real().replace(
        "    SegmentData:",
        "      x-module: data\n",
        "      x-module: data\n      x-module: runs\n",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: not valid YAML: duplicated key in mapping
      > x-module: runs
    ");
}

#[test]
fn a_duplicate_schema() {
    let spec = Spec::real().after(
        "    SegmentData:",
        "    ChangeData:\n      type: object\n      description: Twice.\n      x-module: data\n",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: not valid YAML: duplicated key in mapping
      > ChangeData:
    ");
}

#[test]
fn a_misspelt_key() {
    let spec = Spec::real().replace("    SegmentData:", "      required:", "      requried:");
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.SegmentData.requried: OpenAPI 3.0 has no such key here (misspelt, or of 3.1?)
      > requried: [kind, segmentUuid]
    ");
}

#[test]
fn a_constant_of_openapi_3_1() {
    let spec = Spec::real().replace("    SegmentData:", "enum: [segment]", "const: segment");
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.SegmentData.properties.kind.const: OpenAPI 3.0 has no such key here (misspelt, or of 3.1?)
      > const: segment
    ");
}

#[test]
fn a_list_of_types_of_openapi_3_1() {
    let spec = Spec::real().replace(
        "    UploadedFile:",
        "          type: string\n          description: Media type",
        "          type: [string, 'null']\n          description: Media type",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.UploadedFile.properties.contentType: not an OpenAPI 3.0 document: invalid type: sequence, expected a string
      > contentType:
    ");
}

#[test]
fn an_unknown_extension() {
    let spec = Spec::real().replace(
        "    SegmentData:",
        "x-module: data",
        "x-module: data\n      x-internal: true",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.SegmentData.x-internal: unknown extension; the known ones are x-advice, x-ambiguous, x-creates, x-enum-descriptions, x-flags, x-hand-written, x-idempotent, x-identity, x-module, x-modules, x-omission, x-one-or-many, x-pagination, x-rust-name, x-see-also, x-sensitive, x-terminal, x-waiter
      > x-internal: true
    ");
}

#[test]
fn a_closed_response() {
    let spec = Spec::real().replace(
        "    SegmentData:",
        "      type: object\n",
        "      type: object\n      additionalProperties: false\n",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.SegmentData.additionalProperties: this schema occurs in a response, which the server may extend: leave `additionalProperties: false` out
      > additionalProperties: false
    ");
}

#[test]
fn a_mapping_that_misses_a_variant() {
    let spec = Spec::real().replace(
        "    NodeKind:",
        "          agent: '#/components/schemas/AgentNode'\n",
        "",
    );
    assert_snapshot!(report(&spec), @r#"
    openapi.yaml:LINE: components.schemas.NodeKind.discriminator.mapping: `oneOf` names {"AgentNode", "ConnectorNode", "NativeNode", "ToolNode"}, the mapping {"ConnectorNode", "NativeNode", "ToolNode"}: they must be the same
      > mapping:
    openapi.yaml:LINE: components.schemas.NodeKind.discriminator.mapping: `AgentNode` allows the kind `agent`, which is not mapped
      > mapping:
    "#);
}

#[test]
fn a_variant_that_does_not_require_its_tag() {
    let spec = Spec::real().replace("    NativeNode:", "[kind, actionSlug]", "[actionSlug]");
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.NodeKind.discriminator.mapping.native: `NativeNode` does not list `native` in the enum of a required `kind`
      > native: '#/components/schemas/NativeNode'
    ");
}

#[test]
fn a_variant_of_many_kinds_outside_its_union() {
    let spec = Spec::real().replace(
        "    PropertyMatch:",
        "schemas/ObjectPropertyCondition'",
        "schemas/StringOperand'",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.PropertyMatch.properties.propertyConditions.items: `StringOperand` is more than one kind (operator: contains, operator: doesNotContain, operator: endsWith, operator: is, operator: isNot, operator: startsWith), so that nothing says which is meant outside its union: refer to the union, or to a schema of its own
      > items: { $ref: '#/components/schemas/StringOperand' }
    ");
}

#[test]
fn a_variant_that_is_only_a_tag_outside_its_union() {
    let spec = Spec::real().replace(
        "    PropertyMatch:",
        "schemas/ObjectPropertyCondition'",
        "schemas/FrequencyNot'",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.PropertyMatch.properties.propertyConditions.items: `FrequencyNot` is nothing but its tag: refer to its union, or to a schema of its own
      > items: { $ref: '#/components/schemas/FrequencyNot' }
    ");
}

#[test]
fn a_required_field_that_does_not_exist() {
    let spec = Spec::real().replace(
        "    NativeNode:",
        "[kind, actionSlug]",
        "[kind, actionSlug, slug]",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.NativeNode.required: `slug` is required but is not among the properties
      > required: [kind, actionSlug, slug]
    ");
}

#[test]
fn an_enum_in_the_middle_of_a_schema() {
    let spec = Spec::real().replace(
        "    UploadedFile:",
        "          description: Media type of the file.",
        "          description: Media type of the file.\n          enum: [csv, json]",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.UploadedFile.properties.contentType: an enum must be a named schema of its own (only a union's tag is written inline)
      > contentType:
    ");
}

#[test]
fn a_reason_without_advice() {
    let advice = "        noFile: Send the file as one part named `file`, with a file name.\n";
    let spec = Spec::real().replace(
        "    UploadFileErrorReason:",
        advice,
        "        noFiles: Send the file.\n",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.UploadFileErrorReason.x-advice: the value `noFile` needs a text here
      > x-advice:
    openapi.yaml:LINE: components.schemas.UploadFileErrorReason.x-advice.noFiles: there is no such value in the enum
      > noFiles: Send the file.
    ");
}

#[test]
fn a_waiter_that_says_what_nobody_reads() {
    let spec = Spec::real().replace(
        "  /orchestration/runs/{uuid}:",
        "interval: 2\n",
        "interval: 2\n        status: run.status\n",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: paths./orchestration/runs/{uuid}.get.x-waiter: unknown field `status`, expected one of `interval`, `slowInterval`, `slowAfter`, `slowFrom`
      > x-waiter:
    ");
}

#[test]
fn pages_of_items_without_an_id() {
    let spec = Spec::real().replace("  /orchestration/runs/list:", "items: runs", "items: run");
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: paths./orchestration/runs/list.post.x-pagination: the response has no field `run`
      > x-pagination:
    ");
    let spec = Spec::real().replace("  /orchestration/runs/list:", "items: runs", "items: count");
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: paths./orchestration/runs/list.post.x-pagination: the field `count` of the response is not a list of a schema with a `uuid` that distinguishes its items
      > x-pagination:
    ");
    let spec = Spec::real().replace("  /orchestration/runs/list:", "total: count", "total: runs");
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: paths./orchestration/runs/list.post.x-pagination: the field `runs` of the response is not an integer from 0
      > x-pagination:
    ");
}

#[test]
fn an_end_that_is_no_status() {
    let spec = Spec::real().replace(
        "    ExecutionStatus:",
        "x-terminal: [success, error]",
        "x-terminal: [success, failed]",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.ExecutionStatus.x-terminal: `failed` is not a value of the enum
      > x-terminal: [success, failed]
    ");
}

#[test]
fn a_schema_that_nothing_uses() {
    let spec = Spec::real().after(
        "    SegmentData:",
        "    Spare:\n      type: object\n      description: Not used.\n      x-module: data\n",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.Spare: nothing refers to this schema: use it or delete it
      > Spare:
    ");
}

#[test]
fn any_of() {
    let spec = Spec::real().replace("    NodeKind:", "      oneOf:", "      anyOf:");
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.NodeKind: `anyOf` and `not` have no form in Rust: use `oneOf` with a discriminator
      > NodeKind:
    ");
}

#[test]
fn a_composition_without_a_form_in_rust() {
    let spec = Spec::real().replace(
        "    GetBatchResponse:",
        "          allOf: [{ $ref: '#/components/schemas/Batch' }]",
        "          allOf: [{ $ref: '#/components/schemas/Batch' }, { $ref: '#/components/schemas/Run' }]",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.GetBatchResponse.properties.batch.allOf: `allOf` is either one reference, or an inline object followed by a reference to a union with a discriminator
      > allOf: [{ $ref: '#/components/schemas/Batch' }, { $ref: '#/components/schemas/Run' }]
    ");
}

#[test]
fn text_that_is_not_yaml() {
    let spec = Spec::real().replace(
        "    SegmentData:",
        "[kind, segmentUuid]",
        "[kind, segmentUuid",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: not valid YAML: illegal placement of ':' indicator
      > properties:
    ");
}

#[test]
fn a_tab() {
    let spec = Spec::real().replace(
        "    SegmentData:",
        "      x-module: data",
        "\tx-module: data",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: not valid YAML: while scanning a plain scalar, found a tab
      > description: All records of a segment. For plays.
    ");
}

#[test]
fn an_operation_without_summary() {
    let spec = Spec::real().replace(
        "  /orchestration/batches/{uuid}/cancel:",
        "      summary: Cancels a batch\n",
        "",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: paths./orchestration/batches/{uuid}/cancel.post: the operation needs a `summary`
      > post:
    ");
}

#[test]
fn an_operation_id_that_is_taken() {
    let spec = Spec::real().replace(
        "  /orchestration/batches/{uuid}/cancel:",
        "operationId: cancel_batch",
        "operationId: get_batch",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: paths./orchestration/batches/{uuid}/cancel.post.operationId: `get_batch` must be snake_case and used only once
      > operationId: get_batch
    ");
}

#[test]
fn an_unknown_module() {
    let spec = Spec::real().replace("    SegmentData:", "x-module: data", "x-module: date");
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.SegmentData.x-module: `date` is not one of the top-level `x-modules`
      > x-module: date
    ");
}

#[test]
fn a_second_success() {
    let spec = Spec::real().replace(
        "  /orchestration/batches/{uuid}/cancel:",
        "        '2XX':\n",
        "        '204':\n          description: Nothing to say.\n        '2XX':\n",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: paths./orchestration/batches/{uuid}/cancel.post.responses.204: responses are `2XX`, `4XX` and `5XX`: the generator knows one success and one error for each operation
      > '204':
    ");
}

#[test]
fn an_inline_answer() {
    let spec = Spec::real().replace(
        "  /orchestration/batches/{uuid}/download:",
        "              schema: { $ref: '#/components/schemas/DownloadResponse' }",
        "              schema: { type: object, description: Inline. }",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: paths./orchestration/batches/{uuid}/download.post.responses.2XX.content: the response `2XX` needs a JSON body that is a `$ref` to a named schema, or no `content` at all: text, files and several forms are not generated
      > content:
    ");
}

#[test]
fn two_mistakes_are_both_said() {
    let spec = Spec::real()
        .replace("    NativeNode:", "x-module: nodes", "x-module: node")
        .replace("    SegmentData:", "x-module: data", "x-module: date");
    assert_eq!(spec.problems().len(), 2, "{}", report(&spec));
}

/// The snapshots hide the numbers, so three are checked against the text here.
#[test]
fn the_line_is_the_one_to_mend() {
    let misspelt = Spec::real().replace("    SegmentData:", "      required:", "      requried:");
    assert_line(&misspelt, "requried");
    let foreign = Spec::real().replace("    SegmentData:", "enum: [segment]", "const: segment");
    assert_line(&foreign, "const");
    let extension = Spec::real().replace(
        "    NativeNode:",
        "x-module: nodes",
        "x-module: nodes\n      x-odd: 1",
    );
    assert_line(&extension, "x-odd");
    let broken = Spec::real().replace("    NativeNode:", "x-module: nodes", "x-module: 'nodes");
    let number = broken.problems()[0]
        .line
        .expect("a syntax error has a line");
    let start = broken
        .text()
        .lines()
        .position(|line| line == "    NativeNode:")
        .expect("it is there");
    assert!(
        number > start,
        "{number} is before the schema on line {start}"
    );
}

/// The only line of the text with `key` is the one that the message names.
fn assert_line(spec: &Spec, key: &str) {
    let of_key = |line: &str| line.trim_start().starts_with(&format!("{key}:"));
    let lines: Vec<usize> = (1..)
        .zip(spec.text().lines())
        .filter(|(_, line)| of_key(line))
        .map(|(i, _)| i)
        .collect();
    let [line] = lines.as_slice() else {
        panic!("{key} is on the lines {lines:?}")
    };
    let problems = spec.problems();
    let messages: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let start = format!("openapi.yaml:{line}: ");
    assert!(
        messages.iter().any(|message| message.starts_with(&start)),
        "{messages:#?}"
    );
}

/// Without it a creation of the new kind would never be recognised, and never be adopted.
#[test]
fn a_kind_of_data_without_an_identity() {
    let spec = Spec::real().replace(
        "    BatchData:",
        "        form: { distinctness: opaque }\n",
        "",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.BatchData.x-identity: the kind `form` needs a line here: which of its fields are given back?
      > x-identity:
    ");
}

#[test]
fn an_identity_of_what_does_not_exist() {
    let spec = Spec::real()
        .replace(
            "    BatchData:",
            "fields: [segmentUuid], ids: [segmentUuid], distinctness: shared",
            "fields: [segment], ids: [segmentUuid], distinctness: mine",
        )
        .replace(
            "    BatchData:",
            "ids: [filter.batchUuid]",
            "ids: [filter.batch]",
        )
        .replace(
            "    BatchData:",
            "        form: { distinctness",
            "        quantum: { distinctness: opaque }\n        form: { distinctness",
        );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.BatchData.x-identity.segment.fields: `segment` is no field of the kind `segment`
      > segment: { fields: [segment], ids: [segmentUuid], distinctness: mine }
    openapi.yaml:LINE: components.schemas.BatchData.x-identity.segment.distinctness: `mine` is none of unique, repeatable, shared, opaque
      > segment: { fields: [segment], ids: [segmentUuid], distinctness: mine }
    openapi.yaml:LINE: components.schemas.BatchData.x-identity.runs.ids: `filter.batch` is no field of the kind `runs`
      > runs: { fields: [filter, reset], ids: [filter.batch], distinctness: repeatable }
    openapi.yaml:LINE: components.schemas.BatchData.x-identity.quantum: there is no kind `quantum` in the union
      > quantum: { distinctness: opaque }
    ");
}

#[test]
fn a_creation_whose_response_has_no_such_field() {
    let spec = Spec::real().replace(
        "  /orchestration/batches:",
        "x-creates: batch.uuid",
        "x-creates: batch.id",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: paths./orchestration/batches.post.x-creates: `batch.id` is no field of the response: name that of the id, such as `batch.uuid`
      > x-creates: batch.id
    ");
}

#[test]
fn a_creation_that_may_be_sent_again() {
    let spec = Spec::real().replace(
        "  /orchestration/batches:",
        "x-idempotent: false",
        "x-idempotent: true",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: paths./orchestration/batches.post.x-creates: what can be retried creates nothing: `x-idempotent` is `true`
      > x-creates: batch.uuid
    ");
}

#[test]
fn an_ambiguous_reason_that_does_not_exist() {
    let spec = Spec::real().replace(
        "    CreateBatchErrorReason:",
        "x-ambiguous: [failedToStart]",
        "x-ambiguous: [failed]",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.CreateBatchErrorReason.x-ambiguous: `failed` is not a value of the enum
      > x-ambiguous: [failed]
    ");
}

#[test]
fn a_flag_that_is_a_property() {
    let spec = Spec::real().replace(
        "    CreateBatchRequest:",
        "        again: >-",
        "        data: >-",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.CreateBatchRequest.x-flags: a named object has flags: names in lower case that are no properties, each with what it means
      > x-flags:
    ");
}

#[test]
fn an_omission_of_what_is_required() {
    let spec = Spec::real().replace(
        "    CreateFilterData:",
        "required: [kind, modelUuid]",
        "required: [kind, modelUuid, filter]",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.CreateFilterData.properties.filter.x-omission: an optional field of a named object has an omission: the name of the constructor that leaves it out, with what that means
      > x-omission:
    ");
}
