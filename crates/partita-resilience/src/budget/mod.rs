//! How much work beyond the first attempts a dependency may be given.
//!
//! One budget belongs to one dependency and is shared by all that repeat work on it: retries, hedges, redeliveries. Each
//! first attempt that is not refused before deposits a part of an extra attempt (10 %: a full outage then adds a tenth of
//! the load instead of doubling or tripling it), each extra attempt takes a whole one. Deposits expire (10 s: what was saved
//! in a quiet hour must not be spent on one bad second). A floor (3 a second) lets a caller with little traffic retry at all.
//!
//! Retry budgets: *Site Reliability Engineering* (2016), chapter 21; Finagle's `RetryBudget`.

mod config;
mod core;
mod credit;
#[cfg(test)]
mod tests;

pub use config::BudgetBuilder;
pub use core::{Budget, BudgetSnapshot, Deposit, Withdrawal};
