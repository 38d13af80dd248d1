//! What each crate is put through.

pub(crate) mod absent;
pub(crate) mod breaker;
pub(crate) mod held;
pub(crate) mod limits;
pub(crate) mod load;

use futures_util::future::LocalBoxFuture;

/// What was seen; Err says what went wrong.
pub(crate) type Verdict = Result<(), String>;

/// A scenario for one crate.
pub(crate) struct Scenario {
    /// The pitfall's number and what goes wrong.
    pub(crate) pitfall: &'static str,
    /// The crate.
    pub(crate) peer: &'static str,
    /// Runs it.
    pub(crate) run: fn() -> LocalBoxFuture<'static, Verdict>,
}

/// This crate.
pub(crate) const OURS: &str = "partita-resilience";
pub(crate) const TOWER_RESILIENCE: &str = "tower-resilience 0.14.0";
pub(crate) const RECLOSER: &str = "recloser 1.4.0";
pub(crate) const FAILSAFE: &str = "failsafe 1.3.0";
pub(crate) const CIRCUITBREAKER_RS: &str = "circuitbreaker-rs 0.1.1";
pub(crate) const EXECUTION_POLICY: &str = "execution-policy 0.0.6";
pub(crate) const GOVERNOR: &str = "governor 0.10.4";
pub(crate) const TOWER: &str = "tower 0.5.3";
pub(crate) const SEMAPHORE: &str = "tokio Semaphore";

/// The columns of the matrix.
pub(crate) const CRATES: [&str; 9] =
    [OURS, TOWER_RESILIENCE, RECLOSER, FAILSAFE, CIRCUITBREAKER_RS, EXECUTION_POLICY, GOVERNOR, TOWER, SEMAPHORE];
