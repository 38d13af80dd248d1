//! The circuit breaker in virtual time.
//!
//! A call with a key goes through the breaker of that key; `set` means them all, `look` shows the one without a key. The end
//! of a call that was rejected changes nothing, and its id may be used again. Events: `state_changed` and, for a breaker that only watches,
//! `would_change` with `from`, `to` and `reason`; `timed_out` with the id of a call or probe that did not end in its time; each
//! with the `key` of its breaker, if that has one.

use crate::line::{Answer, Due, Fault, First, Input, Mode, Tool, millis, mistake, options};
use partita_resilience::breaker::{Breaker, Builder, Mode as Forced, OwnedPermit, Snapshot, State};
use partita_resilience::{Event, EventKind, Outcome, Timing};
use partita_time::{Clock, ManualClock};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The options by their names in the documentation.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    window_ms: Option<u64>,
    window_calls: Option<usize>,
    buckets: Option<u32>,
    min_calls: Option<u64>,
    failure_rate: Option<f64>,
    slow_call_ms: Option<u64>,
    slow_rate: Option<f64>,
    consecutive: Option<u64>,
    stuck: Option<u64>,
    open_ms: Option<u64>,
    open_max_ms: Option<u64>,
    open_jitter: Option<f64>,
    half_open_calls: Option<u32>,
    half_open_successes: Option<u64>,
    half_open_max_ms: Option<u64>,
    ramp_ms: Option<u64>,
    call_timeout_ms: Option<u64>,
}

impl Options {
    fn apply(&self, builder: Builder) -> Result<Builder, Fault> {
        if self.window_ms.is_some() && self.window_calls.is_some() {
            return Err(Fault::new(
                "config: `window_ms` and `window_calls` are two kinds of window: write one of them",
            ));
        }
        let ms = Duration::from_millis;
        let builder = self.window_ms.map(ms).into_iter().fold(builder, Builder::window);
        let builder = self.buckets.into_iter().fold(builder, Builder::buckets);
        let builder = self.window_calls.into_iter().fold(builder, Builder::window_calls);
        let builder = self.min_calls.into_iter().fold(builder, Builder::min_calls);
        let builder = self.failure_rate.into_iter().fold(builder, Builder::failure_rate);
        let builder = self.slow_call_ms.map(ms).into_iter().fold(builder, Builder::slow_call);
        let builder = self.slow_rate.into_iter().fold(builder, Builder::slow_rate);
        let builder = self.consecutive.into_iter().fold(builder, Builder::consecutive);
        let builder = self.stuck.into_iter().fold(builder, Builder::stuck);
        let builder = self.open_ms.map(ms).into_iter().fold(builder, Builder::open);
        let builder = self.open_max_ms.map(ms).into_iter().fold(builder, Builder::open_max);
        let builder = self.open_jitter.into_iter().fold(builder, Builder::open_jitter);
        let builder = self.half_open_calls.into_iter().fold(builder, Builder::half_open_calls);
        let builder = self.half_open_successes.into_iter().fold(builder, Builder::half_open_successes);
        let builder = self.half_open_max_ms.map(ms).into_iter().fold(builder, Builder::half_open_max);
        let builder = self.ramp_ms.map(ms).into_iter().fold(builder, Builder::ramp);
        Ok(self.call_timeout_ms.map(ms).into_iter().fold(builder, Builder::call_timeout))
    }
}

type News = Arc<Mutex<Vec<Due>>>;

/// A call of the trace that has not ended.
struct Call {
    breaker: Breaker,
    key: Option<String>,
    permit: Option<OwnedPermit>,
    timed_out: bool,
    limit: Option<Duration>,
}

pub(crate) struct Replay {
    options: Options,
    clock: ManualClock,
    timing: Timing,
    news: News,
    breakers: BTreeMap<Option<String>, Breaker>,
    calls: BTreeMap<String, Call>,
    /// Breakers that time alone may change.
    moving: BTreeSet<Option<String>>,
    /// When calls run into `call_timeout_ms`.
    limits: BTreeSet<(Duration, String)>,
    /// The last word of an operator, which holds for keys to come too.
    order: Option<Mode>,
}

impl Replay {
    pub(crate) fn open(first: First) -> Result<Self, Fault> {
        let options: Options = options(first.config)?;
        let clock = ManualClock::new();
        let timing = Timing::manual(&clock, first.seed.0);
        let (breakers, calls) = (BTreeMap::new(), BTreeMap::new());
        let (moving, limits) = (BTreeSet::new(), BTreeSet::new());
        let mut replay =
            Self { options, clock, timing, news: News::default(), breakers, calls, moving, limits, order: None };
        replay.breaker(None)?;
        Ok(replay)
    }

    fn breaker(&mut self, key: Option<String>) -> Result<Breaker, Fault> {
        if let Some(breaker) = self.breakers.get(&key) {
            return Ok(breaker.clone());
        }
        let (news, whose) = (Arc::clone(&self.news), key.clone());
        let builder = Breaker::builder(key.clone().unwrap_or_else(|| "breaker".to_owned()));
        let builder = self
            .options
            .apply(builder)?
            .timing(self.timing.clone())
            .listener(move |event| hear(&news, whose.as_ref(), event));
        let breaker = builder.build().map_err(|e| mistake(&e))?;
        if let Some(order) = self.order {
            let told = || self.news.lock().unwrap_or_else(PoisonError::into_inner);
            let before = told().len();
            obey(&breaker, order);
            told().truncate(before);
            self.moving.insert(key.clone());
        }
        self.breakers.insert(key, breaker.clone());
        Ok(breaker)
    }

    /// What was told since the last line, in time order.
    fn events(&self) -> Vec<Due> {
        let mut events = std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner));
        events.sort_by_key(|due| due.at_ms);
        events
    }

    fn start(&mut self, id: String, key: Option<String>, answer: &mut Answer) -> Result<Breaker, Fault> {
        if self.calls.get(&id).is_some_and(|call| call.permit.is_some() && !call.timed_out) {
            return Err(Fault::new(format!("`{id}` is in flight already: give each call an id of its own")));
        }
        let breaker = self.breaker(key.clone())?;
        let permit = match breaker.admit_owned() {
            Ok(permit) => Some(permit),
            Err(rejected) => {
                answer.reason = Some(rejected.reason.to_string());
                answer.retry_after_ms = rejected.retry_after.map(millis);
                None
            }
        };
        answer.admitted = Some(permit.is_some());
        answer.id = Some(id.clone());
        let limit =
            self.options.call_timeout_ms.map(|limit| self.clock.elapsed().saturating_add(Duration::from_millis(limit)));
        let limit = permit.as_ref().and_then(|permit| permit.deadline().or(limit));
        self.limits.extend(limit.map(|limit| (limit, id.clone())));
        // A call that begins may find others stuck and trip its breaker.
        self.moving.insert(key.clone());
        self.calls.insert(id, Call { breaker: breaker.clone(), key, permit, timed_out: false, limit });
        Ok(breaker)
    }

    fn end(&mut self, id: String, outcome: Outcome, answer: &mut Answer) -> Result<Breaker, Fault> {
        let call =
            self.calls.remove(&id).ok_or_else(|| Fault::new(format!("`{id}` is not in flight: start it first")))?;
        answer.admitted = (call.permit.is_none() && !call.timed_out).then_some(false);
        answer.reason = call.timed_out.then(|| "timed_out".to_owned());
        if let Some(limit) = call.limit {
            self.limits.remove(&(limit, id.clone()));
        }
        answer.id = Some(id);
        if let Some(permit) = call.permit {
            permit.record(outcome);
        }
        self.moving.insert(call.key);
        Ok(call.breaker)
    }

    /// Moves to `at` by way of the limits of calls.
    fn advance(&mut self, at: Duration) {
        while let Some((due, id)) = self.limits.first().filter(|(due, _)| *due <= at).cloned() {
            self.limits.pop_first();
            self.clock.advance_to(due);
            self.settle();
            let Some(call) = self.calls.get_mut(&id) else { continue };
            let mut told = self.news.lock().unwrap_or_else(PoisonError::into_inner);
            let at_ms = millis(due);
            let is_why =
                |due: &Due| due.at_ms == at_ms && due.key == call.key && due.reason.as_deref() == Some("probe_expired");
            // Whoever waits for a probe whose half-open state is over, waits for a call like others.
            let expired =
                call.permit.as_ref().and_then(OwnedPermit::deadline).and_then(|_| told.iter().position(is_why));
            if expired.is_none() && self.options.call_timeout_ms.is_none() {
                continue;
            }
            call.timed_out = true;
            let due = Due { at_ms, id: Some(id), key: call.key.clone(), ..Due::of("timed_out") };
            let place = expired.unwrap_or(told.len());
            told.insert(place, due);
            drop(told);
            self.moving.insert(call.key.clone());
            if expired.is_none() {
                call.permit.take().into_iter().for_each(|permit| permit.record(Outcome::Failure));
            }
        }
        self.clock.advance_to(at);
        self.settle();
    }

    /// Lets time act on the breakers that it may change.
    fn settle(&mut self) {
        let breakers = &self.breakers;
        self.moving.retain(|key| {
            breakers
                .get(key)
                .is_some_and(|breaker| breaker.state() != State::Closed || breaker.snapshot().mode != Forced::Automatic)
        });
    }

    fn set(&mut self, mode: Mode) {
        self.moving.extend(self.breakers.keys().cloned());
        self.order = Some(mode);
        self.breakers.values().for_each(|breaker| obey(breaker, mode));
    }
}

fn obey(breaker: &Breaker, mode: Mode) {
    match mode {
        Mode::ForcedOpen => breaker.force_open(),
        Mode::Disabled => breaker.disable(),
        Mode::MetricsOnly => breaker.watch_only(),
        Mode::Closed => breaker.close(),
        Mode::Reset => breaker.reset(),
    }
}

impl Tool for Replay {
    fn step(&mut self, at: Duration, input: Input) -> Result<Answer, Fault> {
        self.advance(at);
        let mut answer = Answer { at_ms: millis(at), ..Answer::default() };
        let breaker = match input {
            Input::Start { id, key } => self.start(id, key, &mut answer)?,
            Input::End { id, outcome } => self.end(id, outcome, &mut answer)?,
            Input::Set(mode) => {
                self.set(mode);
                self.breaker(None)?
            }
            Input::Look => self.breaker(None)?,
            Input::Check { .. } => return Err(Fault::new("a breaker knows `start`, `end`, `set` and `look`")),
        };
        answer.events = self.events();
        let snapshot = breaker.snapshot();
        answer.state = Some(snapshot.state.as_str());
        answer.mode = snapshot.mode.as_str();
        answer.snapshot = fields(&snapshot);
        Ok(answer)
    }

    fn grid(&self) -> Duration {
        // A window of calls has no buckets but those in which stuck ones are looked for.
        let slow = Duration::from_millis(self.options.slow_call_ms.unwrap_or(1_000));
        self.breakers.get(&None).and_then(Breaker::window).unwrap_or(slow)
    }
}

fn hear(news: &News, key: Option<&String>, event: &Event<'_>) {
    let (EventKind::StateChanged { from, to, reason, .. } | EventKind::WouldChange { from, to, reason, .. }) =
        event.kind
    else {
        return;
    };
    let due = Due {
        at_ms: millis(event.at()),
        key: key.cloned(),
        from: Some(from),
        to: Some(to),
        reason: Some(reason.to_owned()),
        ..Due::of(event.kind.as_str())
    };
    news.lock().unwrap_or_else(PoisonError::into_inner).push(due);
}

fn fields(snapshot: &Snapshot) -> Map<String, Value> {
    let fields = json!({
        "name": snapshot.name.as_str(),
        "state": snapshot.state.as_str(),
        "since": millis(snapshot.since),
        "total": snapshot.total,
        "successful": snapshot.successful,
        "failed": snapshot.failed,
        "slow": snapshot.slow,
        "ignored": snapshot.ignored,
        "rejected": snapshot.rejected,
        "stale": snapshot.stale,
        "rates": { "failure_rate": snapshot.rates.failure_rate, "slow_rate": snapshot.rates.slow_rate },
        "consecutive_failures": snapshot.consecutive_failures,
        "opened_count": snapshot.opened_count,
        "last_failure_at": snapshot.last_failure_at.map(millis),
        "retry_after": snapshot.retry_after.map(millis),
    });
    match fields {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
