//! Input files.

use std::collections::HashMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, RawQuery, Request, State};
use cargo_batch_types::{
    AbortMultipartUploadRequest, CompleteMultipartUploadRequest, CreateMultipartUploadRequest,
    SignMultipartPartRequest,
};
use serde_json::{Value, json};

use super::{ApiResult, read};
use crate::data;
use crate::refusal::Refusal;
use crate::state::{App, File, Upload};
use crate::storage::sign as sign_link;

/// What storage wants of every part but the last, in bytes.
const SMALLEST_PART: usize = 5 << 20;

/// The numbers that parts can have.
const PARTS: std::ops::RangeInclusive<u64> = 1..=10_000;

pub async fn upload(State(app): State<App>, request: Request) -> ApiResult {
    let no_file = |why: &str| Refusal::reason("noFile", why);
    let form = Multipart::from_request(request, &()).await;
    // Without a form there is no file either.
    let mut form = form.map_err(|rejected| no_file(&rejected.body_text()))?;
    let broken =
        |error: axum::extract::multipart::MultipartError| Refusal::malformed(error.body_text());
    let mut stored = None;
    while let Some(field) = form.next_field().await.map_err(broken)? {
        let part = field.name().unwrap_or_default();
        if part != "file" || stored.is_some() {
            let message = format!("{part:?}: the form has one part, and its name is file.");
            return Err(Refusal::malformed(message));
        }
        let name = field.file_name().map(str::to_owned);
        let name = name.ok_or_else(|| no_file("The part named file has no file name."))?;
        let content_type = field
            .content_type()
            .unwrap_or("application/octet-stream")
            .to_owned();
        let content = field.bytes().await.map_err(broken)?;
        stored = Some((name, content_type, content));
    }
    let (name, content_type, content) =
        stored.ok_or_else(|| no_file("There is no part named file."))?;
    let s3_filename = app.state().store(&name, &content_type, content);
    Ok(Json(json!({
        "s3Filename": s3_filename,
        "contentType": content_type,
        "name": name,
        "uuid": null,
    })))
}

pub async fn create(State(app): State<App>, body: Bytes) -> ApiResult {
    let request: CreateMultipartUploadRequest = read(&body)?;
    let mut state = app.state();
    let (upload_id, id) = (state.id().to_string(), state.id());
    let s3_filename = format!(
        "uploads/{id}/{}",
        request.filename.as_deref().unwrap_or("file")
    );
    let upload = Upload {
        s3_filename: s3_filename.clone(),
        content_type: request.content_type,
        parts: HashMap::new(),
    };
    state.uploads.insert(upload_id.clone(), upload);
    Ok(Json(
        json!({ "s3Filename": s3_filename, "uploadId": upload_id }),
    ))
}

pub async fn sign(State(app): State<App>, body: Bytes) -> ApiResult {
    let request: SignMultipartPartRequest = read(&body)?;
    find(
        &app.state().uploads,
        &request.upload_id,
        &request.s3_filename,
    )?;
    let number = request.part_number;
    if !PARTS.contains(&number) {
        let message = format!("partNumber is from 1 to 10000, not {number}.");
        return Err(Refusal::malformed(message));
    }
    Ok(Json(
        json!({ "url": sign_link(&app, "part", &request.upload_id, number) }),
    ))
}

pub async fn complete(State(app): State<App>, body: Bytes) -> ApiResult {
    let request: CompleteMultipartUploadRequest = read(&body)?;
    let mut state = app.state();
    let upload = find(&state.uploads, &request.upload_id, &request.s3_filename)?;
    if request.parts.is_empty() {
        return Err(Refusal::unfit("parts is empty."));
    }
    let mut content = Vec::new();
    let mut before = 0;
    for (n, part) in request.parts.iter().enumerate() {
        let wrong = |why: String| Refusal::unfit(format!("parts[{n}]: {why}."));
        let number = part.part_number;
        if number <= before {
            return Err(wrong(format!("part {number} comes after part {before}")));
        }
        before = number;
        let Some((etag, bytes)) = upload.parts.get(&number) else {
            return Err(wrong(format!("part {number} has not been sent")));
        };
        // With or without its quotes.
        if etag.trim_matches('"') != part.etag.trim_matches('"') {
            return Err(wrong(format!("the ETag of part {number} is another one")));
        }
        if n + 1 < request.parts.len() && bytes.len() < SMALLEST_PART {
            return Err(wrong(format!(
                "part {number} has {} bytes, all but the last have at least {SMALLEST_PART}",
                bytes.len()
            )));
        }
        content.extend_from_slice(bytes);
    }
    let file = File::new(content.into(), &upload.content_type);
    state.uploads.remove(&request.upload_id);
    state.files.insert(request.s3_filename.clone(), file);
    Ok(Json(json!({ "s3Filename": request.s3_filename })))
}

/// A repeated request has no effect; an upload that never was or is complete is refused.
pub async fn abort(State(app): State<App>, body: Bytes) -> ApiResult {
    let request: AbortMultipartUploadRequest = read(&body)?;
    let mut state = app.state();
    if !state.aborted.contains(&request.upload_id) {
        find(&state.uploads, &request.upload_id, &request.s3_filename)?;
        state.uploads.remove(&request.upload_id);
        state.aborted.insert(request.upload_id);
    }
    Ok(Json(json!({})))
}

pub async fn columns(State(app): State<App>, RawQuery(query): RawQuery) -> ApiResult {
    let query = query.unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let name = pairs.find(|(name, _)| name == "s3Filename");
    let (_, name) = name.ok_or_else(|| Refusal::malformed("s3Filename is missing."))?;
    let state = app.state();
    let columns = state.files.get(&*name).and_then(data::columns);
    let none = || Refusal::reason("noColumnsFound", format!("No columns in {name:?}."));
    let columns: Vec<Value> = columns
        .ok_or_else(none)?
        .into_iter()
        .map(|name| json!({ "type": "string", "name": name }))
        .collect();
    Ok(Json(json!({ "columns": columns })))
}

fn find<'a>(
    uploads: &'a HashMap<String, Upload>,
    id: &str,
    s3_filename: &str,
) -> Result<&'a Upload, Refusal> {
    uploads
        .get(id)
        .filter(|upload| upload.s3_filename == s3_filename)
        .ok_or_else(|| Refusal::missing(format!("There is no upload {id} of {s3_filename:?}.")))
}
