//! Hedges: `start` begins attempt 1, and attempts that fall due stand in the `events` as `attempt_started`.
//!
//! `end` names an attempt: a call's id alone means its first attempt still under way, `id#2` its attempt 2. A success wins:
//! `reason` is `won`, and the losers stand in the `events` as `attempt_cancelled`; an `ignored` end is an answer too
//! (`reason` `ignored`). A failure starts the next attempt at once: its `attempt` and `delay_ms` 0; or the `reason` why
//! not: `max_hedges, budget_spent, all_failed`. A hedge that was due and not paid for is the event `hedge_refused`.
//! `cancelled` means that the caller went away, and ends the call as it stands. With a `budget_ratio` the budget is that
//! alone, unless `budget_floor_per_s` is given too; without both it is the policy's default.

use crate::executor::Executor;
use crate::line::{Answer, Due, Fault, First, Input, Tool, millis, mistake, options};
use crate::work::{Deed, Ended, Work};
use partita_resilience::budget::Budget;
use partita_resilience::deadline::Context;
use partita_resilience::hedge::Hedge;
use partita_resilience::{BuildError, Error, EventKind, Outcome, Timing};
use partita_time::{Clock, ManualClock};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    delay_ms: Option<u64>,
    quantile: Option<f64>,
    min_delay_ms: Option<u64>,
    min_samples: Option<u64>,
    max_hedges: Option<u32>,
    budget_ratio: Option<f64>,
    budget_floor_per_s: Option<f64>,
}

type Judge = fn(Result<&(), &Ended>) -> Outcome;

fn judge(result: Result<&(), &Ended>) -> Outcome {
    result.map_or_else(|ended| ended.0, |()| Outcome::Success)
}

/// Why hedges were refused since somebody looked.
type Refused = Arc<Mutex<Vec<&'static str>>>;

/// A hedge policy in virtual time.
pub(crate) struct HedgeTool {
    clock: ManualClock,
    hedge: Hedge<Judge>,
    calls: Executor<Result<(), Error<Ended>>>,
    work: Work,
    refused: Refused,
    /// Calls that get no further hedge, and why the last one was refused.
    unpaid: BTreeMap<String, &'static str>,
    events: Vec<Due>,
}

impl HedgeTool {
    pub(crate) fn new(first: First) -> Result<Self, Fault> {
        let options: Options = options(first.config)?;
        if options.delay_ms.is_some() && options.quantile.is_some() {
            return Err(Fault::new("config: `delay_ms` or `quantile`, not both"));
        }
        let clock = ManualClock::new();
        let refused = Refused::default();
        let timing = Timing::manual(&clock, first.seed.0);
        let hedge = build(&options, &timing, &refused).map_err(|error| mistake(&error))?;
        let (calls, work, unpaid) = (Executor::new(), Work::default(), BTreeMap::new());
        Ok(Self { clock, hedge, calls, work, refused, unpaid, events: Vec::new() })
    }

    /// Moves to `at` by way of every moment at which something is due.
    fn advance(&mut self, at: Duration) {
        while let Some(due) = self.clock.next_due().filter(|due| *due <= at) {
            self.clock.advance_to(due);
            self.run();
        }
        self.clock.advance_to(at);
        self.run();
    }

    fn run(&mut self) {
        while let Some(id) = self.calls.next_woken() {
            let _ = self.poll(&id);
        }
    }

    /// Polls a call and gathers what it did; the attempts that it began.
    fn poll(&mut self, id: &str) -> (Option<Result<(), Error<Ended>>>, Vec<u32>) {
        let end = self.calls.poll(id);
        let at_ms = millis(self.clock.elapsed());
        let mut begun = Vec::new();
        for (id, attempt, deed) in self.work.deeds() {
            if deed == Deed::Started {
                begun.push(attempt);
            }
            let event = match deed {
                Deed::Started if attempt == 1 => continue,
                Deed::Started => "attempt_started",
                Deed::Dropped => "attempt_cancelled",
            };
            self.events.push(Due { at_ms, id: Some(id), attempt: Some(attempt), ..Due::of(event) });
        }
        for reason in std::mem::take(&mut *self.refused.lock().unwrap_or_else(PoisonError::into_inner)) {
            self.unpaid.insert(id.to_owned(), reason);
            let (id, reason) = (Some(id.to_owned()), Some(reason.to_owned()));
            self.events.push(Due { at_ms, id, reason, ..Due::of("hedge_refused") });
        }
        if !self.calls.has(id) {
            self.unpaid.remove(id);
        }
        (end, begun)
    }

    fn start(&mut self, id: &str, answer: &mut Answer) -> Result<(), Fault> {
        if self.calls.has(id) {
            return Err(Fault::new(format!("`{id}` is under way already; give each call an id of its own")));
        }
        let (hedge, work, name) = (self.hedge.clone(), self.work.clone(), id.to_owned());
        let call = async move {
            let attempt = |attempt| {
                let end = work.attempt(&name, &attempt);
                async { end.await.map_err(Error::Inner) }
            };
            hedge.around(Context::new(), attempt).await
        };
        self.calls.add(id, call);
        let _ = self.poll(id);
        (answer.admitted, answer.attempt, answer.delay_ms) = (Some(true), Some(1), Some(0));
        Ok(())
    }

    fn end(&mut self, name: &str, outcome: Outcome, answer: &mut Answer) -> Result<(), Fault> {
        if outcome == Outcome::Cancelled {
            let id = self.work.leave(&mut self.calls, name)?;
            let _ = self.poll(&id);
            (answer.id, answer.reason) = (Some(id), Some("cancelled".to_owned()));
            return Ok(());
        }
        let (id, _) = self.work.end(name, outcome)?;
        let (end, begun) = self.poll(&id);
        let reason = match end {
            Some(Ok(())) => Some("won"),
            Some(Err(_)) if outcome == Outcome::Ignored => Some("ignored"),
            Some(Err(_)) => Some("all_failed"),
            None if begun.is_empty() => Some(self.unpaid.get(&id).copied().unwrap_or("max_hedges")),
            None => None,
        };
        (answer.id, answer.reason) = (Some(id), reason.map(str::to_owned));
        if let Some(attempt) = begun.last() {
            (answer.attempt, answer.delay_ms) = (Some(*attempt), Some(0));
        }
        Ok(())
    }
}

fn build(options: &Options, timing: &Timing, refused: &Refused) -> Result<Hedge<Judge>, BuildError> {
    let mut builder = Hedge::builder("replay").idempotent(true).timing(timing.clone());
    if options.budget_ratio.is_some() || options.budget_floor_per_s.is_some() {
        let budget = Budget::builder()
            .ratio(options.budget_ratio.unwrap_or(0.05))
            .floor_per_second(options.budget_floor_per_s.unwrap_or(0.0))
            .timing(timing.clone());
        builder = builder.budget(budget.build()?);
    }
    if let Some(delay) = options.delay_ms {
        builder = builder.delay(Duration::from_millis(delay));
    }
    if let Some(quantile) = options.quantile {
        builder = builder.quantile(quantile);
    }
    if let Some(delay) = options.min_delay_ms {
        builder = builder.min_delay(Duration::from_millis(delay));
    }
    if let Some(samples) = options.min_samples {
        builder = builder.min_samples(samples);
    }
    if let Some(hedges) = options.max_hedges {
        builder = builder.max_hedges(hedges);
    }
    let refused = Arc::clone(refused);
    let listener = move |event: &partita_resilience::Event<'_>| {
        if let EventKind::Rejected { reason, .. } = event.kind {
            refused.lock().unwrap_or_else(PoisonError::into_inner).push(reason.as_str());
        }
    };
    builder.listener(listener).classify(judge as Judge).build()
}

impl Tool for HedgeTool {
    fn step(&mut self, at: Duration, input: Input) -> Result<Answer, Fault> {
        let mut answer = Answer { at_ms: millis(at), ..Answer::default() };
        self.advance(at);
        match input {
            Input::Start { id, key: _ } => {
                self.start(&id, &mut answer)?;
                answer.id = Some(id);
            }
            Input::End { id, outcome } => self.end(&id, outcome, &mut answer)?,
            Input::Look => {}
            Input::Set(_) | Input::Check { .. } => {
                return Err(Fault::new("hedge knows `start`, `end` and `look`"));
            }
        }
        self.run();
        answer.events = std::mem::take(&mut self.events);
        answer.snapshot = snapshot(&self.hedge);
        Ok(answer)
    }
}

fn snapshot(hedge: &Hedge<Judge>) -> Map<String, Value> {
    let seen = hedge.snapshot();
    let fields = [
        ("name", json!(&*seen.name)),
        ("calls", json!(seen.calls)),
        ("hedges", json!(seen.hedges)),
        ("won_by_hedge", json!(seen.won_by_hedge)),
        ("failed", json!(seen.failed)),
        ("refused", json!(seen.refused)),
        ("hedge_delay_ms", json!(seen.delay.map(millis))),
        ("budget_available", json!(seen.budget.available)),
        ("budget_withdrawn", json!(seen.budget.withdrawn)),
        ("budget_refused", json!(seen.budget.refused)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
