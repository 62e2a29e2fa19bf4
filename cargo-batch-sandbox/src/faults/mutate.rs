//! Regular requests and responses with something wrong in them.

use axum::body::Bytes;
use axum::http::{Uri, request};
use serde_json::{Value, json};

/// A body that is broken at its end, if it is JSON.
pub fn invalid_json(body: Bytes) -> Bytes {
    if serde_json::from_slice::<Value>(&body).is_err() {
        return body;
    }
    let mut broken = body.to_vec();
    broken.pop();
    broken.push(b',');
    broken.into()
}

/// A body in which every `status` is this one.
pub fn unknown_status(body: Bytes, status: &str) -> Bytes {
    changed(body, |value| {
        walk(value, &mut |name, field| {
            if name == "status" && field.is_string() {
                *field = status.into();
            }
        });
    })
}

/// A body in which every `kind` and `nodeKind` is this one.
pub fn unknown_kind(body: Bytes, kind: &str) -> Bytes {
    changed(body, |value| {
        walk(value, &mut |name, field| {
            if matches!(name, "kind" | "nodeKind") && field.is_string() {
                *field = kind.into();
            }
        });
    })
}

/// A body whose objects have a field more.
pub fn extra_fields(body: Bytes) -> Bytes {
    changed(body, extend)
}

/// A body whose page is in another order. `seed` is what the order follows from.
pub fn reordered_page(body: Bytes, seed: u64) -> Bytes {
    changed(body, |value| {
        let mut random = fastrand::Rng::with_seed(seed);
        for name in ["batches", "runs"] {
            if let Some(Value::Array(items)) = value.get_mut(name) {
                reorder(items, &mut random);
            }
        }
    })
}

/// A body that is changed as JSON; one that isn't JSON stays as it is.
fn changed(body: Bytes, change: impl FnOnce(&mut Value)) -> Bytes {
    match serde_json::from_slice::<Value>(&body) {
        Ok(mut value) => {
            change(&mut value);
            value.to_string().into()
        }
        Err(_) => body,
    }
}

/// An order that is surely another one, where there is more than one item.
fn reorder(items: &mut [Value], random: &mut fastrand::Rng) {
    let before = items.to_vec();
    random.shuffle(items);
    if items == before {
        items.reverse();
    }
}

/// What users of the API name the fields of.
const FREE: [&str; 6] = [
    "config",
    "record",
    "records",
    "runComputedConfigs",
    "runContext",
    "dataError",
];

/// Goes through all fields, but not into those of users.
fn walk(value: &mut Value, change: &mut impl FnMut(&str, &mut Value)) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if !FREE.contains(&name.as_str()) {
                    walk(field, change);
                    change(name, field);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, change)),
        _ => {}
    }
}

fn extend(value: &mut Value) {
    walk(value, &mut |_, field| add(field));
    add(value);
}

fn add(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let new = json!({ "since": 2027, "kind": "new", "items": [null, 1.5] });
            fields.insert("addedLater".to_owned(), new);
        }
        Value::Array(items) => items.iter_mut().for_each(add),
        _ => {}
    }
}

/// The request for a page that begins so many items earlier.
pub fn overlap(parts: &mut request::Parts, body: Bytes, items: u64) -> Bytes {
    if let Some(query) = parts.uri.query() {
        let mut earlier = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match value.parse::<u64>() {
                Ok(offset) if name == "offset" => {
                    earlier.append_pair(&name, &offset.saturating_sub(items).to_string())
                }
                _ => earlier.append_pair(&name, &value),
            };
        }
        let uri = format!("{}?{}", parts.uri.path(), earlier.finish());
        if let Ok(uri) = uri.parse::<Uri>() {
            parts.uri = uri;
        }
    }
    match serde_json::from_slice::<Value>(&body) {
        Ok(mut value) => {
            let Some(offset) = value.get("offset").and_then(Value::as_u64) else {
                return body;
            };
            value["offset"] = offset.saturating_sub(items).into();
            value.to_string().into()
        }
        Err(_) => body,
    }
}
