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

const A_WHILE: Duration = Duration::from_secs(30);

fn near(limit: f64, best: f64) -> bool {
    (limit / best - 1.0).abs() <= 0.1
}

/// The mean limit after a while for it to settle, with twice the callers that the server can serve.
fn settles(simulation: &mut Simulation, server: Server) -> f64 {
    let capacity = u32::try_from(server.workers).unwrap() * 1_000 / u32::try_from(server.service.as_millis()).unwrap();
    simulation.run(server, capacity * 2, A_WHILE);
    simulation.run(server, capacity * 2, A_WHILE / 2)
}

#[test]
fn the_limit_settles_within_a_tenth_of_the_best_from_below_and_from_above() {
    for initial in [5, 200] {
        let mut simulation = Simulation::new(Adaptive::builder("stock").initial(initial), 1);
        let limit = settles(&mut simulation, server(40, 50, false));
        assert!(near(limit, 40.0), "{limit} from {initial}");
    }
}

#[test]
fn the_limit_is_back_within_a_tenth_after_the_baseline_shifts() {
    let mut simulation = Simulation::new(Adaptive::builder("stock"), 2);
    let far = Server { way: ms(50), ..server(40, 50, false) };
    for (server, best) in
        [(server(40, 50, false), 40.0), (server(40, 100, false), 40.0), (far, 80.0), (server(20, 50, false), 20.0)]
    {
        let limit = settles(&mut simulation, server);
        assert!(near(limit, best), "{limit} instead of {best} for {server:?}");
    }
}

#[test]
fn the_limit_does_not_grow_when_throughput_does_not() {
    let mut simulation = Simulation::new(Adaptive::builder("stock").initial(80), 3);
    let server = server(20, 50, true);
    for _ in 0..4 {
        let limit = simulation.run(server, 800, Duration::from_secs(10));
        assert!(limit < 88.0, "it grew to {limit}");
    }
    let limit = simulation.run(server, 800, A_WHILE);
    assert!(limit < 30.0, "it stays at {limit}");
}

#[test]
fn light_traffic_moves_nothing_and_no_probe_refuses_it() {
    let mut simulation = Simulation::new(Adaptive::builder("stock").initial(60), 4);
    let limit = simulation.run(server(40, 50, true), 150, A_WHILE);
    let snapshot = simulation.limit.snapshot();
    assert_eq!((snapshot.rejected, snapshot.limit), (0, 60), "mean {limit}");
    assert!(simulation.done > 4_000);
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
