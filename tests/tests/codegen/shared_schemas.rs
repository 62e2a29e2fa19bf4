//! Operations that list, create or are refused as others do: what is generated once for a schema is there once, and
//! always.

use cargo_batch_tests::Spec;
use xtask::codegen::generate;

/// An operation like others, put before the schemas.
struct Operation<'a> {
    id: &'a str,
    more: &'a str,
    request: Option<&'a str>,
    response: &'a str,
    error: &'a str,
}

impl Operation<'_> {
    fn added_to(&self, spec: Spec) -> Spec {
        let Self { id, more, .. } = self;
        let method = if self.request.is_some() {
            "post"
        } else {
            "get"
        };
        let json = |schema: &str| {
            format!(
                "content: {{ application/json: {{ schema: {{ $ref: '#/components/schemas/{schema}' }} }} }}"
            )
        };
        let request = self.request.map(|schema| {
            format!(
                "      requestBody:\n        required: true\n        {}\n",
                json(schema)
            )
        });
        let (request, response, error) = (
            request.unwrap_or_default(),
            json(self.response),
            json(self.error),
        );
        let text = format!(
            "  /{id}:\n    {method}:\n      operationId: {id}\n      tags: [releases]\n      summary: Do it\n      \
             description: It does it.\n      x-idempotent: false\n{more}{request}      responses:\n        '2XX':\n          \
             description: It.\n          {response}\n        '4XX':\n          description: No.\n          {error}\n        \
             '5XX':\n          description: No.\n          {error}\n"
        );
        spec.before("components:", &text)
    }
}

fn generated(spec: &Spec) -> xtask::codegen::Generated {
    generate(spec.text()).unwrap_or_else(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("it is refused:\n{}", lines.join("\n"))
    })
}

#[track_caller]
fn assert_refused(spec: &Spec, text: &str, line: &str) {
    let problems = spec.problems();
    let fits = problems.iter().any(|problem| {
        let is_there = problem
            .line
            .is_some_and(|number| spec.line(number).contains(line));
        is_there && problem.message.contains(text)
    });
    assert!(fits, "{text:?} is not said of {line:?}: {problems:?}");
}

#[test]
fn the_reasons_of_several_operations_convert_still() {
    let from = "impl From<types::CreateBatchErrorReason> for Reason {";
    let own = generated(&Spec::real()).reasons.text;
    assert_eq!(own.matches(from).count(), 1);
    let copy = Operation {
        id: "copy_batch",
        more: "",
        request: None,
        response: "GetReleaseResponse",
        error: "CreateBatchError",
    };
    let shared = generated(&copy.added_to(Spec::real())).reasons.text;
    assert_eq!(shared.matches(from).count(), 1, "{shared}");
    let conversion = shared.split(from).nth(1).unwrap_or_default();
    let conversion = conversion.split("\n}").next().unwrap_or_default();
    assert!(
        conversion.contains("Self::CreateBatch(reason)"),
        "{conversion}"
    );
    assert!(
        shared.contains("CopyBatch(types::CreateBatchErrorReason)"),
        "{shared}"
    );
    // Also when the other comes first.
    let text = copy.added_to(Spec::real());
    let (head, rest) = text
        .text()
        .split_once("  /copy_batch:")
        .expect("it was added");
    let (operation, tail) = rest.split_once("components:").expect("it is the last");
    let moved = head.replacen("paths:\n", &format!("paths:\n  /copy_batch:{operation}"), 1);
    let first = generate(&format!("{moved}components:{tail}"))
        .expect("it is right")
        .reasons
        .text;
    assert!(
        first.find("CopyBatch(") < first.find("CreateBatch("),
        "it does come first"
    );
    assert!(first.contains(conversion), "{first}");
}

#[test]
fn items_of_every_list_are_told_apart_once() {
    let all = |generated: &xtask::codegen::Generated| -> String {
        generated
            .operations
            .iter()
            .map(|chunk| chunk.text.as_str())
            .collect()
    };
    let own = all(&generated(&Spec::real()));
    for item in [
        "Batch",
        "Run",
        "Segment",
        "SegmentChange",
        "Tool",
        "Play",
        "Model",
    ] {
        let identity = format!("impl crate::pages::HasId for types::{item} {{");
        assert_eq!(own.matches(&identity).count(), 1, "{item}");
    }
    let again = Operation {
        id: "search_tools",
        more: "",
        request: None,
        response: "ListToolsResponse",
        error: "ApiError",
    };
    let shared = all(&generated(&again.added_to(Spec::real())));
    assert_eq!(shared.matches("HasId for types::Tool {").count(), 1);
    // A list beside what the response is about.
    let spec = Spec::real().after(
        "    GetReleaseResponse:",
        "    GetZzResponse:
      type: object
      description: It.
      x-module: releases
      required: [zzs]
      properties:
        name: { type: string, description: Its name. }
        zzs:
          type: array
          description: They.
          items: { $ref: '#/components/schemas/Zz' }
    Zz:
      type: object
      description: One.
      x-module: releases
      required: [uuid]
      properties:
        uuid:
          description: Its id.
          allOf: [{ $ref: '#/components/schemas/ReleaseUuid' }]
",
    );
    let zz = Operation {
        id: "get_zz",
        more: "",
        request: None,
        response: "GetZzResponse",
        error: "ApiError",
    };
    assert!(all(&generated(&zz.added_to(spec))).contains("HasId for types::Zz {"));
}

/// An operation that creates batches, with a request of its own.
fn creating<'a>(id: &'a str, more: &'a str, request: Option<&'a str>) -> Spec {
    let own = |spec: Spec| {
        spec.after(
            "    GetReleaseResponse:",
            "    ReplayBatchRequest:
      type: object
      description: It.
      x-module: batches
      required: [name]
      properties:
        name: { type: string, description: Its name. }
",
        )
    };
    let spec = match request {
        Some("ReplayBatchRequest") => own(Spec::real()),
        _ => Spec::real(),
    };
    let more = format!("      x-creates: batch.uuid\n{more}");
    let operation = Operation {
        id,
        more: &more,
        request,
        response: "CreateBatchResponse",
        error: "ApiError",
    };
    operation.added_to(spec)
}

#[test]
fn an_operation_that_creates_batches_is_a_creation() {
    let spec = creating("replay_batch", "", Some("ReplayBatchRequest"));
    let creations = generated(&spec).creations.text;
    for part in [
        "#[serde(rename = \"replay_batch\")]\n    ReplayBatch(types::ReplayBatchRequest),",
        "Self::ReplayBatch(_) => &operations::REPLAY_BATCH,",
        "Self::ReplayBatch(request) => Ok(client.replay_batch(request).await?.batch),",
        "impl From<types::ReplayBatchRequest> for CreationRequest {",
    ] {
        assert!(creations.contains(part), "{part}\n{creations}");
    }
    // A run is not recognised by its data.
    assert!(!creations.contains("CreateRun"), "{creations}");
}

#[test]
fn creations_that_their_request_does_not_describe() {
    let spec = creating("replay_batch", "", Some("CreateBatchRequest"));
    assert_refused(&spec, "the request of `create_batch`, too", "requestBody");
    let spec = creating("replay_batch", "", None);
    assert_refused(&spec, "it needs a JSON body", "x-creates");
    let parameter = "      parameters:\n        - { name: zz, in: query, required: true, description: It., \
                     schema: { type: string } }\n";
    let spec = creating("replay_batch", parameter, Some("ReplayBatchRequest"));
    assert_refused(
        &spec,
        "a parameter that is required belongs there",
        "parameters",
    );
    let parameter = parameter.replace("required: true, ", "");
    let spec = creating("replay_batch", &parameter, Some("ReplayBatchRequest"));
    assert!(generated(&spec).creations.text.contains("ReplayBatch("));
}
