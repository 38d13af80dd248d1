//! Polls futures by hand on virtual time.

use crate::{Error, Event, PolicyKind, Reason, Rejected};
use partita_time::{BoxFuture, Clock, ManualClock, Spawner};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// One poll.
pub(crate) fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Runs `work` to its end, moving `clock` from one due moment to the next where nothing wakes it.
pub(crate) fn run<F: Future>(clock: &ManualClock, work: F) -> F::Output {
    let (mut work, alarm) = (pin!(work), Alarm::default());
    for _ in 0..10_000 {
        if let Poll::Ready(end) = alarm.poll(work.as_mut()) {
            return end;
        }
        if alarm.rang() {
            continue;
        }
        let due = clock.next_due().expect("the work waits for something that never comes");
        clock.advance_to(due);
    }
    panic!("the work does not end");
}

/// Polls with a waker of its own.
#[derive(Default)]
pub(crate) struct Alarm(Arc<Woken>);

impl Alarm {
    pub(crate) fn poll<F: Future + ?Sized>(&self, future: Pin<&mut F>) -> Poll<F::Output> {
        self.0.0.store(false, Ordering::Relaxed);
        future.poll(&mut Context::from_waker(&Waker::from(Arc::clone(&self.0))))
    }

    /// Whether it was woken since the last poll.
    pub(crate) fn rang(&self) -> bool {
        self.0.0.load(Ordering::Relaxed)
    }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a listener heard, each event after its moment.
pub(crate) type Heard = Arc<Mutex<Vec<String>>>;

/// A listener, and what it heard.
pub(crate) fn listening() -> (impl Fn(&Event<'_>) + Send + Sync + 'static, Heard) {
    let heard = Heard::default();
    let told = Arc::clone(&heard);
    (move |event: &Event<'_>| told.lock().unwrap().push(format!("{:?} {:?}", event.at(), event.kind)), heard)
}

/// A call that a breaker refused.
pub(crate) fn refusal<E>() -> Error<E> {
    let (policy, name, reason) = (PolicyKind::Breaker, "b".into(), Reason::Open);
    Error::Rejected(Rejected { policy, name, reason, retry_after: Some(ms(5)) })
}

/// Pending until its time has come.
pub(crate) async fn wait(clock: &ManualClock, millis: u64) {
    clock.sleep(Duration::from_millis(millis)).await;
}

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Keeps tasks until a test runs or drops them.
#[derive(Default)]
pub(crate) struct Later(Mutex<Vec<BoxFuture<'static, ()>>>);

impl Later {
    /// The tasks so far.
    pub(crate) fn take(&self) -> Vec<BoxFuture<'static, ()>> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl std::fmt::Debug for Later {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Later")
    }
}

impl Spawner for Later {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.lock().unwrap().push(task);
    }
}
