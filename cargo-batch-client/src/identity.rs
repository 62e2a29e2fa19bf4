//! By what a batch is recognised that a creation may have created; the table of all kinds of data is generated.

pub(crate) use crate::generated::identities::identity;

/// How a batch is recognised by one kind of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The fields that are sent and returned.
    pub fields: &'static [&'static str],
    /// JSON pointers to ids and names that the server writes as they were sent: where they differ, so do the
    /// batches.
    pub ids: &'static [&'static str],
    /// What the data distinguishes a batch from.
    pub distinctness: Distinctness,
}

/// What data distinguishes a batch from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Distinctness {
    /// All others, by a name.
    Unique,
    /// Those with other data; the same may be meant twice.
    Repeatable,
    /// Nothing: it is the same for all callers.
    Shared,
    /// Nothing: it is not returned.
    Opaque,
}

#[cfg(test)]
mod tests {
    use cargo_batch_types::BatchDataKind;

    use super::*;

    /// A creation of a kind that isn't in the table would never be recognised.
    #[test]
    fn every_kind_of_data_has_an_identity() {
        for kind in BatchDataKind::KNOWN {
            assert!(
                identity(kind).is_some(),
                "{kind} needs a line in `x-identity` of openapi.yaml"
            );
        }
        assert_eq!(identity(&"quantum".into()), None);
    }
}
