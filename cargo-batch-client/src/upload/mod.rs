//! Uploads of input files.

#[cfg(not(target_arch = "wasm32"))]
mod large;
mod media_type;
#[cfg(not(target_arch = "wasm32"))]
mod parts;
mod single;
#[cfg(not(target_arch = "wasm32"))]
mod source;

#[cfg(not(target_arch = "wasm32"))]
pub use self::large::Upload;
pub use self::single::UploadFile;
