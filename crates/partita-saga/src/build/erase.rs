//! Takes the types off: from `async fn(State, Step<Env>) -> ..` to functions over JSON text.

use super::place::{Outcome, State};
use crate::definition::{Bound, Json, Kind, StateText};
use crate::outcome::{Probe, ProbeResult, Retriable, Step, Stop, Unfinished};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub(super) type Answer = Result<Json, Stop>;
/// A call that still wants its environment.
pub(super) type Call<E, R> = Arc<dyn Fn(Arc<E>) -> Bound<R> + Send + Sync>;

pub(super) enum Settling<E> {
    Tombstone,
    Insist(Duration),
    Probe(Call<E, Retriable<Probe<Json>>>, Duration),
}

impl<E> Settling<E> {
    /// Sets the window of a probe.
    pub(super) fn opens(&mut self, window: Duration) {
        if let Self::Probe(_, kept) = self {
            *kept = window;
        }
    }
}

/// A step or branch that still wants its environment.
pub(super) struct Calls<E> {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) act: Call<E, Answer>,
    pub(super) undo: Option<Call<E, Retriable<()>>>,
    pub(super) settle: Settling<E>,
    pub(super) attempt: Duration,
    pub(super) within: Option<Duration>,
    pub(super) retry: Option<u32>,
    pub(super) undo_retry: u32,
    pub(super) undo_attempt: Option<Duration>,
}

pub(super) fn encode<T: Serialize>(value: &T) -> Retriable<Json> {
    Ok(serde_json::to_string(value).map_err(partita_core::Error::from)?.into())
}

pub(super) fn decode<T: DeserializeOwned>(json: &str) -> Retriable<T> {
    let decoded = serde_json::from_str(json).map_err(partita_core::Error::from);
    Ok(decoded.map_err(|error| error.effect(partita_core::Effect::None))?)
}

/// Erases `f`; `then` turns its output into what the engine stores.
fn erase<S: State, E: Send + Sync + 'static, F, Fut, R, T>(f: F, then: T) -> Call<E, R>
where
    F: Fn(S, Step<E>) -> Fut + Send + Sync + 'static,
    Fut: Future + Send + 'static,
    R: From<Undecodable> + Send + 'static,
    T: Fn(Fut::Output) -> R + Copy + Send + Sync + 'static,
{
    let f = Arc::new(f);
    Arc::new(move |env: Arc<E>| {
        let f = f.clone();
        Arc::new(move |state: &StateText, facts| match state.read::<S>() {
            Err(error) => Box::pin(std::future::ready(R::from(Undecodable(error)))),
            Ok(state) => {
                let running = f(state, Step { env: env.clone(), facts });
                Box::pin(async move { then(running.await) })
            }
        })
    })
}

pub(super) struct Undecodable(Unfinished);

impl<T, X: From<Unfinished>> From<Undecodable> for Result<T, X> {
    fn from(undecodable: Undecodable) -> Self {
        Err(undecodable.0.into())
    }
}

pub(super) fn act<S: State, T: Serialize, E: Send + Sync + 'static, K, F, Fut>(f: F) -> Call<E, Answer>
where
    F: Fn(S, Step<E>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Outcome<T, K>> + Send + 'static,
{
    erase(f, |out: Fut::Output| Ok(encode(&out.into_stop()?)?))
}

pub(super) fn undo<S: State, E: Send + Sync + 'static, F, Fut>(f: F) -> Call<E, Retriable<()>>
where
    F: Fn(S, Step<E>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Retriable<()>> + Send + 'static,
{
    erase(f, |out| out)
}

pub(super) fn ask<S: State, T: Serialize + 'static, E: Send + Sync + 'static, F, Fut>(
    f: F,
) -> Call<E, Retriable<Probe<Json>>>
where
    F: Fn(S, Step<E>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ProbeResult<T>> + Send + 'static,
{
    erase(f, |out: ProbeResult<T>| {
        Ok(match out? {
            Probe::Done(output) => Probe::Done(encode(&output)?),
            Probe::NotDone => Probe::NotDone,
            Probe::StillUnknown => Probe::StillUnknown,
        })
    })
}
