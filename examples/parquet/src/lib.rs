//! The results of a batch as a Parquet file, a row group at a time.

#![forbid(unsafe_code)]

use std::io::Write;
use std::sync::Arc;

use anyhow::Context;
use cargo_batch_client::Download;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

const SCHEMA: &str = "message lead { required binary email (UTF8); optional double score; }";

/// How many rows are in memory at once.
const ROWS: usize = 10_000;

#[derive(serde::Deserialize)]
struct Lead {
    email: String,
    // A column of the sandbox; your workflow has its own.
    #[serde(rename = "sandbox_score")]
    score: Option<f64>,
}

/// Writes the rows of a download, and returns their number.
///
/// # Errors
/// When the download fails, a row isn't a lead, or the file can't be written.
pub async fn convert(download: Download, output: impl Write + Send) -> anyhow::Result<usize> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let mut writer =
        SerializedFileWriter::new(output, schema, Arc::new(WriterProperties::default()))?;
    let mut rows = download.rows::<Lead>();
    let mut leads = Vec::new();
    let mut count = 0;
    while let Some(lead) = rows.next().await {
        leads.push(lead?);
        count += 1;
        if leads.len() == ROWS {
            write(&mut writer, &std::mem::take(&mut leads))?;
        }
    }
    write(&mut writer, &leads)?;
    writer.close()?;
    Ok(count)
}

fn write(
    writer: &mut SerializedFileWriter<impl Write + Send>,
    leads: &[Lead],
) -> anyhow::Result<()> {
    let mut group = writer.next_row_group()?;
    let mut column = group.next_column()?.context("the column email")?;
    let emails: Vec<ByteArray> = leads
        .iter()
        .map(|lead| lead.email.as_str().into())
        .collect();
    column
        .typed::<ByteArrayType>()
        .write_batch(&emails, None, None)?;
    column.close()?;

    let mut column = group.next_column()?.context("the column score")?;
    let scores: Vec<f64> = leads.iter().filter_map(|lead| lead.score).collect();
    // 1 where there is a value, 0 where it is null.
    let levels: Vec<i16> = leads
        .iter()
        .map(|lead| lead.score.is_some().into())
        .collect();
    column
        .typed::<DoubleType>()
        .write_batch(&scores, Some(&levels), None)?;
    column.close()?;
    group.close()?;
    Ok(())
}
