//! How much in how much time.

use std::time::Duration;

/// How a quota is kept; see the [module](super).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// Generic cell rate algorithm. The default: one word, exact, and it knows when to come again.
    #[default]
    Gcra,
    /// A bucket of `burst` tokens that refills evenly.
    TokenBucket,
    /// A log of all calls in the last `per`.
    SlidingLog,
    /// A count for each window of `per`; the first begins with the clock.
    FixedWindow,
}

impl Algorithm {
    /// The word in explanations.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Gcra => "GCRA",
            Self::TokenBucket => "token bucket",
            Self::SlidingLog => "sliding log",
            Self::FixedWindow => "fixed window",
        }
    }
}

/// So much in so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub(super) limit: u32,
    pub(super) per: Duration,
    pub(super) burst: Option<u32>,
    pub(super) algorithm: Algorithm,
}

impl Quota {
    /// `limit` in each `per`.
    pub const fn new(limit: u32, per: Duration) -> Self {
        Self { limit, per, burst: None, algorithm: Algorithm::Gcra }
    }

    /// `limit` a second.
    pub const fn per_second(limit: u32) -> Self {
        Self::new(limit, Duration::from_secs(1))
    }

    /// `limit` a minute.
    pub const fn per_minute(limit: u32) -> Self {
        Self::new(limit, Duration::from_secs(60))
    }

    /// `limit` an hour.
    pub const fn per_hour(limit: u32) -> Self {
        Self::new(limit, Duration::from_secs(3_600))
    }

    /// How much may come at once, for GCRA and the token bucket. Default `limit`: a caller who was quiet for a whole
    /// period may use that period's quota at once.
    #[must_use]
    pub const fn burst(mut self, burst: u32) -> Self {
        self.burst = Some(burst);
        self
    }

    /// How the quota is kept. Default GCRA.
    #[must_use]
    pub const fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// The most that ever passes at once.
    pub(super) fn depth(&self) -> u32 {
        self.burst.unwrap_or(self.limit)
    }
}

impl Default for Quota {
    /// 100 a second.
    fn default() -> Self {
        Self::per_second(100)
    }
}
