//! Retries: `start` begins attempt 1, `end` ends the attempt under way, and the answer tells the next one or why none.
//!
//! Answers: to `start` attempt 1 without delay; to `end` the next `attempt` and its `delay_ms`, or the `reason` why there
//! is none: `success, max_attempts, retry_after_too_long, budget_spent, deadline_passed, not_idempotent, not_retryable,
//! failure_rate, cancelled`. A retry whose wait is over stands in the `events` as `attempt_started`. A call with a `key` may be made
//! again even where `idempotent` is false; `cancelled` means that the caller went away, and ends the call as it stands.

use crate::executor::Executor;
use crate::line::{Answer, Due, Fault, First, Input, Tool, millis, mistake, options};
use crate::work::{Deed, Ended, Work};
use partita_resilience::budget::Budget;
use partita_resilience::deadline::Context;
use partita_resilience::retry::{Jitter, Retry};
use partita_resilience::{Error, EventKind, Outcome, Timing};
use partita_time::{Clock, ManualClock};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    max_attempts: u32,
    initial_ms: u64,
    max_ms: u64,
    multiplier: f64,
    jitter: Word,
    jitter_factor: f64,
    budget_ratio: f64,
    budget_floor_per_s: f64,
    deadline_ms: Option<u64>,
    idempotent: bool,
    max_retry_after_ms: u64,
    failure_rate: f64,
    failure_rate_min_attempts: u32,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Full,
    Equal,
    Factor,
    Decorrelated,
    None,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            initial_ms: 100,
            max_ms: 10_000,
            multiplier: 2.0,
            jitter: Word::Full,
            jitter_factor: 0.25,
            budget_ratio: 0.1,
            budget_floor_per_s: 3.0,
            deadline_ms: None,
            idempotent: true,
            max_retry_after_ms: 60_000,
            failure_rate: 0.8,
            failure_rate_min_attempts: 100,
        }
    }
}

type Judge = fn(Result<&(), &Ended>) -> Outcome;

fn judge(result: Result<&(), &Ended>) -> Outcome {
    result.map_or_else(|ended| ended.0, |()| Outcome::Success)
}

/// What the policy told while a line was handled: the attempt and its delay, or why there is none.
type Told = Arc<Mutex<Option<Result<(u32, Duration), &'static str>>>>;

/// A retry policy in virtual time.
pub(crate) struct RetryTool {
    clock: ManualClock,
    retry: Retry<Judge>,
    calls: Executor<Result<(), Error<Ended>>>,
    work: Work,
    told: Told,
    /// What fell due and was not answered yet: a line that cannot be read must not swallow it.
    events: Vec<Due>,
}

impl RetryTool {
    pub(crate) fn new(first: First) -> Result<Self, Fault> {
        let options: Options = options(first.config)?;
        if !(0.0..=1.0).contains(&options.jitter_factor) {
            return Err(Fault::new("config: `jitter_factor`: a part of the wait: write 0 to 1"));
        }
        let clock = ManualClock::new();
        let timing = Timing::manual(&clock, first.seed.0);
        let told = Told::default();
        let retry = build(&options, &timing, &told).map_err(|error| mistake(&error))?;
        Ok(Self { clock, retry, calls: Executor::new(), work: Work::default(), told, events: Vec::new() })
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

    /// Polls what is woken until nothing is, and gathers which retries began.
    fn run(&mut self) {
        while let Some(id) = self.calls.next_woken() {
            let _ = self.calls.poll(&id);
        }
        let at_ms = millis(self.clock.elapsed());
        let started = self.work.deeds().into_iter().filter(|(_, attempt, deed)| *deed == Deed::Started && *attempt > 1);
        self.events.extend(started.map(|(id, attempt, _)| Due {
            at_ms,
            id: Some(id),
            attempt: Some(attempt),
            ..Due::of("attempt_started")
        }));
    }

    fn start(&mut self, id: &str, key: Option<String>, answer: &mut Answer) -> Result<(), Fault> {
        if self.calls.has(id) {
            return Err(Fault::new(format!("`{id}` is under way already; give each call an id of its own")));
        }
        let context = key.into_iter().fold(Context::new(), Context::key);
        let (retry, work, name) = (self.retry.clone(), self.work.clone(), id.to_owned());
        let call = async move {
            let attempt = |attempt| {
                let end = work.attempt(&name, &attempt);
                async { end.await.map_err(Error::Inner) }
            };
            retry.around(context, attempt).await
        };
        self.calls.add(id, call);
        let _ = self.calls.poll(id);
        (answer.admitted, answer.attempt, answer.delay_ms) = (Some(true), Some(1), Some(0));
        Ok(())
    }

    fn end(&mut self, name: &str, outcome: Outcome, answer: &mut Answer) -> Result<(), Fault> {
        if outcome == Outcome::Cancelled {
            let id = self.work.leave(&mut self.calls, name)?;
            (answer.id, answer.reason) = (Some(id), Some("cancelled".to_owned()));
            return Ok(());
        }
        let (id, _) = self.work.end(name, outcome)?;
        answer.id = Some(id.clone());
        let end = self.calls.poll(&id);
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner).take();
        match told {
            Some(Ok((attempt, delay))) => {
                (answer.attempt, answer.delay_ms) = (Some(attempt), Some(millis(delay)));
            }
            Some(Err(reason)) => answer.reason = Some(reason.to_owned()),
            None => answer.reason = end.map(|_| "success".to_owned()),
        }
        Ok(())
    }
}

fn build(options: &Options, timing: &Timing, told: &Told) -> Result<Retry<Judge>, partita_resilience::BuildError> {
    let budget = Budget::builder()
        .ratio(options.budget_ratio)
        .floor_per_second(options.budget_floor_per_s)
        .timing(timing.clone())
        .build()?;
    let told = Arc::clone(told);
    let jitter = match options.jitter {
        Word::Full => Jitter::Full,
        Word::Equal => Jitter::Equal,
        Word::Factor => Jitter::Factor(options.jitter_factor),
        Word::Decorrelated => Jitter::Decorrelated,
        Word::None => Jitter::None,
    };
    let mut builder = Retry::builder("replay")
        .max_attempts(options.max_attempts)
        .initial(Duration::from_millis(options.initial_ms))
        .max(Duration::from_millis(options.max_ms))
        .multiplier(options.multiplier)
        .jitter(jitter)
        .budget(budget)
        .idempotent(options.idempotent)
        .max_retry_after(Duration::from_millis(options.max_retry_after_ms))
        .failure_rate(options.failure_rate, options.failure_rate_min_attempts)
        .timing(timing.clone());
    if let Some(limit) = options.deadline_ms {
        builder = builder.deadline(Duration::from_millis(limit));
    }
    let listener = move |event: &partita_resilience::Event<'_>| {
        let next = match event.kind {
            EventKind::Retrying { attempt, delay, .. } => Ok((attempt, delay)),
            EventKind::GaveUp { reason, .. } => Err(reason),
            _ => return,
        };
        *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(next);
    };
    builder.listener(listener).classify(judge as Judge).build()
}

impl Tool for RetryTool {
    fn step(&mut self, at: Duration, input: Input) -> Result<Answer, Fault> {
        let mut answer = Answer { at_ms: millis(at), ..Answer::default() };
        self.advance(at);
        match input {
            Input::Start { id, key } => {
                self.start(&id, key, &mut answer)?;
                answer.id = Some(id);
            }
            Input::End { id, outcome } => self.end(&id, outcome, &mut answer)?,
            Input::Look => {}
            Input::Set(_) | Input::Check { .. } => {
                return Err(Fault::new("retry knows `start`, `end` and `look`"));
            }
        }
        self.run();
        answer.events = std::mem::take(&mut self.events);
        answer.snapshot = snapshot(&self.retry);
        Ok(answer)
    }
}

fn snapshot(retry: &Retry<Judge>) -> Map<String, Value> {
    let seen = retry.snapshot();
    let budget = seen.budget;
    let fields = [
        ("name", json!(&*seen.name)),
        ("calls", json!(seen.calls)),
        ("retries", json!(seen.retries)),
        ("successful", json!(seen.successful)),
        ("rescued", json!(seen.rescued)),
        ("failed", json!(seen.failed)),
        ("recent_failure_rate", json!(seen.recent_failure_rate)),
        ("budget_available", json!(budget.map(|budget| budget.available))),
        ("budget_withdrawn", json!(budget.map(|budget| budget.withdrawn))),
        ("budget_refused", json!(budget.map(|budget| budget.refused))),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
