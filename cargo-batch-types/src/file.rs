//! Uploaded files as the data of a batch.

use crate::{Column, ColumnType, CreateBatchData, CreateFileData, FileColumn, UploadedFile};

impl UploadedFile {
    /// Describes a file that was not uploaded by this crate, by its name in storage, its media type and the name
    /// that it is displayed by.
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

impl Column {
    /// Returns a column that is displayed by the name it has in the records.
    pub fn new(slug: impl Into<String>, type_: impl Into<ColumnType>) -> Self {
        let slug = slug.into();
        Self {
            label: slug.clone(),
            slug,
            type_: type_.into(),
            properties: None,
            description: None,
        }
    }
}

impl From<FileColumn> for Column {
    fn from(column: FileColumn) -> Self {
        Self::new(column.name, column.type_.as_str())
    }
}
