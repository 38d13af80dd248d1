//! What policies tell, and to whom.

use crate::timing::nanos;
use crate::{Limit, Outcome, PolicyKind, Reason};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Something a policy did. Borrowed, so that telling it costs no allocation.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// In nanoseconds: the `Duration` is made for who asks.
    at: u64,
    /// Who tells.
    pub policy: PolicyKind,
    /// Its name.
    pub name: &'a str,
    /// What.
    pub kind: EventKind<'a>,
}

impl<'a> Event<'a> {
    /// One that a listener can be tried with; moments are at most the 584 years that 64 bits of nanoseconds hold.
    ///
    /// ```
    /// use partita_resilience::{Event, EventKind, PolicyKind};
    /// use std::time::Duration;
    /// let event = Event::new(Duration::from_secs(3), PolicyKind::Breaker, "payments", EventKind::Admitted);
    /// assert_eq!(event.at().as_secs(), 3);
    /// ```
    pub fn new(at: Duration, policy: PolicyKind, name: &'a str, kind: EventKind<'a>) -> Self {
        Self::told(nanos(at), policy, name, kind)
    }

    /// Of a moment in nanoseconds.
    #[inline(always)]
    pub(crate) const fn told(at: u64, policy: PolicyKind, name: &'a str, kind: EventKind<'a>) -> Self {
        Self { at, policy, name, kind }
    }

    /// When: time since the policy's clock was made; coarse where the policy reads the coarse clock.
    pub const fn at(&self) -> Duration {
        Duration::from_nanos(self.at)
    }
}

/// What a policy did.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum EventKind<'a> {
    /// A call was let through; routine.
    Admitted,
    /// A call waits for a permit; routine.
    Queued,
    /// A call ended; routine.
    Ended {
        /// How.
        outcome: Outcome,
        /// How long it took.
        elapsed: Duration,
    },
    /// A call was refused.
    Rejected {
        /// Why.
        reason: Reason,
        /// When to come again, from now.
        retry_after: Option<Duration>,
    },
    /// Time ran out.
    TimedOut {
        /// The limit.
        after: Duration,
        /// Whose.
        which: Limit,
    },
    /// A policy changed its state.
    StateChanged {
        /// The state before.
        from: &'static str,
        /// The state from now on.
        to: &'static str,
        /// Why.
        reason: &'static str,
        /// The window of the state that ends: what the decision was taken from, where it was taken from that. An open and a
        /// half-open state have an empty one.
        window: &'a crate::WindowView,
    },
    /// A policy that only watches would have changed its state.
    WouldChange {
        /// The state that it would have left.
        from: &'static str,
        /// The state that it would have taken.
        to: &'static str,
        /// Why.
        reason: &'static str,
        /// The window of the state that ends: what the decision was taken from, where it was taken from that. An open and a
        /// half-open state have an empty one.
        window: &'a crate::WindowView,
    },
    /// A further attempt will be made.
    Retrying {
        /// Its number; the first retry is attempt 2.
        attempt: u32,
        /// The wait before it.
        delay: Duration,
        /// How the attempt before ended.
        cause: &'a dyn fmt::Debug,
    },
    /// No further attempt will be made.
    GaveUp {
        /// Attempts begun.
        attempts: u32,
        /// Why.
        reason: &'static str,
    },
    /// A further call was begun beside a slow or failed one.
    Hedged {
        /// Its number; the first hedge is attempt 2.
        attempt: u32,
    },
    /// A limit moved.
    LimitChanged {
        /// The limit before.
        from: u32,
        /// The limit from now on.
        to: u32,
    },
    /// An answer that was not fetched anew: the word says which (`hit`, `stale`, `shared`, `fallback`, `default`).
    Served(&'static str),
}

impl EventKind<'_> {
    /// Whether every healthy call brings it.
    pub const fn is_routine(&self) -> bool {
        matches!(self, Self::Admitted | Self::Queued | Self::Ended { .. })
    }

    /// The word in reports.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Queued => "queued",
            Self::Ended { .. } => "ended",
            Self::Rejected { .. } => "rejected",
            Self::TimedOut { .. } => "timed_out",
            Self::StateChanged { .. } => "state_changed",
            Self::WouldChange { .. } => "would_change",
            Self::Retrying { .. } => "retrying",
            Self::GaveUp { .. } => "gave_up",
            Self::Hedged { .. } => "hedged",
            Self::LimitChanged { .. } => "limit_changed",
            Self::Served(_) => "served",
        }
    }
}

/// Boxed within: a thin pointer to each, called without a look at the size of what lies behind.
type Listener = Arc<Box<dyn Fn(&Event<'_>) + Send + Sync>>;

/// Whom a policy tells. Listeners run on the caller's thread, after the policy's own state has changed, outside any
/// lock; one that blocks, blocks calls.
#[derive(Clone, Default)]
pub struct Listeners {
    news: Vec<Listener>,
    /// Those of them that hear the routine of healthy calls too.
    all: Vec<Listener>,
}

impl Listeners {
    /// Adds one that hears everything but the routine of healthy calls.
    pub fn add(&mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) {
        self.news.push(Arc::new(Box::new(listener)));
    }

    /// Adds one that hears every event, the routine of healthy calls too.
    pub fn add_tracing(&mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) {
        let listener: Listener = Arc::new(Box::new(listener));
        self.news.push(Arc::clone(&listener));
        self.all.push(listener);
    }

    /// Whether anybody hears anything.
    pub(crate) const fn hears(&self) -> bool {
        !self.news.is_empty()
    }

    /// Whether somebody hears the routine of healthy calls.
    pub(crate) const fn hears_routine(&self) -> bool {
        !self.all.is_empty()
    }

    /// Tells a routine event, built only if somebody listens to these.
    #[inline(always)]
    pub(crate) fn routine<'a>(&self, event: impl FnOnce() -> Event<'a>) {
        if !self.all.is_empty() {
            let event = event();
            self.all.iter().for_each(|listener| listener(&event));
        }
    }

    /// Tells an event that is not routine.
    #[inline]
    pub(crate) fn tell(&self, event: &Event<'_>) {
        self.news.iter().for_each(|listener| listener(event));
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listeners({})", self.news.len())
    }
}
