//! The rules of hedges.

use super::{Hedge, HedgeBuilder, Operation};
use crate::budget::Budget;
use crate::deadline::{Attempt, Context};
use crate::testing::{ms, poll, refusal, run, wait};
use crate::{Error, EventKind, Outcome, Reason, Timing};
use partita_time::{Clock, ManualClock};
use std::future::{Future, ready};
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use tower::{Layer, Service, ServiceExt};

fn builder(clock: &ManualClock) -> HedgeBuilder {
    Hedge::builder("test").timing(Timing::manual(clock, 1)).idempotent(true)
}

/// A hedge after 50 ms, with money for all.
fn plain(clock: &ManualClock) -> HedgeBuilder {
    let budget = Budget::builder().ratio(1.0).floor_per_second(100.0).timing(Timing::manual(clock, 1)).build().unwrap();
    builder(clock).delay(ms(50)).budget(budget)
}

/// Says when it is dropped.
struct Alive(Arc<AtomicU32>);

impl Alive {
    fn new(count: &Arc<AtomicU32>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Takes so many milliseconds in attempt 1, 2 and so on.
fn taking<'a>(clock: &'a ManualClock, millis: &'a [u64]) -> impl FnMut(Attempt) -> Work<'a> {
    move |attempt| {
        let number = attempt.number();
        let wait = wait(clock, millis[number as usize - 1]);
        Box::pin(async move {
            wait.await;
            Ok(number)
        })
    }
}

type Work<'a> = std::pin::Pin<Box<dyn Future<Output = Result<u32, &'static str>> + Send + 'a>>;

#[test]
fn a_slow_call_is_hedged_and_the_first_good_answer_wins() {
    let clock = ManualClock::new();
    let hedge = plain(&clock).build().unwrap();
    assert_eq!(run(&clock, hedge.call(taking(&clock, &[40]))), Ok(1));
    assert_eq!(run(&clock, hedge.call(taking(&clock, &[500, 20]))), Ok(2));
    assert_eq!(clock.elapsed(), ms(40 + 70));
    assert_eq!(run(&clock, hedge.call(taking(&clock, &[60, 20]))), Ok(1), "the first may still win");
    let seen = hedge.snapshot();
    assert_eq!((seen.calls, seen.hedges, seen.won_by_hedge), (3, 2, 1));
}

#[test]
fn a_failed_attempt_starts_the_next_at_once_and_all_failures_are_told() {
    let clock = ManualClock::new();
    let hedge = plain(&clock).max_hedges(2).build().unwrap();
    let work = |attempt: Attempt| ready(if attempt.number() < 3 { Err("down") } else { Ok(()) });
    assert_eq!(run(&clock, hedge.call(work)), Ok(()));
    assert_eq!(clock.elapsed(), ms(0));
    let numbered = |attempt: Attempt| ready(Err::<(), u32>(attempt.number()));
    let failed = Error::AllHedgesFailed(vec![Error::Inner(1), Error::Inner(2), Error::Inner(3)]);
    assert_eq!(run(&clock, hedge.call(numbered)), Err(failed));
    assert_eq!(hedge.snapshot().failed, 1);
}

#[test]
fn attempts_that_fail_together_are_each_followed_at_once() {
    let clock = ManualClock::new();
    let hedge = plain(&clock).delay(ms(0)).max_hedges(3).build().unwrap();
    let begun = AtomicU32::new(0);
    let work = |attempt: Attempt| {
        begun.fetch_add(1, Ordering::Relaxed);
        let wait = wait(&clock, if attempt.number() == 1 { 10 } else { 900 });
        async move {
            wait.await;
            Err::<(), ()>(())
        }
    };
    let mut call = pin!(hedge.call(work));
    assert!(poll(call.as_mut()).is_pending());
    assert_eq!(begun.load(Ordering::Relaxed), 4, "no delay: all at once");
    let hedge = plain(&clock).delay(ms(5)).max_hedges(3).build().unwrap();
    begun.store(0, Ordering::Relaxed);
    let due = clock.elapsed() + ms(20);
    let together = |_: Attempt| {
        begun.fetch_add(1, Ordering::Relaxed);
        let wait = clock.sleep(due.saturating_sub(clock.elapsed()) + ms(1));
        async move {
            wait.await;
            Err::<(), ()>(())
        }
    };
    let mut call = pin!(hedge.call(together));
    assert!(poll(call.as_mut()).is_pending());
    clock.advance(ms(5));
    assert!(poll(call.as_mut()).is_pending());
    assert_eq!(begun.load(Ordering::Relaxed), 2);
    clock.advance_to(due + ms(1));
    assert!(poll(call.as_mut()).is_pending());
    assert_eq!(begun.load(Ordering::Relaxed), 4, "one in the place of each");
}

#[test]
fn an_end_that_another_attempt_would_meet_again_is_the_answer() {
    let clock = ManualClock::new();
    let hedge = plain(&clock).classify(|_: Result<&(), &u32>| Outcome::Ignored).build().unwrap();
    let work = |attempt: Attempt| ready(Err::<(), u32>(attempt.number()));
    assert_eq!(run(&clock, hedge.call(work)), Err(Error::Inner(1)));
}

#[test]
fn p14_losers_are_dropped_before_the_winner_returns() {
    let clock = ManualClock::new();
    let hedge = plain(&clock).max_hedges(2).build().unwrap();
    let alive = Arc::new(AtomicU32::new(0));
    let work = |attempt: Attempt| {
        let (own, wait) = (Alive::new(&alive), wait(&clock, if attempt.number() == 3 { 5 } else { 900 }));
        async move {
            wait.await;
            drop(own);
            Ok::<_, ()>(attempt.number())
        }
    };
    let mut call = pin!(hedge.call(work));
    for due in [0, 50, 100, 105] {
        clock.advance_to(ms(due));
        let end = poll(call.as_mut());
        assert_eq!(end.is_ready(), due == 105);
        assert_eq!(alive.load(Ordering::Relaxed), [1, 2, 3, 0][usize::try_from(due / 50 + due % 50 / 5).unwrap()]);
    }
    assert_eq!(clock.next_due(), None, "no wait is left behind");
}

#[test]
fn p14_a_layers_losers_are_dropped_before_it_answers() {
    let clock = ManualClock::new();
    let alive = Arc::new(AtomicU32::new(0));
    let (clone, count) = (clock.clone(), Arc::clone(&alive));
    let inner = tower::service_fn(move |(): ()| {
        let (own, sleep) =
            (Alive::new(&count), clone.sleep(ms(if Context::current().number() == 2 { 5 } else { 900 })));
        async move {
            sleep.await;
            drop(own);
            Ok::<_, ()>(())
        }
    });
    let mut service = plain(&clock).build().unwrap().layer().layer(inner);
    let mut response = Box::pin(service.call(()));
    for due in [0, 50, 55] {
        clock.advance_to(ms(due));
        assert_eq!(poll(response.as_mut()).is_ready(), due == 55);
    }
    assert_eq!((alive.load(Ordering::Relaxed), clock.next_due()), (0, None), "while the response is still held");
}

#[test]
fn p14_hedges_have_a_budget_and_a_spent_one_leaves_attempts_under_way() {
    let clock = ManualClock::new();
    let timing = Timing::manual(&clock, 1);
    let budget = Budget::builder().ratio(0.1).floor_per_second(0.0).timing(timing).build().unwrap();
    let refused = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&refused);
    let listener = move |event: &crate::Event<'_>| {
        if matches!(event.kind, EventKind::Rejected { reason: Reason::BudgetSpent, .. }) {
            seen.fetch_add(1, Ordering::Relaxed);
        }
    };
    let hedge = builder(&clock).delay(ms(1)).budget(budget).listener(listener).build().unwrap();
    for _ in 0..100 {
        assert!(run(&clock, hedge.call(taking(&clock, &[10, 100]))).is_ok(), "an attempt under way goes on");
    }
    assert_eq!((hedge.snapshot().hedges, refused.load(Ordering::Relaxed)), (10, 90));
}

#[test]
fn p14_no_hedge_while_the_gate_is_shut() {
    let clock = ManualClock::new();
    let hedge = plain(&clock).gate(|| false).build().unwrap();
    assert_eq!(run(&clock, hedge.call(taking(&clock, &[500, 1]))), Ok(1));
    assert_eq!(hedge.snapshot().hedges, 0);
}

#[test]
fn p14_the_delay_is_the_observed_p95_and_unknown_before_enough_calls() {
    let clock = ManualClock::new();
    let hedge = builder(&clock).build().unwrap();
    for n in 0..99 {
        run(&clock, hedge.call(taking(&clock, &[if n % 10 == 0 { 500 } else { 20 }, 1]))).unwrap();
    }
    let seen = hedge.snapshot();
    assert_eq!((seen.hedges, seen.delay), (0, None));
    let hedge = builder(&clock).build().unwrap();
    for n in 0..200 {
        run(&clock, hedge.call(taking(&clock, &[if n % 50 == 0 { 500 } else { 20 }, 1]))).unwrap();
        clock.advance(ms(10));
    }
    let delay = hedge.snapshot().delay.unwrap();
    assert!(delay >= ms(20) && delay < ms(21), "{delay:?}");
    assert_eq!(run(&clock, hedge.call(taking(&clock, &[500, 1]))), Ok(2));
}

#[test]
fn p14_an_observed_delay_has_a_floor() {
    let clock = ManualClock::new();
    let hedge = builder(&clock).min_delay(ms(30)).build().unwrap();
    for _ in 0..150 {
        run(&clock, hedge.call(taking(&clock, &[5, 1]))).unwrap();
    }
    assert_eq!(hedge.snapshot().delay, Some(ms(30)));
}

#[test]
fn p14_losers_count_as_calls_that_took_at_least_so_long() {
    let clock = ManualClock::new();
    let timing = Timing::manual(&clock, 1);
    let budget = Budget::builder().ratio(1.0).floor_per_second(100.0).timing(timing).build().unwrap();
    let hedge = builder(&clock).budget(budget).build().unwrap();
    let delay = |slow: bool| {
        for n in 0..150 {
            run(&clock, hedge.call(taking(&clock, &[if slow && n % 2 == 0 { 500 } else { 20 }, 1]))).unwrap();
            clock.advance(ms(5));
        }
        hedge.snapshot().delay.unwrap()
    };
    let (before, after) = (delay(false), delay(true));
    assert!(before < ms(21) && after >= ms(21), "{before:?}, then {after:?}: half of the calls are slow");
}

#[test]
fn several_operations_are_tried_in_their_order() {
    let clock = ManualClock::new();
    let hedge = plain(&clock).max_hedges(5).build().unwrap();
    let places: [(&'static str, u64, bool); 3] = [("near", 400, true), ("down", 0, false), ("far", 30, true)];
    let operations = places.map(|(place, millis, good)| -> Operation<'_, &'static str, ()> {
        let clock = clock.clone();
        Box::new(move |_| {
            Box::pin(async move {
                wait(&clock, millis).await;
                if good { Ok(place) } else { Err(()) }
            })
        })
    });
    assert_eq!(run(&clock, hedge.call_each(operations)), Ok("far"));
    assert_eq!(clock.elapsed(), ms(80), "50 ms of waiting, the second failed at once");
    let none: [Operation<'_, (), ()>; 0] = [];
    assert_eq!(run(&clock, hedge.call_each(none)), Err(Error::AllHedgesFailed(vec![])));
}

#[test]
fn our_own_rejections_start_no_hedge() {
    let clock = ManualClock::new();
    let hedge = plain(&clock).build().unwrap();
    let work = |_: Attempt| ready(Err::<(), Error<()>>(refusal()));
    assert_eq!(run(&clock, hedge.around(Context::new(), work)), Err(refusal()));
    assert_eq!(hedge.snapshot().hedges, 0);
}

/// A response whose body comes later, from the attempt's own connection: closed when that is dropped.
struct Body {
    chunks: Vec<Vec<u8>>,
    _connection: Alive,
}

#[test]
fn p15_the_winners_body_is_never_cut() {
    let clock = ManualClock::new();
    let hedge = plain(&clock).build().unwrap();
    let open = Arc::new(AtomicU32::new(0));
    let work = |attempt: Attempt| {
        let connection = Alive::new(&open);
        let wait = wait(&clock, if attempt.number() == 1 { 500 } else { 5 });
        async move {
            wait.await;
            Ok::<_, ()>(Body { chunks: vec![vec![7; 4_096]; 128], _connection: connection })
        }
    };
    let mut body = run(&clock, hedge.call(work)).unwrap();
    assert_eq!(open.load(Ordering::Relaxed), 1, "the loser's connection is closed, the winner's is not");
    let mut received = 0;
    while let Some(chunk) = body.chunks.pop() {
        clock.advance(ms(10));
        received += chunk.len();
        assert_eq!(open.load(Ordering::Relaxed), 1);
    }
    assert_eq!(received, 524_288);
}

#[test]
fn a_first_attempt_that_a_policy_refuses_deposits_nothing_and_one_that_fails_does() {
    let clock = ManualClock::new();
    let budget = Budget::builder().ratio(0.5).floor_per_second(0.0).timing(Timing::manual(&clock, 1)).build().unwrap();
    let hedge = builder(&clock).delay(ms(50)).budget(budget.clone()).build().unwrap();
    let after = |end: Error<&'static str>| {
        let _ = run(&clock, hedge.around(Context::new(), |_| ready(Err::<(), _>(end.clone()))));
        budget.snapshot().available
    };
    assert_eq!(after(refusal()), 0.0);
    assert_eq!(after(Error::Inner("down")), 0.5);
}

#[test]
fn a_call_dropped_in_its_first_attempt_leaves_the_budget_as_it_was() {
    let clock = ManualClock::new();
    let budget = Budget::builder().ratio(0.5).floor_per_second(1.0).timing(Timing::manual(&clock, 1)).build().unwrap();
    let hedge = builder(&clock).delay(ms(50)).budget(budget.clone()).build().unwrap();
    let before = budget.snapshot();
    {
        let mut call = pin!(hedge.call(taking(&clock, &[500, 500])));
        assert!(poll(call.as_mut()).is_pending());
        assert_ne!(budget.snapshot(), before);
    }
    assert_eq!((budget.snapshot(), hedge.snapshot().calls, clock.next_due()), (before, 0, None));
}

#[test]
fn settings_that_can_only_be_mistakes_are_refused() {
    let clock = ManualClock::new();
    let refused = |builder: HedgeBuilder| builder.build().unwrap_err().option;
    assert_eq!(refused(builder(&clock).idempotent(false)), "idempotent");
    assert_eq!(refused(builder(&clock).max_hedges(0)), "max_hedges");
    assert_eq!(refused(builder(&clock).quantile(1.0)), "quantile");
}

#[test]
fn the_layer_hedges_what_can_be_repeated() {
    let clock = ManualClock::new();
    let hedge = plain(&clock).build().unwrap();
    let calls = Arc::new(Mutex::new(0_u64));
    let (clone, count) = (clock.clone(), Arc::clone(&calls));
    let inner = tower::service_fn(move |text: &'static str| {
        let number = {
            let mut count = count.lock().unwrap();
            *count += 1;
            *count
        };
        let sleep = clone.sleep(ms(if number % 2 == 1 { 400 } else { 10 }));
        async move {
            sleep.await;
            Ok::<_, ()>(format!("{text} {number}"))
        }
    });
    assert_eq!(run(&clock, hedge.layer().layer(inner.clone()).oneshot("hi")), Ok("hi 2".to_owned()));
    let once = hedge.layer().repeat(|_: &&'static str| None).layer(inner);
    assert_eq!(run(&clock, once.oneshot("hi")), Ok("hi 3".to_owned()));
}

#[test]
fn an_attempt_that_cannot_be_made_is_not_paid_for() {
    let clock = ManualClock::new();
    let budget = Budget::builder().ratio(0.0).floor_per_second(1.0).timing(Timing::manual(&clock, 1)).build().unwrap();
    let hedge = builder(&clock).delay(ms(50)).budget(budget.clone()).build().unwrap();
    let slow = || -> Operation<'_, u32, &'static str> {
        Box::new(|_| {
            Box::pin(async {
                wait(&clock, 100).await;
                Ok(7)
            })
        })
    };
    assert_eq!(run(&clock, hedge.call_each([slow()])), Ok(7));
    let time = clock.clone();
    let inner = tower::service_fn(move |()| {
        let time = time.clone();
        async move {
            wait(&time, 100).await;
            Ok::<_, &'static str>(8)
        }
    });
    assert_eq!(run(&clock, hedge.layer().repeat(|(): &()| None).layer(inner).oneshot(())), Ok(8));
    assert_eq!((hedge.snapshot().hedges, hedge.snapshot().refused, budget.snapshot().withdrawn), (0, 0, 0));
}
