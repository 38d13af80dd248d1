//! The same calls through the tower layers, those of whole stacks too.

use crate::breaker::{Broken, Stands};
use crate::calls::{self, Again, Beside, Map, Shared, Timed, Until};
use crate::harness::{Call, Case, End, Seen, Work, drop_after_every_poll};
use crate::limits::{Limited, Moves, Room, Sheds, Way};
use crate::stack::{Crowded, Kept, Second, Together, TogetherOr, Whole, clock_waits};
use partita_resilience::Error;
use partita_resilience::adaptive::Adaptive;
use partita_resilience::breaker::{Breaker, BreakerLayer};
use partita_resilience::bulkhead::Bulkhead;
use partita_resilience::deadline::{Context, Deadline};
use partita_resilience::fallback::Fallback;
use partita_resilience::hedge::Hedge;
use partita_resilience::limiter::{Algorithm, Limiter};
use partita_resilience::retry::Retry;
use partita_resilience::shed::{Priority, Shed};
use partita_resilience::timeout::Timeout;
use partita_time::ManualClock;
use tower::{Layer, Service, ServiceExt, service_fn};

/// A case whose policy is also a layer.
trait Layered: Case {
    /// Call number `which` through the layer.
    fn ask<'a>(&'a self, policy: &'a Self::World, clock: &'a ManualClock, work: &'a Work, which: u32) -> Call<'a>;
}

/// A case, asked through its layer.
#[derive(Debug)]
struct Through<C>(C);

impl<C: Layered> Case for Through<C> {
    type World = C::World;

    fn world(&self, clock: &ManualClock) -> C::World {
        self.0.world(clock)
    }

    fn call<'a>(&'a self, world: &'a C::World, clock: &'a ManualClock, work: &'a Work, which: u32) -> Call<'a> {
        self.0.ask(world, clock, work, which)
    }

    fn settle(&self, untouched: &C::World, before: Seen, now: Seen) {
        self.0.settle(untouched, before, now);
    }

    fn look(&self, world: &C::World, clock: &ManualClock) -> String {
        self.0.look(world, clock)
    }
}

const PRIORITIES: [Priority; 3] = [Priority::Low, Priority::Normal, Priority::Critical];

/// Asks `layer` around the work of one call.
macro_rules! through {
    ($($case:ty, $policy:ty: |$me:ident, $layers:ident, $which:ident| $steps:expr, $good:expr, $layer:expr;)+) => {$(
        impl Layered for $case {
            fn ask<'a>(&'a self, $layers: &'a $policy, clock: &'a ManualClock, work: &'a Work, $which: u32) -> Call<'a> {
                let $me = self;
                let inner = service_fn(move |()| work.run(clock, $steps, $good));
                let service = $layer.layer(inner);
                Box::pin(async move { End::of(&service.oneshot(()).await) })
            }
        }
    )+};
}

through! {
    Broken, Breaker: |me, policy, which| 3 + which, me.1, BreakerLayer::new(policy.clone());
    Room, Bulkhead: |_me, policy, _which| 3, true, policy.layer();
    Moves, Adaptive: |_me, policy, which| 2 + which, true, policy.layer();
    Sheds, Shed: |_me, policy, which| 2 + which, true, policy.layer(PRIORITIES[which as usize]);
    Limited, Limiter: |_me, policy, _which| 2, true, policy.layer();
    Again, Retry: |_me, policy, which| 2 + which % 2, Context::current().number() == 3, policy.layer();
    Beside, Hedge: |me, policy, which| 4 + which, me.1 || Context::current().number() == 3, policy.layer();
    Timed, Timeout: |_me, policy, which| 2 + which, true, policy.layer();
    Until, Deadline: |_me, policy, which| 2 + which, true, policy.layer();
}

/// The key of a request.
#[allow(clippy::trivially_copy_pass_by_ref, clippy::unnecessary_wraps, reason = "the shape that layers ask for")]
pub(crate) const fn key(request: &&'static str) -> Option<&'static str> {
    Some(*request)
}

/// The work of one call as a service that owns it; `good` is told the number of the attempt.
pub(crate) fn service(
    work: &Work,
    clock: &ManualClock,
    steps: u32,
    good: impl Fn(u32) -> bool + Clone + Send + 'static,
) -> impl Service<&'static str, Response = u32, Error = &'static str, Future: Send> + Clone + Send + 'static {
    let (work, clock) = (work.clone(), clock.clone());
    service_fn(move |_| {
        let (work, clock, good) = (work.clone(), clock.clone(), good(Context::current().number()));
        async move { work.run(&clock, steps, good).await }
    })
}

/// Asks a stack's layer around the work of one call.
macro_rules! through_stack {
    ($($case:ty, $world:ty: |$world_:ident, $clock:ident| $layer:expr, $steps:expr, $good:expr;)+) => {$(
        impl Layered for $case {
            fn ask<'a>(&'a self, $world_: &'a $world, $clock: &'a ManualClock, work: &'a Work, _: u32) -> Call<'a> {
                let service = $layer.layer(service(work, $clock, $steps, $good));
                Box::pin(async move { End::of(&service.oneshot("a").await) })
            }
        }
    )+};
}

/// What makes the second answer to a request.
macro_rules! second {
    ($clock:expr) => {{
        let clock = $clock.clone();
        move |_: &&'static str| {
            let clock = clock.clone();
            move |_: Option<&Error<&'static str>>| async move { clock_waits(&clock).await }
        }
    }};
}

through_stack! {
    Whole, <Whole as Case>::World: |held, clock| held.stack.layer(), 2, |number| number == 3;
    Crowded, <Crowded as Case>::World: |held, clock| held.stack.layer(), 3, |_| true;
    Together, <Together as Case>::World: |world, clock| world.0.stack.layer(key), 3, |_| true;
    Kept, <Kept as Case>::World: |world, clock| world.0.stack.layer(key), 3, |_| true;
    Second, <Second as Case>::World: |held, clock| held.stack.layer(second!(clock)), 2, |_| false;
    TogetherOr, <TogetherOr as Case>::World: |world, clock| world.0.stack.layer(key, second!(clock)), 3, |_| false;
    Shared, Map: |map, clock| map.layer(key), 3, |_| true;
}

#[test]
fn a_dropped_response_future_of_a_limit_gives_back_what_it_held() {
    for stands in [Stands::Closed, Stands::HalfOpen, Stands::Ramp, Stands::Disabled, Stands::MetricsOnly] {
        assert!(drop_after_every_poll(&Through(Broken(stands, true))) >= 6, "{stands:?}");
    }
    for stands in [Stands::Open, Stands::ForcedOpen] {
        assert_eq!(drop_after_every_poll(&Through(Broken(stands, true))), 1, "{stands:?}");
    }
    for (permits, max_wait, least) in [(1, 500, 10), (2, 500, 7), (3, 500, 4), (1, 45, 5), (1, 0, 4)] {
        assert!(drop_after_every_poll(&Through(Room(permits, max_wait))) >= least, "{permits}, {max_wait}");
    }
    assert!(drop_after_every_poll(&Through(Moves)) >= 4);
    assert!(drop_after_every_poll(&Through(Sheds)) >= 5);
    assert!(drop_after_every_poll(&Through(Limited(Algorithm::Gcra, Way::Call))) >= 8);
}

#[test]
fn a_dropped_response_future_of_calls_gives_back_what_it_held() {
    for by_floor in [false, true] {
        assert!(drop_after_every_poll(&Through(Again(by_floor))) >= 9);
    }
    for (delay, good, least) in [(15, true, 6), (100, true, 5), (15, false, 6), (1_000, false, 13)] {
        assert!(drop_after_every_poll(&Through(Beside(delay, good))) >= least, "{delay}, {good}");
    }
    for limit in [25, 100] {
        assert!(drop_after_every_poll(&Through(Timed(limit))) >= 3);
        assert!(drop_after_every_poll(&Through(Until(limit))) >= 3);
    }
}

impl Layered for calls::Second {
    fn ask<'a>(&'a self, fallback: &'a Fallback, clock: &'a ManualClock, work: &'a Work, which: u32) -> Call<'a> {
        let second = {
            let (work, clock) = (work.clone(), clock.clone());
            move |_: &&'static str| {
                let (work, clock) = (work.clone(), clock.clone());
                move |_: Option<&Error<&'static str>>| async move { work.run(&clock, 1 + which, true).await }
            }
        };
        let service = fallback.layer(second).layer(service(work, clock, 2, |_| false));
        Box::pin(async move { End::of(&service.oneshot("a").await) })
    }
}

#[test]
fn a_dropped_response_future_of_a_fallback_leaves_no_trace() {
    assert!(drop_after_every_poll(&Through(calls::Second)) >= 6);
}

#[test]
fn a_dropped_response_future_of_a_stack_gives_back_what_it_held_in_every_policy() {
    for whole in Whole::all() {
        let least = whole.least();
        assert!(drop_after_every_poll(&Through(whole)) >= least);
    }
    for stands in Stands::ALL {
        let least = if stands.refuses() { 1 } else { 4 };
        assert!(drop_after_every_poll(&Through(Crowded(stands))) >= least, "{stands:?}");
        assert!(drop_after_every_poll(&Through(Second(stands))) >= least, "{stands:?}");
    }
}

#[test]
fn a_dropped_response_future_of_what_shares_answers_leaves_nothing_in_its_map() {
    assert!(drop_after_every_poll(&Through(Shared(true))) >= 4);
    for stands in Stands::ALL {
        let least = if stands.refuses() { 1 } else { 4 };
        assert!(drop_after_every_poll(&Through(Together(stands))) >= least, "{stands:?}");
        assert!(drop_after_every_poll(&Through(TogetherOr(stands))) >= least, "{stands:?}");
        assert!(drop_after_every_poll(&Through(Kept(stands))) >= least, "{stands:?}");
    }
}
