//! The rules of fallbacks.

use super::Fallback;
use crate::testing::run;
use crate::{Error, EventKind, Outcome, PolicyKind, Reason, Rejected};
use partita_time::ManualClock;
use std::future::{Future, ready};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use tower::{Layer, ServiceExt};

fn done<F: Future>(work: F) -> F::Output {
    run(&ManualClock::new(), work)
}

fn refusal() -> Error<&'static str> {
    let (policy, name, reason) = (PolicyKind::Breaker, "b".into(), Reason::Open);
    Rejected { policy, name, reason, retry_after: None }.into()
}

#[test]
fn a_failed_or_refused_call_has_a_second_answer_and_a_good_one_needs_none() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heard);
    let listener = move |event: &crate::Event<'_>| {
        if let EventKind::Served(what) = event.kind {
            seen.lock().unwrap().push(what);
        }
    };
    let fallback = Fallback::builder("test").listener(listener).build();
    let second = |error: Option<&Error<&'static str>>| ready(Ok(if error.is_some() { 2 } else { 0 }));
    assert_eq!(done(fallback.call(|| ready(Ok(1)), second)), Ok(1));
    assert_eq!(done(fallback.call(|| ready(Err("down")), second)), Ok(2));
    assert_eq!(done(fallback.around(ready(Err(refusal())), second)), Ok(2));
    assert_eq!((fallback.snapshot().served, &*heard.lock().unwrap()), (2, &vec!["fallback"; 2]));
}

#[test]
fn when_both_fail_both_ends_are_told() {
    let fallback = Fallback::builder("test").build();
    let end = done(fallback.call(|| ready(Err::<(), _>("down")), |_| ready(Err("empty")))).unwrap_err();
    let both =
        Error::FallbackFailed { cause: Box::new(Error::Inner("down")), fallback: Box::new(Error::Inner("empty")) };
    assert_eq!(end, both);
    assert_eq!(fallback.snapshot().failed, 1);
}

#[test]
fn the_callers_own_mistake_has_no_second_answer_even_after_retries() {
    let fallback = Fallback::builder("test").classify(|_: Result<&(), &&str>| Outcome::Ignored).build();
    let called = AtomicU32::new(0);
    let second = |_: Option<&Error<&'static str>>| {
        called.fetch_add(1, Ordering::Relaxed);
        ready(Ok(()))
    };
    assert_eq!(done(fallback.call(|| ready(Err("bad input")), second)), Err(Error::Inner("bad input")));
    let exhausted = || Error::Exhausted { attempts: 2, last: Box::new(Error::Inner("bad input")) };
    assert_eq!(done(fallback.around(ready(Err(exhausted())), second)), Err(exhausted()));
    assert_eq!(done(fallback.around(ready(Err(refusal())), second)), Ok(()), "a refusal is no mistake of the caller");
    assert_eq!(called.into_inner(), 1);
}

#[test]
fn an_answer_judged_a_failure_is_handed_back_when_the_fallback_fails_too() {
    let judge = |result: Result<&u16, &()>| match result {
        Ok(200) => Outcome::Success,
        _ => Outcome::Failure,
    };
    let fallback = Fallback::builder("test").classify(judge).build();
    assert_eq!(done(fallback.call(|| ready(Ok(503)), |_| ready(Ok(200)))), Ok(200));
    assert_eq!(done(fallback.call(|| ready(Ok(503)), |_| ready(Err(())))), Ok(503));
}

#[test]
fn the_layer_answers_in_the_place_of_a_failed_service() {
    let inner = tower::service_fn(|id: u32| ready(if id < 10 { Ok(id) } else { Err("down") }));
    let second = |id: &u32| {
        let id = *id;
        move |error: Option<&Error<&'static str>>| ready(error.map(|_| id * 100).ok_or("none"))
    };
    let service = Fallback::builder("test").build().layer(second).layer(inner);
    assert_eq!(done(service.clone().oneshot(1)), Ok(1));
    assert_eq!(done(service.oneshot(12)), Ok(1_200), "by the request");
    let inner = tower::service_fn(|_: u32| ready(Err::<u32, _>(refusal())));
    let service = Fallback::builder("test").build().layer(second).nested().layer(inner);
    assert_eq!(done(service.oneshot(3)), Ok(300));
}
