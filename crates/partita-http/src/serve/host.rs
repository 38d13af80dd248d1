//! The host's clock and spawner, as hyper asks for them.

use hyper::rt::{Executor, Timer};
use partita_time::{Clock, Host, Spawner};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Spawns hyper's tasks.
#[derive(Clone, Debug)]
pub(crate) struct SpawnerExecutor(Arc<dyn Spawner>);

impl SpawnerExecutor {
    pub(crate) fn new(host: &Host) -> Self {
        Self(host.spawner.clone())
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for SpawnerExecutor {
    fn execute(&self, task: F) {
        self.0.spawn(Box::pin(task));
    }
}

/// Tells hyper the time. Its instants are the clock's elapsed time behind an anchor.
#[derive(Clone, Debug)]
pub(crate) struct ClockTimer {
    clock: Arc<dyn Clock>,
    anchor: Instant,
}

impl ClockTimer {
    #[allow(
        clippy::disallowed_methods,
        reason = "hyper wants instants, which begin nowhere else; only differences count"
    )]
    pub(crate) fn new(host: &Host) -> Self {
        let clock = host.clock.clone();
        let now = Instant::now();
        let anchor = now.checked_sub(clock.elapsed()).unwrap_or(now);
        Self { clock, anchor }
    }
}

impl Timer for ClockTimer {
    fn sleep(&self, wait: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(ClockSleep(Mutex::new(self.clock.sleep(wait))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.sleep(deadline.saturating_duration_since(self.now()))
    }

    fn now(&self) -> Instant {
        self.anchor + self.clock.elapsed()
    }
}

/// A sleep that hyper may share between threads. Nothing ever locks it: a future is polled by one owner.
struct ClockSleep(Mutex<partita_time::Sleep>);

impl Future for ClockSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(cx)
    }
}

impl hyper::rt::Sleep for ClockSleep {}
