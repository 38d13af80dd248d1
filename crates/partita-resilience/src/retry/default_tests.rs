//! What a retry does that is told nothing.

use super::Retry;
use crate::deadline::{Attempt, Context};
use crate::testing::{ms, run};
use crate::{Error, EventKind, Outcome, Timing};
use partita_time::{Clock, ManualClock};
use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn fails(_: Attempt) -> std::future::Ready<Result<(), Error<&'static str>>> {
    ready(Err(Error::Inner("down")))
}

/// The waits of a call that fails each time.
fn waits(seed: u64) -> Vec<Duration> {
    let clock = ManualClock::new();
    let waits = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&waits);
    let listener = move |event: &crate::Event<'_>| {
        if let EventKind::Retrying { delay, .. } = event.kind {
            heard.lock().unwrap().push(delay);
        }
    };
    let retry = Retry::builder("r").timing(Timing::manual(&clock, seed)).listener(listener).build().unwrap();
    let _ = run(&clock, retry.around(Context::new().idempotent(), fails));
    let waits = waits.lock().unwrap();
    waits.clone()
}

#[test]
fn three_attempts_with_waits_anywhere_up_to_100_and_200_ms() {
    let all: Vec<Vec<Duration>> = (0..400).map(waits).collect();
    assert!(all.iter().all(|waits| waits.len() == 2));
    for (retry, ceiling) in [100, 200].into_iter().enumerate() {
        let drawn = || all.iter().map(|waits| waits[retry]);
        let (least, most) = (drawn().min().unwrap(), drawn().max().unwrap());
        assert!(least < ms(5) && most > ms(ceiling - 5) && most <= ms(ceiling), "{least:?} to {most:?}");
    }
}

#[test]
fn a_retry_after_of_a_minute_is_waited_for_and_a_longer_one_is_not() {
    for (asked, attempts) in [(ms(60_000), 3), (ms(60_001), 1)] {
        let clock = ManualClock::new();
        let judge = move |_: Result<&(), &&str>| Outcome::Overloaded { retry_after: Some(asked) };
        let retry = Retry::builder("r").timing(Timing::manual(&clock, 1)).classify(judge).build().unwrap();
        let end = run(&clock, retry.around(Context::new().idempotent(), fails));
        assert_eq!(end, Err(Error::Exhausted { attempts, last: Box::new(Error::Inner("down")) }));
        assert_eq!(clock.elapsed(), asked * (attempts - 1));
    }
}

/// Whether a failure is tried again after so many ends of other calls.
fn goes_on_after(good: u32, bad: u32) -> bool {
    let clock = ManualClock::new();
    let retry = Retry::builder("r").timing(Timing::manual(&clock, 1)).build().unwrap();
    (0..good).for_each(|_| run(&clock, retry.around(Context::new(), |_| ready(Ok::<_, Error<&str>>(())))).unwrap());
    (0..bad).for_each(|_| assert_eq!(run(&clock, retry.around(Context::new(), fails)), Err(Error::Inner("down"))));
    let _ = run(&clock, retry.around(Context::new().idempotent(), fails));
    retry.snapshot().retries > 0
}

#[test]
fn no_retry_when_80_of_the_last_100_attempts_failed() {
    assert!(!goes_on_after(20, 79), "80 of 100");
    assert!(goes_on_after(21, 79), "80 of 101");
    assert!(goes_on_after(19, 79), "80 of 99");
}
