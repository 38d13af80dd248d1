//! What a key's callers wait for, and what is never forgotten.

use super::{KeyedLimiter, Quota};
use crate::testing::{Alarm, ms, poll, run};
use crate::{Reason, Timing};
use partita_time::{Clock, ManualClock};
use std::future::ready;
use std::pin::pin;

/// Two in 100 ms for each of three keys.
fn keyed(clock: &ManualClock) -> KeyedLimiter<&'static str> {
    let builder = KeyedLimiter::<&'static str>::builder("l").quota(Quota::new(2, ms(100))).capacity(3).waiters(2);
    builder.max_wait(ms(60)).timing(Timing::manual(clock, 1)).build_keyed().unwrap()
}

#[test]
fn a_keys_callers_wait_for_moments_of_their_own() {
    let clock = ManualClock::new();
    let limiter = keyed(&clock);
    assert_eq!(run(&clock, limiter.until_ready(&"a", 2)), Ok(()));
    assert_eq!(clock.elapsed(), ms(0));
    assert_eq!(limiter.reserve(&"a", 2, ms(100)).unwrap().retry_after(), ms(100), "the cost of two");
    assert_eq!(limiter.reserve(&"a", 2, ms(99)).unwrap_err().retry_after, Some(ms(100)));
    assert_eq!(run(&clock, limiter.until_ready(&"a", 1)), Ok(()));
    assert_eq!(clock.elapsed(), ms(50));
    assert_eq!(run(&clock, limiter.call(&"a", || ready(Ok::<_, ()>(7)))), Ok(7));
    assert_eq!(clock.elapsed(), ms(100));
    assert!(limiter.check(&"b").allowed(), "another key waits for nobody");
}

#[test]
fn so_many_wait_for_one_key_and_no_more() {
    let clock = ManualClock::new();
    let limiter = keyed(&clock);
    assert!(limiter.check_cost(&"a", 2).allowed());
    let _line = [(); 2].map(|()| limiter.reserve(&"a", 1, ms(900)).unwrap());
    assert_eq!(limiter.reserve(&"a", 1, ms(900)).unwrap_err().reason, Reason::QueueFull);
}

#[test]
fn p24_who_moves_up_is_told() {
    let clock = ManualClock::new();
    let (limiter, alarm) = (keyed(&clock), Alarm::default());
    assert!(limiter.check_cost(&"a", 2).allowed());
    let first = limiter.reserve(&"a", 1, ms(900)).unwrap();
    let mut second = pin!(limiter.reserve(&"a", 1, ms(900)).unwrap());
    assert!(alarm.poll(second.as_mut()).is_pending() && !alarm.rang());
    drop(first);
    assert!(alarm.rang());
    assert!(poll(second.as_mut()).is_pending());
    assert_eq!(clock.next_due(), Some(ms(50)));
}

#[test]
fn p23_a_key_that_somebody_is_about_to_charge_is_not_forgotten() {
    let clock = ManualClock::new();
    let limiter = keyed(&clock);
    let about_to = limiter.of(&"a");
    clock.advance(ms(1_000));
    ["b", "c", "d", "e"].iter().for_each(|key| assert!(limiter.check(key).allowed()));
    assert!(about_to.check_cost(2).allowed());
    assert!(!limiter.check(&"a").allowed(), "a second quota");
}
