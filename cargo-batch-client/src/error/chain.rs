//! Errors and what they come from.

use std::fmt;

/// The message of another library or of the caller, fit to be shown.
#[derive(Debug)]
pub(super) struct Message(pub String);

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Message {}

/// Returns an error and all it comes from; also what is wrapped in an [`std::io::Error`], which is none of its
/// sources.
pub(super) fn sources<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let wrapped = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        }
    })
}

/// Returns an error with all it comes from, in one line.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let first = error.to_string();
    std::iter::successors(error.source(), |error| error.source())
        .fold(first, |text, error| format!("{text}: {error}"))
}

/// Returns what kind of failure the system reported, in two or three words, where that says something.
pub(super) fn io_kind(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    use std::io::ErrorKind::{InvalidData, InvalidInput, NotFound, Other};
    let kinds =
        sources(error).filter_map(|error| Some(error.downcast_ref::<std::io::Error>()?.kind()));
    let mut named = kinds.filter(|kind| !matches!(kind, InvalidData | InvalidInput | Other));
    let kind = named.next().map(|kind| match kind {
        // std speaks of an entity.
        NotFound => "not found".to_owned(),
        kind => kind.to_string(),
    });
    // What std has no name for, it calls uncategorized.
    kind.filter(|kind| !kind.starts_with("uncategorized"))
}

/// Returns whether the system itself reported a failure with a code.
pub(super) fn has_os_code(error: &(dyn std::error::Error + 'static)) -> bool {
    sources(error).any(|error| {
        let error = error.downcast_ref::<std::io::Error>();
        error.is_some_and(|error| error.raw_os_error().is_some())
    })
}
