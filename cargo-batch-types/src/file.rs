//! From an uploaded file to the batch that runs over it.

use crate::{CreateBatchData, CreateFileData, UploadedFile};

impl UploadedFile {
    /// A file that came to storage in another way than by an upload's own answer.
    pub fn new(
        s3_filename: impl Into<String>,
        content_type: impl Into<String>,
        name: impl Into<String>,
    ) -> Self {
        Self {
            s3_filename: s3_filename.into(),
            content_type: Some(content_type.into()),
            name: Some(name.into()),
            uuid: None,
        }
    }
}

impl From<UploadedFile> for CreateFileData {
    fn from(file: UploadedFile) -> Self {
        Self::new(file.s3_filename)
    }
}

impl From<UploadedFile> for CreateBatchData {
    fn from(file: UploadedFile) -> Self {
        CreateFileData::from(file).into()
    }
}
