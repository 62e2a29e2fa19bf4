//! Records as a file, which has a name of its own to be recognised by.

use std::collections::BTreeSet;

use cargo_batch_types::Record;
use serde_json::Value;

/// Returns records as CSV, when that means exactly the same: all have the same fields, and each value is
/// text that isn't empty.
///
/// A cell can't distinguish a number from its text, nor an empty text from none, and how the server reads
/// such cells is unknown.
pub fn as_csv(records: &[Record]) -> Option<String> {
    let columns: BTreeSet<&String> = records.first()?.keys().collect();
    if columns.is_empty() {
        return None;
    }
    let mut text = String::new();
    line(&mut text, columns.iter().map(|column| column.as_str()));
    for record in records {
        if record.len() != columns.len() {
            return None;
        }
        let cells: Option<Vec<&str>> = columns
            .iter()
            .map(|column| match record.get(*column)? {
                Value::String(cell) if !cell.is_empty() => Some(cell.as_str()),
                _ => None,
            })
            .collect();
        line(&mut text, cells?.into_iter());
    }
    Some(text)
}

fn line<'a>(text: &mut String, cells: impl Iterator<Item = &'a str>) {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push('"');
        text.push_str(&cell.replace('"', "\"\""));
        text.push('"');
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(value: Value) -> Record {
        Record::from_serialize(&value).unwrap()
    }

    #[test]
    fn text_becomes_csv() {
        let csv = as_csv(&[
            record(json!({ "name": "Ada \"A\"", "city": "a,b\nc" })),
            record(json!({ "city": "Paris", "name": "7" })),
        ]);
        assert_eq!(
            csv.unwrap(),
            "\"city\",\"name\"\n\"a,b\nc\",\"Ada \"\"A\"\"\"\n\"Paris\",\"7\"\n"
        );
    }

    #[test]
    fn records_that_csv_would_change_are_not_uploaded() {
        for records in [
            json!([{ "age": 36 }]),
            json!([{ "tags": ["a"] }]),
            json!([{ "ok": true }]),
            json!([{ "name": null }]),
            json!([{ "name": "" }]),
            json!([{ "name": "Ada" }, {}]),
            json!([{ "name": "Ada" }, { "name": "Grace", "age": "85" }]),
            json!([{ "name": "Ada" }, { "nom": "Grace" }]),
            json!([{}]),
            json!([]),
        ] {
            let each = records.as_array().unwrap().iter().cloned();
            let records_: Vec<Record> = each.map(record).collect();
            assert_eq!(as_csv(&records_), None, "{records}");
        }
    }
}
