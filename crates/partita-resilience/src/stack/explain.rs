//! The stack in words.

use super::{Answered, Stack};
use crate::cache::Cache;
use crate::coalesce::Coalesce;
use crate::deadline::NEVER;
use std::fmt;
use std::time::Duration;

/// What a stack is made of, from the outside in: a line a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    name: String,
    lines: Vec<(&'static str, String)>,
}

impl Explanation {
    /// The policies' names, from the outside in.
    pub fn order(&self) -> Vec<&'static str> {
        self.lines.iter().map(|(what, _)| *what).collect()
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "a call to `{}` goes through", self.name)?;
        for (number, (what, how)) in self.lines.iter().enumerate() {
            writeln!(f, "{:>2}. {what:<16} {how}", number + 1)?;
        }
        write!(f, "{:>2}. the call itself", self.lines.len() + 1)
    }
}

impl<C, S: Shares, F: Shares> Stack<C, S, F> {
    /// What it is made of, from the outside in.
    pub fn explain(&self) -> Explanation {
        let parts = self.parts();
        let mut lines = Vec::from_iter(F::explain());
        if parts.deadline != NEVER {
            let limit = time(Duration::from_nanos(parts.deadline));
            lines.push(("deadline", format!("{limit} for all attempts and waits together")));
        }
        lines.extend(S::explain());
        if let Some(limiter) = &parts.limiter {
            lines.push(("rate limit", format!("of `{}`, {}, once a call", limiter.name(), limiter.explain())));
        }
        if let Some(retry) = &parts.retry {
            lines.push(("retry", retry.explain()));
        }
        if let Some(hedge) = &parts.hedge {
            lines.push(("hedge", hedge.explain()));
        }
        if let Some(breaker) = &parts.breaker {
            lines.push(("circuit breaker", breaker.explain()));
        }
        if let Some(bulkhead) = &parts.bulkhead {
            lines.push(("bulkhead", bulkhead.explain()));
        }
        if let Some(adaptive) = &parts.adaptive {
            lines.push(("adaptive limit", adaptive.explain()));
        }
        if let Some(timeout) = &parts.timeout {
            lines.push(("attempt timeout", timeout.explain()));
        }
        Explanation { name: parts.name.to_string(), lines }
    }
}

/// In the largest unit, from seconds down, that shows it whole.
pub(crate) fn time(time: Duration) -> String {
    match time.as_nanos() {
        nanos if nanos % 1_000_000_000 == 0 => format!("{} s", nanos / 1_000_000_000),
        nanos if nanos % 1_000_000 == 0 => format!("{} ms", nanos / 1_000_000),
        nanos if nanos % 1_000 == 0 => format!("{} µs", nanos / 1_000),
        nanos => format!("{nanos} ns"),
    }
}

/// To three decimals at most.
pub(crate) fn number(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

/// What shares answers among callers, or answers in the place of a call, in words.
pub trait Shares {
    /// The line, if there is one.
    fn explain() -> Option<(&'static str, String)>;
}

impl Shares for () {
    fn explain() -> Option<(&'static str, String)> {
        None
    }
}

impl<C> Shares for Answered<C> {
    fn explain() -> Option<(&'static str, String)> {
        Some(("fallback", "a second answer for what ends badly".to_owned()))
    }
}

impl<K, T, E> Shares for Coalesce<K, T, E> {
    fn explain() -> Option<(&'static str, String)> {
        Some(("coalesce", "one call for all callers of a key at the same time".to_owned()))
    }
}

impl<K, T, D> Shares for Cache<K, T, D> {
    fn explain() -> Option<(&'static str, String)> {
        Some(("cache", "a kept answer, even with no time left; a stale one when the call fails".to_owned()))
    }
}
