//! Retry with a budget.
//!
//! A retry helps against a failure that passes and makes one worse that does not. So it is bounded four times: in
//! attempts (3), in time (no attempt begins past the deadline), in load (a [budget](crate::budget) shared by all calls to
//! the dependency), and by what is known of the dependency (its recent failure rate, and a [`Gate`] such as a breaker).
//! Waits have full jitter, so that callers who failed together do not come back together.
//!
//! Two things are never repeated: what a policy of this crate refused, and a call that is neither idempotent nor carries
//! a key by which the other side knows a repetition.
//!
//! ```
//! use partita_resilience::retry::Retry;
//! # async fn fetch() -> Result<u32, std::io::Error> { Ok(7) }
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let retry = Retry::builder("prices").idempotent(true).build()?;
//! let price = retry.call(|attempt| async move {
//!     let _left = attempt.deadline_left();
//!     fetch().await
//! }).await?;
//! # let _ = price; Ok(()) }
//! ```

mod call;
mod config;
mod core;
#[cfg(test)]
mod default_tests;
#[cfg(feature = "http")]
mod http;
mod jitter;
mod layer;
mod presets;
mod recent;
mod snapshot;
#[cfg(test)]
mod tests;

pub use call::Retry;
pub use config::RetryBuilder;
pub(crate) use core::{Core, Course, Next, Place, gave_up};
pub use core::{Gate, Stop};
#[cfg(feature = "http")]
pub use http::{ByMethod, Http, HttpOverIo, retry_after};
pub use jitter::Jitter;
pub use layer::{ByClone, Repeat, ResponseFuture};
pub use presets::Io;
pub use snapshot::RetrySnapshot;
