//! Forms, names and parameters that have no form in Rust are refused before anything is generated.

use cargo_batch_tests::{Spec, report};
use insta::assert_snapshot;

// ---- forms that have no form in Rust ----

#[test]
fn a_type_that_is_none() {
    let spec = Spec::real().replace(
        "    Column:",
        "slug:\n          type: string",
        "slug:\n          type: text",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.Column.properties.slug: `text` is no type: it is string, integer, number, boolean, array or object
      > slug:
    ");
}

#[test]
fn a_field_without_a_type() {
    let spec = Spec::real().replace("    Column:", "slug:\n          type: string\n", "slug:\n");
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.Column.properties.slug: the schema needs a `type`, a `$ref`, `allOf` or `oneOf`
      > slug:
    ");
}

#[test]
fn a_pattern() {
    let spec = Spec::real().replace(
        "    Column:",
        "slug:\n          type: string\n",
        "slug:\n          type: string\n          pattern: '^[a-z]+$'\n",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.Column.properties.slug.pattern: it has no effect on what is generated here: leave it out
      > pattern: '^[a-z]+$'
    ");
}

#[test]
fn an_object_in_the_middle_of_a_schema() {
    let spec = Spec::real().replace(
        "    Column:",
        "slug:\n          type: string\n",
        "slug:\n          type: object\n          properties:\n            text:\n              type: string\n              description: It.\n",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.Column.properties.slug: an object with properties must be a named schema of its own: it becomes a struct
      > slug:
    ");
}

#[test]
fn an_id_without_a_type_of_its_own() {
    let spec = Spec::real().replace(
        "    Column:",
        "slug:\n          type: string\n",
        "slug:\n          type: string\n          format: uuid\n",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.Column.properties.slug: an id must be a named schema of its own: it becomes a type
      > slug:
    ");
}

#[test]
fn a_secret_without_a_type_of_its_own() {
    let spec = Spec::real().replace(
        "    Column:",
        "slug:\n          type: string\n",
        "slug:\n          type: string\n          x-sensitive: true\n",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.Column.properties.slug.x-sensitive: only a named schema of type `string` is hidden: give the secret one
      > x-sensitive: true
    ");
}

#[test]
fn a_required_field_that_may_be_null() {
    let spec = Spec::real().replace(
        "    Column:",
        "slug:\n          type: string\n",
        "slug:\n          type: string\n          nullable: true\n",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.Column.properties.slug: what may be null may be absent, too: take it out of `required`
      > slug:
    ");
}

#[test]
fn a_schema_that_holds_itself() {
    let spec = Spec::real().replace(
        "    NodeRetry:",
        "      properties:\n",
        "      properties:\n        node:\n          description: The node.\n          allOf: [{ $ref: '#/components/schemas/Node' }]\n",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.Node.allOf.0.properties.retry: it holds itself (Node > NodeRetry > Node): put a list in between
      > retry:
    openapi.yaml:LINE: components.schemas.NodeRetry.properties.node: it holds itself (NodeRetry > Node > NodeRetry): put a list in between
      > node:
    ");
}

// ---- names ----

#[test]
fn a_name_that_rust_has_taken() {
    let spec = Spec::real().after(
        "    Column:",
        "    Option:\n      type: object\n      description: A choice.\n      x-module: batches\n      properties:\n        self:\n          description: It.\n          allOf: [{ $ref: '#/components/schemas/Option' }]\n        a-b:\n          type: string\n          description: It.\n",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.Option.properties.self: `self` is a word of Rust that can't name a field: give it another in `x-rust-name`
      > self:
    openapi.yaml:LINE: components.schemas.Option.properties.self: it holds itself (Option > Option): put a list in between
      > self:
    ");
}

#[test]
fn two_fields_with_one_setter() {
    let spec = Spec::real().replace(
        "    CreateFormData:",
        "        parentRunUuid:\n",
        "        parentRun:\n          type: string\n          description: It.\n        parentRunUuid:\n",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.CreateFormData.properties.parentRunUuid: `parentRunUuid` is set by `parent_run`, which is taken by parentRun: give one another name in `x-rust-name`
      > parentRunUuid:
    ");
}

#[test]
fn two_values_with_one_variant() {
    let spec = Spec::real()
        .replace(
            "    PeriodUnit:",
            "enum: [day]",
            "enum: [day, Day, 3d, unknown]",
        )
        .replace(
            "    PeriodUnit:",
            "        day: Days.\n",
            "        day: Days.\n        Day: Days.\n        3d: Three.\n        unknown: None.\n",
        );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: components.schemas.PeriodUnit.enum: `Day` gives the variant `Day`, which is taken by day: give it a name in `x-rust-name`
      > enum: [day, Day, 3d, unknown]
    openapi.yaml:LINE: components.schemas.PeriodUnit.enum: `3d` can't be the name of a variant: it begins with a letter; give it a name in `x-rust-name`
      > enum: [day, Day, 3d, unknown]
    openapi.yaml:LINE: components.schemas.PeriodUnit.enum: `unknown` gives the variant `Unknown`, which is taken by what keeps unknown ones: give it a name in `x-rust-name`
      > enum: [day, Day, 3d, unknown]
    ");
}

// ---- parameters ----

#[test]
fn a_parameter_of_the_path_that_is_not_declared() {
    let spec = Spec::real().replace(
        "  /orchestration/batches/{uuid}/cancel:",
        "        - name: uuid\n",
        "        - name: batch\n",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: paths./orchestration/batches/{uuid}/cancel.post: `{uuid}` of the path is not among the parameters
      > post:
    openapi.yaml:LINE: paths./orchestration/batches/{uuid}/cancel.post.parameters.0: the path has no `{batch}`
      > - name: batch
    ");
}

#[test]
fn a_list_in_the_query_without_its_brackets() {
    let spec = Spec::real().replace(
        "  /orchestration/batches/list:",
        "        - name: statuses[]\n",
        "        - name: statuses\n",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: paths./orchestration/batches/list.get.parameters.6: a list in the query is named `name[]`, and only a list is
      > - name: statuses
    ");
}

#[test]
fn a_header() {
    let spec = Spec::real().replace(
        "  /workspaceManagement/files/listColumns:",
        "in: query",
        "in: header",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: paths./workspaceManagement/files/listColumns.get.parameters.0: a parameter is `in: path` or `in: query`: the client sets the headers itself
      > - name: s3Filename
    ");
}

#[test]
fn a_body_of_a_get() {
    let spec = Spec::real().replace(
        "  /workspaceManagement/files/listColumns:",
        "      parameters:\n",
        "      requestBody:\n        content:\n          application/json:\n            schema: { $ref: '#/components/schemas/DownloadBatchRequest' }\n      parameters:\n",
    );
    assert_snapshot!(report(&spec), @r"
    openapi.yaml:LINE: paths./workspaceManagement/files/listColumns.get.requestBody: a body is always sent: `required: true`
      > requestBody:
    openapi.yaml:LINE: paths./workspaceManagement/files/listColumns.get.requestBody: a GET has no body
      > requestBody:
    ");
}
