//! Several policies in one stack.

use crate::breaker::{Broken, Stands, places};
use crate::calls::{budget, pay, purse};
use crate::harness::{Call, Case, End, Seen, Work, begins, drop_after_every_poll, ms, timing};
use crate::limits::{bulkhead, rooms};
use crate::refresh::{Answers, fetched, stale};
use partita_resilience::breaker::{Breaker, State};
use partita_resilience::budget::Budget;
use partita_resilience::bulkhead::Bulkhead;
use partita_resilience::coalesce::Coalesce;
use partita_resilience::fallback::Fallback;
use partita_resilience::hedge::Hedge;
use partita_resilience::limiter::{Limiter, Quota};
use partita_resilience::retry::{Jitter, Retry};
use partita_resilience::stack::{Answered, Policy, Stack};
use partita_resilience::{ByResult, Outcome};
use partita_time::ManualClock;
use std::time::Duration;

/// What the policies beneath a stack hold.
pub(crate) struct Held<S = (), F = ()> {
    pub(crate) stack: Stack<ByResult, S, F>,
    pub(crate) breaker: Breaker,
    pub(crate) bulkhead: Bulkhead,
    pub(crate) budget: Budget,
    pub(crate) limiter: Limiter,
}

impl<S, F> Held<S, F> {
    pub(crate) fn look(&self) -> String {
        let seen = self.breaker.snapshot();
        let counts = (seen.state, seen.total, seen.successful, seen.failed, seen.consecutive_failures);
        let waiting = self.limiter.snapshot().waiting;
        // A ramp lets a share of all calls through, whatever becomes of them.
        let places = if seen.state == State::Ramp { 0 } else { places(&self.breaker) };
        let (rooms, purse) = (rooms(&self.bulkhead), purse(&self.budget));
        format!("{counts:?}, {places} places; {rooms}; {purse}; {waiting} wait")
    }

    /// Tells the breaker how attempts ended.
    pub(crate) fn record(&self, before: Seen, now: Seen) {
        let ends = [(now.failed - before.failed, Outcome::Failure), (now.good - before.good, Outcome::Success)];
        for (times, outcome) in ends {
            for _ in 0..times {
                let permit = (0..10).find_map(|_| self.breaker.admit().ok());
                permit.expect("it lets calls through, as the other did").record(outcome);
            }
        }
    }
}

/// Parts of a stack that several stacks here have.
pub(crate) fn parts(clock: &ManualClock, permits: u32, quota: Quota) -> (Bulkhead, Budget, Limiter) {
    let limiter = Limiter::builder("l").quota(quota).max_wait(Duration::from_secs(1)).timing(timing(clock));
    (bulkhead(clock, permits, 500), budget(clock, false), limiter.build().unwrap())
}

pub(crate) fn lenient(clock: &ManualClock) -> Breaker {
    Breaker::builder("b").min_calls(1_000).timing(timing(clock)).build().unwrap()
}

/// Deadline, rate limit, retry, breaker, bulkhead and attempt timeout.
#[derive(Debug)]
pub(crate) struct Whole;

impl Case for Whole {
    type World = Held;

    fn world(&self, clock: &ManualClock) -> Held {
        let (bulkhead, budget, limiter) = parts(clock, 3, Quota::new(1, ms(20)));
        let breaker = lenient(clock);
        let retry = Retry::builder("r").initial(ms(20)).multiplier(1.0).jitter(Jitter::None).budget(budget.clone());
        let stack = Policy::new("whole").deadline(Duration::from_secs(2)).rate_limit(limiter.clone()).retry(retry);
        let stack = stack.breaker(breaker.clone()).bulkhead(bulkhead.clone()).attempt_timeout(ms(500)).idempotent();
        Held { stack: stack.timing(timing(clock)).build().unwrap(), breaker, bulkhead, budget, limiter }
    }

    fn call<'a>(&'a self, held: &'a Held, clock: &'a ManualClock, work: &'a Work, _: u32) -> Call<'a> {
        let attempt = move |number| work.run(clock, 2, number == 3);
        Box::pin(async move { End::of(&held.stack.call(|now| attempt(now.number())).await) })
    }

    fn settle(&self, untouched: &Held, before: Seen, now: Seen) {
        if before.failed == 0 && now.failed > 0 {
            untouched.budget.deposit();
        }
        pay(&untouched.budget, before, now);
        untouched.record(before, now);
    }

    fn look(&self, held: &Held, _: &ManualClock) -> String {
        held.look()
    }
}

#[test]
fn a_dropped_call_gives_back_what_it_held_in_every_policy_of_a_stack() {
    let polls = drop_after_every_poll(&Whole);
    assert!(polls >= 10, "{polls}");
}

/// Hedges over a breaker that stands so, and a bulkhead that is too small for all.
#[derive(Debug)]
pub(crate) struct Crowded(pub(crate) Stands);

impl Case for Crowded {
    type World = Held;

    fn world(&self, clock: &ManualClock) -> Held {
        let breaker = Broken(self.0, true).world(clock);
        let (bulkhead, _, limiter) = parts(clock, 1, Quota::per_second(100));
        let hedges = budget(clock, false);
        let hedge = Hedge::builder("h").delay(ms(15)).budget(hedges);
        let stack = Policy::new("crowded").deadline(Duration::from_secs(2)).hedge(hedge).breaker(breaker.clone());
        let stack = stack.bulkhead(bulkhead.clone()).idempotent().timing(timing(clock)).build().unwrap();
        // The hedges' own budget is looked at where no queue stands between it and the work.
        Held { stack, breaker, bulkhead, budget: budget(clock, false), limiter }
    }

    fn call<'a>(&'a self, held: &'a Held, clock: &'a ManualClock, work: &'a Work, _: u32) -> Call<'a> {
        Box::pin(async move { End::of(&held.stack.call(|_| work.run(clock, 3, true)).await) })
    }

    fn settle(&self, untouched: &Held, before: Seen, now: Seen) {
        untouched.record(before, now);
    }

    fn look(&self, held: &Held, _: &ManualClock) -> String {
        held.look()
    }
}

#[test]
fn a_dropped_call_gives_probe_and_place_in_the_queue_of_a_stack_back() {
    for stands in Stands::ALL {
        let polls = drop_after_every_poll(&Crowded(stands));
        let least = if stands.refuses() { 1 } else { 4 };
        assert!(polls >= least, "{stands:?}: {polls}");
    }
}

type Shared = Coalesce<&'static str, u32, &'static str>;

/// One call for all, with a second answer.
#[derive(Debug)]
pub(crate) struct Together;

impl Case for Together {
    type World = (Held<Shared>, Shared);

    fn world(&self, clock: &ManualClock) -> Self::World {
        let shared: Shared = Coalesce::builder("c").timing(timing(clock)).build().unwrap();
        let (bulkhead, budget, limiter) = parts(clock, 1, Quota::per_second(100));
        let breaker = lenient(clock);
        let stack = Policy::new("shared").deadline(Duration::from_secs(2)).coalesce(shared.clone());
        let stack = stack.breaker(breaker.clone()).bulkhead(bulkhead.clone()).timing(timing(clock)).build().unwrap();
        (Held { stack, breaker, bulkhead, budget, limiter }, shared)
    }

    fn call<'a>(&'a self, world: &'a Self::World, clock: &'a ManualClock, work: &'a Work, _: u32) -> Call<'a> {
        Box::pin(async move { End::of(&world.0.stack.call_keyed("a", |_| work.run(clock, 3, true)).await) })
    }

    fn settle(&self, untouched: &Self::World, before: Seen, now: Seen) {
        untouched.0.record(before, now);
    }

    fn look(&self, (held, shared): &Self::World, clock: &ManualClock) -> String {
        let under_way = shared.snapshot().under_way;
        let leads = begins(|work| held.stack.call_keyed("a", |_| work.run(clock, 1, true)), &Work::default());
        format!("{under_way} under way, a new call leads: {leads}; {}", held.look())
    }
}

#[test]
fn a_dropped_call_leaves_nothing_in_the_map_of_a_stack_that_coalesces() {
    assert!(drop_after_every_poll(&Together) >= 4);
}

/// A stale answer, and a second one where there is none.
#[derive(Debug)]
pub(crate) struct Kept;

impl Case for Kept {
    type World = (Held<Answers>, Answers);

    fn world(&self, clock: &ManualClock) -> Self::World {
        let cache = stale(clock, None);
        let (bulkhead, budget, limiter) = parts(clock, 1, Quota::per_second(100));
        let breaker = lenient(clock);
        let stack = Policy::new("kept").deadline(Duration::from_secs(2)).cache(cache.clone()).breaker(breaker.clone());
        let stack = stack.bulkhead(bulkhead.clone()).timing(timing(clock)).build().unwrap();
        (Held { stack, breaker, bulkhead, budget, limiter }, cache)
    }

    fn call<'a>(&'a self, world: &'a Self::World, clock: &'a ManualClock, work: &'a Work, _: u32) -> Call<'a> {
        Box::pin(async move { End::of(&world.0.stack.call_keyed("a", |_| work.run(clock, 3, true)).await) })
    }

    fn settle(&self, untouched: &Self::World, before: Seen, now: Seen) {
        untouched.0.record(before, now);
        fetched(&untouched.1, before, now);
    }

    fn look(&self, (held, cache): &Self::World, clock: &ManualClock) -> String {
        let work = Work::default();
        let fetches = begins(|work| held.stack.call_keyed("a", |_| work.run(clock, 1, true)), &work);
        format!("{} kept, a new call fetches: {fetches}; {}", cache.snapshot().entries, held.look())
    }
}

#[test]
fn a_dropped_fetch_leaves_the_right_to_fetch_free_in_a_stack_that_caches() {
    assert!(drop_after_every_poll(&Kept) >= 4);
}

/// A second answer for what fails.
#[derive(Debug)]
pub(crate) struct Second;

impl Case for Second {
    type World = Held<(), Answered>;

    fn world(&self, clock: &ManualClock) -> Self::World {
        let (bulkhead, budget, limiter) = parts(clock, 2, Quota::per_second(100));
        let breaker = lenient(clock);
        let stack = Policy::new("second").fallback(Fallback::builder("f")).deadline(Duration::from_secs(2));
        let stack = stack.breaker(breaker.clone()).bulkhead(bulkhead.clone()).timing(timing(clock)).build().unwrap();
        Held { stack, breaker, bulkhead, budget, limiter }
    }

    fn call<'a>(&'a self, held: &'a Self::World, clock: &'a ManualClock, work: &'a Work, _: u32) -> Call<'a> {
        let second = move || async move { clock_waits(clock).await };
        Box::pin(async move { End::of(&held.stack.call_or(|_| work.run(clock, 2, false), |_| second()).await) })
    }

    fn settle(&self, untouched: &Self::World, before: Seen, now: Seen) {
        untouched.record(before, now);
    }

    fn look(&self, held: &Self::World, _: &ManualClock) -> String {
        held.look()
    }
}

pub(crate) async fn clock_waits(clock: &ManualClock) -> Result<u32, &'static str> {
    partita_time::Clock::sleep(clock, ms(10)).await;
    Ok(0)
}

#[test]
fn a_call_dropped_during_its_second_answer_holds_nothing_any_more() {
    assert!(drop_after_every_poll(&Second) >= 4);
}

/// One call for all that fails, and a second answer for each caller.
#[derive(Debug)]
pub(crate) struct TogetherOr;

impl Case for TogetherOr {
    type World = (Held<Shared, Answered>, Shared);

    fn world(&self, clock: &ManualClock) -> Self::World {
        let shared: Shared = Coalesce::builder("c").timing(timing(clock)).build().unwrap();
        let (bulkhead, budget, limiter) = parts(clock, 1, Quota::per_second(100));
        let breaker = lenient(clock);
        let stack = Policy::new("shared").fallback(Fallback::builder("f")).deadline(Duration::from_secs(2));
        let stack = stack.coalesce(shared.clone()).breaker(breaker.clone()).bulkhead(bulkhead.clone());
        let stack = stack.timing(timing(clock)).build().unwrap();
        (Held { stack, breaker, bulkhead, budget, limiter }, shared)
    }

    fn call<'a>(&'a self, world: &'a Self::World, clock: &'a ManualClock, work: &'a Work, _: u32) -> Call<'a> {
        let second = move |_: Option<&partita_resilience::Error<&'static str>>| clock_waits(clock);
        let call = world.0.stack.call_keyed_or("a", |_| work.run(clock, 3, false), second);
        Box::pin(async move { End::of(&call.await) })
    }

    fn settle(&self, untouched: &Self::World, before: Seen, now: Seen) {
        untouched.0.record(before, now);
    }

    fn look(&self, (held, shared): &Self::World, _: &ManualClock) -> String {
        format!("{} under way; {}", shared.snapshot().under_way, held.look())
    }
}

#[test]
fn a_shared_call_dropped_at_any_point_up_to_its_second_answer_holds_nothing() {
    assert!(drop_after_every_poll(&TogetherOr) >= 5);
}
