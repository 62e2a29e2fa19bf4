//! Lists that are kept by hand, so that what is new in the specification is looked at.

use std::collections::BTreeSet;

/// Compares what was found with a list that is kept at `place`, in any order.
///
/// # Panics
///
/// Where they differ, with the place and only the difference.
#[track_caller]
pub fn pinned<T: Into<String>, U: Into<String>>(
    place: &str,
    found: impl IntoIterator<Item = T>,
    listed: impl IntoIterator<Item = U>,
) {
    let found: BTreeSet<String> = found.into_iter().map(T::into).collect();
    let listed: BTreeSet<String> = listed.into_iter().map(U::into).collect();
    let (new, gone) = (&found - &listed, &listed - &found);
    assert!(
        found == listed,
        "the list at {place} lacks {new:?} and has {gone:?} too much: change it if that is meant"
    );
}
