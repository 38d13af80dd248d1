//! One order, each policy once.

use super::Policy;
use crate::adaptive::Adaptive;
use crate::breaker::Breaker;
use crate::bulkhead::Bulkhead;
use crate::cache::Cache;
use crate::fallback::Fallback;
use crate::hedge::Hedge;
use crate::limiter::{Limiter, Quota};
use crate::retry::Retry;
use crate::testing::{ms, run};
use crate::{Error, Reason, Timing};
use partita_time::ManualClock;
use std::future::ready;

/// What lists one policy.
type Step = (&'static str, fn(Policy) -> Policy);

/// From the outside in, as a stack stands.
const STEPS: [Step; 7] = [
    ("deadline", |policy| policy.deadline(ms(900))),
    ("rate limit", |policy| policy.rate_limit(Limiter::builder("l").build().unwrap())),
    ("retry", |policy| policy.retry(Retry::builder("r"))),
    ("hedge", |policy| policy.hedge(Hedge::builder("h"))),
    ("circuit breaker", |policy| policy.breaker(Breaker::builder("b").build().unwrap())),
    ("bulkhead", |policy| policy.bulkhead(Bulkhead::builder("b").build().unwrap())),
    ("attempt timeout", |policy| policy.attempt_timeout(ms(100))),
];

fn cache() -> Cache<u8, u8> {
    Cache::builder("c").build().unwrap()
}

#[test]
fn p13_the_order_is_the_same_whatever_was_listed_first() {
    let order = STEPS.map(|(name, _)| name);
    for first in 0..STEPS.len() {
        let turned = |step: usize| STEPS[(first + step) % STEPS.len()].1;
        for backwards in [false, true] {
            let steps = (0..STEPS.len()).map(|step| turned(if backwards { STEPS.len() - 1 - step } else { step }));
            let listed = steps.fold(Policy::new("all").idempotent(), |policy, list| list(policy));
            assert_eq!(listed.build().unwrap().explain().order(), order, "{first}, {backwards}");
        }
    }
    let whole = |policy: Policy| STEPS.iter().fold(policy.idempotent(), |policy, (_, list)| list(policy));
    let last = whole(Policy::new("all")).cache(cache()).fallback(Fallback::builder("f")).build().unwrap();
    let expected = ["fallback", "deadline", "cache"].into_iter().chain(order.into_iter().skip(1));
    assert_eq!(last.explain().order(), expected.collect::<Vec<_>>());
    let adaptive = Policy::new("a").adaptive_limit(Adaptive::builder("a").build().unwrap()).attempt_timeout(ms(1));
    assert_eq!(adaptive.build().unwrap().explain().order(), ["adaptive limit", "attempt timeout"]);
}

#[test]
fn p13_each_policy_stands_in_a_stack_once() {
    let adaptive: Step = ("", |policy| policy.adaptive_limit(Adaptive::builder("a").build().unwrap()));
    for (name, list) in STEPS.into_iter().chain([adaptive]) {
        let refused = list(list(Policy::new("x").idempotent())).build().unwrap_err().to_string();
        assert!(refused.contains("is there twice"), "{name}: {refused}");
    }
}

#[test]
fn a_kept_answer_costs_nothing_of_a_rate_limit() {
    let clock = ManualClock::new();
    let timing = Timing::manual(&clock, 1);
    let limiter = Limiter::builder("l").quota(Quota::per_hour(1)).timing(timing.clone()).build().unwrap();
    let cache = Cache::<u8, u8>::builder("c").timing(timing.clone()).build().unwrap();
    let stack = Policy::new("s").cache(cache).rate_limit(limiter).timing(timing).build().unwrap();
    let ask = |key: u8| run(&clock, stack.call_keyed(key, |_| ready(Ok::<_, ()>(7))));
    assert!((0..9).all(|_| ask(1) == Ok(7)));
    assert!(matches!(ask(2), Err(Error::Rejected(rejected)) if rejected.reason == Reason::LimitReached));
}
