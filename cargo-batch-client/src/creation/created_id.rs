//! What did a creation create?

use std::borrow::Cow;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

/// Returns the id in the response to a creation: of the batch, or of the run.
///
/// Whatever else is in it: the response is read up to the id and no further, so that what was created is known even
/// where the rest is cut off or new to us, and finding it costs next to nothing.
pub fn created_id<T: DeserializeOwned>(path: &'static [&'static str], answer: &[u8]) -> Option<T> {
    // Some servers begin with a byte order mark.
    let answer = answer.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(answer);
    let mut found = None;
    let member = Member {
        path,
        found: &mut found,
    };
    // How reading ends says nothing: what follows the id is unexpected to the reader.
    let _ = member.deserialize(&mut serde_json::Deserializer::from_slice(answer));
    found
}

/// Looks for a member of a member.
struct Member<'a, T> {
    path: &'static [&'static str],
    found: &'a mut Option<T>,
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Member<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        if !self.path.is_empty() {
            return value.deserialize_map(self);
        }
        *self.found = Some(T::deserialize(value)?);
        Ok(())
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Member<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(Name(name)) = members.next_key()? {
            match self.path {
                [wanted, path @ ..] if *wanted == name => {
                    let found = &mut *self.found;
                    return members.next_value_seed(Member { path, found });
                }
                _ => {
                    members.next_value::<IgnoredAny>()?;
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
        for answer in [
            r#"{"batch": {"uuid": "ID"}}"#,
            r#"{"new": [{"uuid": 1}], "batch": {"new": {"batch": null}, "uuid": "ID", "status": 7}}"#,
            r#"{"b\u0061tch": {"uuid": "ID"}}"#,
            "\u{feff}{\"batch\": {\"uuid\": \"ID\"}}",
            // Cut off.
            r#"{"batch": {"uuid": "ID", "workspaceUu"#,
        ] {
            let found =
                created_id::<BatchUuid>(&["batch", "uuid"], answer.replace("ID", ID).as_bytes());
            assert_eq!(
                found.map(|id| id.to_string()).as_deref(),
                Some(ID),
                "{answer}"
            );
        }
    }

    #[test]
    fn no_other_field_is_taken_for_the_created_id() {
        for answer in [
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
                created_id::<BatchUuid>(&["batch", "uuid"], answer.replace("ID", ID).as_bytes()),
                None,
                "{answer}"
            );
        }
    }
}
