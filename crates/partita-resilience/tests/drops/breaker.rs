//! The breaker, in each of its states.

use crate::harness::{Call, Case, End, Seen, Work, at_once, count, drop_after_every_poll, ms, timing};
use partita_resilience::breaker::{Breaker, State};
use partita_resilience::{Outcome, Timing};
use partita_time::ManualClock;
use std::future::ready;
use std::time::Duration;

/// Free places of a half-open breaker; ten where there is no limit.
pub(crate) fn places(breaker: &Breaker) -> usize {
    count(|| breaker.admit())
}

/// A breaker with some calls behind it.
fn breaker(timing: &Timing) -> Breaker {
    let breaker = Breaker::builder("b").min_calls(4).failure_rate(0.7).timing(timing.clone()).build().unwrap();
    for good in [true, false, true] {
        let _ = at_once(breaker.call(|| ready(good.then_some(()).ok_or("down"))));
    }
    breaker
}

/// A breaker that has tripped.
fn tripped(timing: &Timing) -> Breaker {
    let breaker = breaker(timing);
    for _ in 0..8 {
        let _ = at_once(breaker.call(|| ready(Err::<(), _>("down"))));
    }
    assert_eq!(breaker.state(), State::Open);
    breaker
}

/// A breaker whose open time is over.
fn half_open(clock: &ManualClock) -> Breaker {
    let breaker = tripped(&timing(clock));
    clock.advance_to(breaker.next_due().unwrap());
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker
}

fn ramping(clock: &ManualClock) -> Breaker {
    let breaker = half_open(clock);
    for _ in 0..3 {
        at_once(breaker.call(|| ready(Ok::<_, ()>(())))).unwrap();
    }
    clock.advance(Duration::from_secs(5));
    assert_eq!(breaker.state(), State::Ramp);
    breaker
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    Closed,
    Open,
    HalfOpen,
    Ramp,
    ForcedOpen,
    Disabled,
    MetricsOnly,
}

impl Stands {
    pub(crate) const ALL: [Self; 7] =
        [Self::Closed, Self::Open, Self::HalfOpen, Self::Ramp, Self::ForcedOpen, Self::Disabled, Self::MetricsOnly];

    /// Whether it lets no call through.
    pub(crate) fn refuses(self) -> bool {
        matches!(self, Self::Open | Self::ForcedOpen)
    }
}

/// A breaker in a state, whose calls end well or badly.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Broken(pub(crate) Stands, pub(crate) bool);

impl Broken {
    fn set(self, clock: &ManualClock, set: impl FnOnce(&Breaker)) -> Breaker {
        let breaker = breaker(&timing(clock));
        set(&breaker);
        breaker
    }
}

impl Case for Broken {
    type World = Breaker;

    fn world(&self, clock: &ManualClock) -> Breaker {
        match self.0 {
            Stands::Closed => breaker(&timing(clock)),
            Stands::Open => tripped(&timing(clock)),
            Stands::HalfOpen => half_open(clock),
            Stands::Ramp => ramping(clock),
            Stands::ForcedOpen => self.set(clock, Breaker::force_open),
            Stands::Disabled => self.set(clock, Breaker::disable),
            Stands::MetricsOnly => self.set(clock, Breaker::watch_only),
        }
    }

    fn call<'a>(&'a self, breaker: &'a Breaker, clock: &'a ManualClock, work: &'a Work, which: u32) -> Call<'a> {
        Box::pin(async move { End::of(&breaker.call(|| work.run(clock, 3 + which, self.1)).await) })
    }

    fn settle(&self, untouched: &Breaker, before: Seen, now: Seen) {
        let outcome = match now.end {
            Some(End::Good) => Outcome::Success,
            Some(End::Failed) => Outcome::Failure,
            Some(End::Refused) | None => return,
        };
        if before.end.is_none() {
            let permit = (0..10).find_map(|_| untouched.admit().ok()).expect("it lets calls through, as the other did");
            permit.record(outcome);
        }
    }

    fn look(&self, breaker: &Breaker, _: &ManualClock) -> String {
        let seen = breaker.snapshot();
        // A ramp lets a share of all calls through, whatever becomes of them.
        let places = if seen.state == State::Ramp { 0 } else { places(breaker) };
        format!(
            "{:?} {:?} {places} places, {} calls: {} good, {} failed, {} slow, {} stale, {:?}, {} in a row, opened {}",
            seen.state,
            seen.mode,
            seen.total,
            seen.successful,
            seen.failed,
            seen.slow,
            seen.stale,
            seen.rates,
            seen.consecutive_failures,
            seen.opened_count
        )
    }
}

#[test]
fn a_dropped_call_leaves_no_trace_in_a_breaker_that_lets_calls_through() {
    for stands in [Stands::Closed, Stands::HalfOpen, Stands::Ramp, Stands::Disabled, Stands::MetricsOnly] {
        assert!(drop_after_every_poll(&Broken(stands, true)) >= 6, "{stands:?}");
    }
    for stands in [Stands::Closed, Stands::Ramp, Stands::Disabled, Stands::MetricsOnly] {
        assert!(drop_after_every_poll(&Broken(stands, false)) >= 6, "{stands:?}");
    }
}

#[test]
fn a_dropped_call_leaves_no_trace_in_a_breaker_that_refuses_it() {
    for stands in [Stands::Open, Stands::ForcedOpen] {
        assert_eq!(drop_after_every_poll(&Broken(stands, true)), 1, "{stands:?}");
    }
}

/// A breaker with a limit of its own to each call.
#[derive(Debug)]
struct Timed;

impl Case for Timed {
    type World = Breaker;

    fn world(&self, clock: &ManualClock) -> Breaker {
        let breaker = Breaker::builder("t").call_timeout(ms(25)).min_calls(10).timing(timing(clock)).build();
        breaker.unwrap()
    }

    fn call<'a>(&'a self, breaker: &'a Breaker, clock: &'a ManualClock, work: &'a Work, which: u32) -> Call<'a> {
        Box::pin(async move { End::of(&breaker.call(|| work.run(clock, 2 + which, true)).await) })
    }

    fn settle(&self, untouched: &Breaker, before: Seen, now: Seen) {
        Broken(Stands::Closed, true).settle(untouched, before, now);
    }

    fn look(&self, breaker: &Breaker, clock: &ManualClock) -> String {
        Broken(Stands::Closed, true).look(breaker, clock)
    }
}

#[test]
fn a_dropped_call_with_a_timeout_leaves_no_trace_in_a_breaker() {
    assert!(drop_after_every_poll(&Timed) >= 4);
}
