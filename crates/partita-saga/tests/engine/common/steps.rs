//! Definitions over the scripted participant.

use super::service::Service;
use partita_saga::{Draft, ProbeResult, Retriable, Saga, Step, StepResult, place};
use partita_time::BoxFuture;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// State of the test's sagas: which steps it knows to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trip {
    pub(crate) done: Vec<String>,
}

pub(crate) fn act(step: &'static str) -> impl Fn(Trip, Step<Service>) -> BoxFuture<'static, StepResult<Trip>> {
    move |trip, cx| Box::pin(async move { cx.env().act(step, trip, &cx).await })
}

pub(crate) fn finish(step: &'static str) -> impl Fn(Trip, Step<Service>) -> BoxFuture<'static, Retriable<Trip>> {
    move |trip, cx| {
        Box::pin(async move {
            match cx.env().act(step, trip, &cx).await {
                Ok(trip) => Ok(trip),
                Err(partita_saga::Stop::Unfinished(unfinished)) => Err(unfinished),
                Err(partita_saga::Stop::Rejected(refusal)) => panic!("{refusal}"),
            }
        })
    }
}

pub(crate) fn undo(step: &'static str) -> impl Fn(Trip, Step<Service>) -> BoxFuture<'static, Retriable<()>> {
    move |_, cx| Box::pin(async move { cx.env().undo(step, &cx).await })
}

pub(crate) fn ask(step: &'static str) -> impl Fn(Trip, Step<Service>) -> BoxFuture<'static, ProbeResult<Trip>> {
    move |trip, cx| Box::pin(async move { cx.env().ask(step, trip, &cx) })
}

pub(crate) fn named(name: &'static str) -> Draft<Trip, Service, place::Empty> {
    Saga::named(name)
}

pub(crate) const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// `a`, `b` with undos, pivot `p`, `c`: each attempt has 2 s.
pub(crate) fn trip() -> Saga<Trip, Service> {
    named("trip")
        .step("a", act("a"))
        .undo(undo("a"))
        .attempt(secs(2))
        .step("b", act("b"))
        .undo(undo("b"))
        .attempt(secs(2))
        .pivot("p", act("p"))
        .attempt(secs(2))
        .step("c", finish("c"))
        .attempt(secs(2))
        .build()
}
