//! What is reported of the vendor's OpenAPI document where it differs from ours.

mod changes;
mod decisions;
mod documents;
mod equivalence;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use cargo_batch_tests::openapi;
use serde_json::{Map, Value, json};
use xtask::drift::{Difference, Weight, compare};
use xtask::spec::Document;

fn ours() -> &'static Document {
    static OURS: LazyLock<Document> = LazyLock::new(|| Document::parse(openapi()).unwrap());
    &OURS
}

/// The three operations that the table changes, alone: it is quicker.
struct Few {
    text: String,
    ours: Document,
    vendor: Value,
}

fn few() -> &'static Few {
    static FEW: LazyLock<Few> = LazyLock::new(|| {
        let kept = [
            "/orchestration/batches",
            "/orchestration/batches/list",
            "/orchestration/batches/{uuid}",
        ];
        let mut keep = true;
        let lines = openapi().lines().filter(|line| {
            match line
                .strip_prefix("  ")
                .and_then(|line| line.strip_suffix(':'))
            {
                Some(path) if path.starts_with('/') => keep = kept.contains(&path),
                _ if !line.starts_with(' ') => keep = true,
                _ => {}
            }
            keep
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        let ours = Document::parse(&text).unwrap();
        let vendor = rewritten(&ours);
        Few { text, ours, vendor }
    });
    &FEW
}

/// Our document as the vendor would write it, in OpenAPI 3.1: inline schemas, names of its own, `const`, null as a
/// type, one status for a success, failures without a body.
fn rewritten(document: &Document) -> Value {
    let mut root = document.root().clone();
    root["components"]["schemas"] = Value::Null;
    let mut root = inlined(document, &root, &mut Vec::new());
    root["openapi"] = "3.1.0".into();
    // Only what contains itself is still referred to.
    let mut schemas = Map::new();
    while let Some(name) = document.schemas().keys().find(|name| {
        let reference = format!("\"#/components/schemas/Vendor{name}\"");
        let refers = |node: &Value| node.to_string().contains(&reference);
        !schemas.contains_key(&format!("Vendor{name}"))
            && (refers(&root) || schemas.values().any(refers))
    }) {
        let schema = inlined(
            document,
            document.schema(name).unwrap(),
            &mut vec![name.clone()],
        );
        schemas.insert(format!("Vendor{name}"), schema);
    }
    root["components"]["schemas"] = schemas.into();
    let paths: BTreeMap<String, Value> = serde_json::from_value(root["paths"].take()).unwrap();
    let paths = paths.into_iter().map(|(path, mut item)| {
        for operation in item.as_object_mut().unwrap().values_mut() {
            let success = operation["responses"]["2XX"].take();
            operation["responses"] =
                json!({ "200": success, "400": { "description": "Bad request" } });
            for parameter in operation["parameters"].as_array_mut().into_iter().flatten() {
                if parameter["in"] == "path" {
                    parameter["name"] = "id".into();
                }
            }
        }
        (path.replace("{uuid}", "{id}"), item)
    });
    root["paths"] = paths.collect::<Map<_, _>>().into();
    root
}

/// A part of it without references, but for those to what is around it.
fn inlined(document: &Document, node: &Value, around: &mut Vec<String>) -> Value {
    let Value::Object(map) = node else {
        return match node {
            Value::Array(items) => items
                .iter()
                .map(|item| inlined(document, item, around))
                .collect(),
            other => other.clone(),
        };
    };
    if let Some(name) = map
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|target| target.rsplit('/').next())
    {
        if around.iter().any(|known| known == name) {
            return json!({ "$ref": format!("#/components/schemas/Vendor{name}") });
        }
        around.push(name.to_owned());
        let schema = inlined(document, document.schema(name).unwrap(), around);
        around.pop();
        return schema;
    }
    let kept = map
        .iter()
        .filter(|(key, _)| !key.starts_with("x-") && *key != "nullable" && *key != "discriminator");
    let mut schema: Map<String, Value> = kept
        .map(|(key, value)| (key.clone(), inlined(document, value, around)))
        .collect();
    if let Some([only]) = schema
        .get("enum")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
    {
        let only = only.clone();
        schema.remove("enum");
        schema.insert("const".to_owned(), only);
    }
    if let Some([Value::Object(only)]) = schema
        .get("allOf")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
    {
        let only = only.clone();
        schema.remove("allOf");
        schema.extend(only);
    }
    match (
        map.get("nullable") == Some(&true.into()),
        schema.get("type").cloned(),
    ) {
        (false, _) => schema.into(),
        (true, Some(kind)) => {
            schema.insert("type".to_owned(), json!([kind, "null"]));
            schema.into()
        }
        (true, None) => json!({ "anyOf": [schema, { "type": "null" }] }),
    }
}

/// Each difference with `$`, `!`, `~` or nothing before it, and the text of our line.
fn lines(vendor: &Value, ours: &Document, text: &str) -> Vec<String> {
    let line = |difference: &Difference| {
        let mark = match difference.weight {
            Weight::Money => "$ ",
            Weight::Breaks => "! ",
            Weight::Behavior => "~ ",
            Weight::New => "",
        };
        let line = difference.line.and_then(|line| text.lines().nth(line - 1));
        let line = line
            .map(|line| format!(" > {}", line.split(" [").next().unwrap_or(line).trim()))
            .unwrap_or_default();
        format!("{mark}{difference}{line}")
    };
    compare(vendor, ours).iter().map(line).collect()
}

/// Puts a value at a place, or takes away what is there. `BODY` and `OK` are the way to a schema.
fn edit(root: &mut Value, place: &str, value: Option<Value>) {
    const CONTENT: &str = "content|application/json|schema";
    let place = place
        .replace("BODY", &format!("requestBody|{CONTENT}"))
        .replace("OK", &format!("responses|200|{CONTENT}"));
    let (parent, key) = place.rsplit_once('|').unwrap_or(("", &place));
    let keys = parent.split('|').filter(|key| !key.is_empty());
    let pointer: String = keys
        .map(|key| format!("/{}", key.replace('/', "~1")))
        .collect();
    let parent = root
        .pointer_mut(&pointer)
        .unwrap_or_else(|| panic!("there is no {pointer}"));
    match (parent, value) {
        (Value::Object(map), Some(value)) => {
            map.insert(key.to_owned(), value);
        }
        (Value::Object(map), None) => {
            map.remove(key)
                .unwrap_or_else(|| panic!("there is no {place}"));
        }
        (Value::Array(items), Some(value)) => items.push(value),
        (Value::Array(items), None) => {
            let named = items.iter().position(|item| item == key);
            items.remove(named.unwrap_or_else(|| key.parse().unwrap()));
        }
        (other, _) => panic!("{pointer} is {other}"),
    }
}
