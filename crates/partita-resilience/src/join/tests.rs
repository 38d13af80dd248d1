//! Critical failures end the whole; optional ones do not.

use super::*;
use crate::{EventKind, Listeners, Timing};
use partita_time::{Clock, ManualClock};
use std::future::{Future, pending, ready};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn join(clock: &ManualClock) -> Join {
    Join::with("page", ms(50), Timing::manual(clock, 1), Listeners::default())
}

#[test]
fn a_critical_failure_ends_the_whole_at_once_and_drops_the_rest() {
    let clock = ManualClock::new();
    let join = join(&clock);
    let held = Arc::new(());
    let theirs = Arc::clone(&held);
    let slow = async move {
        let _held = theirs;
        pending::<Result<u8, u8>>().await
    };
    let parts =
        (critical(slow), critical(ready(Err::<u8, _>(7))), join.optional("extra", pending::<Result<u8, ()>>(), || 0));
    let mut all = Box::pin(join.all(parts));
    assert_eq!(poll(all.as_mut()), Poll::Ready(Err(7)));
    assert_eq!(Arc::strong_count(&held), 1, "the rest lives on");
}

#[test]
fn an_optional_call_that_fails_or_is_slow_yields_its_default_and_is_counted() {
    let clock = ManualClock::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let mut listeners = Listeners::default();
    listeners.add(move |event| heard.lock().unwrap().push(event.kind.as_str()));
    let join = Join::with("page", ms(50), Timing::manual(&clock, 1), listeners);
    let parts = (
        critical(ready(Ok::<_, ()>(1))),
        join.optional("stars", ready(Err::<u8, _>("down")), || 2),
        join.optional("reviews", pending::<Result<u8, ()>>(), || 3),
        join.optional("stock", ready(Ok::<_, ()>(4)), || 0),
    );
    let mut all = pin!(join.all(parts));
    assert!(poll(all.as_mut()).is_pending());
    clock.advance(ms(49));
    assert!(poll(all.as_mut()).is_pending());
    clock.advance(ms(1));
    assert_eq!(poll(all.as_mut()), Poll::Ready(Ok((1, 2, 3, 4))));
    let counts = |counts: &OptionalSnapshot| (counts.name, counts.answered, counts.failed, counts.timed_out);
    let shown: Vec<_> = join.snapshot().optional.iter().map(counts).collect();
    assert_eq!(shown, [("reviews", 0, 0, 1), ("stars", 0, 1, 0), ("stock", 1, 0, 0)]);
    assert_eq!(*told.lock().unwrap(), ["served", "timed_out", "served"]);
    assert_eq!(EventKind::Served("default").as_str(), "served");
}

#[test]
fn a_critical_call_may_take_longer_than_the_optional_ones() {
    let clock = ManualClock::new();
    let join = join(&clock);
    let slow = async {
        clock.sleep(ms(500)).await;
        Ok::<_, ()>("late")
    };
    let mut all =
        pin!(join.all((critical(slow), join.optional_within("extra", ms(20), pending::<Result<u8, ()>>(), || 9))));
    while let Some(due) = poll(all.as_mut()).is_pending().then(|| clock.next_due()).flatten() {
        clock.advance_to(due);
    }
    assert_eq!((clock.elapsed(), join.snapshot().optional[0].timed_out), (ms(500), 1));
}
