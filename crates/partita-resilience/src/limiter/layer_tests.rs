//! Quotas by key as layers.

use super::{KeyedLimiter, Quota, Tier, Tiers};
use crate::testing::{ms, run};
use crate::{Error, Reason, Timing};
use partita_time::ManualClock;
use std::future::ready;
use tower::{Layer, ServiceExt, service_fn};

/// Who asks, and how often that is.
type Request = (&'static str, u32);

fn keyed(clock: &ManualClock, max_wait: u64) -> KeyedLimiter<&'static str> {
    let builder = KeyedLimiter::<&'static str>::builder("l").quota(Quota::new(2, ms(1_000)).burst(2));
    builder.capacity(3).max_wait(ms(max_wait)).timing(Timing::manual(clock, 1)).build_keyed().unwrap()
}

fn by_name(request: &Request) -> &'static str {
    request.0
}

#[test]
fn each_key_of_a_layer_has_a_quota_and_keys_without_room_share_one() {
    let clock = ManualClock::new();
    let limiter = keyed(&clock, 0);
    let service = limiter.layer(by_name).layer(service_fn(|request: Request| ready(Ok::<_, ()>(request.1))));
    let ask = |name, n| run(&clock, service.clone().oneshot((name, n)));
    assert_eq!([ask("a", 1), ask("a", 2), ask("b", 3), ask("c", 4)], [Ok(1), Ok(2), Ok(3), Ok(4)]);
    let refused = ask("a", 5).unwrap_err();
    assert_eq!(refused.rejected().map(|refused| refused.reason), Some(Reason::LimitReached));
    assert_eq!([ask("d", 6), ask("e", 7)], [Ok(6), Ok(7)]);
    assert!(ask("f", 8).is_err(), "the quota that they share is used up");
    let keys = limiter.snapshot().keys.unwrap();
    assert_eq!((keys.entries, keys.overflowed), (3, 3));
}

#[test]
fn a_request_waits_for_the_moment_of_its_key() {
    let clock = ManualClock::new();
    let service =
        keyed(&clock, 2_000).layer(by_name).layer(service_fn(|request: Request| ready(Ok::<_, ()>(request.1))));
    let ask = |name, n| run(&clock, service.clone().oneshot((name, n)));
    assert_eq!([ask("a", 1), ask("a", 2), ask("b", 3)], [Ok(1), Ok(2), Ok(3)]);
    let before = Timing::manual(&clock, 1).now();
    assert_eq!(ask("a", 4), Ok(4));
    assert_eq!(Timing::manual(&clock, 1).now() - before, ms(500));
}

#[test]
fn a_layer_of_tiers_gives_each_caller_the_quota_of_its_standing() {
    let clock = ManualClock::new();
    let quotas = [Quota::per_hour(1), Quota::per_hour(2), Quota::per_hour(3)];
    let tiers = Tiers::<&str>::new(quotas, &Timing::manual(&clock, 1)).unwrap();
    let standing = |request: &Request| (if request.0 == "paid" { Tier::Premium } else { Tier::Anonymous }, request.0);
    let service = tiers.layer(standing).layer(service_fn(|request: Request| ready(Ok::<_, ()>(request.1))));
    let passed = |name| (0..9).filter(|n| run(&clock, service.clone().oneshot((name, *n))).is_ok()).count();
    assert_eq!((passed("paid"), passed("guest"), passed("other")), (3, 1, 1));
}

#[cfg(feature = "http")]
mod at_the_door {
    use super::*;
    use crate::bulkhead::Bulkhead;
    use http::Response;
    use std::time::Duration;

    fn fields(response: &Response<String>) -> (u16, [Option<u64>; 4]) {
        let names = ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after"];
        let field = |name| response.headers().get(name).map(|value| value.to_str().unwrap().parse().unwrap());
        (response.status().as_u16(), names.map(field))
    }

    #[test]
    fn a_server_tells_each_caller_what_is_left_and_refuses_with_429() {
        let clock = ManualClock::new();
        let inner = service_fn(|_: Request| ready(Ok::<_, ()>(Response::new("hello".to_owned()))));
        let service = keyed(&clock, 0).server_layer(by_name).layer(inner);
        let ask = |name| fields(&run(&clock, service.clone().oneshot((name, 0))).unwrap());
        assert_eq!(ask("a"), (200, [Some(2), Some(1), Some(1), None]), "half a second, rounded up");
        assert_eq!(ask("a"), (200, [Some(2), Some(0), Some(1), None]));
        assert_eq!(ask("a"), (429, [Some(2), Some(0), Some(1), Some(1)]));
        assert_eq!(ask("b"), (200, [Some(2), Some(1), Some(1), None]));
        clock.advance(ms(500));
        assert_eq!(ask("a"), (200, [Some(2), Some(0), Some(1), None]));
    }

    #[test]
    fn a_server_whose_callers_wait_refuses_only_who_would_wait_too_long() {
        let clock = ManualClock::new();
        let inner = service_fn(|_: Request| ready(Ok::<_, ()>(Response::new("hello".to_owned()))));
        let service = keyed(&clock, 400).server_layer(by_name).layer(inner);
        let ask = || run(&clock, service.clone().oneshot(("a", 0))).unwrap().status().as_u16();
        assert_eq!([ask(), ask(), ask()], [200, 200, 429]);
        clock.advance(ms(200));
        assert_eq!([ask(), ask()], [200, 429], "after a wait of 300 ms");
    }

    #[test]
    fn a_refusal_from_beneath_is_left_to_whom_it_concerns() {
        let clock = ManualClock::new();
        let bulkhead = Bulkhead::builder("b").max_concurrent(1).max_wait(Duration::ZERO).build().unwrap();
        let inner = service_fn(|_: Request| ready(Ok::<_, ()>(Response::new("hello".to_owned()))));
        let service = keyed(&clock, 0).server_layer(by_name).nested().layer(bulkhead.layer().layer(inner));
        let _held = bulkhead.try_acquire().unwrap();
        let refused = run(&clock, service.oneshot(("a", 0)));
        assert!(matches!(refused, Err(Error::Rejected(refused)) if refused.reason == Reason::Saturated));
    }

    #[test]
    fn the_fields_of_a_refused_decision_say_when_to_come_again() {
        let clock = ManualClock::new();
        let limiter = keyed(&clock, 0);
        let said = |name: &'static str| {
            let mut response = Response::new(String::new());
            super::super::put_rate_limit(response.headers_mut(), &limiter.check(&name));
            fields(&response).1
        };
        let all: Vec<_> = (0..3).map(|_| said("a")).collect();
        assert_eq!(all[0], [Some(2), Some(1), Some(1), None]);
        assert_eq!(all[2], [Some(2), Some(0), Some(1), Some(1)]);
    }
}
