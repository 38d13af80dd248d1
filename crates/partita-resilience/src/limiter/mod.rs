//! So much in so much time, exactly.
//!
//! | algorithm | state | what it lets through |
//! |---|---|---|
//! | [`Algorithm::Gcra`] | one word, no lock | `burst` at once, then one each `per / limit` |
//! | [`Algorithm::TokenBucket`] | the same word | the same calls: both are one rule, seen from two sides |
//! | [`Algorithm::SlidingLog`] | a stamp for each call | never more than `limit` within any `per` |
//! | [`Algorithm::FixedWindow`] | one count | `limit` in each window; up to twice that around an edge |
//!
//! GCRA is the virtual scheduling form of the generic cell rate algorithm, the token bucket its continuous-state leaky
//! bucket form; ITU-T I.371 annex A shows that they decide alike. Arithmetic is in whole units of `1 / limit` nanoseconds:
//! nothing is rounded, so nothing drifts; only what is told to callers is rounded, up.
//!
//! A [`Limiter`] with a burst of 65,536 or more hands each thread a 1024th of it at a time, while less than half is used:
//! threads then meet on a cache line once for many calls. Never more pass than without that; what an idle thread has left,
//! the others lack until its time is past.
//!
//! Who waits, reserves: a [`Reservation`] takes its own moment at once and sleeps until it, so waiters neither wake
//! together nor race. Dropped before its moment, it gives the moment back and those behind it move up. While somebody
//! waits, no newcomer overtakes.

mod call;
mod config;
mod core;
mod decision;
mod gcra;
#[cfg(feature = "http")]
mod http;
mod keyed;
#[cfg(test)]
mod keyed_tests;
mod layer;
#[cfg(test)]
mod layer_tests;
mod line;
#[cfg(test)]
mod line_tests;
mod log;
mod quota;
mod reservation;
mod rule;
mod share;
#[cfg(test)]
mod share_tests;
mod snapshot;
#[cfg(test)]
mod tests;
mod tiers;
mod window;

use std::sync::Arc;

pub use config::Builder;
pub use decision::Decision;
#[cfg(feature = "http")]
pub use http::{ServerFuture, ServerSide, put_rate_limit};
pub use keyed::KeyedLimiter;
pub use layer::{Charged, LimiterFuture};
pub use quota::{Algorithm, Quota};
pub use reservation::Reservation;
pub use snapshot::LimiterSnapshot;
pub use tiers::{Tier, Tiers};

/// One quota for all callers. Clones share it.
#[derive(Clone, Debug)]
pub struct Limiter {
    core: Arc<self::core::Core>,
    meter: Arc<line::Meter>,
}
