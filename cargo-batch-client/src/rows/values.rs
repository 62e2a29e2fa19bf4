//! Which cells a type needs as something other than text, where serde doesn't ask in time.

use serde::Deserialize;

use super::cells::{CellError, Record, Refused, Scalar, refusals};

/// Reads records, and repeats a record whose type has refused a cell as text.
///
/// Fields of flattened structs and of enums that are untagged or tagged inside are read from what serde
/// has stored of a row, and that was read as anything: as text. A number among them is refused then. It is
/// given as a number the next time, and as text once more where that is refused as well, until nothing is left
/// to change: the earliest variant that fits is found so, whatever the others need. Each row starts as
/// text, so that what it is read as doesn't depend on the rows before; those only save attempts.
#[derive(Default)]
pub struct Values {
    /// The columns that were values in a row before.
    learned: Vec<bool>,
}

impl Values {
    /// Reads a record; when that fails, returns whether columns of the same name were the reason.
    pub fn read<T: for<'de> Deserialize<'de>>(
        &mut self,
        record: Record,
    ) -> Result<T, (CellError, bool)> {
        // What another reader has left behind, that had panicked.
        drop(refusals());
        let first = T::deserialize(record);
        let refused = refusals();
        match refused.is_empty() {
            true => first.map_err(|error| (error, false)),
            false => self.read_again(record, first, refused),
        }
    }

    #[cold]
    fn read_again<T: for<'de> Deserialize<'de>>(
        &mut self,
        record: Record,
        first: Result<T, CellError>,
        mut refused: Vec<Refused>,
    ) -> Result<T, (CellError, bool)> {
        /// How many cells are read at most, for a record that refuses more and more of them.
        const MOST_CELLS: usize = 1 << 20;
        let columns = record.ends.len();
        let mut best = first;
        let mut valued = vec![false; columns];
        let mut settled = vec![false; columns];
        let mut is_first = true;
        let mut is_doubled = false;
        for _ in 0..64 + MOST_CELLS / columns.max(1) {
            is_doubled |= refused.iter().any(|it| matches!(it, Refused::Doubled));
            let Some((column, is_value)) = change(record, &refused, &valued, &settled) else {
                break;
            };
            if std::mem::take(&mut is_first) && self.learned.get(column) == Some(&true) {
                let value = T::deserialize(Record {
                    valued: &self.learned,
                    ..record
                });
                if refusals().is_empty() && value.is_ok() {
                    return value.map_err(|error| (error, false));
                }
            }
            valued[column] = is_value;
            settled[column] = !is_value;
            let next = T::deserialize(Record {
                valued: &valued,
                ..record
            });
            refused = refusals();
            if next.is_ok() || best.is_err() {
                best = next;
            }
        }
        if best.is_ok() {
            self.learned = valued;
        }
        best.map_err(|error| (error, is_doubled))
    }
}

/// Returns the first column that has been given as the wrong one of text and value, and what it should be.
fn change(
    record: Record,
    refused: &[Refused],
    valued: &[bool],
    settled: &[bool],
) -> Option<(usize, bool)> {
    let scalar = |column: usize| Scalar::of(record.cell(column));
    refused.iter().find_map(|refused| match refused {
        Refused::Text(place) => record
            .column(*place)
            .filter(|&column| !valued[column] && !settled[column] && scalar(column).is_some())
            .map(|column| (column, true)),
        Refused::Value(value) => (0..valued.len())
            .find(|&column| valued[column] && scalar(column) == Some(*value))
            .map(|column| (column, false)),
        Refused::Doubled => None,
    })
}
