//! What a limiter answers.

use super::gcra::Ahead;
use std::time::Duration;

/// The answer of a limiter: whether the call may pass, and what is left of the quota after it. What is not asked for is
/// not computed.
#[derive(Clone, Copy, Debug)]
#[must_use = "a decision that nobody reads limits nothing"]
pub struct Decision {
    pub(super) allowed: bool,
    pub(super) limit: u32,
    pub(super) now: u64,
    pub(super) left: Left,
}

/// What is left, as each algorithm knows it. Times in nanoseconds since the clock was made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Left {
    Gcra { ahead: Ahead, cost: u32 },
    Counted { remaining: u32, reset_at: u64, fits_at: u64 },
    Never { remaining: u32, reset_at: u64 },
}

impl Decision {
    /// Whether the call may pass; it was charged then.
    #[inline]
    pub const fn allowed(&self) -> bool {
        self.allowed
    }

    /// The limit as configured.
    pub const fn limit(&self) -> u32 {
        self.limit
    }

    /// What could pass now, after this call.
    pub fn remaining(&self) -> u32 {
        match self.left {
            Left::Gcra { ahead, .. } => ahead.free(),
            Left::Counted { remaining, .. } | Left::Never { remaining, .. } => remaining,
        }
    }

    /// When the whole quota is there again if nothing more passes, for a fixed window when it ends; as time since the
    /// clock was made.
    pub fn reset_at(&self) -> Duration {
        Duration::from_nanos(match self.left {
            Left::Gcra { ahead, .. } => self.now.saturating_add(ahead.nanos()),
            Left::Counted { reset_at, .. } | Left::Never { reset_at, .. } => reset_at,
        })
    }

    /// When the whole quota is there again, from now.
    pub fn reset_after(&self) -> Duration {
        self.reset_at().saturating_sub(Duration::from_nanos(self.now))
    }

    /// When the same call would pass, from now; zero if it passed, None if its cost never fits.
    pub fn retry_after(&self) -> Option<Duration> {
        if self.allowed {
            return Some(Duration::ZERO);
        }
        let nanos = match self.left {
            Left::Gcra { ahead, cost } => ahead.wait(cost),
            Left::Counted { fits_at, .. } => fits_at.saturating_sub(self.now),
            Left::Never { .. } => return None,
        };
        Some(Duration::from_nanos(nanos))
    }

    pub(super) const fn never_fits(&self) -> bool {
        matches!(self.left, Left::Never { .. })
    }
}
