//! The guide: a page for each task.
//!
//! - [Before you pay](before_you_pay): the check, the preview and the limit of a batch.
//! - [Money](money): which creations are retried, and which are searched for.
//! - [Waiting](waiting): for one batch or thousands, across restarts.
//! - [Timeouts and retries](timeouts_and_retries): what is retried, rate limits, and which timeout bounds what.
//! - [Errors](errors): the kinds, what was retried, whether credits may be spent, and what to do.
//! - [Results](results): how a batch ended, and the file of its results.
//! - [Testing](testing): your own code, against the sandbox or behind a trait.
//! - [Forward compatibility](forward_compatibility): servers that are newer than this crate.

#[doc = include_str!("../docs/guide/before_you_pay.md")]
pub mod before_you_pay {}

#[doc = include_str!("../docs/guide/money.md")]
pub mod money {}

#[doc = include_str!("../docs/guide/waiting.md")]
pub mod waiting {}

#[doc = include_str!("../docs/guide/timeouts_and_retries.md")]
#[doc(alias = "retry")]
#[doc(alias = "timeout")]
#[doc(alias = "rate limit")]
pub mod timeouts_and_retries {}

#[doc = include_str!("../docs/guide/errors.md")]
pub mod errors {}

#[doc = include_str!("../docs/guide/results.md")]
pub mod results {}

#[doc = include_str!("../docs/guide/testing.md")]
#[doc(alias = "mock")]
pub mod testing {}

#[doc = include_str!("../docs/guide/forward_compatibility.md")]
pub mod forward_compatibility {}
