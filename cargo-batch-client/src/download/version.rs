//! The version of a file that storage sends.

use std::fmt;

use reqwest::header::{ACCEPT_RANGES, CONTENT_RANGE, ETAG, HeaderMap, HeaderValue};

/// By what a file is recognised: a transfer is resumed only while it is the same.
#[derive(Clone, Debug)]
pub(super) struct Version {
    /// The strong tag by which it can be resumed, or why it can't be.
    pub tag: Result<HeaderValue, Cause>,
    /// Its length in bytes.
    pub total: Option<u64>,
}

/// Why a file can't be resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    NoTag,
    WeakTag,
    NoRanges,
    NoLength,
    Changed,
    UntaggedPart,
    OtherRange,
    RangeRefused,
    RangeIgnored,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoTag => "storage gives no ETag",
            Self::WeakTag => "storage gives only a weak ETag",
            Self::NoRanges => "storage sends no ranges",
            Self::NoLength => "its length is unknown",
            Self::Changed => "the file changed at its source while it was fetched",
            Self::UntaggedPart => "storage doesn't say of which file the resumed range is",
            Self::OtherRange => "storage sent another range than the one asked for",
            Self::RangeRefused => "storage refused the range",
            Self::RangeIgnored => "storage ignored the range",
        })
    }
}

impl Version {
    /// Reads what a response with the whole file says of it.
    pub fn of(headers: &HeaderMap, total: Option<u64>) -> Self {
        let ranges = headers.get(ACCEPT_RANGES);
        let has_ranges =
            ranges.is_none_or(|ranges| !ranges.as_bytes().eq_ignore_ascii_case(b"none"));
        let tag = match headers.get(ETAG) {
            None => Err(Cause::NoTag),
            // It doesn't promise the same bytes.
            Some(tag) if tag.as_bytes().starts_with(b"W/") => Err(Cause::WeakTag),
            Some(_) if !has_ranges => Err(Cause::NoRanges),
            // It may be decompressed on the way, by an HTTP client of the caller's: what has been received
            // is no offset then.
            Some(_) if total.is_none() => Err(Cause::NoLength),
            Some(tag) => Ok(tag.clone()),
        };
        Self { tag, total }
    }

    /// Checks a partial response against this version: is it the rest of this file from an offset on?
    pub fn check_rest(&self, from: u64, headers: &HeaderMap) -> Result<(), Cause> {
        match (&self.tag, headers.get(ETAG)) {
            (Ok(tag), Some(other)) if tag == other => {}
            (_, Some(_)) => return Err(Cause::Changed),
            (_, None) => return Err(Cause::UntaggedPart),
        }
        let (start, total) = range(headers).ok_or(Cause::OtherRange)?;
        if total.is_some() && total != self.total {
            return Err(Cause::Changed);
        }
        if start != from {
            return Err(Cause::OtherRange);
        }
        Ok(())
    }

    /// Returns why the complete file came where the rest of this version was requested.
    pub fn why_whole(&self, new: &Self) -> Cause {
        let is_same = self.tag.is_ok() && self.tag == new.tag && self.total == new.total;
        match is_same {
            true => Cause::RangeIgnored,
            false => Cause::Changed,
        }
    }
}

/// Where a partial response starts, and how long the complete file is: `bytes 100-199/200`.
fn range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?.trim();
    let (unit, rest) = text.split_once([' ', '='])?;
    let (range, total) = rest.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    let total = match total.trim() {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    let is_bytes = unit.eq_ignore_ascii_case("bytes");
    is_bytes.then_some((start.trim().parse().ok()?, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_however_it_is_written() {
        for (text, read) in [
            ("bytes 400-999/1000", Some((400, Some(1000)))),
            ("Bytes 400-999/1000", Some((400, Some(1000)))),
            ("bytes=400-999/1000", Some((400, Some(1000)))),
            ("bytes 400-999/*", Some((400, None))),
            ("bytes */1000", None),
            ("bytes 400-999", None),
            ("items 400-999/1000", None),
            ("bytes x-999/1000", None),
            ("bytes 400-999/x", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_RANGE, text.parse().unwrap());
            assert_eq!(range(&headers), read, "{text}");
        }
    }
}
