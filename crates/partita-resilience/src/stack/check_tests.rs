//! Times that do not fit together are refused, whichever attempt they concern.

use super::Policy;
use crate::breaker::Breaker;
use crate::deadline::Attempt;
use crate::hedge::Hedge;
use crate::retry::{Jitter, Retry};
use crate::testing::run;
use crate::timeout::{Timeout, TimeoutBuilder};
use crate::{Error, Timing};
use partita_time::ManualClock;
use std::future::ready;
use std::sync::Mutex;
use std::time::Duration;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn timeout() -> TimeoutBuilder {
    Timeout::builder("t")
}

fn retry() -> Policy {
    Policy::new("x").retry(Retry::builder("r").max_attempts(3))
}

/// What is said of a window of so many seconds.
fn beside_window(policy: Policy, window: u64) -> Result<(), String> {
    let breaker = Breaker::builder("b").window(seconds(window)).build().unwrap();
    policy.breaker(breaker).build().map(|_| ()).map_err(|error| error.to_string())
}

/// Refused beside a window one second too short, and let through beside one that suffices.
fn needs_window(policy: impl Fn() -> Policy, window: u64) {
    let refused = beside_window(policy(), window - 1).unwrap_err();
    let why =
        format!("a window of {} ms forgets calls before they time out after {} ms", (window - 1) * 1_000, window * 500);
    assert!(refused.contains(&why), "{refused}");
    assert_eq!(beside_window(policy(), window), Ok(()));
}

#[test]
fn p9_a_window_is_twice_as_long_as_the_last_and_longest_attempt() {
    needs_window(|| Policy::new("x").timeout(timeout().growing(seconds(5))), 10);
    needs_window(|| retry().timeout(timeout().growing(seconds(5))), 30);
    needs_window(|| retry().timeout(timeout().fixed(seconds(5))), 10);
    let hedge = || Hedge::builder("h").delay(seconds(1)).max_hedges(2);
    needs_window(|| retry().idempotent().hedge(hedge()).timeout(timeout().growing(seconds(5))), 50);
}

#[test]
fn p9_a_limit_that_follows_what_is_observed_counts_as_the_longest_that_it_can_be() {
    let adaptive = || timeout().adaptive(seconds(1), seconds(8));
    needs_window(|| Policy::new("x").timeout(adaptive().until_known(seconds(2))), 16);
    needs_window(|| Policy::new("x").timeout(adaptive().until_known(seconds(9))), 18);
    needs_window(|| Policy::new("x").timeout(timeout().in_steps().until_known(seconds(2))), 20);
}

#[test]
fn p9_no_attempt_is_longer_than_the_deadline_so_that_a_window_of_twice_that_suffices() {
    let endless = || Policy::new("x").retry(Retry::builder("r").unlimited_attempts()).deadline(seconds(12));
    needs_window(|| endless().timeout(timeout().growing(seconds(5))), 24);
    let own = || Policy::new("x").retry(Retry::builder("r").unlimited_attempts().deadline(seconds(12)));
    needs_window(|| own().timeout(timeout().growing(seconds(5))), 24);
}

#[test]
fn no_attempt_is_given_more_time_than_the_whole_call() {
    let within = |policy: Policy, limit| policy.deadline(seconds(limit)).build().map(|_| ());
    let growing = || retry().timeout(timeout().growing(seconds(5)));
    let refused = within(growing(), 14).unwrap_err();
    assert_eq!(refused.option, "attempt_timeout");
    assert!(refused.why.contains("15000 ms for an attempt never pass within a deadline of 14000 ms"), "{refused}");
    assert_eq!(within(growing(), 15), Ok(()));
    let steps = || Policy::new("x").timeout(timeout().in_steps().until_known(seconds(2)));
    assert!(within(steps(), 9).is_err() && within(steps(), 10).is_ok());
}

#[test]
fn the_hedges_of_a_second_attempt_follow_its_number() {
    let clock = ManualClock::new();
    let retry = Retry::builder("r").max_attempts(2).jitter(Jitter::None).initial(Duration::ZERO);
    let hedge = Hedge::builder("h").delay(Duration::ZERO).max_hedges(1);
    let stack = Policy::new("x").retry(retry).hedge(hedge).idempotent().timing(Timing::manual(&clock, 1));
    let stack = stack.build().unwrap();
    let numbers = Mutex::new(Vec::new());
    let end = stack.call(|attempt: Attempt| {
        numbers.lock().unwrap().push(attempt.number());
        ready(Err::<(), _>("down"))
    });
    assert!(matches!(run(&clock, end), Err(Error::Exhausted { attempts: 2, .. })));
    assert_eq!(numbers.into_inner().unwrap(), [1, 2, 2, 3]);
}

#[test]
fn a_breakers_own_limit_of_calls_is_refused_because_no_stack_keeps_it() {
    let breaker = Breaker::builder("b").call_timeout(seconds(1)).build().unwrap();
    let refused = Policy::new("x").breaker(breaker).build().map(|_| ()).unwrap_err();
    assert_eq!(refused.option, "breaker");
    assert!(refused.why.contains("attempt_timeout"), "{refused}");
}
