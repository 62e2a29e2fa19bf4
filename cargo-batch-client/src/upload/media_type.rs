//! The media types of file names.

/// Returns the media type of a file name: `text/csv` where the name has no ending, and
/// `application/octet-stream` for an ending that isn't known.
pub(super) fn of_name(name: &str) -> &'static str {
    let Some((_, ending)) = name.rsplit_once('.') else {
        return "text/csv";
    };
    match ending.to_ascii_lowercase().as_str() {
        "csv" => "text/csv",
        "tsv" | "tab" => "text/tab-separated-values",
        "txt" => "text/plain",
        "json" => "application/json",
        "ndjson" | "jsonl" => "application/x-ndjson",
        "xml" => "application/xml",
        "gz" => "application/gzip",
        "zip" => "application/zip",
        "zst" => "application/zstd",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xls" => "application/vnd.ms-excel",
        "ods" => "application/vnd.oasis.opendocument.spreadsheet",
        "parquet" => "application/vnd.apache.parquet",
        _ => "application/octet-stream",
    }
}
