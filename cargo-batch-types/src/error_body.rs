//! The body of an error, which is alike for most operations.

/// The body of an error: why the server refused. Both fields can be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(
    rename_all = "camelCase",
    bound(deserialize = "R: serde::Deserialize<'de>")
)]
#[non_exhaustive]
pub struct ErrorBody<R> {
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<R>,
    /// Explanation by the server, in plain text. Says more than the reason when it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}
