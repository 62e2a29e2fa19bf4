//! Edits of the specification that once gave Rust that doesn't compile, or no word at all: each is right now, or is
//! refused on one of its own lines, with what to do. That the right ones compile is shown by the kitchen sink.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cargo_batch_tests::{Spec, fixture, openapi};
use xtask::codegen::{Generated, generate};
use xtask::spec::Problem;

/// What becomes of an edit.
enum Verdict {
    /// Its Rust holds this.
    Right(&'static str),
    /// It is refused with this.
    Refused(&'static str),
}
use Verdict::{Refused, Right};

const CASES: [(&str, Verdict); 52] = [
    (
        "changelog-t_kind_shares_schema",
        Right("FormTwo(CreateFormData)"),
    ),
    (
        "changelog-t_server",
        Right(r#"pub const BASE_URL: &str = "https://api.other.io/v2";"#),
    ),
    ("changelog-t_tag_moved", Right("CANCEL_BATCH")),
    ("changelog-u_min_removed", Right("pub runs_count: i64")),
    ("desc_f_bidi", Refused("U+202E can't be seen")),
    ("desc_f_cr", Refused("U+000D can't be seen")),
    ("enum_plus1", Refused("give it a name in `x-rust-name`")),
    (
        "field_created_at",
        Right(r#"#[serde(rename = "created_at")]"#),
    ),
    ("ft_date", Refused("use date-time, or none")),
    (
        "ft_map_ref",
        Refused("maps of other types are not generated"),
    ),
    ("ft_rec_opt", Refused("put a list in between")),
    (
        "kind_super",
        Refused("give `super` another name in `x-rust-name`"),
    ),
    (
        "maptype_Ok",
        Refused("`Ok` is the name of something else in the types crate"),
    ),
    (
        "maptype_Some",
        Refused("`Some` is the name of something else in the types crate"),
    ),
    ("method_delete", Right("method: Method::DELETE")),
    ("method_patch", Right("method: Method::PATCH")),
    (
        "nm_props_and_extra",
        Refused("those without a name would be lost"),
    ),
    (
        "op_body_multipart",
        Refused("name its file in `x-hand-written`"),
    ),
    ("op_body_two", Refused("must be `application/json`, alone")),
    ("op_callbacks", Refused("nothing is generated from it")),
    ("op_cursor_noext", Refused("paged by `cursor`")),
    ("op_deprecated", Right(r#"#[deprecated = "by the API"]"#)),
    (
        "op_security2",
        Refused("every operation takes the bearer token"),
    ),
    ("p_path_style", Refused("leave `style` and `explode` out")),
    ("p_ref", Refused("write it here")),
    ("p_style_deep", Refused("leave `style` out")),
    ("path_bool", Right("zz: bool")),
    ("path_dt", Right("operations::GET_ZZ.segment(&self.zz)?")),
    ("pathform_0_-zz-zz-cancel", Right("/zz/{}:cancel")),
    ("pname_new_opt", Right("pub fn new(mut self, new: ")),
    (
        "pname_path_query_same",
        Refused("give it another name with `x-rust-name`"),
    ),
    (
        "pname_request_opt",
        Right("pub fn request(mut self, request: "),
    ),
    ("pname_self_opt", Refused("snake_case `x-rust-name`")),
    (
        "pname_send_opt",
        Refused("`send` is the name of something else"),
    ),
    ("q_dt_opt", Right("zz: chrono::DateTime<chrono::Utc>")),
    ("q_int_req", Right("zz: i64")),
    ("q_minmax_opt", Right("zz: u64")),
    ("q_num_req", Right("zz: impl Into<f64>")),
    (
        "qlist_str_req",
        Right("zz: impl IntoIterator<Item = impl Into<String>>"),
    ),
    ("r_header", Refused("`Response::headers`")),
    (
        "r_text",
        Refused("text, files and several forms are not generated"),
    ),
    ("sec_apikey", Refused("the client sends one token")),
    ("sec_unknown", Refused("no scheme of a bearer token")),
    (
        "tag_operations",
        Refused("`operations` is the name of something else in the client"),
    ),
    ("tag_segments", Right("pub mod segments;")),
    ("type_From", Refused("`From` is the name of something else")),
    ("type_Into", Refused("`Into` is the name of something else")),
    ("type_Self", Refused("`Self` is the name of something else")),
    (
        "type_own_tag_clash",
        Refused("the tag of `ObjectPropertyCondition`"),
    ),
    ("u_two_tags", Refused("give each union a schema of its own")),
    ("xmod_operations", Right("pub use operations::*;")),
    ("xmod_std", Refused("`std` is the name of something else")),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/codegen-cases")
}

fn cases() -> impl Iterator<Item = &'static (&'static str, Verdict)> {
    CASES.iter()
}

#[test]
fn each_is_right_or_refused_with_its_line() {
    let mut wrong = Vec::new();
    for (name, verdict) in cases() {
        let patch = fixture(&format!("codegen-cases/{name}.patch"));
        let (spec, added) = Spec::real().patched(&patch);
        if let Err(what) = judge(&spec, &added, verdict) {
            wrong.push(format!("{name}: {what}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn judge(spec: &Spec, added: &[usize], verdict: &Verdict) -> Result<(), String> {
    match (generate(spec.text()), verdict) {
        (Ok(generated), Right(text)) => match all(&generated).contains(text) {
            true => Ok(()),
            false => Err(format!("{text:?} is not generated")),
        },
        (Err(problems), Refused(text)) => {
            let first = problems.first().ok_or("it is refused without a problem")?;
            let is_own = first.line.is_some_and(|line| added.contains(&line));
            let says = problems
                .iter()
                .any(|problem| problem.message.contains(text));
            match is_own && says {
                true => Ok(()),
                false => Err(format!(
                    "{text:?} is not said of one of its own lines: {first}"
                )),
            }
        }
        (Ok(_), Refused(_)) => Err("it is not refused".to_owned()),
        (Err(problems), Right(_)) => Err(format!("it is refused: {}", said(&problems))),
    }
}

fn all(generated: &Generated) -> String {
    generated.files().into_values().collect()
}

fn said(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn every_patch_is_a_case() {
    let files = fs::read_dir(folder()).expect("the cases are there");
    let files: BTreeSet<String> = files
        .map(|file| file.expect("it can be read").path())
        .map(|path| {
            path.file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let names: BTreeSet<String> = cases().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(files, names);
}

/// An operation under `/zz`, in the place where the cases have theirs.
fn with_operation(path: &str, method: &str, lines: &str) -> Spec {
    let error =
        "content: { application/json: { schema: { $ref: '#/components/schemas/ApiError' } } }";
    let own = |key: &str, default: &str| match lines.contains(&format!("      {key}:")) {
        true => String::new(),
        false => format!("      {key}: {default}\n"),
    };
    let responses = format!(
        "\n        '2XX':\n          description: It.\n          content: {{ application/json: {{ schema: {{ $ref: \
         '#/components/schemas/GetReleaseResponse' }} }} }}\n        '4XX':\n          description: No.\n          \
         {error}\n        '5XX':\n          description: No.\n          {error}"
    );
    let operation = format!(
        "  {path:?}:\n    {method}:\n{}{}      summary: Do it\n      description: It does it.\n      x-idempotent: \
         true\n{lines}{}",
        own("operationId", "get_zz"),
        own("tags", "[releases]"),
        own("responses", &responses),
    );
    Spec::real().before("components:", &operation)
}

fn parameter(name: &str, place: &str, schema: &str, more: &str) -> String {
    let required = place == "path";
    format!(
        "      parameters:\n        - name: {name:?}\n          in: {place}\n          required: {required}\n          \
         description: It.\n{more}          schema: {schema}\n"
    )
}

#[track_caller]
fn assert_refused(spec: &Spec, text: &str, line: &str) {
    let problems = spec.problems();
    let fits = |problem: &Problem| {
        let said = problem
            .line
            .is_some_and(|number| spec.line(number).contains(line));
        said && problem.message.contains(text)
    };
    assert!(
        problems.iter().any(fits),
        "{text:?} is not said of {line:?}:\n{}",
        said(&problems)
    );
}

#[track_caller]
fn assert_right(spec: &Spec, text: &str) {
    let generated = generate(spec.text()).unwrap_or_else(|problems| panic!("{}", said(&problems)));
    assert!(all(&generated).contains(text), "{text:?} is not generated");
}

// ---- siblings of the cases ----

#[test]
fn methods_that_are_not_generated() {
    for method in ["head", "options", "trace"] {
        let spec = with_operation("/zz", method, "");
        assert_refused(
            &spec,
            "the methods are GET, POST, PUT, PATCH and DELETE",
            method,
        );
    }
    let body = "      requestBody:\n        required: true\n        content: { application/json: { schema: { $ref: \
                '#/components/schemas/DownloadBatchRequest' } } }\n";
    assert_right(&with_operation("/zz", "put", body), "method: Method::PUT");
    assert_refused(
        &with_operation("/zz", "delete", body),
        "a DELETE has no body",
        "requestBody",
    );
    let optional = body.replace("required: true", "required: false");
    assert_refused(
        &with_operation("/zz", "post", &optional),
        "`required: true`",
        "requestBody",
    );
}

#[test]
fn keys_that_nothing_reads() {
    for (lines, key) in [
        (
            "      externalDocs: { url: 'https://example.com' }\n",
            "externalDocs",
        ),
        (
            "      servers: [{ url: 'https://example.com' }]\n",
            "servers",
        ),
    ] {
        assert_refused(
            &with_operation("/zz", "get", lines),
            "nothing is generated from it",
            key,
        );
    }
    for (key, text) in [
        ("example", "          example: x\n"),
        ("allowReserved", "          allowReserved: true\n"),
        ("allowEmptyValue", "          allowEmptyValue: true\n"),
    ] {
        let spec = with_operation(
            "/zz",
            "get",
            &parameter("zz", "query", "{ type: string }", text),
        );
        assert_refused(&spec, "nothing is generated from it", key);
    }
    for (find, with, key) in [
        (
            "  version: 1.0.0\n",
            "  version: 1.0.0\n  license: { name: MIT }\n",
            "license",
        ),
        (
            "  version: 1.0.0\n",
            "  version: 1.0.0\n  termsOfService: https://example.com\n",
            "termsOfService",
        ),
    ] {
        assert_refused(
            &Spec::real().replace("info:", find, with),
            "nothing is generated from it",
            key,
        );
    }
    let spec = Spec::real().before(
        "components:",
        "externalDocs: { url: 'https://example.com' }\n",
    );
    assert_refused(&spec, "nothing is generated from it", "externalDocs");
    for key in ["headers", "examples", "links", "requestBodies"] {
        let spec = Spec::real().before(
            "  schemas:",
            &format!("  {key}: {{ x: {{ description: It. }} }}\n"),
        );
        let said = said(&spec.problems());
        assert!(
            said.contains(&format!("components.{key}")) || said.contains("not an OpenAPI"),
            "{said}"
        );
    }
    let spec = Spec::real().replace(
        "    Column:",
        "      x-module: data",
        "      x-module: data\n      x-idempotent: true",
    );
    assert_refused(&spec, "it has no effect here", "x-idempotent");
    let spec = Spec::real().replace(
        "    Column:",
        "      x-module: data",
        "      x-module: data\n      x-advice: { a: b }",
    );
    assert_refused(&spec, "only an enum", "x-advice");
    let spec = Spec::real().replace(
        "    Column:",
        "      x-module: data",
        "      x-module: data\n      deprecated: true",
    );
    assert_refused(&spec, "it has no effect", "deprecated");
}

#[test]
fn servers_that_are_no_base_url() {
    let url = "  - url: https://api.getcargo.io/v1\n";
    for odd in [
        "http://api.getcargo.io/v1",
        "/v1",
        "https://{region}.getcargo.io",
        "https://api.getcargo.io/v1/",
    ] {
        let spec = Spec::real().replace("servers:", url, &format!("  - url: '{odd}'\n"));
        assert_refused(&spec, "`BASE_URL`", odd);
    }
    let second = format!("  - url: https://second.example\n    description: It.\n{url}");
    assert_refused(
        &Spec::real().replace("servers:", url, &second),
        "one `BASE_URL`",
        "getcargo",
    );
    assert_refused(
        &Spec::real().replace("servers:", "servers:\n", "server:\n"),
        "no such key",
        "server:",
    );
}

#[test]
fn parameters_without_one_spelling() {
    for (place, schema) in [
        ("query", "{ $ref: '#/components/schemas/Filter' }"),
        ("query", "{ $ref: '#/components/schemas/BatchData' }"),
        ("query", "{ type: object, additionalProperties: true }"),
        ("path", "{ $ref: '#/components/schemas/Column' }"),
    ] {
        let spec = with_operation(&path(place), "get", &parameter("zz", place, schema, ""));
        assert_refused(&spec, "a parameter is text, a date-time", "zz");
    }
    let spec = with_operation(
        "/zz",
        "get",
        &parameter(
            "zz",
            "query",
            "{ $ref: '#/components/schemas/SignedUrl' }",
            "",
        ),
    );
    assert_refused(&spec, "a secret is no parameter", "zz");
    let spec = with_operation(
        "/zz",
        "get",
        &parameter("zz", "query", "{ type: string, nullable: true }", ""),
    );
    assert_refused(&spec, "never `null`", "zz");
    let spec = with_operation(
        "/zz",
        "get",
        &parameter("zz", "header", "{ type: string }", ""),
    );
    assert_refused(&spec, "the client sets the headers itself", "zz");
    let spec = with_operation(
        "/zz",
        "get",
        &parameter("zz", "cookie", "{ type: string }", ""),
    );
    assert_refused(&spec, "`in: path` or `in: query`", "zz");
    for style in ["spaceDelimited", "pipeDelimited"] {
        let more = format!("          style: {style}\n          explode: true\n");
        let list = "{ type: array, items: { type: string } }";
        assert_refused(
            &with_operation("/zz", "get", &parameter("zz[]", "query", list, &more)),
            "style: form",
            "zz[]",
        );
    }
    for (path, part) in [
        ("/zz/../x", "zz/.."),
        ("/zz//x", "zz//x"),
        ("/zz?x=1", "zz?x"),
        ("/zz/é", "zz/é"),
    ] {
        assert_refused(
            &with_operation(path, "get", ""),
            "a path begins with a slash",
            part,
        );
    }
}

fn path(place: &str) -> String {
    if place == "path" {
        "/zz/{zz}".to_owned()
    } else {
        "/zz".to_owned()
    }
}

#[test]
fn parameters_named_like_generated_code() {
    for name in ["client", "sendAs", "send_as", "send"] {
        let spec = with_operation(
            "/zz",
            "get",
            &parameter(name, "query", "{ type: string }", ""),
        );
        assert_refused(&spec, "is the name of something else", name);
        let named = "          x-rust-name: other_name\n";
        let spec = with_operation(
            "/zz",
            "get",
            &parameter(name, "query", "{ type: string }", named),
        );
        assert_right(
            &spec,
            &format!("QueryParam::new({name:?}, &self.other_name)"),
        );
    }
    for name in ["super", "crate", "Self", "3d", "+1"] {
        let spec = with_operation(
            "/zz",
            "get",
            &parameter(name, "query", "{ type: string }", ""),
        );
        assert_refused(&spec, "x-rust-name", name);
    }
    let spec = with_operation(
        "/zz",
        "get",
        &parameter(
            "x",
            "query",
            "{ type: string }",
            "          x-rust-name: NotSnake\n",
        ),
    );
    assert_refused(&spec, "snake_case `x-rust-name`", "x");
}

#[test]
fn operations_named_like_what_the_client_has() {
    for id in ["error", "batch", "option", "base_url"] {
        let spec = with_operation("/zz", "get", &format!("      operationId: {id}\n"));
        assert_refused(&spec, "is the name of something else in the client", id);
    }
    let named = "      operationId: client\n      x-rust-name: client_of_zz\n";
    assert_right(&with_operation("/zz", "get", named), "pub fn client_of_zz(");
    let spec = with_operation("/zz", "get", "      operationId: all\n");
    assert_refused(&spec, "`ALL` would be there twice", "all");
    for tag in [
        "types",
        "serde",
        "download",
        "reasons",
        "creations",
        "identities",
    ] {
        let spec = with_operation("/zz", "get", &format!("      tags: [{tag}]\n"));
        let spec = spec.replace(
            "tags:",
            "  - name: releases\n",
            &format!("  - name: {tag}\n    description: It.\n  - name: releases\n"),
        );
        assert_refused(&spec, "is the name of something else in the client", tag);
    }
}

#[test]
fn types_and_modules_named_like_what_generated_code_uses() {
    let own = |name: &str| {
        format!(
            "    {name}:\n      type: object\n      description: It.\n      x-module: batches\n      properties:\n        slug: {{ type: string, description: It. }}\n"
        )
    };
    let used = |name: &str| {
        format!(
            "        zz:\n          description: It.\n          allOf: [{{ $ref: '#/components/schemas/{name}' }}]\n        slug:\n"
        )
    };
    for name in ["Option", "Err", "IntoIterator", "RawObject", "Outcome"] {
        let spec = Spec::real().after("    Column:", &own(name)).replace(
            "    Column:",
            "        slug:\n",
            &used(name),
        );
        assert_refused(
            &spec,
            "is the name of something else in the types crate",
            name,
        );
    }
    let named = own("Default").replace(
        "      x-module",
        "      x-rust-name: OtherName\n      x-module",
    );
    let spec = Spec::real().after("    Column:", &named).replace(
        "    Column:",
        "        slug:\n",
        &used("Default"),
    );
    assert_right(&spec, "pub zz: Option<OtherName>");
    for module in ["chrono", "serde", "crate"] {
        let spec = Spec::real()
            .replace(
                "x-modules:",
                "x-modules:\n",
                &format!("x-modules:\n  {module}: It.\n"),
            )
            .replace(
                "    Column:",
                "x-module: data",
                &format!("x-module: {module}"),
            );
        let said = said(&spec.problems());
        assert!(said.contains(&format!("x-modules.{module}")), "{said}");
    }
}

#[test]
fn names_of_the_wire_get_a_name_in_rust() {
    let values = "      enum: [day, \"+1\", 3d, \"\", unknown, txt, TXT]\n      x-rust-name: { \"+1\": PlusOne, 3d: ThreeD, \"\": Nothing, unknown: NotKnown, TXT: UpperTxt }\n";
    let texts = "        day: Days.\n        \"+1\": It.\n        3d: It.\n        \"\": It.\n        unknown: It.\n        txt: It.\n        TXT: It.\n";
    let spec = Spec::real()
        .replace("    PeriodUnit:", "      enum: [day]\n", values)
        .replace("    PeriodUnit:", "        day: Days.\n", texts);
    assert_right(&spec, "UpperTxt = \"TXT\",");
    let wrong = Spec::real().replace(
        "    PeriodUnit:",
        "      enum: [day]\n",
        "      enum: [day]\n      x-rust-name: { dey: Day }\n",
    );
    assert_refused(&wrong, "`dey` is no value", "dey");
    let field = |name: &str, more: &str| {
        let lines = format!(
            "        {name:?}:\n          type: string\n          description: It.\n{more}        slug:\n"
        );
        Spec::real().replace("    Column:", "        slug:\n", &lines)
    };
    for name in ["+1", "self", "$ref", "é b"] {
        let named = field(name, "          x-rust-name: other_name\n");
        assert_right(&named, &format!("#[serde(rename = {name:?})]"));
    }
    assert_refused(&field("+1", ""), "snake_case `x-rust-name`", "+1");
    assert_refused(
        &field("created", "          x-rust-name: CamelCase\n"),
        "snake_case `x-rust-name`",
        "created",
    );
    assert_right(&field("mapping", ""), "pub mapping: Option<String>");
}

#[test]
fn pages_by_other_means_than_an_offset() {
    for name in ["pageToken", "after", "next_token"] {
        let lines = format!(
            "      operationId: list_zz\n{}",
            parameter(name, "query", "{ type: string }", "")
        );
        assert_refused(
            &with_operation("/zz", "get", &lines),
            "only pages by `limit` and `offset`",
            "get:",
        );
    }
}

#[test]
fn types_in_types_a_hundred_deep() {
    let deep = |levels: usize| {
        let level = |i: usize| {
            let next = if i + 1 < levels {
                format!(
                    "        next:\n          description: It.\n          allOf: [{{ $ref: '#/components/schemas/D{}x' }}]\n",
                    i + 1
                )
            } else {
                "        last: { type: string, description: It. }\n".to_owned()
            };
            format!(
                "    D{i}x:\n      type: object\n      description: It.\n      x-module: batches\n      properties:\n{next}"
            )
        };
        let field = "        zz:\n          description: It.\n          allOf: [{ $ref: '#/components/schemas/D0x' }]\n        slug:\n";
        let levels: String = (0..levels).map(level).collect();
        Spec::real()
            .after("    Column:", &levels)
            .replace("    Column:", "        slug:\n", field)
    };
    assert_refused(&deep(300), "put a list in between", "D");
    assert_refused(&deep(25), "put a list in between", "D0x");
    assert_right(&deep(20), "pub struct D19x");
}

#[test]
fn unreadable_specifications_are_reported_with_their_line() {
    let spec = Spec::real().replace(
        "    Column:",
        "slug:\n          type: string",
        "slug:\n          type: [string]",
    );
    assert_refused(&spec, "not an OpenAPI 3.0 document", "slug");
    let spec = with_operation(
        "/zz",
        "get",
        &parameter("zz", "query", "{ type: string }", "          explode: 3\n"),
    );
    assert_refused(&spec, "not an OpenAPI 3.0 document", "zz");
    let spec = with_operation("/zz", "get", "      deprecated: often\n");
    assert_refused(&spec, "not an OpenAPI 3.0 document", "get:");
    let spec = Spec::real().replace("info:", "  version: 1.0.0\n", "  version: [1]\n");
    assert_refused(&spec, "not an OpenAPI 3.0 document", "info:");
    let marks = "<<<<<<< HEAD\n    # ours\n=======\n    # theirs\n>>>>>>> theirs\n";
    assert_refused(
        &Spec::real().after("    Column:", marks),
        "a conflict of a merge",
        "<<<<<<< HEAD",
    );
}

#[test]
fn invisible_text_is_refused_wherever_it_is() {
    for odd in [
        "\\u200b", "\\u2066", "\\ufeff", "\\u0007", "\\u2028", "\\u061c",
    ] {
        let spec = Spec::real().replace(
            "    BatchRunsStatus:",
            "healthy: The runs are doing well.",
            &format!("healthy: \"It {odd}.\""),
        );
        assert_refused(&spec, "can't be seen", "healthy");
        let spec = Spec::real().replace(
            "tags:",
            "description: Input files of batches.",
            &format!("description: \"{odd}\""),
        );
        assert_refused(&spec, "can't be seen", "description");
    }
}

/// Whatever stands in the specification: nothing is printed by a panic, and the problem has a line.
#[test]
fn every_problem_has_a_line() {
    for text in [
        "",
        "a: [",
        "- 1",
        "3",
        "openapi: 3.0.3",
        "--- a\n--- b\n",
        "\u{feff}",
        "{}",
        openapi().split_once("paths:").map_or("", |(head, _)| head),
    ] {
        let problems = generate(text).expect_err("it is no specification");
        assert!(!problems.is_empty(), "{text:?}");
        for problem in problems {
            assert!(problem.line.is_some(), "{text:?}: {problem}");
        }
    }
}
