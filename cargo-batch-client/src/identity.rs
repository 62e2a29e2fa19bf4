use cargo_batch_types::BatchDataKind;
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Distinctness { Unique, Repeatable, Shared, Opaque }
#[derive(Debug)]
pub(crate) struct Identity { pub fields: &'static [&'static str], pub ids: &'static [&'static str], pub distinctness: Distinctness }
pub(crate) fn identity(kind: &BatchDataKind) -> Option<&'static Identity> {
    use Distinctness::*;
    macro_rules! id { ($f:expr, $i:expr, $d:expr) => { { static I: Identity = Identity { fields: $f, ids: $i, distinctness: $d }; Some(&I) } } }
    match kind {
        BatchDataKind::Segment => id!(&["segmentUuid"], &["/segmentUuid"], Shared),
        BatchDataKind::Change => id!(&["changeUuid", "changeKinds"], &["/changeUuid"], Repeatable),
        BatchDataKind::Filter => id!(&["modelUuid", "filter", "sort", "limit"], &["/modelUuid"], Repeatable),
        BatchDataKind::RecordIds => id!(&["modelUuid", "ids"], &["/modelUuid"], Repeatable),
        BatchDataKind::File => id!(&["s3Filename", "mappings"], &["/s3Filename"], Unique),
        BatchDataKind::Runs => id!(&["filter", "reset"], &["/filter/batchUuid"], Repeatable),
        BatchDataKind::Schedule => id!(&["modelUuid", "segmentUuid", "changeKinds", "skip"], &["/modelUuid", "/segmentUuid"], Shared),
        _ => None,
    }
}
