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

    /// Whether the work of a new call begins, as `begins` finds out. A ramp lets only a share of all calls through.
    fn lets(&self, begins: impl FnOnce(&Self) -> bool) -> bool {
        self.breaker.state() == State::Ramp || begins(self)
    }

    /// Tells the breaker how attempts ended; ends from before it opened tell it nothing.
    pub(crate) fn record(&self, before: Seen, now: Seen) {
        let ends = [(now.failed - before.failed, Outcome::Failure), (now.good - before.good, Outcome::Success)];
        for (times, outcome) in ends {
            for _ in 0..times {
                let permit = (0..10).find_map(|_| self.breaker.admit().ok());
                assert!(
                    permit.is_some() || self.breaker.state() == State::Open,
                    "it lets calls through, as the other did"
                );
                permit.into_iter().for_each(|permit| permit.record(outcome));
            }
        }
    }
}

/// A breaker of a stack whose attempts fail. One that only watches would open, and which of the calls after that it counts
/// depends on when they began: that one never would.
fn beneath_failures(stands: Stands, clock: &ManualClock) -> Breaker {
    if stands != Stands::MetricsOnly {
        return Broken(stands, true).world(clock);
    }
    let breaker = Breaker::builder("b").min_calls(1_000).timing(timing(clock)).build().unwrap();
    breaker.watch_only();
    breaker
}

/// Parts of a stack that several stacks here have.
pub(crate) fn parts(clock: &ManualClock, permits: u32, quota: Quota) -> (Bulkhead, Budget, Limiter) {
    let limiter = Limiter::builder("l").quota(quota).max_wait(Duration::from_secs(1)).timing(timing(clock));
    (bulkhead(clock, permits, 500), budget(clock, false), limiter.build().unwrap())
}

/// Deadline, rate limit, retry, breaker, bulkhead and an attempt timeout in milliseconds. Attempts take 20, and the third
/// does well.
#[derive(Debug)]
pub(crate) struct Whole(pub(crate) Stands, pub(crate) u64);

impl Whole {
    /// In every state; attempts end in time, or are cut off.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Stands::ALL.into_iter().flat_map(|stands| [500, 15].map(|timeout| Self(stands, timeout)))
    }

    /// Polls that it takes at least until the calls end.
    pub(crate) fn least(&self) -> usize {
        match self.0 {
            Stands::Open | Stands::ForcedOpen => 3,
            Stands::HalfOpen | Stands::Ramp => 4,
            _ => 8,
        }
    }
}

/// An attempt that was cut off has failed; one whose caller went away has not.
fn with_those_cut(before: Seen, now: Seen) -> [Seen; 2] {
    let cut = |seen: Seen| seen.begun - seen.live - seen.failed - seen.good;
    let [was, is] = if now.dropped { [cut(before); 2] } else { [cut(before), cut(now)] };
    [Seen { failed: before.failed + was, ..before }, Seen { failed: now.failed + is, ..now }]
}

impl Case for Whole {
    type World = Held;

    fn world(&self, clock: &ManualClock) -> Held {
        let breaker = beneath_failures(self.0, clock);
        let (bulkhead, budget, limiter) = parts(clock, 3, Quota::new(1, ms(20)));
        let retry = Retry::builder("r").initial(ms(20)).multiplier(1.0).jitter(Jitter::None).budget(budget.clone());
        let stack = Policy::new("whole").deadline(Duration::from_secs(2)).rate_limit(limiter.clone()).retry(retry);
        let stack = stack.breaker(breaker.clone()).bulkhead(bulkhead.clone()).attempt_timeout(ms(self.1)).idempotent();
        Held { stack: stack.timing(timing(clock)).build().unwrap(), breaker, bulkhead, budget, limiter }
    }

    fn call<'a>(&'a self, held: &'a Held, clock: &'a ManualClock, work: &'a Work, _: u32) -> Call<'a> {
        let attempt = move |number| work.run(clock, 2, number == 3);
        Box::pin(async move { End::of(&held.stack.call(|now| attempt(now.number())).await) })
    }

    fn settle(&self, untouched: &Held, before: Seen, now: Seen) {
        let [before, now] = with_those_cut(before, now);
        let first_over = |seen: Seen| seen.failed > 0 || seen.end.is_some_and(|end| end != End::Refused);
        if !first_over(before) && first_over(now) {
            untouched.budget.deposit();
        }
        pay(&untouched.budget, before, now);
        if before.end.is_none()
            && now.end.is_some()
            && now.begun > 0
            && (before.failed, before.good) == (now.failed, now.good)
        {
            untouched.budget.withdraw().unwrap().spend();
        }
        untouched.record(before, now);
    }

    fn look(&self, held: &Held, _: &ManualClock) -> String {
        held.look()
    }
}

#[test]
fn a_dropped_call_gives_back_what_it_held_in_every_policy_of_a_stack() {
    for whole in Whole::all() {
        let polls = drop_after_every_poll(&whole);
        assert!(polls >= whole.least(), "{whole:?}: {polls}");
    }
}

/// Hedges over a breaker that stands so, and a bulkhead that is too small for all.
#[derive(Debug)]
pub(crate) struct Crowded(pub(crate) Stands);

impl Case for Crowded {
    type World = Held;

    fn world(&self, clock: &ManualClock) -> Held {
        let breaker = Broken(self.0, true).world(clock);
        let (bulkhead, _, limiter) = parts(clock, 2, Quota::per_second(100));
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
pub(crate) struct Together(pub(crate) Stands);

impl Case for Together {
    type World = (Held<Shared>, Shared);

    fn world(&self, clock: &ManualClock) -> Self::World {
        let breaker = Broken(self.0, true).world(clock);
        let shared: Shared = Coalesce::builder("c").timing(timing(clock)).build().unwrap();
        let (bulkhead, budget, limiter) = parts(clock, 1, Quota::per_second(100));
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
        let work = Work::default();
        let leads = held.lets(|held| begins(|work| held.stack.call_keyed("a", |_| work.run(clock, 1, true)), &work));
        format!("{under_way} under way, a new call leads: {leads}; {}", held.look())
    }
}

#[test]
fn a_dropped_call_leaves_nothing_in_the_map_of_a_stack_that_coalesces() {
    for stands in Stands::ALL {
        let least = if stands.refuses() { 1 } else { 4 };
        assert!(drop_after_every_poll(&Together(stands)) >= least, "{stands:?}");
    }
}

/// A stale answer, and a second one where there is none.
#[derive(Debug)]
pub(crate) struct Kept(pub(crate) Stands);

impl Case for Kept {
    type World = (Held<Answers>, Answers);

    fn world(&self, clock: &ManualClock) -> Self::World {
        let breaker = Broken(self.0, true).world(clock);
        let cache = stale(clock, None);
        let (bulkhead, budget, limiter) = parts(clock, 1, Quota::per_second(100));
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
        let fetches = held.lets(|held| begins(|work| held.stack.call_keyed("a", |_| work.run(clock, 1, true)), &work));
        format!("{} kept, a new call fetches: {fetches}; {}", cache.snapshot().entries, held.look())
    }
}

#[test]
fn a_dropped_fetch_leaves_the_right_to_fetch_free_in_a_stack_that_caches() {
    for stands in Stands::ALL {
        let least = if stands.refuses() { 1 } else { 4 };
        assert!(drop_after_every_poll(&Kept(stands)) >= least, "{stands:?}");
    }
}

/// A second answer for what fails.
#[derive(Debug)]
pub(crate) struct Second(pub(crate) Stands);

impl Case for Second {
    type World = Held<(), Answered>;

    fn world(&self, clock: &ManualClock) -> Self::World {
        let breaker = Broken(self.0, true).world(clock);
        let (bulkhead, budget, limiter) = parts(clock, 2, Quota::per_second(100));
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
    for stands in Stands::ALL {
        let least = if stands.refuses() { 2 } else { 4 };
        assert!(drop_after_every_poll(&Second(stands)) >= least, "{stands:?}");
    }
}

/// One call for all that fails, and a second answer for each caller.
#[derive(Debug)]
pub(crate) struct TogetherOr(pub(crate) Stands);

impl Case for TogetherOr {
    type World = (Held<Shared, Answered>, Shared);

    fn world(&self, clock: &ManualClock) -> Self::World {
        let breaker = Broken(self.0, true).world(clock);
        let shared: Shared = Coalesce::builder("c").timing(timing(clock)).build().unwrap();
        let (bulkhead, budget, limiter) = parts(clock, 1, Quota::per_second(100));
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
    for stands in Stands::ALL {
        let least = if stands.refuses() { 2 } else { 5 };
        assert!(drop_after_every_poll(&TogetherOr(stands)) >= least, "{stands:?}");
    }
}
