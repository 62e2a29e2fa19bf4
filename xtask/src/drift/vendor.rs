//! The vendor's document, as downloaded.

use serde_json::Value;

/// Reads an OpenAPI 3.x document in JSON.
///
/// # Errors
///
/// The text is not such a document.
pub fn read(text: &str) -> Result<Value, String> {
    let root: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| format!("not JSON: {error}"))?;
    let version = root.get("openapi").unwrap_or(&Value::Null);
    match version.as_str() {
        Some(text) if text.starts_with("3.") => {}
        Some(text) => return Err(format!("OpenAPI {text}: only 3.x is compared")),
        None => return Err("not an OpenAPI 3.x document: it has no `openapi: 3.x`".to_owned()),
    }
    for key in ["paths", "webhooks", "components"] {
        if root.get(key).is_some_and(|value| !value.is_object()) {
            return Err(format!("`{key}` is no object"));
        }
    }
    let mut items = root["paths"].as_object().into_iter().flatten();
    if let Some((path, _)) = items.find(|(_, item)| !item.is_object()) {
        return Err(format!("`paths.{path}` is no object"));
    }
    Ok(root)
}
