//! Input files.

use std::collections::HashMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Multipart, Query, State};
use cargo_batch_types::{
    AbortMultipartUploadRequest, CompleteMultipartUploadRequest, CreateMultipartUploadRequest,
    SignMultipartPartRequest,
};
use serde_json::{Value, json};

use super::{Answer, read};
use crate::refusal::Refusal;
use crate::state::{App, File, Upload};
use crate::storage::sign as sign_link;

/// What storage wants of every part but the last, in bytes.
const SMALLEST_PART: usize = 5 << 20;

pub async fn upload(State(app): State<App>, mut form: Multipart) -> Answer {
    let broken =
        |error: axum::extract::multipart::MultipartError| Refusal::malformed(error.body_text());
    while let Some(field) = form.next_field().await.map_err(broken)? {
        if field.name() == Some("file") {
            let name = field.file_name().unwrap_or("file").to_owned();
            let content_type = field
                .content_type()
                .unwrap_or("application/octet-stream")
                .to_owned();
            let content = field.bytes().await.map_err(broken)?;
            let s3_filename = app.state().store(&name, &content_type, content);
            let answer =
                json!({ "s3Filename": s3_filename, "contentType": content_type, "name": name });
            return Ok(Json(answer));
        }
    }
    Err(Refusal::reason("noFile", "There is no part named file."))
}

pub async fn create(State(app): State<App>, body: Bytes) -> Answer {
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

pub async fn sign(State(app): State<App>, body: Bytes) -> Answer {
    let request: SignMultipartPartRequest = read(&body)?;
    find(
        &app.state().uploads,
        &request.upload_id,
        &request.s3_filename,
    )?;
    if !(1..=10_000).contains(&request.part_number) {
        return Err(Refusal::malformed("partNumber is from 1 to 10000"));
    }
    Ok(Json(
        json!({ "url": sign_link(&app, "part", &request.upload_id, request.part_number) }),
    ))
}

pub async fn complete(State(app): State<App>, body: Bytes) -> Answer {
    let request: CompleteMultipartUploadRequest = read(&body)?;
    let mut state = app.state();
    let upload = find(&state.uploads, &request.upload_id, &request.s3_filename)?;
    let mut content = Vec::new();
    for (n, part) in request.parts.iter().enumerate() {
        let known = upload.parts.get(&part.part_number);
        let Some((_, bytes)) = known.filter(|(etag, _)| *etag == part.etag) else {
            return Err(Refusal::malformed(format!(
                "parts[{n}]: no such part with that ETag"
            )));
        };
        if n > 0 && request.parts[n - 1].part_number >= part.part_number {
            return Err(Refusal::malformed(format!(
                "parts[{n}]: the parts are not in order"
            )));
        }
        if n + 1 < request.parts.len() && bytes.len() < SMALLEST_PART {
            return Err(Refusal::malformed(format!(
                "parts[{n}]: smaller than 5 MiB"
            )));
        }
        content.extend_from_slice(bytes);
    }
    let file = File {
        content: content.into(),
        content_type: upload.content_type.clone(),
    };
    state.uploads.remove(&request.upload_id);
    state.files.insert(request.s3_filename.clone(), file);
    Ok(Json(json!({ "s3Filename": request.s3_filename })))
}

pub async fn abort(State(app): State<App>, body: Bytes) -> Answer {
    let request: AbortMultipartUploadRequest = read(&body)?;
    app.state().uploads.remove(&request.upload_id);
    Ok(Json(json!({})))
}

pub async fn columns(
    State(app): State<App>,
    Query(query): Query<HashMap<String, String>>,
) -> Answer {
    let name = query
        .get("s3Filename")
        .map(String::as_str)
        .unwrap_or_default();
    let state = app.state();
    let none = || Refusal::reason("noColumnsFound", format!("No columns in {name:?}."));
    let file = state.files.get(name).ok_or_else(none)?;
    let mut reader = csv::Reader::from_reader(&*file.content);
    let header = reader.headers().map_err(|_| none())?;
    let columns: Vec<Value> = header
        .iter()
        .map(|name| json!({ "type": "string", "name": name }))
        .collect();
    match columns.is_empty() {
        true => Err(none()),
        false => Ok(Json(json!({ "columns": columns }))),
    }
}

fn find<'a>(
    uploads: &'a HashMap<String, Upload>,
    id: &str,
    s3_filename: &str,
) -> Result<&'a Upload, Refusal> {
    uploads
        .get(id)
        .filter(|upload| upload.s3_filename == s3_filename)
        .ok_or_else(|| Refusal::missing(format!("There is no upload {id} of {s3_filename}.")))
}
