//! From the schemas of OpenAPI 3.0 to those of JSON Schema, and to validators of them.

use std::sync::LazyLock;

use jsonschema::{Draft, Registry, Validator};
use serde_json::{Value, json};

use super::document;

/// Where the translated specification is for those who refer to it; nothing is fetched from there.
const HOME: &str = "urn:cargo-batch:openapi";

static TRANSLATED: LazyLock<Value> = LazyLock::new(|| translate(&document()["components"]));

static REGISTRY: LazyLock<Option<Registry<'static>>> = LazyLock::new(|| {
    let document = json!({ "components": &*TRANSLATED });
    let resource = Draft::Draft202012.create_resource(document);
    Registry::new().add(HOME, resource).ok()?.prepare().ok()
});

/// A schema of the specification, compiled.
#[derive(Debug)]
pub struct Compiled {
    pub validator: Validator,
    schema: Value,
}

impl Compiled {
    /// The value at a path of the schema, or of the specification it refers to.
    pub fn at(&self, uri: &str) -> Option<&Value> {
        match uri
            .strip_prefix(SELF)
            .and_then(|rest| rest.strip_prefix('#'))
        {
            Some(pointer) => self.schema.pointer(pointer),
            None => at(uri),
        }
    }
}

/// Where a schema is while it is compiled.
const SELF: &str = "urn:cargo-batch:schema";

/// Compiles a schema of the specification.
///
/// # Errors
/// When the schema is no schema: for a specification that `cargo xtask codegen` has let through, and
/// that the tests compile in full, never.
pub fn compile(schema: &Value) -> Result<Compiled, String> {
    let registry = REGISTRY.as_ref().ok_or("the specification is unreadable")?;
    let schema = translate(schema);
    let validator = jsonschema::options()
        .with_draft(Draft::Draft202012)
        .with_registry(registry)
        .with_base_uri(SELF)
        .should_validate_formats(true)
        .build(&schema)
        .map_err(|error| error.to_string())?;
    Ok(Compiled { validator, schema })
}

/// The value at a path of the translated specification.
pub fn at(uri: &str) -> Option<&'static Value> {
    let pointer = uri.strip_prefix(HOME)?.strip_prefix("#/components")?;
    TRANSLATED.pointer(pointer)
}

/// Writes a schema of OpenAPI 3.0 as JSON Schema: with `null` as a type, and with unions that say
/// what is wrong with the variant that was meant rather than that none fits.
fn translate(value: &Value) -> Value {
    let Value::Object(fields) = value else {
        return match value {
            Value::Array(items) => items.iter().map(translate).collect(),
            other => other.clone(),
        };
    };
    let mut schema: serde_json::Map<String, Value> = fields
        .iter()
        .filter(|(name, _)| !name.starts_with("x-") && *name != "discriminator")
        .map(|(name, value)| match value {
            // Names of properties are no keywords.
            Value::Object(properties) if name == "properties" => {
                let properties = properties.iter();
                let translated = properties.map(|(name, value)| (name.clone(), translate(value)));
                (name.clone(), Value::Object(translated.collect()))
            }
            value => (name.clone(), translate(value)),
        })
        .collect();
    if let Some(Value::String(reference)) = schema.get_mut("$ref") {
        reference.insert_str(0, HOME);
    }
    if let Some(discriminator) = fields.get("discriminator")
        && let Some(Value::String(tag)) = discriminator.get("propertyName")
        && let Some(Value::Object(mapping)) = discriminator.get("mapping")
    {
        schema.remove("oneOf");
        let variants = mapping.iter().map(|(value, reference)| {
            let reference = reference.as_str().unwrap_or_default();
            json!({
                "if": { "required": [tag], "properties": { tag: { "const": value } } },
                "then": { "$ref": format!("{HOME}{reference}") },
            })
        });
        let known: Vec<&String> = mapping.keys().collect();
        let union = json!({
            "type": "object",
            "required": [tag],
            "properties": { tag: { "enum": known } },
            "allOf": variants.collect::<Vec<_>>(),
        });
        if let Value::Object(union) = union {
            schema.extend(union);
        }
    }
    if fields.get("nullable") == Some(&Value::Bool(true)) {
        schema.remove("nullable");
        let description = schema.remove("description");
        let mut nullable = json!({ "if": { "not": { "type": "null" } }, "then": schema });
        if let Some(description) = description {
            nullable["description"] = description;
        }
        return nullable;
    }
    Value::Object(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_compiles() {
        let document = document();
        let names = document["components"]["schemas"]
            .as_object()
            .unwrap()
            .keys();
        assert!(names.len() > 100);
        for name in names {
            compile(&json!({ "$ref": format!("#/components/schemas/{name}") })).unwrap();
        }
    }

    #[test]
    fn null_is_allowed_where_the_specification_says_so_only() {
        let schema = json!({ "type": "object", "properties": {
            "a": { "nullable": true, "allOf": [{ "$ref": "#/components/schemas/BatchUuid" }] },
            "b": { "type": "string" },
            "nullable": { "type": "boolean" },
        } });
        let validator = compile(&schema).unwrap().validator;
        assert!(validator.is_valid(&json!({ "a": null, "nullable": true })));
        assert!(!validator.is_valid(&json!({ "a": "x" })));
        assert!(!validator.is_valid(&json!({ "b": null })));
        assert!(!validator.is_valid(&json!({ "nullable": 1 })));
    }
}
