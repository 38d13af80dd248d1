//! A clock that moves when it is told to.

use crate::{BoxFuture, Clock, Sleep, Timestamp};
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Virtual time without a runtime: it stands still until [`ManualClock::advance`] moves it. Clones share one time.
///
/// Waits end in the order of their due times when a caller moves from one [`ManualClock::next_due`] to the next.
#[derive(Clone, Default)]
pub struct ManualClock(Arc<Mutex<Dial>>);

#[derive(Default)]
struct Dial {
    now: Duration,
    anchor: Timestamp,
    drawn: u64,
    waits: BTreeMap<(Duration, u64), Waker>,
}

impl ManualClock {
    /// A clock that stands at zero, which it takes for 1970-01-01T00:00:00Z.
    pub fn new() -> Self {
        Self::default()
    }

    /// A clock that stands at zero, which it takes for `anchor`.
    pub fn anchored(anchor: Timestamp) -> Self {
        let clock = Self::default();
        clock.dial().anchor = anchor;
        clock
    }

    fn dial(&self) -> MutexGuard<'_, Dial> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the first wait under way is due, as time since this clock was made.
    pub fn next_due(&self) -> Option<Duration> {
        self.dial().waits.keys().next().map(|(due, _)| *due)
    }

    /// Moves forth by `step` and wakes every wait that is due then.
    pub fn advance(&self, step: Duration) {
        let to = self.dial().now.saturating_add(step);
        self.advance_to(to);
    }

    /// Moves to `moment`, as time since this clock was made, and wakes every wait that is due then. Never goes back.
    pub fn advance_to(&self, moment: Duration) {
        let due = {
            let mut dial = self.dial();
            dial.now = dial.now.max(moment);
            let first_later = (dial.now.saturating_add(Duration::from_nanos(1)), 0);
            let later = dial.waits.split_off(&first_later);
            std::mem::replace(&mut dial.waits, later)
        };
        due.into_values().for_each(Waker::wake);
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ManualClock({:?})", self.elapsed())
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        let dial = self.dial();
        dial.anchor.plus(dial.now)
    }

    fn elapsed(&self) -> Duration {
        self.dial().now
    }

    fn sleep(&self, wait: Duration) -> Sleep {
        let mut dial = self.dial();
        dial.drawn += 1;
        let key = (dial.now.saturating_add(wait), dial.drawn);
        let wait: BoxFuture<'static, ()> = Box::pin(Wait { clock: self.clone(), key });
        wait
    }
}

/// Stands in the dial from its first poll on.
struct Wait {
    clock: ManualClock,
    key: (Duration, u64),
}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut dial = self.clock.dial();
        if dial.now >= self.key.0 {
            return Poll::Ready(());
        }
        dial.waits.insert(self.key, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.clock.dial().waits.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;

    fn is_over(wait: Pin<&mut Sleep>) -> bool {
        wait.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn waits_end_when_their_time_has_come_and_not_before() {
        let clock = ManualClock::new();
        let mut short = pin!(clock.sleep(Duration::from_millis(10)));
        let mut long = pin!(clock.sleep(Duration::from_millis(20)));
        assert!(!is_over(short.as_mut()) && !is_over(long.as_mut()));
        assert_eq!(clock.next_due(), Some(Duration::from_millis(10)));
        clock.advance(Duration::from_millis(10));
        assert!(is_over(short.as_mut()) && !is_over(long.as_mut()));
        assert_eq!(clock.now(), Timestamp::from_millis(10));
    }

    #[test]
    fn a_dropped_wait_is_no_longer_due() {
        let clock = ManualClock::new();
        let mut wait = Box::pin(clock.sleep(Duration::from_secs(1)));
        assert!(!is_over(wait.as_mut().as_mut()));
        drop(wait);
        assert_eq!(clock.next_due(), None);
    }
}
