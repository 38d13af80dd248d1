//! The limit finds the best one, and finds it again.

use super::simulation::{Server, Simulation};
use super::*;
use crate::{Error, Outcome, Timing};
use partita_time::ManualClock;
use std::time::Duration;
use tower::ServiceExt;
use tower_layer::Layer;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn server(workers: usize, service: u64, random: bool) -> Server {
    Server { workers, service: ms(service), way: Duration::ZERO, random }
}

/// Twice the callers that the server can serve.
fn crowd(server: Server) -> u32 {
    u32::try_from(server.workers * 2_000_000 / usize::try_from(server.service.as_micros()).unwrap()).unwrap()
}

fn mean(limits: &[f64]) -> f64 {
    limits.iter().sum::<f64>() / f64::from(u32::try_from(limits.len()).unwrap())
}

/// Seconds until the limit's mean of five seconds is within a tenth of the best, and its mean in the last 20 s, of the best.
fn settles(simulation: &mut Simulation, server: Server, best: f64) -> (usize, f64) {
    let limits = simulation.run(server, crowd(server), 50);
    let near = |five: &[f64]| (mean(five) / best - 1.0).abs() <= 0.1;
    (limits.windows(5).position(near).unwrap_or(usize::MAX), mean(&limits[30..]) / best)
}

/// What the dependency does one after another, and the best limit: workers, milliseconds at one, and on the way.
const SHIFTS: [(&str, usize, u64, u64, f64); 6] = [
    ("at first", 40, 50, 0, 40.0),
    ("calls take twice as long", 40, 100, 0, 40.0),
    ("and now half of it on the way", 40, 50, 50, 80.0),
    ("half of the workers die", 20, 50, 0, 20.0),
    ("they are back", 40, 50, 0, 40.0),
    ("another dependency, small and fast", 8, 20, 0, 8.0),
];

/// Every shift in turn, for several seeds and first limits; prints how long each took.
fn every_shift(random: bool, at_most: usize) {
    let mut took: [Vec<(usize, f64)>; SHIFTS.len()] = Default::default();
    for (seed, initial) in [(1, 5), (2, 20), (3, 200), (4, 20)] {
        let mut simulation = Simulation::new(Adaptive::builder("stock").initial(initial), seed);
        for (took, (_, workers, service, way, best)) in took.iter_mut().zip(SHIFTS) {
            let server = Server { way: ms(way), ..server(workers, service, random) };
            took.push(settles(&mut simulation, server, best));
        }
    }
    for (took, (what, .., best)) in took.iter().zip(SHIFTS) {
        let (seconds, ends): (Vec<usize>, Vec<f64>) = took.iter().copied().unzip();
        println!("{what}: within a tenth of {best} after {seconds:?} s, then at {ends:.2?} of it");
        assert!(seconds.iter().all(|took| *took <= at_most), "{what}: {seconds:?} s");
        assert!((mean(&ends) - 1.0).abs() <= 0.1, "{what}: {ends:?} of the best");
    }
}

#[test]
fn the_limit_is_within_a_tenth_of_the_best_after_each_shift_when_service_times_hardly_vary() {
    every_shift(false, 20);
}

#[test]
fn the_limit_is_within_a_tenth_of_the_best_after_each_shift_when_service_times_are_exponential() {
    every_shift(true, 30);
}

#[test]
fn the_limit_does_not_grow_when_throughput_does_not() {
    for seed in 1..=3 {
        let mut simulation = Simulation::new(Adaptive::builder("stock").initial(80), seed);
        let limits = simulation.run(server(20, 50, true), 800, 60);
        assert!(limits.iter().all(|limit| *limit < 100.0), "it grew: {limits:.0?}");
        assert!(mean(&limits[30..]) < 22.0, "it stays: {limits:.0?}");
    }
}

#[test]
fn light_traffic_moves_nothing_and_no_probe_refuses_it() {
    let mut simulation = Simulation::new(Adaptive::builder("stock").initial(60), 4);
    simulation.run(server(40, 50, true), 150, 30);
    let snapshot = simulation.limit.snapshot();
    assert_eq!((snapshot.rejected, snapshot.limit), (0, 60));
    assert!(simulation.done > 4_000);
}

#[test]
fn load_that_can_be_served_is_served_after_an_overload() {
    for seed in 1..=3 {
        let server = server(8, 20, true);
        let mut simulation = Simulation::new(Adaptive::builder("stock"), seed);
        simulation.run(server, crowd(server), 20);
        simulation.run(server, 250, 2);
        let before = simulation.limit.snapshot();
        simulation.run(server, 250, 30);
        let after = simulation.limit.snapshot();
        let (refused, passed) = (after.rejected - before.rejected, after.admitted - before.admitted);
        assert!(refused * 20 < passed, "{refused} of {passed} were refused");
    }
}

#[test]
fn calls_that_hung_for_half_a_minute_do_not_hold_up_what_comes_after_them() {
    let clock = ManualClock::new();
    let adaptive = adaptive(&clock, 20);
    let call = |time| {
        let held: Vec<_> = std::iter::from_fn(|| adaptive.try_acquire().ok()).collect();
        clock.advance(time);
        held.into_iter().for_each(|permit| permit.finish(Outcome::Success));
    };
    (0..6).for_each(|_| call(Duration::from_secs(30)));
    let hung = adaptive.snapshot();
    assert!(hung.latency >= Duration::from_secs(29), "{hung:?}");
    (0..500).for_each(|_| call(ms(20)));
    let after = adaptive.snapshot();
    assert!(after.latency <= ms(21) && after.limit > hung.limit, "{hung:?} {after:?}");
}

fn adaptive(clock: &ManualClock, initial: u32) -> Adaptive {
    Adaptive::builder("stock").initial(initial).timing(Timing::manual(clock, 1)).build().unwrap()
}

#[test]
fn a_dependency_that_says_it_is_overloaded_is_called_less() {
    let clock = ManualClock::new();
    let adaptive = adaptive(&clock, 20);
    for _ in 0..300 {
        let permit = adaptive.try_acquire().unwrap();
        clock.advance(ms(2));
        permit.finish(Outcome::Overloaded { retry_after: None });
    }
    assert_eq!(adaptive.snapshot().limit, 18);
}

#[test]
fn p16_a_dropped_permit_gives_its_place_back_and_is_no_sample() {
    let clock = ManualClock::new();
    let adaptive = adaptive(&clock, 1);
    for _ in 0..600 {
        let permit = adaptive.try_acquire().unwrap();
        assert!(adaptive.try_acquire().is_err());
        clock.advance(ms(10));
        drop(permit);
    }
    let snapshot = adaptive.snapshot();
    assert_eq!((snapshot.in_flight, snapshot.latency, snapshot.rejected), (0, Duration::ZERO, 600));
}

#[tokio::test]
async fn a_call_and_a_service_pass_under_the_limit() {
    let clock = ManualClock::new();
    let adaptive = adaptive(&clock, 1);
    assert_eq!(adaptive.call(|| async { Err::<(), _>(7) }).await, Err(Error::Inner(7)));
    let echo = tower::service_fn(|n: u32| async move { Ok::<_, ()>(n) });
    assert_eq!(adaptive.layer().layer(echo).oneshot(3).await, Ok(3));
    let _held = adaptive.try_acquire().unwrap();
    assert!(matches!(adaptive.layer().layer(echo).oneshot(3).await, Err(Error::Rejected(_))));
}

#[test]
fn limits_out_of_order_are_refused() {
    let option = |builder: Builder| builder.build().unwrap_err().option;
    assert_eq!(option(Adaptive::builder("stock").min(0)), "min");
    assert_eq!(option(Adaptive::builder("stock").min(9).max(8)), "max");
    assert_eq!(option(Adaptive::builder("stock").initial(2_000)), "initial");
    assert_eq!(option(Adaptive::builder("stock").window(Duration::ZERO)), "window");
}

#[test]
fn a_listener_that_panics_does_not_stop_the_limit() {
    let clock = ManualClock::new();
    let heard = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let told = std::sync::Arc::clone(&heard);
    let builder = Adaptive::builder("stock").initial(20).timing(Timing::manual(&clock, 1)).listener(move |_| {
        assert!(told.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 0, "at the first event");
    });
    let adaptive = builder.build().unwrap();
    for _ in 0..900 {
        let permit = adaptive.try_acquire().unwrap();
        clock.advance(ms(2));
        let end = || permit.finish(Outcome::Overloaded { retry_after: None });
        drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(end)));
    }
    assert!(adaptive.snapshot().limit < 18 && heard.load(std::sync::atomic::Ordering::Relaxed) > 1);
}
