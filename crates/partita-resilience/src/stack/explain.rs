//! The stack in words.

use super::Stack;
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

impl<C> Stack<C> {
    /// What it is made of, from the outside in.
    pub fn explain(&self) -> Explanation {
        let parts = self.parts();
        let mut lines = Vec::new();
        if let Some(limit) = parts.deadline {
            lines.push(("deadline", format!("{} for all attempts and waits together", time(limit))));
        }
        if let Some(retry) = &parts.retry {
            lines.push(("retry", retry.explain()));
        }
        if let Some(breaker) = &parts.breaker {
            lines.push(("circuit breaker", breaker.explain()));
        }
        if let Some(bulkhead) = &parts.bulkhead {
            lines.push(("bulkhead", bulkhead.explain()));
        }
        if let Some(timeout) = &parts.timeout {
            lines.push(("attempt timeout", format!("{} for the first attempt", time(timeout.limit(1)))));
        }
        Explanation { name: parts.name.to_string(), lines }
    }
}

/// In the largest unit that shows it whole.
pub(crate) fn time(time: Duration) -> String {
    match time.as_millis() {
        millis if millis % 1_000 == 0 => format!("{} s", millis / 1_000),
        millis => format!("{millis} ms"),
    }
}
