//! The words of each policy's settings.

use super::{Policy, time};
use crate::budget::Budget;
use crate::hedge::Hedge;
use crate::limiter::{Algorithm, Limiter, Quota};
use crate::retry::{Jitter, Retry};
use crate::timeout::{Timeout, TimeoutBuilder};
use std::time::Duration;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The line that a stack shows of its one policy.
fn shown(policy: Policy, what: &str) -> String {
    let text = policy.idempotent().build().unwrap().explain().to_string();
    let line = text.lines().find(|line| line.contains(what)).unwrap_or_else(|| panic!("{text}"));
    line.split_once(what).unwrap().1.trim().to_owned()
}

#[test]
fn a_hedge_shows_its_delay_how_many_and_its_budget() {
    let hedge = |hedge| shown(Policy::new("x").hedge(hedge), "hedge");
    let budget = "within 5 % of first attempts and 3 a second";
    assert_eq!(
        hedge(Hedge::builder("h")),
        format!("1 more call beside a slow one, each after p95 of what is observed, at least 1 ms, {budget}")
    );
    let own = Budget::builder().ratio(0.025).floor_per_second(0.0).build().unwrap();
    assert_eq!(
        hedge(Hedge::builder("h").delay(ms(50)).max_hedges(2).budget(own)),
        "2 more calls beside a slow one, each after 50 ms, within 2.5 % of first attempts and 0 a second"
    );
}

#[test]
fn a_rate_limit_shows_its_quota() {
    let limit =
        |quota| shown(Policy::new("x").rate_limit(Limiter::builder("l").quota(quota).build().unwrap()), "rate limit");
    assert_eq!(limit(Quota::per_second(100).burst(20)), "of `l`, 100 in 1 s, 20 at once, by GCRA, once a call");
    let log = Quota::per_hour(5).algorithm(Algorithm::SlidingLog);
    assert_eq!(limit(log), "of `l`, 5 in 3600 s, 5 at once, by sliding log, once a call");
}

#[test]
fn an_attempt_timeout_shows_its_rule() {
    let timeout = |rule: fn(TimeoutBuilder) -> TimeoutBuilder| {
        shown(Policy::new("x").timeout(rule(Timeout::builder("t"))), "attempt timeout")
    };
    assert_eq!(timeout(|builder| builder.fixed(ms(1_500))), "1500 ms");
    assert_eq!(timeout(|builder| builder.growing(ms(5_000))), "5 s times the attempt's number");
    assert_eq!(
        timeout(|builder| builder.adaptive(ms(50), ms(2_000)).until_known(ms(900))),
        "1.5 times the observed p99, 50 ms to 2 s; 900 ms until it is known"
    );
    assert_eq!(
        timeout(TimeoutBuilder::in_steps),
        "by the observed p99: 2 s below 1 s, 5 s below 3 s, else 10 s; 10 s until it is known"
    );
}

#[test]
fn a_retry_shows_its_waits_and_its_budget() {
    assert_eq!(
        shown(Policy::new("x").retry(Retry::builder("r").jitter(Jitter::None)), "retry"),
        "3 attempts, waits from 100 ms times 2 up to 10 s, None jitter, within 10 % of first attempts and 3 a second"
    );
}

#[test]
fn a_time_is_shown_whole() {
    let shown = [ms(1_000), ms(1_500), Duration::from_micros(2), Duration::from_nanos(1_001)].map(time);
    assert_eq!(shown, ["1 s", "1500 ms", "2 µs", "1001 ns"]);
}
