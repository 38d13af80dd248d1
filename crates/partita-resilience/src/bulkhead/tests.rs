//! Permits, turns, and what becomes of those who go away.

use super::*;
use crate::{Error, Reason, Timing};
use partita_time::ManualClock;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tower::ServiceExt;
use tower_layer::Layer;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn bulkhead(clock: &ManualClock, max_concurrent: u32) -> Builder {
    Bulkhead::builder("stock").max_concurrent(max_concurrent).queue(3).timing(Timing::manual(clock, 1))
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn no_more_than_the_limit_run_at_once() {
    let clock = ManualClock::new();
    let bulkhead = bulkhead(&clock, 2).max_wait(Duration::ZERO).build().unwrap();
    let (a, _b) = (bulkhead.try_acquire().unwrap(), bulkhead.try_acquire().unwrap());
    let Poll::Ready(Err(rejected)) = poll(pin!(bulkhead.acquire())) else { panic!("a third was admitted") };
    assert_eq!((rejected.reason, rejected.retry_after), (Reason::Saturated, Some(ms(100))));
    drop(a);
    assert!(bulkhead.try_acquire().is_ok());
    let snapshot = bulkhead.snapshot();
    assert_eq!((snapshot.submitted, snapshot.completed, snapshot.rejected, snapshot.saturated_count), (4, 2, 1, 1));
}

#[test]
fn by_default_25_run_a_hundred_wait_and_nobody_longer_than_100_ms() {
    let clock = ManualClock::new();
    let bulkhead = Bulkhead::builder("stock").timing(Timing::manual(&clock, 1)).build().unwrap();
    let _held: Vec<_> = (0..25).map(|_| bulkhead.try_acquire().unwrap()).collect();
    let mut waiters: Vec<_> = (0..100).map(|_| Box::pin(bulkhead.acquire())).collect();
    assert!(waiters.iter_mut().all(|waiter| poll(waiter.as_mut()).is_pending()));
    let Poll::Ready(Err(refused)) = poll(pin!(bulkhead.acquire())) else { panic!("one more waits") };
    assert_eq!(refused.reason, Reason::QueueFull);
    clock.advance(ms(99));
    assert!(waiters.iter_mut().all(|waiter| poll(waiter.as_mut()).is_pending()));
    clock.advance(ms(1));
    assert!(waiters.iter_mut().all(|waiter| poll(waiter.as_mut()).is_ready()));
}

#[test]
fn waiters_are_served_in_their_order_and_newcomers_do_not_overtake() {
    let clock = ManualClock::new();
    let bulkhead = bulkhead(&clock, 1).build().unwrap();
    let held = bulkhead.try_acquire().unwrap();
    let (mut first, mut second) = (pin!(bulkhead.acquire()), pin!(bulkhead.acquire()));
    assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
    drop(held);
    assert!(bulkhead.try_acquire().is_err(), "a newcomer overtook");
    assert!(poll(second.as_mut()).is_pending());
    let Poll::Ready(Ok(permit)) = poll(first.as_mut()) else { panic!("the first waits on") };
    drop(permit);
    assert!(poll(second.as_mut()).is_ready());
    assert!(bulkhead.try_acquire().is_ok());
}

#[test]
fn a_wait_ends_at_its_limit_and_the_queue_at_its_bound() {
    let clock = ManualClock::new();
    let bulkhead = bulkhead(&clock, 1).build().unwrap();
    let _held = bulkhead.try_acquire().unwrap();
    let mut waiters: Vec<_> = (0..3).map(|_| Box::pin(bulkhead.acquire())).collect();
    assert!(waiters.iter_mut().all(|waiter| poll(waiter.as_mut()).is_pending()));
    let Poll::Ready(Err(full)) = poll(pin!(bulkhead.acquire())) else { panic!("the queue has no bound") };
    assert_eq!((full.reason, full.retry_after), (Reason::QueueFull, Some(ms(100))));
    clock.advance(ms(99));
    assert!(waiters.iter_mut().all(|waiter| poll(waiter.as_mut()).is_pending()));
    clock.advance(ms(1));
    for waiter in &mut waiters {
        let Poll::Ready(Err(late)) = poll(waiter.as_mut()) else { panic!("it waits past the limit") };
        assert_eq!(late.reason, Reason::WaitedTooLong);
    }
    assert_eq!(bulkhead.snapshot().queued, 0);
}

#[test]
fn p16_a_cancelled_waiter_leaves_the_queue_and_swallows_no_wake_up() {
    let clock = ManualClock::new();
    let bulkhead = bulkhead(&clock, 1).build().unwrap();
    let held = bulkhead.try_acquire().unwrap();
    let (mut first, mut second) = (Box::pin(bulkhead.acquire()), pin!(bulkhead.acquire()));
    assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
    drop(held);
    drop(first);
    assert!(poll(second.as_mut()).is_ready(), "the permit of the one that went away was lost");
    let snapshot = bulkhead.snapshot();
    assert_eq!((snapshot.active, snapshot.queued, snapshot.cancelled), (0, 0, 1));
}

#[test]
fn p16_a_call_dropped_at_any_await_gives_its_permit_back() {
    let clock = ManualClock::new();
    let bulkhead = bulkhead(&clock, 1).build().unwrap();
    let work = || async {
        clock_step().await;
        clock_step().await;
        Ok::<_, ()>(())
    };
    for polls in 0..4 {
        let mut call = Box::pin(bulkhead.call(work));
        (0..polls).for_each(|_| assert!(poll(call.as_mut()).is_pending() || polls == 3));
        drop(call);
        assert_eq!(bulkhead.snapshot().available, 1, "lost after {polls} polls");
    }
}

async fn clock_step() {
    let mut stepped = false;
    std::future::poll_fn(|_| if std::mem::replace(&mut stepped, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

#[test]
fn p16_a_panic_gives_the_permit_back() {
    let clock = ManualClock::new();
    let bulkhead = bulkhead(&clock, 1).build().unwrap();
    let call = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        drop(poll(pin!(
            bulkhead.call(|| async { if bulkhead.snapshot().active == 1 { panic!("work") } else { Ok::<(), ()>(()) } })
        )));
    }));
    assert!(call.is_err());
    assert_eq!(bulkhead.snapshot().available, 1);
}

#[test]
fn ends_are_counted_as_what_they_were() {
    let clock = ManualClock::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let builder = bulkhead(&clock, 1).max_wait(Duration::ZERO);
    let bulkhead = builder.listener(move |event| heard.lock().unwrap().push(event.kind.as_str())).build().unwrap();
    assert_eq!(poll(pin!(bulkhead.call(|| async { Ok::<_, ()>(7) }))), Poll::Ready(Ok(7)));
    assert_eq!(poll(pin!(bulkhead.call(|| async { Err::<(), _>(8) }))), Poll::Ready(Err(Error::Inner(8))));
    let _held = bulkhead.try_acquire().unwrap();
    assert!(bulkhead.try_acquire().is_err());
    let snapshot = bulkhead.snapshot();
    assert_eq!((snapshot.completed, snapshot.failed, snapshot.rejected, snapshot.active), (1, 1, 1, 1));
    assert_eq!(*told.lock().unwrap(), ["rejected"]);
}

#[tokio::test]
async fn services_of_one_layer_share_the_permits_and_readiness_takes_none() {
    let clock = ManualClock::new();
    let bulkhead = bulkhead(&clock, 1).max_wait(Duration::ZERO).build().unwrap();
    let echo = tower::service_fn(|n: u32| async move { Ok::<_, ()>(n) });
    let (mut a, b) = (bulkhead.layer().layer(echo), bulkhead.layer().layer(echo));
    assert!(a.ready().await.is_ok());
    assert_eq!(bulkhead.snapshot().available, 1);
    assert_eq!(b.clone().oneshot(3).await, Ok(3));
    let _held = bulkhead.try_acquire().unwrap();
    assert!(matches!(b.oneshot(4).await, Err(Error::Rejected(_))));
}

#[test]
fn a_limit_of_nothing_is_refused() {
    let error = bulkhead(&ManualClock::new(), 0).build().unwrap_err();
    assert_eq!((error.option, error.to_string().contains("1048575")), ("max_concurrent", true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_never_exceed_the_limit_and_nobody_waits_for_ever() {
    let bulkhead =
        Bulkhead::builder("many").max_concurrent(3).queue(1_000).max_wait(Duration::from_secs(60)).build().unwrap();
    let running = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (bulkhead, running) = (bulkhead.clone(), Arc::clone(&running));
        tasks.spawn(async move {
            for _ in 0..200 {
                let work = || async {
                    assert!(running.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 3);
                    tokio::task::yield_now().await;
                    running.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                    Ok::<_, ()>(())
                };
                assert!(bulkhead.call(work).await.is_ok());
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let snapshot = bulkhead.snapshot();
    assert_eq!((snapshot.completed, snapshot.active, snapshot.queued, snapshot.available), (3_200, 0, 0, 3));
}

/// What `work` does where a listener panics.
fn with_panic<T>(work: impl FnOnce() -> T) {
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(work()))).is_err());
}

#[test]
fn p16_a_listener_that_panics_keeps_no_place() {
    let clock = ManualClock::new();
    let panics = |what: &'static str| {
        let listener = move |event: &crate::Event<'_>| assert!(event.kind.as_str() != what, "told");
        bulkhead(&clock, 1).tracing_listener(listener).build().unwrap()
    };
    let at_once = panics("admitted");
    with_panic(|| at_once.try_acquire());
    with_panic(|| poll(pin!(at_once.call(|| async { Ok::<_, ()>(7) }))));
    assert_eq!(at_once.snapshot().available, 1);

    let queued = panics("queued");
    let held = queued.try_acquire().unwrap();
    with_panic(|| poll(pin!(queued.acquire())));
    assert_eq!(queued.snapshot().queued, 0);
    drop(held);
    assert_eq!(queued.snapshot().available, 1);
}

#[tokio::test]
async fn p16_a_wait_that_no_runtime_times_keeps_no_place() {
    let bulkhead = Bulkhead::builder("stock").max_concurrent(1).build().unwrap();
    let held = bulkhead.try_acquire().unwrap();
    let waiter = bulkhead.clone();
    let outside = std::thread::spawn(move || drop(poll(pin!(waiter.acquire()))));
    assert!(outside.join().is_err(), "tokio's timers need tokio");
    assert_eq!(bulkhead.snapshot().queued, 0);
    drop(held);
    assert!(bulkhead.try_acquire().is_ok());
}
