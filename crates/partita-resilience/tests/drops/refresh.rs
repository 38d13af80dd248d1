//! Answers that are fetched anew behind the calls, by a cache alone and beneath a stack.

use crate::breaker::{Broken, Stands};
use crate::harness::{Call, Case, End, Seen, Work, at_once, begins, drop_after_every_poll};
use crate::layers::{key, service};
use crate::stack::{Held, clock_waits, parts};
use crate::tasks::Tasks;
use partita_resilience::Timing;
use partita_resilience::cache::Cache;
use partita_resilience::deadline::Attempt;
use partita_resilience::fallback::Fallback;
use partita_resilience::limiter::Quota;
use partita_resilience::stack::{Answered, Policy};
use partita_time::{BoxFuture, ManualClock};
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;
use tower::{Layer, ServiceExt};

pub(crate) type Answers = Cache<&'static str, u32>;

/// A cache with an answer that is fresh no more.
pub(crate) fn stale(clock: &ManualClock, tasks: Option<&Tasks>) -> Answers {
    let cache = Cache::builder("c").ttl(Duration::from_secs(1)).stale(Duration::from_secs(9));
    let cache = cache.timing(Timing::manual(clock, 1));
    let cache: Answers = match tasks {
        Some(tasks) => cache.spawner(Arc::new(tasks.clone())).build().unwrap(),
        None => cache.build().unwrap(),
    };
    at_once(cache.call("a", || ready(Ok::<_, ()>(1)))).unwrap();
    clock.advance(Duration::from_secs(2));
    cache
}

/// Does to an untouched cache what became of a fetch: a good one is kept, after a bad one nobody tries for a while.
pub(crate) fn fetched(untouched: &Answers, before: Seen, now: Seen) {
    if before.good < now.good {
        at_once(untouched.call("a", || ready(Ok::<_, ()>(3)))).unwrap();
    }
    if before.failed < now.failed {
        at_once(untouched.call("a", || ready(Err(())))).unwrap();
    }
}

/// A fetch for a stack, which may make it more than once.
fn fetch(
    work: &Work,
    clock: &ManualClock,
    good: bool,
) -> impl Fn(Attempt) -> BoxFuture<'static, Result<u32, &'static str>> + Send + Sync + 'static {
    let (work, clock) = (work.clone(), clock.clone());
    move |_| {
        let (work, clock) = (work.clone(), clock.clone());
        Box::pin(async move { work.run(&clock, 3, good).await })
    }
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Call,
    Layer,
    /// With a second answer.
    CallOr,
    LayerOr,
}

/// A cache that is asked in a way, by fetches that do well or fail, in the background or in the caller's time.
#[derive(Debug)]
struct Alone(Way, bool, bool);

impl Case for Alone {
    type World = (Answers, Tasks);

    fn world(&self, clock: &ManualClock) -> Self::World {
        let tasks = Tasks::default();
        (stale(clock, self.2.then_some(&tasks)), tasks)
    }

    fn call<'a>(&'a self, (cache, _): &'a Self::World, clock: &'a ManualClock, work: &'a Work, _: u32) -> Call<'a> {
        let &Self(way, good, _) = self;
        match way {
            Way::Call | Way::CallOr => {
                let (work, clock) = (work.clone(), clock.clone());
                let fetch = move || async move { work.run(&clock, 3, good).await };
                Box::pin(async move { End::of(&cache.call_refreshing("a", fetch).await) })
            }
            Way::Layer | Way::LayerOr => {
                let service = cache.layer(key).layer(service(work, clock, 3, move |_| good));
                Box::pin(async move { End::of(&service.oneshot("a").await) })
            }
        }
    }

    fn tasks<'a>(&self, (_, tasks): &'a Self::World) -> Option<&'a Tasks> {
        Some(tasks)
    }

    fn settle(&self, (untouched, _): &Self::World, before: Seen, now: Seen) {
        fetched(untouched, before, now);
    }

    fn look(&self, (cache, _): &Self::World, clock: &ManualClock) -> String {
        let fetches = begins(|work| cache.call("a", || work.run(clock, 1, true)), &Work::default());
        format!("{} kept, a new call fetches: {fetches}", cache.snapshot().entries)
    }
}

#[test]
fn a_fetch_that_is_dropped_behind_a_stale_answer_leaves_the_right_to_fetch_free() {
    for way in [Way::Call, Way::Layer] {
        for (good, behind) in [(true, true), (false, true), (true, false), (false, false)] {
            let polls = drop_after_every_poll(&Alone(way, good, behind));
            assert!(polls >= 4, "{way:?}, {good}, {behind}: {polls}");
        }
    }
}

type Beneath = (Held<Answers>, Answers, Tasks);
type BeneathOr = (Held<Answers, Answered>, Answers, Tasks);

/// A stack's cache over a breaker that stands so and a bulkhead, with fetches behind the calls.
#[derive(Debug)]
struct Stacked(Way, bool, Stands);

/// The same with a second answer.
#[derive(Debug)]
struct StackedOr(Way, bool, Stands);

/// A stack of one call at a time, and what it keeps.
macro_rules! stacked {
    ($clock:expr, $stands:expr, $policy:expr) => {{
        let breaker = Broken($stands, true).world($clock);
        let tasks = Tasks::default();
        let cache = stale($clock, Some(&tasks));
        let (bulkhead, budget, limiter) = parts($clock, 1, Quota::per_second(100));
        let stack = $policy.deadline(Duration::from_secs(2)).cache(cache.clone()).breaker(breaker.clone());
        let stack = stack.bulkhead(bulkhead.clone()).timing(Timing::manual($clock, 1)).build().unwrap();
        (Held { stack, breaker, bulkhead, budget, limiter }, cache, tasks)
    }};
}

/// What became of a fetch; one that the breaker refuses has failed by the time at which its caller has an answer.
fn settle<F>(stands: Stands, (untouched, cache): (&Held<Answers, F>, &Answers), before: Seen, now: Seen) {
    untouched.record(before, now);
    fetched(cache, before, now);
    if stands.refuses() && before.end.is_none() && now.end.is_some() {
        at_once(cache.call("a", || ready(Err(())))).unwrap();
    }
}

/// Whether a new call would fetch, and what all hold.
fn look<F>((held, cache, tasks): &(Held<Answers, F>, Answers, Tasks), clock: &ManualClock) -> String {
    let fetches = begins(|work| cache.call("a", || work.run(clock, 1, true)), &Work::default());
    let (kept, behind) = (cache.snapshot().entries, tasks.count());
    format!("{kept} kept, a new call fetches: {fetches}, {behind} behind; {}", held.look())
}

impl Case for Stacked {
    type World = Beneath;

    fn world(&self, clock: &ManualClock) -> Beneath {
        stacked!(clock, self.2, Policy::new("kept"))
    }

    fn call<'a>(&'a self, (held, ..): &'a Beneath, clock: &'a ManualClock, work: &'a Work, _: u32) -> Call<'a> {
        let &Self(way, good, _) = self;
        match way {
            Way::Call | Way::CallOr => {
                let fetch = fetch(work, clock, good);
                Box::pin(async move { End::of(&held.stack.call_refreshing("a", fetch).await) })
            }
            Way::Layer | Way::LayerOr => {
                let service = held.stack.layer(key).layer(service(work, clock, 3, move |_| good));
                Box::pin(async move { End::of(&service.oneshot("a").await) })
            }
        }
    }

    fn tasks<'a>(&self, (.., tasks): &'a Beneath) -> Option<&'a Tasks> {
        Some(tasks)
    }

    fn settle(&self, (untouched, cache, _): &Beneath, before: Seen, now: Seen) {
        settle(self.2, (untouched, cache), before, now);
    }

    fn look(&self, world: &Beneath, clock: &ManualClock) -> String {
        look(world, clock)
    }
}

impl Case for StackedOr {
    type World = BeneathOr;

    fn world(&self, clock: &ManualClock) -> BeneathOr {
        stacked!(clock, self.2, Policy::new("kept").fallback(Fallback::builder("f")))
    }

    fn call<'a>(&'a self, (held, ..): &'a BeneathOr, clock: &'a ManualClock, work: &'a Work, _: u32) -> Call<'a> {
        let &Self(way, good, _) = self;
        let second = {
            let clock = clock.clone();
            move |_: Option<&partita_resilience::Error<&'static str>>| async move { clock_waits(&clock).await }
        };
        match way {
            Way::Call | Way::CallOr => {
                let fetch = fetch(work, clock, good);
                Box::pin(async move { End::of(&held.stack.call_refreshing_or("a", fetch, second).await) })
            }
            Way::Layer | Way::LayerOr => {
                let layer = held.stack.layer(key, move |_: &&'static str| second.clone());
                let service = layer.layer(service(work, clock, 3, move |_| good));
                Box::pin(async move { End::of(&service.oneshot("a").await) })
            }
        }
    }

    fn tasks<'a>(&self, (.., tasks): &'a BeneathOr) -> Option<&'a Tasks> {
        Some(tasks)
    }

    fn settle(&self, (untouched, cache, _): &BeneathOr, before: Seen, now: Seen) {
        settle(self.2, (untouched, cache), before, now);
    }

    fn look(&self, world: &BeneathOr, clock: &ManualClock) -> String {
        look(world, clock)
    }
}

#[test]
fn a_fetch_that_is_dropped_behind_a_stack_gives_back_what_it_held_in_every_policy() {
    for (stands, good) in Stands::ALL.into_iter().flat_map(|stands| [(stands, true), (stands, false)]) {
        let least = if stands.refuses() { 1 } else { 4 };
        for way in [Way::Call, Way::Layer] {
            let polls = drop_after_every_poll(&Stacked(way, good, stands));
            assert!(polls >= least, "{way:?}, {good}, {stands:?}: {polls}");
        }
        for way in [Way::CallOr, Way::LayerOr] {
            let polls = drop_after_every_poll(&StackedOr(way, good, stands));
            assert!(polls >= least, "{way:?}, {good}, {stands:?}: {polls}");
        }
    }
}
