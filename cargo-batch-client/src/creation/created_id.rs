//! The id of what a creation has created.

use std::borrow::Cow;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

/// Returns the id in the response to a creation: of the batch, or of the run.
///
/// Whatever else is in it: the response is read up to the id and no further, so that what was created is known even
/// where the rest is cut off or new to us, and finding it costs next to nothing.
pub fn created_id<T: DeserializeOwned>(
    path: &'static [&'static str],
    response: &[u8],
) -> Option<T> {
    // Some servers begin with a byte order mark.
    let response = response.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(response);
    let mut found = None;
    let field = Field {
        path,
        found: &mut found,
    };
    // How reading ends says nothing: what follows the id is unexpected to the reader.
    let _ = field.deserialize(&mut serde_json::Deserializer::from_slice(response));
    found
}

/// Searches for a field of a field.
struct Field<'a, T> {
    path: &'static [&'static str],
    found: &'a mut Option<T>,
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Field<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        if !self.path.is_empty() {
            return value.deserialize_map(self);
        }
        *self.found = Some(T::deserialize(value)?);
        Ok(())
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Field<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(Name(name)) = fields.next_key()? {
            match self.path {
                [wanted, path @ ..] if *wanted == name => {
                    let found = &mut *self.found;
                    return fields.next_value_seed(Field { path, found });
                }
                _ => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Copied only where it is written with escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use cargo_batch_types::BatchUuid;

    use super::*;

    const ID: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

    #[test]
    fn the_id_is_found_in_whatever_surrounds_it() {
        for response in [
            r#"{"batch": {"uuid": "ID"}}"#,
            r#"{"new": [{"uuid": 1}], "batch": {"new": {"batch": null}, "uuid": "ID", "status": 7}}"#,
            r#"{"b\u0061tch": {"uuid": "ID"}}"#,
            "\u{feff}{\"batch\": {\"uuid\": \"ID\"}}",
            // Truncated.
            r#"{"batch": {"uuid": "ID", "workspaceUu"#,
        ] {
            let found =
                created_id::<BatchUuid>(&["batch", "uuid"], response.replace("ID", ID).as_bytes());
            assert_eq!(
                found.map(|id| id.to_string()).as_deref(),
                Some(ID),
                "{response}"
            );
        }
    }

    #[test]
    fn no_other_field_is_taken_for_the_created_id() {
        for response in [
            "",
            "null",
            "[]",
            r#"{"uuid": "ID"}"#,
            r#"{"batch": "ID"}"#,
            r#"{"batch": {"uuid": ""#,
            r#"{"batch": {"uuid": "not-an-id"}}"#,
            r#"{"batch": {"workflow": {"uuid": "ID"}}}"#,
            r#"{"other": {"batch": {"uuid": "ID"}}}"#,
        ] {
            assert_eq!(
                created_id::<BatchUuid>(&["batch", "uuid"], response.replace("ID", ID).as_bytes()),
                None,
                "{response}"
            );
        }
    }
}
