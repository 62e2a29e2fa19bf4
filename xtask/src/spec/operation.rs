//! Operations and the behaviour that `x-` extensions give them.

use serde::Deserialize;
use serde_json::Value;

use super::{Document, Place, Problem};

/// One operation of the specification, as code generation needs it.
#[derive(Clone, Debug)]
pub struct Operation {
    /// `create_batch`.
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
    /// `x-idempotent`: may it be sent again when nobody knows whether it arrived?
    pub idempotent: bool,
    /// `x-creates`: it starts something that spends credits; where the id of that stands in the response.
    pub creates: Option<Vec<String>>,
    /// `x-waiter`: how to wait for what it reads to end.
    pub waiter: Option<Waiter>,
    /// `x-pagination`: how its list is paged.
    pub pagination: Option<Pagination>,
    /// Schema of the request body.
    pub request: Option<String>,
    /// The media type of the request body is `multipart/form-data`.
    pub multipart: bool,
    /// Schema of a successful answer.
    pub response: String,
    /// Schema of an error answer.
    pub error: String,
    /// Where it is written.
    pub place: Place,
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
    /// Field of the answer that holds the status.
    pub status: String,
    /// Field of the answer that is set once the job has ended.
    pub finished_at: String,
    /// Statuses that mean it went well.
    pub success: Vec<String>,
    /// Statuses that mean it ended otherwise.
    pub failure: Vec<String>,
    /// What to do on a status nobody has heard of: `wait`.
    pub unknown: String,
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
    /// Name of the member that limits a page.
    pub limit: String,
    /// Name of the member that says where it starts.
    pub offset: String,
    /// Field of the answer that holds the items.
    pub items: String,
    /// Field of the answer that counts all matches, where there is one.
    pub total: Option<String>,
    /// Items asked for at once.
    pub page_size: u64,
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
                "the operation needs `x-idempotent: true` or `false`: may it be sent again \
                 when nobody knows whether it arrived?",
            ));
            false
        });
        let mut answers = |status: &str| {
            let schema = &value["responses"][status]["content"]["application/json"]["schema"];
            reference(schema).map(str::to_owned).unwrap_or_else(|| {
                problems.push(document.problem(
                    &place.join("responses"),
                    format!(
                        "the answer `{status}` needs a JSON body that is a `$ref` to a named schema"
                    ),
                ));
                String::new()
            })
        };
        let (response, error, server_error) = (answers("2XX"), answers("4XX"), answers("5XX"));
        if error != server_error {
            problems.push(document.problem(
                &place.join("responses"),
                "`4XX` and `5XX` must name the same schema: an operation has one error",
            ));
        }
        let content = &value["requestBody"]["content"];
        let multipart = content.get("multipart/form-data").is_some();
        let request = reference(&content["application/json"]["schema"]).map(str::to_owned);
        if value.get("requestBody").is_some() && request.is_none() && !multipart {
            problems.push(document.problem(
                &place.join("requestBody"),
                "the body must be `application/json` with a `$ref` to a named schema",
            ));
        }
        let creates: Option<String> = extension(document, place, value, "x-creates", &mut problems);
        let creates = creates.map(|path| path.split('.').map(str::to_owned).collect());
        let waiter = extension(document, place, value, "x-waiter", &mut problems);
        let pagination = extension(document, place, value, "x-pagination", &mut problems);
        if problems.is_empty() {
            Ok(Self {
                id,
                method: method.to_uppercase(),
                path: path.to_owned(),
                tag,
                summary,
                description,
                idempotent,
                creates,
                waiter,
                pagination,
                request,
                multipart,
                response,
                error,
                place: place.clone(),
            })
        } else {
            Err(problems)
        }
    }
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
    const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
    let mut found = Vec::new();
    let paths = document.root()["paths"].as_object();
    for (path, item) in paths.into_iter().flatten() {
        for (method, value) in item.as_object().into_iter().flatten() {
            if METHODS.contains(&method.as_str()) {
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
