//! The rows of input files.

use std::collections::BTreeMap;
use std::sync::Arc;

use cargo_batch_types::Record;

use super::invalid;
use crate::refusal::Refusal;
use crate::state::{File, State};

/// The names of the columns of a CSV file; none if it has no header.
pub fn columns(file: &File) -> Option<Vec<String>> {
    let mut reader = csv::Reader::from_reader(&*file.content);
    let header = reader.headers().ok()?;
    let named = !header.is_empty() && header.iter().any(|name| !name.trim().is_empty());
    named.then(|| header.iter().map(str::to_owned).collect())
}

/// The rows of a CSV file, or why they can't be read, which is found out only in the background.
///
/// # Errors
/// When there is no such file, when it has no header, or when the mappings name no column.
#[allow(clippy::type_complexity)] // A refusal now, or a failure later.
pub fn rows(
    state: &State,
    s3_filename: &str,
    mappings: Option<&BTreeMap<String, String>>,
) -> Result<Result<Vec<Arc<Record>>, String>, Refusal> {
    let file = state.files.get(s3_filename);
    let file = file.ok_or_else(|| invalid(format!("s3Filename: there is no {s3_filename:?}.")))?;
    let columns = columns(file).ok_or_else(|| {
        let message = format!("s3Filename: {s3_filename:?} is no CSV file with a header.");
        invalid(message)
    })?;
    let fields = renamed(columns, mappings)?;
    let mut reader = csv::Reader::from_reader(&*file.content);
    let record = |row: csv::StringRecord| {
        let values = row.iter().map(str::to_owned);
        Arc::new(fields.iter().cloned().zip(values).collect::<Record>())
    };
    let rows = reader.records().map(|row| row.map(record));
    Ok(rows
        .collect::<Result<_, _>>()
        .map_err(|error| format!("The file could not be read: {error}")))
}

/// Which side of a mapping is the column is not documented, so either may be.
fn renamed(
    mut columns: Vec<String>,
    mappings: Option<&BTreeMap<String, String>>,
) -> Result<Vec<String>, Refusal> {
    let header = columns.clone();
    for (one, other) in mappings.into_iter().flatten() {
        let place = |name: &String| header.iter().position(|column| column == name);
        match (place(one), place(other)) {
            (Some(place), _) => columns[place].clone_from(other),
            (None, Some(place)) => columns[place].clone_from(one),
            (None, None) => {
                let message = format!("mappings: the file has neither {one:?} nor {other:?}.");
                return Err(invalid(message));
            }
        }
    }
    Ok(columns)
}
