//! Operations and the behaviour that `x-` extensions give them.

use serde::Deserialize;
use serde_json::Value;

use super::{Document, Place, Problem, Property, naming};

/// What a file is sent in.
const FORM: &str = "multipart/form-data";

/// One operation of the specification, as code generation needs it.
#[derive(Clone, Debug)]
pub struct Operation {
    /// `create_batch`: the name of its method.
    pub id: String,
    /// `POST`.
    pub method: String,
    /// `/orchestration/batches/{uuid}`.
    pub path: String,
    /// The part of the API it belongs to, and the generated file it lands in.
    pub tag: String,
    /// One line.
    pub summary: String,
    /// The rest of what there is to say.
    pub description: String,
    /// `x-idempotent`: it may be retried when its outcome is unknown.
    pub idempotent: bool,
    /// It should no longer be called.
    pub deprecated: bool,
    /// `x-creates`: it starts something that spends credits; the path of its id in the response.
    pub creates: Option<Vec<String>>,
    /// `x-waiter`: how to wait for what it reads to end.
    pub waiter: Option<Waiter>,
    /// `x-pagination`: how its list is paged.
    pub pagination: Option<Pagination>,
    /// `x-see-also`: what a caller uses in its place, as a rule.
    pub see_also: Vec<SeeAlso>,
    /// What it takes in its path and its query.
    pub parameters: Vec<Parameter>,
    /// Schema of the request body.
    pub request: Option<String>,
    /// `x-hand-written`: where its method is, as the request body is `multipart/form-data`.
    pub hand_written: Option<String>,
    /// Schema of a success; none when it has no body.
    pub response: Option<String>,
    /// Schema of an error; none when it has no body.
    pub error: Option<String>,
    /// Where it is written.
    pub place: Place,
}

/// What an operation takes beside its body.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// It is part of the path, not of the query.
    pub in_path: bool,
    /// Its name, its type, and what it is.
    pub property: Property,
}

/// `x-waiter`; times in seconds.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Waiter {
    /// Between two polls.
    pub interval: u64,
    /// Between two polls of a large job, once `slow_after` has passed.
    pub slow_interval: Option<u64>,
    /// When the slower interval starts.
    pub slow_after: Option<u64>,
    /// How many runs make a job large.
    pub slow_from: Option<u64>,
}

/// `x-pagination`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pagination {
    /// `offset`: the only style the API has.
    pub style: String,
    /// `query` or `body`.
    #[serde(rename = "in")]
    pub location: String,
    /// Name of the field that limits a page.
    pub limit: String,
    /// Name of the field with its offset.
    pub offset: String,
    /// Field of the response with the items.
    pub items: String,
    /// Field of the response with the number of all items, if any.
    pub total: Option<String>,
    /// Items asked for at once.
    pub page_size: u64,
}

/// An entry of `x-see-also`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeeAlso {
    /// A method of the client crate: `Client::watch`.
    pub item: String,
    /// What it is for: `wait until a batch has ended`.
    pub to: String,
}

impl Operation {
    /// Reads all operations, in the order they are written.
    pub fn all(document: &Document) -> Result<Vec<Self>, Vec<Problem>> {
        let mut operations = Vec::new();
        let mut problems = Vec::new();
        for (place, method, path, value) in raw(document) {
            match Self::read(document, &place, &method, &path, value) {
                Ok(operation) => operations.push(operation),
                Err(found) => problems.extend(found),
            }
        }
        if problems.is_empty() {
            Ok(operations)
        } else {
            Err(problems)
        }
    }

    fn read(
        document: &Document,
        place: &Place,
        method: &str,
        path: &str,
        value: &Value,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let text = |key: &str, problems: &mut Vec<Problem>| match value[key].as_str() {
            Some(text) if !text.trim().is_empty() => text.trim().to_owned(),
            _ => {
                problems.push(document.problem(place, format!("the operation needs a `{key}`")));
                String::new()
            }
        };
        let id = text("operationId", &mut problems);
        let id = naming::operation(value).map_or(id, str::to_owned);
        let summary = text("summary", &mut problems);
        let description = text("description", &mut problems);
        let tag = match value["tags"].as_array().map(Vec::as_slice) {
            Some([Value::String(tag)]) => tag.clone(),
            _ => {
                problems.push(document.problem(place, "the operation needs exactly one tag"));
                String::new()
            }
        };
        let idempotent = value["x-idempotent"].as_bool().unwrap_or_else(|| {
            problems.push(document.problem(
                place,
                "the operation needs `x-idempotent: true` or `false`: may it be retried \
                 when its outcome is unknown?",
            ));
            false
        });
        let mut responses = |status: &str| {
            let response = &value["responses"][status];
            let place = place.join("responses");
            if response.is_null() {
                let message = format!("the operation needs the response `{status}`");
                problems.push(document.problem(&place, message));
                return None;
            }
            let content = response.get("content")?;
            let schema = reference(&content["application/json"]["schema"]);
            let media_types = content.as_object().map(serde_json::Map::len);
            if schema.is_none() || media_types != Some(1) {
                let message = format!(
                    "the response `{status}` needs a JSON body that is a `$ref` to a named schema, or no `content` at \
                     all: text, files and several forms are not generated"
                );
                problems.push(document.problem(&place.join(status).join("content"), message));
            }
            schema.map(str::to_owned)
        };
        let (response, error, server_error) =
            (responses("2XX"), responses("4XX"), responses("5XX"));
        if error != server_error {
            problems.push(document.problem(
                &place.join("responses"),
                "`4XX` and `5XX` must name the same schema: an operation has one error",
            ));
        }
        let hand_written: Option<String> =
            extension(document, place, value, "x-hand-written", &mut problems);
        let request = match value.get("requestBody") {
            Some(body) => request(document, place, body, hand_written.is_some(), &mut problems),
            None => None,
        };
        if hand_written.is_some() && value["requestBody"]["content"].get(FORM).is_none() {
            let message =
                format!("only an operation that takes `{FORM}` is written by hand: leave it out");
            problems.push(document.problem(&place.join("x-hand-written"), message));
        }
        let creates: Option<String> = extension(document, place, value, "x-creates", &mut problems);
        let creates = creates.map(|path| path.split('.').map(str::to_owned).collect());
        let waiter = extension(document, place, value, "x-waiter", &mut problems);
        let pagination = extension(document, place, value, "x-pagination", &mut problems);
        let see_also: Option<Vec<SeeAlso>> =
            extension(document, place, value, "x-see-also", &mut problems);
        if problems.is_empty() {
            Ok(Self {
                id,
                method: method.to_uppercase(),
                path: path.to_owned(),
                tag,
                summary,
                description,
                idempotent,
                deprecated: value["deprecated"] == true,
                creates,
                waiter,
                pagination,
                see_also: see_also.unwrap_or_default(),
                parameters: parameters(value),
                request,
                hand_written,
                response,
                error,
                place: place.clone(),
            })
        } else {
            Err(problems)
        }
    }
}

fn parameters(operation: &Value) -> Vec<Parameter> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters
        .map(|parameter| Parameter {
            in_path: parameter["in"] == "path",
            property: Property::parameter(parameter),
        })
        .collect()
}

/// The schema of a request's body.
fn request(
    document: &Document,
    place: &Place,
    body: &Value,
    hand_written: bool,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let place = place.join("requestBody");
    let mut say = |place: &Place, message: &str| problems.push(document.problem(place, message));
    if body.get("$ref").is_some() {
        return None; // Said by the rule of keys.
    }
    if body["required"] != true {
        say(&place, "a body is always sent: `required: true`");
    }
    let schema = reference(&body["content"]["application/json"]["schema"]);
    let media_types: Vec<&str> = body["content"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(media_type, _)| media_type.as_str())
        .collect();
    match (media_types.as_slice(), schema) {
        ([FORM], _) if hand_written => {}
        ([FORM], _) => say(
            &place.join("content").join(FORM),
            "no form is generated: write the method beside cargo-batch-client/src/upload, and name its file in \
             `x-hand-written`",
        ),
        (["application/json"], Some(_)) => {}
        _ => say(
            &place.join("content"),
            "the body must be `application/json`, alone, with a `$ref` to a named schema: text and files are not \
             generated",
        ),
    }
    schema.map(str::to_owned)
}

fn extension<T: for<'de> Deserialize<'de>>(
    document: &Document,
    place: &Place,
    value: &Value,
    key: &str,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    match T::deserialize(value.get(key)?) {
        Ok(read) => Some(read),
        Err(error) => {
            problems.push(document.problem(&place.join(key), error.to_string()));
            None
        }
    }
}

/// Every operation as written: its place, method, path and node.
pub fn raw(document: &Document) -> Vec<(Place, String, String, &Value)> {
    let mut found = Vec::new();
    let paths = document.root()["paths"].as_object();
    for (path, item) in paths.into_iter().flatten() {
        for (method, value) in item.as_object().into_iter().flatten() {
            if super::lint::METHODS.contains(&method.as_str()) {
                let place = Place::root().join("paths").join(path).join(method);
                found.push((place, method.clone(), path.clone(), value));
            }
        }
    }
    found
}

/// The name in `{$ref: '#/components/schemas/NAME'}`, also when wrapped in a one-element `allOf`
/// (which is how OpenAPI 3.0 gives a reference a description of its own).
pub fn reference(schema: &Value) -> Option<&str> {
    let target = match schema.get("$ref") {
        Some(target) => target,
        None => match schema["allOf"].as_array()?.as_slice() {
            [only] => only.get("$ref")?,
            _ => return None,
        },
    };
    target.as_str()?.strip_prefix("#/components/schemas/")
}
