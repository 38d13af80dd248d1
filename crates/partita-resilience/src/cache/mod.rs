//! Answers kept, and stale ones while the dependency fails.
//!
//! An answer is fresh for its time to live. After that it is stale: the next call fetches anew, and only one call per key
//! does so at a time, while the others are given the stale answer; when the fetch fails, is refused or runs out of time,
//! so is the one who fetched. With a [`Spawner`](partita_time::Spawner) the fetch is made in the background and nobody
//! waits for it. A stale answer is given for a bounded time only, and never in the place of an end that is the caller's
//! own mistake. Memory is bounded by the number of answers.
//!
//! Beneath lies `quick_cache` (S3-FIFO), whose keys are hashed with a random seed.

mod call;
mod config;
mod core;
mod layer;
#[cfg(test)]
mod tests;

pub use call::Cache;
pub(crate) use call::Fetch;
pub use config::CacheBuilder;
pub use core::CacheSnapshot;
