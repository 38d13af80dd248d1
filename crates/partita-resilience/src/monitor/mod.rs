//! One look at every policy of a dependency.
//!
//! A [`Monitor`] is built from a [`Stack`](crate::stack::Stack) or from single policies. [`Monitor::look`] gathers their
//! snapshots and holds them against thresholds; what crosses one is a [`Finding`] with its [`Severity`], and a hook hears
//! of each finding that appears, changes its severity or goes. Shares of calls are those since the look before, or none
//! where no call came.
//!
//! | what | measured | warning | critical |
//! |---|---|---|---|
//! | [`What::Breaker`] | how far a breaker is from closed | half-open, ramp | open, forced open |
//! | [`What::Saturated`] | the places in use of a bulkhead, a pool, an adaptive limit, load shedding | 0.8 | 1 |
//! | [`What::Rejected`] | the calls refused by these, by a limiter or a deadline | 0.01 | 0.1 |
//! | [`What::BudgetSpent`] | the retries and hedges that their budget refused | 0.01 | 0.5 |
//! | [`What::TimedOut`] | the calls that a timeout or a deadline cut off | 0.05 | 0.5 |
//! | [`What::Defaulted`] | the optional calls of a join whose default was taken | 0.05 | 0.5 |
//!
//! The report says too how late the coarse clock's readings are, by which policies count.
//!
//! ```
//! use partita_resilience::{breaker::Breaker, monitor::{Monitor, Severity}};
//! let breaker = Breaker::builder("catalogue").build()?;
//! let monitor = Monitor::builder("catalogue").watch(breaker.clone()).on_change(|change| eprintln!("{change}")).build()?;
//! assert_eq!(monitor.look().severity(), None);
//! breaker.force_open();
//! assert_eq!(monitor.look().severity(), Some(Severity::Critical));
//! # Ok::<(), partita_resilience::BuildError>(())
//! ```

mod config;
mod finding;
mod look;
mod measure;
#[cfg(test)]
mod tests;
mod watch;

pub use config::{MonitorBuilder, Threshold};
pub use finding::{Change, Finding, Severity, What};
pub use look::{Monitor, Report};
pub use watch::{PolicySnapshot, Watch};
