//! The rules of coalescing.

use super::Coalesce;
use crate::deadline::Context;
use crate::testing::{Alarm, ms, poll, run, wait};
use crate::timeout::Timeout;
use crate::{Error, Limit, Timing};
use partita_time::{BoxFuture, Clock, ManualClock};
use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use tower::{Layer, ServiceExt};

type Answers = Coalesce<&'static str, u32, &'static str>;

fn policy(clock: &ManualClock) -> Answers {
    Coalesce::builder("test").timing(Timing::manual(clock, 1)).max_wait(ms(500)).build().unwrap()
}

/// A call that takes 100 ms and answers its number; how many were begun is counted.
fn call<'a>(
    policy: &'a Answers,
    clock: &'a ManualClock,
    begun: &'a AtomicU32,
) -> BoxFuture<'a, Result<u32, Error<&'static str>>> {
    Box::pin(policy.call("key", move || async move {
        let number = begun.fetch_add(1, Ordering::Relaxed) + 1;
        wait(clock, 100).await;
        Ok(number)
    }))
}

#[test]
fn equal_calls_under_way_are_made_once_and_later_ones_anew() {
    let (clock, begun) = (ManualClock::new(), AtomicU32::new(0));
    let policy = policy(&clock);
    let mut calls: Vec<_> = (0..5).map(|_| call(&policy, &clock, &begun)).collect();
    assert!(calls.iter_mut().all(|call| poll(call.as_mut()).is_pending()));
    clock.advance(ms(100));
    assert!(calls.iter_mut().all(|call| poll(call.as_mut()) == Poll::Ready(Ok(1))));
    assert_eq!(run(&clock, call(&policy, &clock, &begun)), Ok(2));
    let seen = policy.snapshot();
    assert_eq!((seen.led, seen.shared, seen.under_way), (2, 4, 0));
}

#[test]
fn calls_for_different_keys_do_not_wait_for_each_other() {
    let clock = ManualClock::new();
    let policy = policy(&clock);
    let mut hung = Box::pin(policy.call("a", std::future::pending));
    assert!(poll(hung.as_mut()).is_pending());
    assert_eq!(run(&clock, policy.call("b", || ready(Ok(7)))), Ok(7));
}

#[test]
fn an_error_is_shared_too() {
    let clock = ManualClock::new();
    let policy = policy(&clock);
    let failing = || {
        policy.call("key", || async {
            wait(&clock, 1).await;
            Err("down")
        })
    };
    let (mut a, mut b) = (Box::pin(failing()), Box::pin(failing()));
    assert!(poll(a.as_mut()).is_pending() && poll(b.as_mut()).is_pending());
    clock.advance(ms(1));
    let down = Poll::Ready(Err(Error::Inner("down")));
    assert_eq!((poll(a.as_mut()), poll(b.as_mut())), (down.clone(), down));
}

#[test]
fn a_leader_that_is_dropped_hands_over_to_who_has_waited_longest() {
    let (clock, begun) = (ManualClock::new(), AtomicU32::new(0));
    let policy = policy(&clock);
    let mut calls: Vec<_> = (0..4).map(|_| call(&policy, &clock, &begun)).collect();
    calls.iter_mut().for_each(|call| assert!(poll(call.as_mut()).is_pending()));
    drop(calls.remove(0));
    drop(calls.remove(0));
    calls.iter_mut().for_each(|call| assert!(poll(call.as_mut()).is_pending()));
    assert_eq!(begun.load(Ordering::Relaxed), 2, "the second leader was dropped before it began");
    clock.advance(ms(100));
    calls.iter_mut().for_each(|call| assert_eq!(poll(call.as_mut()), Poll::Ready(Ok(2))));
    assert_eq!(policy.snapshot().handed_over, 2);
}

#[test]
fn a_waiter_is_woken_when_it_has_to_lead_and_when_the_answer_is_there() {
    let (clock, begun, alarm) = (ManualClock::new(), AtomicU32::new(0), Alarm::default());
    let policy = policy(&clock);
    let (mut leader, mut waiter) = (call(&policy, &clock, &begun), call(&policy, &clock, &begun));
    assert!(poll(leader.as_mut()).is_pending() && alarm.poll(waiter.as_mut()).is_pending());
    drop(leader);
    assert!(alarm.rang(), "nobody told it to lead");
    let mut last = call(&policy, &clock, &begun);
    assert!(poll(waiter.as_mut()).is_pending() && alarm.poll(last.as_mut()).is_pending());
    clock.advance(ms(100));
    assert!(!alarm.rang());
    assert_eq!(poll(waiter.as_mut()), Poll::Ready(Ok(2)));
    assert!(alarm.rang(), "nobody told it of the answer");
    assert_eq!(poll(last.as_mut()), Poll::Ready(Ok(2)));
}

#[test]
fn a_leader_that_panics_hands_over() {
    let (clock, begun) = (ManualClock::new(), AtomicU32::new(0));
    let policy = policy(&clock);
    let mut leader = Box::pin(policy.call("key", || async {
        wait(&clock, 1).await;
        panic!("in the work")
    }));
    assert!(poll(leader.as_mut()).is_pending());
    let mut waiter = call(&policy, &clock, &begun);
    assert!(poll(waiter.as_mut()).is_pending());
    clock.advance(ms(1));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(leader.as_mut()))).is_err());
    drop(leader);
    assert_eq!(run(&clock, waiter), Ok(1));
    assert_eq!(policy.snapshot().under_way, 0);
}

#[test]
fn waiters_have_limits_of_their_own_and_the_leader_goes_on() {
    let (clock, begun) = (ManualClock::new(), AtomicU32::new(0));
    let policy = policy(&clock);
    let mut leader = Box::pin(policy.call("key", || async {
        wait(&clock, 900).await;
        Ok(1)
    }));
    assert!(poll(leader.as_mut()).is_pending());
    let hurried = Context::new().until(ms(40)).scope(call(&policy, &clock, &begun));
    assert_eq!(run(&clock, hurried), Err(Error::TimedOut { after: ms(40), which: Limit::Deadline }));
    let patient = call(&policy, &clock, &begun);
    assert_eq!(run(&clock, patient), Err(Error::TimedOut { after: ms(500), which: Limit::Shared }));
    clock.advance_to(ms(900));
    assert_eq!(poll(leader.as_mut()), Poll::Ready(Ok(1)));
    assert_eq!((policy.snapshot().timed_out, begun.into_inner()), (2, 0));
}

#[test]
fn a_timeout_beneath_ends_its_leader_only_where_the_time_was_the_leaders() {
    let (clock, begun) = (ManualClock::new(), AtomicU32::new(0));
    let policy = policy(&clock);
    let timeout = Timeout::builder("t").fixed(ms(200)).timing(Timing::manual(&clock, 1)).build().unwrap();
    let ask = |context: Context, takes| {
        let (timeout, clock, begun) = (&timeout, &clock, &begun);
        policy.around(context, "key", move || {
            begun.fetch_add(1, Ordering::Relaxed);
            timeout.call(move || async move {
                wait(clock, takes).await;
                Err::<u32, _>("down")
            })
        })
    };
    let soon = |time| Context::new().within(&Timing::manual(&clock, 1), ms(time));
    let ends = run(&clock, async { tokio::join!(ask(soon(5), 100), ask(soon(400), 100)) });
    let late = Err(Error::TimedOut { after: ms(5), which: Limit::Deadline });
    assert_eq!((ends, begun.swap(0, Ordering::Relaxed)), ((late, Err(Error::Inner("down"))), 2));
    let ends = run(&clock, async { tokio::join!(ask(soon(300), 900), ask(soon(400), 900)) });
    let slow = Err(Error::TimedOut { after: ms(200), which: Limit::Attempt });
    assert_eq!((ends, begun.into_inner()), ((slow.clone(), slow), 1));
}

#[test]
fn a_late_error_of_the_work_itself_is_shared() {
    let clock = ManualClock::new();
    let policy = policy(&clock);
    let failing = || {
        policy.call("key", || async {
            wait(&clock, 20).await;
            Err("down")
        })
    };
    let mut leader = Box::pin(Context::new().until(ms(5)).scope(failing()));
    let mut waiter = Box::pin(failing());
    assert!(poll(leader.as_mut()).is_pending() && poll(waiter.as_mut()).is_pending());
    clock.advance(ms(20));
    let down = Poll::Ready(Err(Error::Inner("down")));
    assert_eq!((poll(leader.as_mut()), poll(waiter.as_mut())), (down.clone(), down));
}

#[test]
fn calls_dropped_anywhere_leave_nothing_behind() {
    let (clock, begun) = (ManualClock::new(), AtomicU32::new(0));
    let policy = policy(&clock);
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]] {
        let mut calls: Vec<_> = (0..3).map(|_| Some(call(&policy, &clock, &begun))).collect();
        calls.iter_mut().flatten().for_each(|call| assert!(poll(call.as_mut()).is_pending()));
        order.into_iter().for_each(|index| calls[index] = None);
        assert_eq!((policy.snapshot().under_way, clock.next_due()), (0, None));
    }
}

#[test]
fn a_policy_without_time_to_wait_is_refused() {
    let refused = Answers::builder("test").max_wait(ms(0)).build().unwrap_err();
    assert_eq!(refused.option, "max_wait");
}

#[test]
fn the_layer_shares_answers_by_the_requests_key() {
    let clock = ManualClock::new();
    let calls = Arc::new(AtomicU32::new(0));
    let (clone, count) = (clock.clone(), Arc::clone(&calls));
    let inner = tower::service_fn(move |_: &'static str| {
        let (number, sleep) = (count.fetch_add(1, Ordering::Relaxed), clone.sleep(ms(10)));
        async move {
            sleep.await;
            Ok::<u32, &'static str>(number)
        }
    });
    let service = policy(&clock).layer(|text: &&'static str| (*text != "alone").then_some(*text)).layer(inner);
    let asked = |text| service.clone().oneshot(text);
    let (mut a, mut b) = (Box::pin(asked("x")), Box::pin(asked("x")));
    assert!(poll(a.as_mut()).is_pending() && poll(b.as_mut()).is_pending());
    assert_eq!(run(&clock, asked("alone")), Ok(1));
    assert_eq!((run(&clock, a), run(&clock, b)), (Ok(0), Ok(0)));
}

/// Cannot be cloned the first time.
#[derive(Debug)]
struct Brittle(Arc<AtomicU32>, u32);

impl Clone for Brittle {
    fn clone(&self) -> Self {
        assert!(self.0.fetch_add(1, Ordering::Relaxed) > 0, "the first clone");
        Self(Arc::clone(&self.0), self.1)
    }
}

#[test]
fn an_answer_that_cannot_be_cloned_is_its_leaders_and_the_next_call_is_shared_with_newcomers_too() {
    let (clock, begun, clones) = (ManualClock::new(), AtomicU32::new(0), Arc::new(AtomicU32::new(0)));
    let policy: Coalesce<_, Brittle, ()> =
        Coalesce::builder("test").timing(Timing::manual(&clock, 1)).max_wait(ms(500)).build().unwrap();
    let call = || {
        Box::pin(policy.call("key", || async {
            let number = begun.fetch_add(1, Ordering::Relaxed) + 1;
            wait(&clock, 100).await;
            Ok(Brittle(Arc::clone(&clones), number))
        }))
    };
    let (mut first, mut second) = (call(), call());
    assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
    clock.advance(ms(100));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(first.as_mut()))).is_err());
    drop(first);
    assert!(poll(second.as_mut()).is_pending(), "it leads now");
    let mut third = call();
    assert!(poll(third.as_mut()).is_pending());
    clock.advance(ms(100));
    let answers = [second, third].map(|mut call| match poll(call.as_mut()) {
        Poll::Ready(Ok(Brittle(_, number))) => number,
        other => panic!("{other:?}"),
    });
    let seen = policy.snapshot();
    assert_eq!((answers, seen.led, seen.handed_over, seen.under_way), ([2, 2], 2, 1, 0));
}
