//! The `Range` header, in its forms of one range.

/// What a request asks for of a file.
#[derive(Debug, PartialEq)]
pub enum Range {
    /// These bytes, of which there is at least one.
    Bytes(std::ops::Range<usize>),
    /// Bytes that the file doesn't have.
    Unsatisfiable,
}

impl Range {
    /// `bytes=2-5`, `bytes=2-` and `bytes=-3`. Nothing for every other form, several ranges
    /// included: such a header is to be ignored.
    pub fn parse(header: &str, total: usize) -> Option<Self> {
        let (first, last) = header.trim().strip_prefix("bytes=")?.split_once('-')?;
        let (first, last) = (first.trim(), last.trim());
        let range = match (first, last) {
            ("", last) => total.saturating_sub(number(last)?)..total,
            (first, "") => number(first)?..total,
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                if last < first {
                    return None;
                }
                first..total.min(last.saturating_add(1))
            }
        };
        Some(match range.start < range.end {
            true => Self::Bytes(range),
            false => Self::Unsatisfiable,
        })
    }
}

/// A number too large to hold is beyond the end of every file.
fn number(text: &str) -> Option<usize> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_one_range() {
        let bytes = |range| Some(Range::Bytes(range));
        for (header, range) in [
            ("bytes=0-0", bytes(0..1)),
            ("bytes=2-5", bytes(2..6)),
            ("bytes=2-", bytes(2..10)),
            ("bytes=-3", bytes(7..10)),
            ("bytes=-30", bytes(0..10)),
            ("bytes=9-99999999999999999999999", bytes(9..10)),
            ("bytes=10-", Some(Range::Unsatisfiable)),
            ("bytes=99999999999999999999999-", Some(Range::Unsatisfiable)),
            ("bytes=-0", Some(Range::Unsatisfiable)),
            ("bytes=5-2", None),
            ("bytes=0-1,4-5", None),
            ("bytes=-", None),
            ("bytes=+1-2", None),
            ("bytes=a-b", None),
            ("lines=0-1", None),
            ("", None),
        ] {
            assert_eq!(Range::parse(header, 10), range, "{header}");
        }
        assert_eq!(Range::parse("bytes=0-", 0), Some(Range::Unsatisfiable));
    }
}
