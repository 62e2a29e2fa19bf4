//! Columns against form fields.

use std::collections::{BTreeMap, BTreeSet};

use cargo_batch_types::FormField;

use super::header::cells;
use super::report::{Report, Severity, Subject};

/// What separates the columns of files that aren't separated by commas.
const DELIMITERS: [(char, &str); 3] = [(';', "semicolons"), ('\t', "tabs"), ('|', "bars")];

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Renames columns by the pairs of a request: which side of a pair is the column isn't documented, so either
/// may be. Returns the pairs of which neither side is a column.
pub fn rename(
    columns: &mut [String],
    mappings: &BTreeMap<String, String>,
) -> Vec<(String, String)> {
    let header = columns.to_vec();
    let place = |name: &String| header.iter().position(|column| column == name);
    let mut lost = Vec::new();
    for (one, other) in mappings {
        match (place(one), place(other)) {
            (Some(at), _) => columns[at].clone_from(other),
            (None, Some(at)) => columns[at].clone_from(one),
            (None, None) => lost.push((one.clone(), other.clone())),
        }
    }
    lost
}

impl Report {
    /// Adds what is wrong with the names of columns, whatever the fields.
    pub(super) fn add_names(&mut self) {
        let columns = std::mem::take(&mut self.columns);
        let mut seen = BTreeSet::new();
        let twice: BTreeSet<&String> = columns.iter().filter(|name| !seen.insert(*name)).collect();
        for name in twice.into_iter().filter(|name| !name.is_empty()) {
            self.add(
                Severity::Warning,
                Subject::Columns,
                format!("there is more than one column {name:?}"),
            );
        }
        if columns.iter().any(|name| name.trim().is_empty()) {
            let message = "there is a column without a name";
            self.add(Severity::Warning, Subject::Columns, message);
        }
        self.columns = columns;
    }

    /// Adds what is wrong with the columns, given the form fields of the workflow.
    pub(super) fn add_fields(&mut self) {
        let columns = std::mem::take(&mut self.columns);
        let fields = std::mem::take(&mut self.form_fields);
        let is_field = |name: &str| fields.iter().any(|field| field.slug == name);
        match delimiter(&columns).filter(|_| !is_field(&columns[0])) {
            Some(delimiter) => {
                let message = format!(
                    "the header is one column, {:?}, which seems to be separated by {delimiter}: separate the \
                     file by commas",
                    columns[0]
                );
                self.add(Severity::Error, Subject::Columns, message);
            }
            None => {
                for field in &fields {
                    self.add_missing(field, &columns);
                }
                // A column that is almost a missing one was named with that.
                let is_named = |column: &str| {
                    let mut missing = fields.iter().filter(|field| {
                        field.is_required == Some(true) && !columns.contains(&field.slug)
                    });
                    missing.any(|field| plain(&field.slug) == plain(column))
                };
                let unknown = columns.iter().filter(|it| !is_field(it) && !is_named(it));
                for column in unknown {
                    if !column.trim().is_empty() && !fields.is_empty() {
                        let slugs: Vec<&str> = fields.iter().map(|it| it.slug.as_str()).collect();
                        let message = format!(
                            "the column {column:?} is no form field of the workflow, which has {}",
                            slugs.join(", ")
                        );
                        self.add(Severity::Warning, Subject::Columns, message);
                    }
                }
            }
        }
        (self.columns, self.form_fields) = (columns, fields);
    }

    fn add_missing(&mut self, field: &FormField, columns: &[String]) {
        if field.is_required != Some(true) || columns.contains(&field.slug) {
            return;
        }
        let like = columns
            .iter()
            .find(|name| plain(name) == plain(&field.slug));
        let hint = match like {
            Some(name) if name.starts_with(BYTE_ORDER_MARK) => format!(
                ": the column {name:?} begins with a byte order mark (BOM), so save the file without one"
            ),
            Some(name) => format!(": rename the column {name:?}"),
            None => String::new(),
        };
        let message = format!("the required column {:?} is missing{hint}", field.slug);
        self.add(Severity::Error, Subject::Columns, message);
    }
}

/// Returns a name without what differs by accident.
fn plain(name: &str) -> String {
    let name = name.trim_start_matches(BYTE_ORDER_MARK).trim();
    name.to_lowercase().replace([' ', '-'], "_")
}

/// Returns what seems to separate a header that is one column.
fn delimiter(columns: &[String]) -> Option<&'static str> {
    let [column] = columns else {
        return None;
    };
    let mut known = DELIMITERS.iter();
    let (_, name) = known.find(|(delimiter, _)| cells(column, *delimiter).len() > 1)?;
    Some(name)
}
