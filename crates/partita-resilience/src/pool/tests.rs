//! Threads come, stay, go, and are never lost.

use super::*;
use crate::{Error, Reason};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

fn pool(core: u32, max: u32, queue: u32) -> Builder {
    Pool::builder("disk").core_threads(core).max_threads(max).queue(queue).max_wait(Duration::ZERO)
}

/// Work that says on which thread it began, and ends when told.
fn work(began: &Sender<String>) -> (impl FnOnce() -> Result<(), ()> + Send + 'static, Sender<()>) {
    let (began, (go, wait)): (_, (_, Receiver<()>)) = (began.clone(), channel());
    let work = move || {
        began.send(std::thread::current().name().unwrap_or_default().to_owned()).unwrap();
        wait.recv().map_err(drop)
    };
    (work, go)
}

const A_WHILE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn work_runs_on_the_pools_own_threads_which_bear_its_name() {
    let pool = pool(1, 1, 4).build().unwrap();
    let name = pool.run(|| Ok::<_, ()>(std::thread::current().name().map(str::to_owned))).await.unwrap();
    assert_eq!(name.as_deref(), Some("disk-1"));
    assert_eq!(pool.run(|| Err::<(), _>(7)).await, Err(Error::Inner(7)));
    let snapshot = pool.snapshot();
    assert_eq!((snapshot.completed, snapshot.failed, snapshot.pool_size, snapshot.active), (1, 1, 1, 0));
}

#[tokio::test]
async fn threads_grow_only_when_the_queue_is_full_and_then_the_async_entry_refuses() {
    let pool = pool(1, 2, 1).build().unwrap();
    let (began, begins) = channel();
    let mut calls = Vec::new();
    let mut goes = Vec::new();
    for (threads, queued) in [(1, 0), (1, 1), (2, 1)] {
        let (work, go) = work(&began);
        let mut call = Box::pin(pool.run(work));
        assert!(
            std::future::Future::poll(call.as_mut(), &mut std::task::Context::from_waker(std::task::Waker::noop()))
                .is_pending()
        );
        calls.push(call);
        goes.push(go);
        if queued == 0 || threads == 2 {
            assert!(begins.recv_timeout(A_WHILE).unwrap().starts_with("disk-"));
        }
        let snapshot = pool.snapshot();
        assert_eq!((snapshot.pool_size, snapshot.queued), (threads, queued));
    }
    let Err(Error::Rejected(rejected)) = pool.run(|| Ok::<_, ()>(())).await else { panic!("no bound") };
    assert_eq!((rejected.policy, rejected.reason), (crate::PolicyKind::Pool, Reason::Saturated));
    drop(goes);
    for call in calls {
        assert_eq!(call.await, Err(Error::Inner(())));
    }
}

#[tokio::test]
async fn the_async_entry_waits_for_room_and_how_long_it_waited_is_seen() {
    let clock = partita_time::ManualClock::new();
    let timing = crate::Timing::manual(&clock, 1);
    let pool = pool(1, 1, 0).max_wait(Duration::from_millis(50)).timing(timing).build().unwrap();
    let (began, begins) = channel();
    let (slow, go) = work(&began);
    let mut first = Box::pin(pool.run(slow));
    let mut second = Box::pin(pool.run(|| Ok::<_, ()>(std::thread::current().name().map(str::to_owned))));
    assert!(crate::testing::poll(first.as_mut()).is_pending());
    begins.recv_timeout(A_WHILE).unwrap();
    assert!(crate::testing::poll(second.as_mut()).is_pending());
    assert_eq!((pool.snapshot().waiting, pool.snapshot().saturated_count), (1, 1));
    clock.advance(Duration::from_millis(30));
    go.send(()).unwrap();
    assert_eq!(first.await, Ok(()));
    assert_eq!(second.await, Ok(Some("disk-1".to_owned())), "on the pool's thread, not here");
    let snapshot = pool.snapshot();
    assert_eq!((snapshot.wait_p50, snapshot.wait_p99), (Duration::ZERO, Duration::from_millis(30)));
    assert_eq!((snapshot.rejected, snapshot.caller_ran), (0, 0));
}

#[test]
fn the_blocking_entry_runs_the_work_itself_when_all_is_full() {
    let pool = pool(1, 1, 0).build().unwrap();
    let (began, begins) = channel();
    let (slow, go) = work(&began);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| pool.run_blocking(slow));
        begins.recv_timeout(A_WHILE).unwrap();
        let here = std::thread::current().id();
        assert_eq!(pool.run_blocking(move || Ok::<_, ()>(std::thread::current().id() == here)), Ok(true));
        go.send(()).unwrap();
        assert_eq!(other.join().unwrap(), Ok(()));
    });
    let snapshot = pool.snapshot();
    assert_eq!((snapshot.caller_ran, snapshot.completed, snapshot.submitted, snapshot.saturated_count), (1, 2, 2, 1));
}

#[tokio::test]
async fn a_panic_goes_to_the_caller_and_loses_no_thread() {
    let pool = pool(1, 1, 4).build().unwrap();
    for _ in 0..5 {
        let caller = pool.clone();
        let call = tokio::task::LocalSet::new();
        let ended =
            call.run_until(async move { tokio::task::spawn_local(async move { caller.run(boom).await }).await }).await;
        assert!(ended.unwrap_err().is_panic());
    }
    assert_eq!(pool.run(|| Ok::<_, ()>(1)).await, Ok(1));
    let snapshot = pool.snapshot();
    assert_eq!((snapshot.pool_size, snapshot.failed, snapshot.completed, snapshot.active), (1, 5, 1, 0));
}

fn boom() -> Result<(), ()> {
    panic!("the work")
}

#[tokio::test]
async fn p16_work_that_was_not_begun_is_taken_out_with_its_call() {
    let pool = pool(1, 1, 1).build().unwrap();
    let (began, begins) = channel();
    let (slow, go) = work(&began);
    let other = pool.clone();
    let first = std::thread::spawn(move || other.run_blocking(slow));
    begins.recv_timeout(A_WHILE).unwrap();
    let (ran, never) = channel();
    let mut call = Box::pin(pool.run(move || ran.send(())));
    assert!(
        std::future::Future::poll(call.as_mut(), &mut std::task::Context::from_waker(std::task::Waker::noop()))
            .is_pending()
    );
    assert_eq!(pool.snapshot().queued, 1);
    drop(call);
    let snapshot = pool.snapshot();
    assert_eq!((snapshot.queued, snapshot.cancelled), (0, 1));
    go.send(()).unwrap();
    assert_eq!(first.join().unwrap(), Ok(()));
    pool.shutdown();
    assert!(never.recv().is_err(), "dropped work ran");
}

#[tokio::test]
async fn a_shutdown_ends_what_was_handed_in_and_joins_every_thread() {
    let pool = pool(2, 2, 20).build().unwrap();
    let (ran, count) = channel();
    let calls: Vec<_> = (0..20).map(|n| (pool.clone(), ran.clone(), n)).collect();
    let mut tasks = tokio::task::JoinSet::new();
    for (pool, ran, n) in calls {
        tasks.spawn(async move { pool.run(move || ran.send(n)).await });
    }
    while tasks.join_next().await.is_some() {}
    let last = pool.clone();
    tokio::task::LocalSet::new().run_until(async { last.shutdown() }).await;
    assert_eq!((count.try_iter().count(), pool.snapshot().pool_size), (20, 0));
    let Err(Error::Rejected(rejected)) = pool.run(|| Ok::<_, ()>(())).await else { panic!("it runs on") };
    assert_eq!(rejected.reason, Reason::ShutDown);
    assert!(pool.run_blocking(|| Ok::<_, ()>(())).is_err());
}

#[test]
fn whoever_else_shuts_down_waits_for_every_thread_too() {
    let pool = pool(1, 1, 0).build().unwrap();
    let (began, begins) = channel();
    let (work, go) = work(&began);
    let worker = pool.clone();
    let worked = std::thread::spawn(move || worker.run_blocking(work));
    begins.recv_timeout(A_WHILE).unwrap();
    let shut: Vec<_> = (0..2).map(|_| pool.clone()).map(|pool| std::thread::spawn(move || pool.shutdown())).collect();
    let early = (0..100_000).any(|_| {
        std::thread::yield_now();
        shut.iter().any(std::thread::JoinHandle::is_finished)
    });
    go.send(()).unwrap();
    assert_eq!((early, worked.join().unwrap()), (false, Ok(())));
    shut.into_iter().for_each(|shut| shut.join().unwrap());
    assert_eq!(pool.snapshot().pool_size, 0);
}

#[tokio::test]
async fn idle_threads_above_the_core_end_after_their_time() {
    let pool = pool(0, 2, 0).keep_alive(Duration::from_millis(1)).build().unwrap();
    assert_eq!(pool.run(|| Ok::<_, ()>(1)).await, Ok(1));
    let ended = (0..200_000).any(|_| {
        std::thread::yield_now();
        pool.snapshot().pool_size == 0
    });
    assert!(ended, "an idle thread stays");
    assert_eq!(pool.run(|| Ok::<_, ()>(2)).await, Ok(2));
}

#[test]
fn sizes_that_can_only_be_mistakes_are_refused() {
    assert_eq!(pool(0, 0, 1).build().unwrap_err().option, "max_threads");
    assert_eq!(pool(3, 2, 1).build().unwrap_err().option, "core_threads");
}
