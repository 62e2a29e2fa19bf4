//! The body of an error response, which is alike for most operations.

/// The body of an error response: why the server refused. Both fields can be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(
    rename_all = "camelCase",
    bound(deserialize = "R: serde::Deserialize<'de>")
)]
#[non_exhaustive]
pub struct ErrorBody<R> {
    /// The reason, an enum of the operation; `None` where the server gives none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<R>,
    /// The message of the server, in plain text; `None` where there is none. It says more than the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}
