//! Retry, hedge, timeout, deadline, coalesce, cache, fallback and join.

use crate::harness::{Call, Case, End, Seen, Work, at_once, begins, drop_after_every_poll, ms, timing};
use partita_resilience::budget::Budget;
use partita_resilience::cache::Cache;
use partita_resilience::coalesce::Coalesce;
use partita_resilience::deadline::Deadline;
use partita_resilience::fallback::Fallback;
use partita_resilience::hedge::Hedge;
use partita_resilience::join::{Join, critical};
use partita_resilience::retry::{Jitter, Retry};
use partita_resilience::timeout::Timeout;
use partita_resilience::{ByResult, Listeners};
use partita_time::ManualClock;
use std::future::ready;
use std::time::Duration;

/// A budget of ten attempts from deposits, or of three a second.
pub(crate) fn budget(clock: &ManualClock, by_floor: bool) -> Budget {
    let (ratio, floor) = if by_floor { (0.0, 3.0) } else { (0.1, 0.0) };
    let budget = Budget::builder().ratio(ratio).floor_per_second(floor).timing(timing(clock)).build().unwrap();
    (0..100).for_each(|_| _ = budget.deposit());
    budget
}

/// Pays for the attempts that a call began beyond the first.
pub(crate) fn pay(budget: &Budget, before: Seen, now: Seen) {
    for _ in before.begun.max(1)..now.begun {
        budget.withdraw().expect("the other budget had it").spend();
    }
}

pub(crate) fn purse(budget: &Budget) -> String {
    let seen = budget.snapshot();
    format!("{:.3} left, {} spent", seen.available, seen.withdrawn)
}

/// Retries paid by a floor, or by deposits.
#[derive(Debug)]
pub(crate) struct Again(pub(crate) bool);

impl Case for Again {
    type World = Retry;

    fn world(&self, clock: &ManualClock) -> Retry {
        let retry = Retry::builder("r").idempotent(true).initial(ms(20)).multiplier(1.0).jitter(Jitter::None);
        retry.budget(budget(clock, self.0)).timing(timing(clock)).build().unwrap()
    }

    fn call<'a>(&'a self, retry: &'a Retry, clock: &'a ManualClock, work: &'a Work, which: u32) -> Call<'a> {
        let attempt = move |number| work.run(clock, 2 + which % 2, number == 3);
        Box::pin(async move { End::of(&retry.call(|now| attempt(now.number())).await) })
    }

    fn settle(&self, untouched: &Retry, before: Seen, now: Seen) {
        let budget = untouched.budget().unwrap();
        if before.failed == 0 && now.failed > 0 {
            budget.deposit();
        }
        pay(budget, before, now);
    }

    fn look(&self, retry: &Retry, _: &ManualClock) -> String {
        purse(retry.budget().unwrap())
    }
}

#[test]
fn a_dropped_call_takes_from_a_retry_budget_only_the_attempts_that_it_began() {
    for by_floor in [false, true] {
        let polls = drop_after_every_poll(&Again(by_floor));
        assert!(polls >= 9, "{polls}");
    }
}

/// Hedges after a delay in milliseconds; the attempts do well, or fail but for the last.
#[derive(Debug)]
pub(crate) struct Beside(pub(crate) u64, pub(crate) bool);

impl Case for Beside {
    type World = Hedge;

    fn world(&self, clock: &ManualClock) -> Hedge {
        let hedge = Hedge::builder("h").idempotent(true).delay(ms(self.0)).max_hedges(2);
        hedge.budget(budget(clock, false)).timing(timing(clock)).build().unwrap()
    }

    fn call<'a>(&'a self, hedge: &'a Hedge, clock: &'a ManualClock, work: &'a Work, which: u32) -> Call<'a> {
        let attempt = move |number| work.run(clock, 4 + which, self.1 || number == 3);
        Box::pin(async move { End::of(&hedge.call(|now| attempt(now.number())).await) })
    }

    fn settle(&self, untouched: &Hedge, before: Seen, now: Seen) {
        let stays = |seen: Seen| seen.begun > 1 || seen.end.is_some();
        if !stays(before) && stays(now) {
            untouched.budget().deposit();
        }
        pay(untouched.budget(), before, now);
    }

    fn look(&self, hedge: &Hedge, _: &ManualClock) -> String {
        purse(hedge.budget())
    }
}

#[test]
fn a_dropped_call_takes_from_a_hedge_budget_only_the_attempts_that_it_began() {
    for (delay, good, least) in [(15, true, 6), (100, true, 5), (15, false, 6), (1_000, false, 13)] {
        let polls = drop_after_every_poll(&Beside(delay, good));
        assert!(polls >= least, "{delay} ms, {good}: {polls}");
    }
}

/// A timeout in milliseconds for work of 20 to 40.
#[derive(Debug)]
pub(crate) struct Timed(pub(crate) u64);

impl Case for Timed {
    type World = Timeout;

    fn world(&self, clock: &ManualClock) -> Timeout {
        Timeout::builder("t").fixed(ms(self.0)).timing(timing(clock)).build().unwrap()
    }

    fn call<'a>(&'a self, timeout: &'a Timeout, clock: &'a ManualClock, work: &'a Work, which: u32) -> Call<'a> {
        Box::pin(async move { End::of(&timeout.call(|| work.run(clock, 2 + which, true)).await) })
    }

    fn settle(&self, untouched: &Timeout, before: Seen, now: Seen) {
        if before.good < now.good {
            at_once(untouched.call(|| ready(Ok::<_, ()>(())))).unwrap();
        }
    }

    fn look(&self, timeout: &Timeout, _: &ManualClock) -> String {
        let seen = timeout.snapshot();
        format!("{} in time, {:?} at most", seen.in_time, seen.limit)
    }
}

#[derive(Debug)]
pub(crate) struct Until(pub(crate) u64);

impl Case for Until {
    type World = Deadline;

    fn world(&self, clock: &ManualClock) -> Deadline {
        Deadline::builder("d").limit(ms(self.0)).timing(timing(clock)).build().unwrap()
    }

    fn call<'a>(&'a self, deadline: &'a Deadline, clock: &'a ManualClock, work: &'a Work, which: u32) -> Call<'a> {
        Box::pin(async move { End::of(&deadline.call(|_| work.run(clock, 2 + which, true)).await) })
    }

    fn settle(&self, untouched: &Deadline, before: Seen, now: Seen) {
        if before.good < now.good {
            at_once(untouched.call(|_| ready(Ok::<_, ()>(())))).unwrap();
        }
    }

    fn look(&self, deadline: &Deadline, _: &ManualClock) -> String {
        format!("{} in time, {} refused", deadline.snapshot().in_time, deadline.snapshot().refused)
    }
}

#[test]
fn a_dropped_call_leaves_no_trace_in_a_timeout_or_a_deadline() {
    for limit in [25, 100] {
        assert!(drop_after_every_poll(&Timed(limit)) >= 3);
        assert!(drop_after_every_poll(&Until(limit)) >= 3);
    }
}

pub(crate) type Map = Coalesce<&'static str, u32, &'static str>;

/// Calls for one key, or each for its own.
#[derive(Debug)]
pub(crate) struct Shared(pub(crate) bool);

impl Case for Shared {
    type World = Map;

    fn world(&self, clock: &ManualClock) -> Map {
        Coalesce::builder("c").timing(timing(clock)).build().unwrap()
    }

    fn call<'a>(&'a self, shared: &'a Map, clock: &'a ManualClock, work: &'a Work, which: u32) -> Call<'a> {
        let key = if self.0 { "a" } else { ["a", "b", "c"][which as usize] };
        Box::pin(async move { End::of(&shared.call(key, || work.run(clock, 3, true)).await) })
    }

    fn look(&self, shared: &Map, clock: &ManualClock) -> String {
        let under_way = shared.snapshot().under_way;
        let lead = |key| begins(|work| shared.call(key, || work.run(clock, 1, true)), &Work::default());
        format!("{under_way} under way, new calls lead: {:?}", ["a", "b", "c"].map(lead))
    }
}

#[test]
fn a_dropped_call_leaves_nothing_in_the_map_of_a_coalescing_policy() {
    for one_key in [true, false] {
        assert!(drop_after_every_poll(&Shared(one_key)) >= 4);
    }
}

type Answers = Cache<&'static str, u32>;

/// A cache with a stale answer, or with none.
#[derive(Debug)]
struct Kept(bool);

impl Case for Kept {
    type World = Answers;

    fn world(&self, clock: &ManualClock) -> Answers {
        let cache = Cache::builder("c").ttl(Duration::from_secs(1)).stale(Duration::from_secs(9)).timing(timing(clock));
        let cache: Answers = cache.build().unwrap();
        if self.0 {
            at_once(cache.call("a", || ready(Ok::<_, ()>(1)))).unwrap();
            clock.advance(Duration::from_secs(2));
        }
        cache
    }

    fn call<'a>(&'a self, cache: &'a Answers, clock: &'a ManualClock, work: &'a Work, _: u32) -> Call<'a> {
        Box::pin(async move { End::of(&cache.call("a", || work.run(clock, 3, true)).await) })
    }

    fn settle(&self, untouched: &Answers, before: Seen, now: Seen) {
        if before.good < now.good {
            at_once(untouched.call("a", || ready(Ok::<_, ()>(3)))).unwrap();
        }
    }

    fn look(&self, cache: &Answers, clock: &ManualClock) -> String {
        let work = Work::default();
        let fetches = begins(|work| cache.call("a", || work.run(clock, 1, true)), &work);
        format!("{} kept, a new call fetches: {fetches}", cache.snapshot().entries)
    }
}

#[test]
fn a_dropped_fetch_leaves_the_right_to_fetch_free() {
    for stale in [true, false] {
        assert!(drop_after_every_poll(&Kept(stale)) >= 4);
    }
}

/// A first answer that fails, and a second one.
#[derive(Debug)]
pub(crate) struct Second;

impl Case for Second {
    type World = Fallback;

    fn world(&self, clock: &ManualClock) -> Fallback {
        Fallback::builder("f").timing(timing(clock)).build()
    }

    fn call<'a>(&'a self, fallback: &'a Fallback, clock: &'a ManualClock, work: &'a Work, which: u32) -> Call<'a> {
        let first = move || work.run(clock, 2, false);
        Box::pin(async move { End::of(&fallback.call(first, |_| work.run(clock, 1 + which, true)).await) })
    }

    fn settle(&self, untouched: &Fallback, before: Seen, now: Seen) {
        if before.end.is_none() && now.end == Some(End::Good) {
            at_once(untouched.call(|| ready(Err(())), |_| ready(Ok(())))).unwrap();
        }
    }

    fn look(&self, fallback: &Fallback<ByResult>, _: &ManualClock) -> String {
        format!("{} served, {} failed", fallback.snapshot().served, fallback.snapshot().failed)
    }
}

#[test]
fn a_dropped_call_leaves_no_trace_in_a_fallback() {
    assert!(drop_after_every_poll(&Second) >= 6);
}

/// A critical call of 50 ms beside optional ones of 20 and 40 ms that may take 30.
#[derive(Debug)]
struct Page;

impl Case for Page {
    type World = Join;

    fn world(&self, clock: &ManualClock) -> Join {
        let page = Join::with("page", ms(30), timing(clock), Listeners::default());
        drop((
            page.optional("quick", ready(Ok::<_, ()>(())), || ()),
            page.optional("late", ready(Ok::<_, ()>(())), || ()),
        ));
        page
    }

    fn call<'a>(&'a self, page: &'a Join, clock: &'a ManualClock, work: &'a Work, _: u32) -> Call<'a> {
        let (quick, late) = (work.run(clock, 2, true), work.run(clock, 4, true));
        let parts = (
            critical(work.run(clock, 5, true)),
            page.optional("quick", quick, || 0),
            page.optional("late", late, || 0),
        );
        Box::pin(async move { page.all(parts).await.map_or(End::Failed, |_| End::Good) })
    }

    fn settle(&self, untouched: &Join, before: Seen, now: Seen) {
        if before.good == 0 && now.good > 0 {
            let part = untouched.optional("quick", ready(Ok::<_, ()>(())), || ());
            at_once(untouched.all::<_, ()>((part,))).unwrap();
        }
    }

    fn look(&self, page: &Join, _: &ManualClock) -> String {
        page.snapshot()
            .optional
            .iter()
            .map(|part| format!("{} {} {}; ", part.name, part.answered, part.failed))
            .collect()
    }
}

#[test]
fn a_dropped_join_drops_its_parts_and_counts_only_those_that_had_ended() {
    assert!(drop_after_every_poll(&Page) >= 6);
}
