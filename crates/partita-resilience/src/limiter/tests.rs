//! Exact answers, exact waits, and moments given back.

use super::*;
use crate::{Error, Reason, Timing};
use partita_time::ManualClock;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tower::ServiceExt;
use tower_layer::Layer;

const ALL: [Algorithm; 4] = [Algorithm::Gcra, Algorithm::TokenBucket, Algorithm::SlidingLog, Algorithm::FixedWindow];

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn limiter(clock: &ManualClock, quota: Quota) -> Limiter {
    Limiter::builder("api").quota(quota).timing(Timing::manual(clock, 1)).build().unwrap()
}

fn ready(reservation: &mut Reservation) -> bool {
    Pin::new(reservation).poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

fn now_or_never<F: Future>(future: F) -> Poll<F::Output> {
    std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn thirds_of_a_second_never_drift() {
    let clock = ManualClock::new();
    let limiter = limiter(&clock, Quota::new(3, ms(1_000)).burst(2));
    assert!(limiter.check().allowed());
    for call in 0..3_000_u64 {
        let due = Duration::from_nanos((call * 1_000_000_000).div_ceil(3));
        if let Some(just_before) = due.checked_sub(Duration::from_nanos(1)) {
            clock.advance_to(just_before);
            assert!(!limiter.check().allowed(), "call {call} came a nanosecond early");
        }
        clock.advance_to(due);
        assert!(limiter.check().allowed(), "call {call} was late");
    }
}

#[test]
fn a_decision_tells_what_is_left_and_when_to_come_again() {
    let clock = ManualClock::new();
    let limiter = limiter(&clock, Quota::new(3, ms(1_000)));
    let left = |d: &Decision| (d.allowed(), d.limit(), d.remaining(), d.reset_at(), d.retry_after());
    let third = Duration::from_nanos(333_333_334);
    assert_eq!(left(&limiter.check_cost(2)), (true, 3, 1, Duration::from_nanos(666_666_667), Some(Duration::ZERO)));
    assert_eq!(left(&limiter.check()), (true, 3, 0, ms(1_000), Some(Duration::ZERO)));
    assert_eq!(left(&limiter.check()), (false, 3, 0, ms(1_000), Some(third)));
    assert_eq!(limiter.check_cost(4).retry_after(), None);
    clock.advance(third);
    assert!(limiter.check().allowed());
    let snapshot = limiter.snapshot();
    assert_eq!((snapshot.admitted, snapshot.rejected, snapshot.remaining), (3, 2, 0));
}

#[test]
fn a_fixed_window_begins_anew_at_its_edge_and_a_log_does_not() {
    for (algorithm, at_the_edge) in [(Algorithm::FixedWindow, true), (Algorithm::SlidingLog, false)] {
        let clock = ManualClock::new();
        let limiter = limiter(&clock, Quota::new(2, ms(100)).algorithm(algorithm));
        clock.advance(ms(90));
        assert!(limiter.check_cost(2).allowed() && !limiter.check().allowed());
        clock.advance(ms(10));
        assert_eq!(limiter.check_cost(2).allowed(), at_the_edge, "{algorithm:?}");
        clock.advance(ms(90));
        assert_eq!(limiter.check().allowed(), !at_the_edge, "{algorithm:?}");
    }
}

#[test]
fn p24_waiters_have_moments_of_their_own_and_do_not_wake_together() {
    for algorithm in [Algorithm::Gcra, Algorithm::TokenBucket, Algorithm::SlidingLog] {
        let clock = ManualClock::new();
        let limiter = limiter(&clock, Quota::new(1, ms(100)).algorithm(algorithm));
        let mut waiters: Vec<_> = (0..20).map(|_| limiter.reserve(1, ms(10_000)).unwrap()).collect();
        assert!(waiters.iter_mut().enumerate().all(|(n, waiter)| ready(waiter) == (n == 0)));
        for turn in 1..20 {
            assert_eq!(clock.next_due(), Some(ms(100 * turn)));
            clock.advance_to(ms(100 * turn));
            assert!(!limiter.check().allowed(), "a newcomer overtook");
            let came = waiters.iter_mut().filter_map(|waiter| ready(waiter).then_some(())).count();
            assert_eq!(came, 1 + usize::try_from(turn).unwrap(), "{algorithm:?} at turn {turn}");
        }
    }
}

#[test]
fn p24_a_moment_given_back_moves_those_behind_up() {
    for algorithm in ALL {
        let clock = ManualClock::new();
        let limiter = limiter(&clock, Quota::new(1, ms(100)).algorithm(algorithm));
        assert!(limiter.check().allowed());
        let mut line: Vec<_> = (0..3).map(|_| limiter.reserve(1, ms(1_000)).unwrap()).collect();
        assert!(line.iter_mut().all(|reservation| !ready(reservation)));
        drop(line.remove(0));
        assert_eq!(line.iter().map(Reservation::retry_after).collect::<Vec<_>>(), [ms(100), ms(200)], "{algorithm:?}");
        clock.advance(ms(100));
        assert!(ready(&mut line[0]) && !ready(&mut line[1]), "{algorithm:?}");
        clock.advance(ms(100));
        assert!(ready(&mut line[1]), "{algorithm:?}");
        clock.advance(ms(100));
        assert!(limiter.check().allowed() && !limiter.check().allowed(), "{algorithm:?}");
    }
}

#[test]
fn a_moment_that_came_and_was_not_used_stays_spent() {
    let clock = ManualClock::new();
    let limiter = limiter(&clock, Quota::new(1, ms(100)));
    assert!(limiter.check().allowed());
    let reservation = limiter.reserve(1, ms(1_000)).unwrap();
    clock.advance(ms(100));
    drop(reservation);
    assert!(!limiter.check().allowed());
}

#[test]
fn a_wait_that_would_be_too_long_charges_nothing() {
    let clock = ManualClock::new();
    let limiter = limiter(&clock, Quota::new(1, ms(100)));
    assert!(limiter.check().allowed());
    let rejected = limiter.reserve(1, ms(99)).unwrap_err();
    assert_eq!((rejected.reason, rejected.retry_after), (Reason::LimitReached, Some(ms(100))));
    assert_eq!(limiter.reserve(2, ms(9_000)).unwrap_err().reason, Reason::CostTooHigh);
    clock.advance(ms(100));
    assert!(limiter.check().allowed());
}

#[test]
fn a_call_is_refused_or_waits_as_configured() {
    let clock = ManualClock::new();
    let limiter = limiter(&clock, Quota::new(1, ms(100)));
    assert_eq!(now_or_never(limiter.call(|| async { Ok::<_, ()>(1) })), Poll::Ready(Ok(1)));
    let Poll::Ready(Err(Error::Rejected(rejected))) = now_or_never(limiter.call(|| async { Ok::<_, ()>(1) })) else {
        panic!("a call beyond the quota ran")
    };
    assert_eq!(rejected.retry_after, Some(ms(100)));
    let patient =
        Limiter::builder("api").quota(Quota::new(1, ms(100))).max_wait(ms(100)).timing(Timing::manual(&clock, 1));
    let patient = patient.build().unwrap();
    assert!(patient.check().allowed());
    let mut call = Box::pin(patient.call(|| async { Ok::<_, ()>(2) }));
    assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    clock.advance(ms(100));
    assert_eq!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(2)));
}

#[tokio::test]
async fn services_of_one_layer_share_the_quota() {
    let clock = ManualClock::new();
    let limiter = limiter(&clock, Quota::new(1, ms(100)));
    let echo = tower::service_fn(|n: u32| async move { Ok::<_, ()>(n) });
    assert_eq!(limiter.layer().layer(echo).oneshot(3).await, Ok(3));
    assert!(matches!(limiter.layer().layer(echo).oneshot(3).await, Err(Error::Rejected(_))));
}

#[test]
fn p23_keys_beyond_the_capacity_share_one_quota_and_forgetting_gives_nobody_a_second_one() {
    let clock = ManualClock::new();
    let limiter: KeyedLimiter<u32> = KeyedLimiter::<u32>::builder("api")
        .quota(Quota::new(2, ms(1_000)))
        .capacity(10)
        .timing(Timing::manual(&clock, 1))
        .build_keyed()
        .unwrap();
    assert!((0..10).all(|key| limiter.check_cost(&key, 2).allowed()));
    let strangers = (100..100_000).filter(|key| limiter.check(key).allowed()).count();
    assert_eq!(strangers, 2);
    clock.advance(ms(999));
    assert!((200..220).filter(|key| limiter.check(key).allowed()).count() < 3, "a stranger was given room");
    assert!((0..10).all(|key| !limiter.check_cost(&key, 2).allowed()), "a key was given a second quota");
    let keys = limiter.snapshot().keys.unwrap();
    assert_eq!((keys.entries, keys.overflowed), (10, 99_920));
    clock.advance(ms(501));
    assert!((500..510).all(|key| limiter.check_cost(&key, 2).allowed()), "whole quotas make no room");
}

#[test]
fn p23_strangers_do_not_take_the_room_of_a_key_that_comes_often() {
    let clock = ManualClock::new();
    let limiter = KeyedLimiter::<u32>::builder("api").quota(Quota::new(10, ms(1_000))).capacity(10);
    let limiter = limiter.timing(Timing::manual(&clock, 1)).build_keyed().unwrap();
    for round in 0..50 {
        assert!(limiter.check(&0).allowed(), "the hot key lost its place in round {round}");
        let _strangers = (1..1_000).filter(|n| limiter.check(&(1_000 * round + n)).allowed()).count();
        clock.advance(ms(150));
    }
}

#[test]
fn tiers_have_a_hundred_a_thousand_and_ten_thousand_an_hour() {
    let clock = ManualClock::new();
    let tiers = Tiers::<String>::hourly(&Timing::manual(&clock, 1)).unwrap();
    for (tier, most) in [(Tier::Anonymous, 100), (Tier::Authenticated, 1_000), (Tier::Premium, 10_000)] {
        assert_eq!((0..11_000).filter(|_| tiers.check(tier, "ada").allowed()).count(), most);
        assert_eq!(
            tiers.check(tier, "ada").retry_after(),
            Some(Duration::from_secs(3_600) / u32::try_from(most).unwrap())
        );
    }
}

#[test]
fn quotas_that_can_only_be_mistakes_are_refused() {
    let option = |quota| Limiter::builder("api").quota(quota).build().unwrap_err().option;
    assert_eq!(option(Quota::per_second(0)), "limit");
    assert_eq!(option(Quota::new(1, Duration::ZERO)), "per");
    assert_eq!(option(Quota::per_second(1).burst(0)), "burst");
    assert_eq!(option(Quota::per_second(1).burst(2).algorithm(Algorithm::FixedWindow)), "burst");
    assert_eq!(option(Quota::per_second(2_000_000).algorithm(Algorithm::SlidingLog)), "algorithm");
}

/// What each algorithm says of calls in whole milliseconds, from its textbook definition.
struct Model {
    limit: u64,
    per: u64,
    burst: u64,
    algorithm: Algorithm,
    tokens: u64,
    at: u64,
    calls: VecDeque<(u64, u64)>,
}

impl Model {
    fn check(&mut self, now: u64, cost: u64) -> bool {
        match self.algorithm {
            Algorithm::Gcra | Algorithm::TokenBucket => {
                let whole = self.burst * self.per;
                self.tokens = whole.min(self.tokens + (now - self.at) * self.limit);
                self.at = now;
                let enough = self.tokens >= cost * self.per;
                self.tokens -= if enough { cost * self.per } else { 0 };
                enough
            }
            Algorithm::SlidingLog | Algorithm::FixedWindow => {
                let (per, fixed) = (self.per, self.algorithm == Algorithm::FixedWindow);
                let over = |at: u64| if fixed { at / per < now / per } else { at + per <= now };
                self.calls.retain(|(at, _)| !over(*at));
                let enough = self.calls.iter().map(|(_, cost)| cost).sum::<u64>() + cost <= self.limit;
                if enough {
                    self.calls.push_back((now, cost));
                }
                enough
            }
        }
    }
}

proptest! {
    #[test]
    fn every_algorithm_does_what_its_definition_says(
        calls in prop::collection::vec((0_u64..90, 1_u32..4), 1..150), limit in 1_u32..120, per in 1_u64..500, burst in 1_u32..9,
    ) {
        for algorithm in ALL {
            let smooth = matches!(algorithm, Algorithm::Gcra | Algorithm::TokenBucket);
            let burst = if smooth { burst } else { limit };
            let clock = ManualClock::new();
            let limiter = limiter(&clock, Quota::new(limit, ms(per)).burst(burst).algorithm(algorithm));
            let (limit, burst) = (u64::from(limit), u64::from(burst));
            let mut model = Model { limit, per, burst, algorithm, tokens: burst * per, at: 0, calls: VecDeque::new() };
            let mut now = 0;
            for (step, cost) in &calls {
                now += step;
                clock.advance_to(ms(now));
                let decision = limiter.check_cost(*cost);
                prop_assert_eq!(decision.allowed(), model.check(now, u64::from(*cost)), "{:?} at {}", algorithm, now);
                if smooth {
                    prop_assert_eq!(u64::from(decision.remaining()), model.tokens / model.per);
                }
            }
        }
    }

    #[test]
    fn a_call_passes_at_the_moment_it_was_told_and_not_before(
        calls in prop::collection::vec(1_u32..4, 1..40), limit in 3_u32..40, per in 1_u64..500,
    ) {
        for algorithm in ALL {
            let clock = ManualClock::new();
            let limiter = limiter(&clock, Quota::new(limit, ms(per)).algorithm(algorithm));
            for cost in &calls {
                let wait = limiter.check_cost(*cost).retry_after().unwrap();
                if !wait.is_zero() {
                    clock.advance(wait - Duration::from_nanos(1));
                    prop_assert!(!limiter.check_cost(*cost).allowed());
                    clock.advance(Duration::from_nanos(1));
                    prop_assert!(limiter.check_cost(*cost).allowed());
                }
            }
        }
    }

    #[test]
    fn reservations_that_come_and_go_never_break_the_quota(
        steps in prop::collection::vec((0_u64..60, 0_u8..4, 1_u32..4, any::<prop::sample::Index>()), 1..80), burst in 3_u32..5,
    ) {
        for algorithm in ALL {
            let smooth = matches!(algorithm, Algorithm::Gcra | Algorithm::TokenBucket);
            let quota = Quota::new(if smooth { 7 } else { burst }, ms(100)).burst(burst).algorithm(algorithm);
            let clock = ManualClock::new();
            let limiter = limiter(&clock, quota);
            let (mut line, mut passed, mut now) = (Vec::<(Reservation, u32)>::new(), Vec::<(u64, u32)>::new(), 0_u64);
            for (step, what, cost, which) in &steps {
                for _ in 0..*step {
                    now += 1_000_000;
                    while let Some(due) = clock.next_due().filter(|due| due.as_nanos() <= u128::from(now)) {
                        clock.advance_to(due);
                        line.retain_mut(|(reservation, cost)| {
                            let came = ready(reservation);
                            if came {
                                passed.push((u64::try_from(due.as_nanos()).unwrap(), *cost));
                            }
                            !came
                        });
                    }
                    clock.advance_to(Duration::from_nanos(now));
                }
                match what {
                    0 => if limiter.check_cost(*cost).allowed() { passed.push((now, *cost)) },
                    1 | 2 => {
                        let mut reservation = limiter.reserve(*cost, Duration::from_secs(10)).unwrap();
                        if ready(&mut reservation) { passed.push((now, *cost)) } else { line.push((reservation, *cost)) }
                    }
                    _ => if !line.is_empty() { drop(line.remove(which.index(line.len()))); },
                }
                line.retain_mut(|(reservation, cost)| {
                    let came = ready(reservation);
                    if came {
                        passed.push((now, *cost));
                    }
                    !came
                });
            }
            let mut model = Exact::new(algorithm, burst);
            for (at, cost) in &passed {
                prop_assert!(model.conforms(*at, u64::from(*cost)), "{:?}: {} at {} of {:?}", algorithm, cost, at, passed);
            }
        }
    }
}

/// Whether calls in nanoseconds keep within 7 (or `burst`) in 100 ms; moments are told in whole nanoseconds, so one's share
/// more may have gathered.
struct Exact {
    algorithm: Algorithm,
    burst: u64,
    tokens: u64,
    at: u64,
    calls: Vec<(u64, u64)>,
}

impl Exact {
    const PER: u64 = 100_000_000;

    fn new(algorithm: Algorithm, burst: u32) -> Self {
        let burst = u64::from(burst);
        Self { algorithm, burst, tokens: burst * Self::PER, at: 0, calls: Vec::new() }
    }

    fn conforms(&mut self, now: u64, cost: u64) -> bool {
        match self.algorithm {
            Algorithm::Gcra | Algorithm::TokenBucket => {
                self.tokens = (self.burst * Self::PER + 7).min(self.tokens + (now - self.at) * 7);
                self.at = now;
                self.tokens.checked_sub(cost * Self::PER).map(|left| self.tokens = left).is_some()
            }
            Algorithm::SlidingLog => {
                self.calls.retain(|(at, _)| at + Self::PER > now);
                self.calls.push((now, cost));
                self.calls.iter().map(|(_, cost)| cost).sum::<u64>() <= self.burst
            }
            Algorithm::FixedWindow => {
                self.calls.retain(|(at, _)| at / Self::PER == now / Self::PER);
                self.calls.push((now, cost));
                self.calls.iter().map(|(_, cost)| cost).sum::<u64>() <= self.burst
            }
        }
    }
}

#[test]
fn a_listener_that_panics_keeps_nobody_in_line() {
    let clock = ManualClock::new();
    let told = std::sync::atomic::AtomicU32::new(0);
    let listener = move |_: &crate::Event<'_>| assert!(told.fetch_add(1, std::sync::atomic::Ordering::Relaxed) != 1);
    let limiter = Limiter::builder("api").quota(Quota::new(1, ms(100))).timing(Timing::manual(&clock, 1));
    let limiter = limiter.tracing_listener(listener).build().unwrap();
    assert!(limiter.check().allowed());
    let reserve = || drop(limiter.reserve(1, ms(1_000)));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(reserve)).is_err());
    assert_eq!(limiter.snapshot().waiting, 0);
    assert_eq!(limiter.reserve(1, ms(1_000)).unwrap().retry_after(), ms(100));
}

#[test]
fn nothing_is_left_while_somebody_waits_for_a_moment_to_come() {
    for algorithm in ALL {
        let clock = ManualClock::new();
        let limiter = limiter(&clock, Quota::new(2, ms(100)).algorithm(algorithm));
        assert!(limiter.check_cost(2).allowed());
        let _waits = limiter.reserve(1, ms(1_000)).unwrap();
        assert_eq!((limiter.snapshot().remaining, limiter.check().allowed()), (0, false), "{algorithm:?}");
    }
}
