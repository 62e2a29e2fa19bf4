//! Names what is missing where the feature `rows` is disabled.

use crate::Download;

impl Download {
    /// The rows of the file: this build leaves out the feature `rows`.
    #[doc(hidden)]
    pub fn rows<T: FeatureRows>(self) -> T::Rows {
        T::rows(self)
    }
}

/// No type implements this.
///
/// ```compile_fail,E0277
/// # fn run(download: cargo_batch_client::Download) {
/// download.rows::<String>();
/// # }
/// ```
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`Download::rows` needs the feature `rows` of `cargo-batch-client`",
    label = "the feature `rows` is off",
    note = "switch it on in Cargo.toml, or by `cargo add cargo-batch-client --features rows`"
)]
pub trait FeatureRows: Sized {
    #[doc(hidden)]
    type Rows;
    #[doc(hidden)]
    fn rows(download: Download) -> Self::Rows;
}
