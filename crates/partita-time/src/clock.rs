//! Telling the time and waiting.

use crate::{BoxFuture, Timestamp};
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// A wait that ends at its time; dropping it costs nothing.
pub type Sleep = BoxFuture<'static, ()>;

/// Tells the time and waits.
///
/// Rules of an implementer: `now` never goes back within one clock; `now` and `elapsed` move together, so that a
/// deadline kept as a [`Timestamp`] is not moved by an operator who sets the wall clock while the process runs.
pub trait Clock: Send + Sync + fmt::Debug + 'static {
    /// The moment, in milliseconds.
    fn now(&self) -> Timestamp;
    /// Time since this clock was made.
    fn elapsed(&self) -> Duration;
    /// Waits.
    fn sleep(&self, wait: Duration) -> Sleep;
}

/// Tokio's clock, anchored to the wall once. Under a paused runtime it is virtual time.
#[derive(Clone, Copy, Debug)]
pub struct TokioClock {
    anchor: Timestamp,
    start: std::time::Instant,
}

#[allow(clippy::disallowed_methods, reason = "this is the one place that the bans point to")]
impl TokioClock {
    /// Anchored to the machine's wall clock, read once.
    pub fn system() -> Self {
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self::anchored(Timestamp::default().plus(since_1970))
    }

    /// Anchored to a moment of the caller's choice.
    pub fn anchored(anchor: Timestamp) -> Self {
        Self { anchor, start: tokio::time::Instant::now().into_std() }
    }
}

#[allow(clippy::disallowed_methods, reason = "this is the one place that the bans point to")]
impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        self.anchor.plus(self.elapsed())
    }

    fn elapsed(&self) -> Duration {
        tokio::time::Instant::now().into_std().duration_since(self.start)
    }

    fn sleep(&self, wait: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(wait))
    }
}

/// The time given to [`timeout`] ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time ran out")
    }
}

impl std::error::Error for Elapsed {}

/// Runs `work` for at most `limit`. Work that is ready when the time runs out counts as done.
///
/// # Errors
/// [`Elapsed`] when the time ran out; `work` is dropped then.
pub async fn timeout<F: Future>(clock: &dyn Clock, limit: Duration, work: F) -> Result<F::Output, Elapsed> {
    let mut work = pin!(work);
    // Work that is ready at once needs no timer.
    let mut sleep = None;
    std::future::poll_fn(move |cx| {
        if let Poll::Ready(out) = work.as_mut().poll(cx) {
            return Poll::Ready(Ok(out));
        }
        sleep.get_or_insert_with(|| clock.sleep(limit)).as_mut().poll(cx).map(|()| Err(Elapsed))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn wall_time_and_waits_are_one_clock() {
        let clock = TokioClock::anchored(Timestamp::from_millis(1_000));
        clock.sleep(Duration::from_secs(30)).await;
        assert_eq!(clock.now(), Timestamp::from_millis(31_000));
        assert_eq!(clock.elapsed(), Duration::from_secs(30));
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeout_ends_work_that_hangs_and_lets_finished_work_pass() {
        let clock = TokioClock::anchored(Timestamp::default());
        assert_eq!(timeout(&clock, Duration::from_secs(1), std::future::pending::<()>()).await, Err(Elapsed));
        assert_eq!(timeout(&clock, Duration::ZERO, std::future::ready(7)).await, Ok(7));
    }
}
