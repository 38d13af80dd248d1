//! The least important calls go first.

use super::*;
use crate::{Error, Reason, Timing};
use partita_time::ManualClock;
use std::sync::atomic::{AtomicU32, Ordering};
use tower::ServiceExt;
use tower_layer::Layer;

fn shed() -> Builder {
    Shed::builder("api").max_in_flight(10).timing(Timing::manual(&ManualClock::new(), 1))
}

#[test]
fn low_calls_are_refused_first_and_critical_ones_last() {
    let shed = shed().build().unwrap();
    let fill = |priority| std::iter::from_fn(|| shed.try_acquire(priority).ok()).take(20).collect::<Vec<_>>();
    let low = fill(Priority::Low);
    let normal = fill(Priority::Normal);
    let critical = fill(Priority::Critical);
    assert_eq!((low.len(), normal.len(), critical.len()), (7, 2, 1));
    assert_eq!(shed.try_acquire(Priority::Critical).unwrap_err().reason, Reason::Overloaded);
    drop((low, normal, critical));
    let snapshot = shed.snapshot();
    assert_eq!((snapshot.in_flight, snapshot.low.rejected, snapshot.critical.rejected), (0, 1, 2));
}

#[test]
fn pressure_moves_the_thresholds_down() {
    let gauge = Arc::new(AtomicU32::new(0));
    let read = Arc::clone(&gauge);
    let shed = shed().pressure(move || f64::from(read.load(Ordering::Relaxed)) / 100.0).build().unwrap();
    let most = |percent| {
        gauge.store(percent, Ordering::Relaxed);
        let snapshot = shed.snapshot();
        (snapshot.low.most, snapshot.normal.most, snapshot.critical.most)
    };
    assert_eq!([most(0), most(50), most(90), most(100)], [(7, 9, 10), (4, 5, 5), (1, 1, 1), (0, 0, 0)]);
    assert!(shed.try_acquire(Priority::Critical).is_err());
}

#[tokio::test]
async fn a_call_and_a_service_share_the_places_and_give_them_back() {
    let shed = shed().max_in_flight(1).build().unwrap();
    assert_eq!(shed.call(Priority::Normal, || async { Ok::<_, ()>(1) }).await, Ok(1));
    let echo = tower::service_fn(|n: u32| async move { Ok::<_, ()>(n) });
    assert_eq!(shed.layer(Priority::Normal).layer(echo).oneshot(2).await, Ok(2));
    let held = shed.try_acquire(Priority::Low).unwrap();
    assert!(matches!(shed.layer(Priority::Critical).layer(echo).oneshot(3).await, Err(Error::Rejected(_))));
    drop(held);
    assert_eq!(shed.snapshot().in_flight, 0);
}

#[test]
fn settings_that_can_only_be_mistakes_are_refused() {
    assert_eq!(shed().max_in_flight(0).build().unwrap_err().option, "max_in_flight");
    assert_eq!(shed().thresholds(0.9, 0.5).build().unwrap_err().option, "thresholds");
    assert_eq!(shed().thresholds(f64::NAN, 0.5).build().unwrap_err().option, "thresholds");
}

#[test]
fn a_gauge_that_knows_nothing_yet_presses_nobody() {
    let shed = shed().pressure(|| f64::NAN).build().unwrap();
    assert_eq!(shed.snapshot().critical.most, 10);
    assert!(shed.try_acquire(Priority::Low).is_ok());
}
