//! The guide: a page for each subject.
//!
//! - [Before you pay](before_you_pay): the check, the preview and the limit of a batch.
//! - [Money](money): which requests are retried, and how a batch is created exactly once.
//! - [Waiting](waiting): for one batch or thousands, across restarts.
//! - [Retries](retries): what is retried, and what happens where the server asks for fewer requests.
//! - [Results](results): how a batch ended, and its results.
//! - [Forward compatibility](forward_compatibility): servers that are newer than this crate.

#[doc = include_str!("../docs/guide/before_you_pay.md")]
pub mod before_you_pay {}

#[doc = include_str!("../docs/guide/money.md")]
pub mod money {}

#[doc = include_str!("../docs/guide/waiting.md")]
pub mod waiting {}

#[doc = include_str!("../docs/guide/retries.md")]
pub mod retries {}

#[doc = include_str!("../docs/guide/results.md")]
pub mod results {}

#[doc = include_str!("../docs/guide/forward_compatibility.md")]
pub mod forward_compatibility {}
