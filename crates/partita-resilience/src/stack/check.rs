//! Whether the times of a stack's policies fit together.

use crate::timeout::Timeout;
use crate::{BuildError, PolicyKind};
use std::time::Duration;

/// What the longest attempt is compared with.
pub(super) struct Times {
    pub(super) deadline: Option<Duration>,
    /// That of a breaker which counts by time.
    pub(super) window: Option<Duration>,
    /// Attempts at most, one after the other; None without a limit.
    pub(super) attempts: Option<u32>,
    /// Attempts at most beside each of them.
    pub(super) hedges: u32,
}

impl Times {
    /// The longest that an attempt may ever be given must fit into the breaker's window twice, else it is forgotten before
    /// its end is known, and into the deadline once.
    pub(super) fn check(&self, timeout: Option<&Timeout>) -> Result<(), BuildError> {
        let Some(timeout) = timeout else { return Ok(()) };
        let refuse = |option, why| Err(BuildError::new(PolicyKind::Stack, option, why));
        let last = self.attempts.map(|attempts| attempts.saturating_add(self.hedges));
        let of_known = timeout.longest(last.unwrap_or(1));
        if let Some(deadline) = self.deadline.filter(|deadline| *deadline < of_known) {
            let why = format!(
                "{} ms for an attempt never pass within a deadline of {} ms; shorten the one or lengthen the other",
                of_known.as_millis(),
                deadline.as_millis()
            );
            return refuse("attempt_timeout", why);
        }
        let longest = timeout.longest(last.unwrap_or(u32::MAX)).min(self.deadline.unwrap_or(Duration::MAX));
        if let Some(window) = self.window.filter(|window| *window < longest.saturating_mul(2)) {
            let why = format!(
                "a window of {} ms forgets calls before they time out after {} ms; make it at least twice as long",
                window.as_millis(),
                longest.as_millis()
            );
            return refuse("breaker", why);
        }
        Ok(())
    }
}
