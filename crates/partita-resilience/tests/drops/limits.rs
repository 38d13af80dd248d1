//! Bulkhead, adaptive limit, load shedding and rate limiter.

use crate::harness::{Call, Case, End, Seen, Work, count, drop_after_every_poll, ms, timing};
use partita_resilience::adaptive::Adaptive;
use partita_resilience::bulkhead::Bulkhead;
use partita_resilience::limiter::{Algorithm, Limiter, Quota};
use partita_resilience::shed::{Priority, Shed};
use partita_time::ManualClock;
use std::time::Duration;

/// What a bulkhead has in use, and what can be had of it.
pub(crate) fn rooms(bulkhead: &Bulkhead) -> String {
    let seen = bulkhead.snapshot();
    let free = count(|| bulkhead.try_acquire());
    format!("{} active, {} available, {} queued, {free} free", seen.active, seen.available, seen.queued)
}

pub(crate) fn bulkhead(clock: &ManualClock, most: u32, max_wait: u64) -> Bulkhead {
    let bulkhead = Bulkhead::builder("b").max_concurrent(most).max_wait(ms(max_wait)).queue(2);
    bulkhead.timing(timing(clock)).build().unwrap()
}

/// Permits, and the longest wait for one in milliseconds.
#[derive(Debug)]
pub(crate) struct Room(pub(crate) u32, pub(crate) u64);

impl Case for Room {
    type World = Bulkhead;

    fn world(&self, clock: &ManualClock) -> Bulkhead {
        bulkhead(clock, self.0, self.1)
    }

    fn call<'a>(&'a self, bulkhead: &'a Bulkhead, clock: &'a ManualClock, work: &'a Work, _: u32) -> Call<'a> {
        Box::pin(async move { End::of(&bulkhead.call(|| work.run(clock, 3, true)).await) })
    }

    fn look(&self, bulkhead: &Bulkhead, _: &ManualClock) -> String {
        rooms(bulkhead)
    }
}

/// A permit that is kept beyond the wait for it.
#[derive(Debug)]
struct Kept;

impl Case for Kept {
    type World = Bulkhead;

    fn world(&self, clock: &ManualClock) -> Bulkhead {
        bulkhead(clock, 1, 500)
    }

    fn call<'a>(&'a self, bulkhead: &'a Bulkhead, clock: &'a ManualClock, work: &'a Work, _: u32) -> Call<'a> {
        Box::pin(async move {
            let _permit = bulkhead.acquire().await.unwrap();
            work.run(clock, 2, true).await.map_or(End::Failed, |_| End::Good)
        })
    }

    fn look(&self, bulkhead: &Bulkhead, _: &ManualClock) -> String {
        rooms(bulkhead)
    }
}

#[test]
fn a_dropped_call_leaves_permits_and_queue_of_a_bulkhead_as_they_were() {
    for (permits, max_wait, least) in [(1, 500, 10), (2, 500, 7), (3, 500, 4), (1, 45, 5), (1, 0, 4)] {
        let polls = drop_after_every_poll(&Room(permits, max_wait));
        assert!(polls >= least, "{permits} permits, {max_wait} ms: {polls}");
    }
    assert!(drop_after_every_poll(&Kept) >= 7);
}

#[derive(Debug)]
pub(crate) struct Moves;

impl Case for Moves {
    type World = Adaptive;

    fn world(&self, clock: &ManualClock) -> Adaptive {
        Adaptive::builder("a").initial(2).timing(timing(clock)).build().unwrap()
    }

    fn call<'a>(&'a self, limit: &'a Adaptive, clock: &'a ManualClock, work: &'a Work, which: u32) -> Call<'a> {
        Box::pin(async move { End::of(&limit.call(|| work.run(clock, 2 + which, true)).await) })
    }

    fn look(&self, limit: &Adaptive, _: &ManualClock) -> String {
        let seen = limit.snapshot();
        format!("{} of {} in flight, {} free", seen.in_flight, seen.limit, count(|| limit.try_acquire()))
    }
}

#[test]
fn a_dropped_call_gives_its_place_under_an_adaptive_limit_back() {
    assert!(drop_after_every_poll(&Moves) >= 4);
}

#[derive(Debug)]
pub(crate) struct Sheds;

impl Case for Sheds {
    type World = Shed;

    fn world(&self, clock: &ManualClock) -> Shed {
        Shed::builder("s").max_in_flight(3).thresholds(0.5, 0.7).timing(timing(clock)).build().unwrap()
    }

    fn call<'a>(&'a self, shed: &'a Shed, clock: &'a ManualClock, work: &'a Work, which: u32) -> Call<'a> {
        let priority = [Priority::Low, Priority::Normal, Priority::Critical][which as usize];
        Box::pin(async move { End::of(&shed.call(priority, || work.run(clock, 2 + which, true)).await) })
    }

    fn look(&self, shed: &Shed, _: &ManualClock) -> String {
        let free = count(|| shed.try_acquire(Priority::Critical));
        format!("{} in flight, {free} free", shed.snapshot().in_flight)
    }
}

#[test]
fn a_dropped_call_gives_its_place_under_load_shedding_back() {
    assert!(drop_after_every_poll(&Sheds) >= 5);
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    UntilReady,
    Reserve,
    Call,
}

/// A limiter of one call in 30 ms, whose first moment is taken.
#[derive(Debug)]
pub(crate) struct Limited(pub(crate) Algorithm, pub(crate) Way);

impl Case for Limited {
    type World = Limiter;

    fn world(&self, clock: &ManualClock) -> Limiter {
        let quota = Quota::new(1, ms(30)).algorithm(self.0);
        let limiter = Limiter::builder("l").quota(quota).max_wait(Duration::from_secs(1)).timing(timing(clock));
        let limiter = limiter.build().unwrap();
        assert!(limiter.check().allowed());
        limiter
    }

    fn call<'a>(&'a self, limiter: &'a Limiter, clock: &'a ManualClock, work: &'a Work, _: u32) -> Call<'a> {
        let after = async || work.run(clock, 2, true).await.map_or(End::Failed, |_| End::Good);
        match self.1 {
            Way::UntilReady => Box::pin(async move {
                limiter.until_ready(1).await.unwrap();
                after().await
            }),
            Way::Reserve => {
                let moment = limiter.reserve(1, Duration::from_secs(1)).unwrap();
                Box::pin(async move {
                    moment.await;
                    after().await
                })
            }
            Way::Call => Box::pin(async move { End::of(&limiter.call(|| work.run(clock, 2, true)).await) }),
        }
    }

    fn settle(&self, untouched: &Limiter, before: Seen, now: Seen) {
        if now.begun > before.begun {
            assert!(untouched.check().allowed(), "a moment came too early");
        }
    }

    fn look(&self, limiter: &Limiter, _: &ManualClock) -> String {
        let seen = limiter.snapshot();
        let next = limiter.check();
        format!("{} left, whole at {:?}, {} wait, then {next:?}", seen.remaining, seen.reset_at, seen.waiting)
    }
}

#[test]
fn a_dropped_wait_gives_its_moment_of_a_rate_limit_back() {
    let algorithms = [Algorithm::Gcra, Algorithm::TokenBucket, Algorithm::SlidingLog, Algorithm::FixedWindow];
    for algorithm in algorithms {
        for way in [Way::UntilReady, Way::Reserve, Way::Call] {
            let polls = drop_after_every_poll(&Limited(algorithm, way));
            assert!(polls >= 8, "{algorithm:?}, {way:?}: {polls}");
        }
    }
}

/// Calls that never give their permit back.
#[derive(Debug)]
struct Forgets;

impl Case for Forgets {
    type World = Bulkhead;

    fn world(&self, clock: &ManualClock) -> Bulkhead {
        bulkhead(clock, 4, 0)
    }

    fn call<'a>(&'a self, bulkhead: &'a Bulkhead, clock: &'a ManualClock, work: &'a Work, _: u32) -> Call<'a> {
        Box::pin(async move {
            std::mem::forget(bulkhead.try_acquire().unwrap());
            work.run(clock, 2, true).await.map_or(End::Failed, |_| End::Good)
        })
    }

    fn look(&self, bulkhead: &Bulkhead, _: &ManualClock) -> String {
        rooms(bulkhead)
    }
}

#[test]
#[should_panic(expected = "1 calls, dropped after 1 polls, Forward")]
fn the_harness_sees_a_permit_that_is_not_given_back() {
    drop_after_every_poll(&Forgets);
}
