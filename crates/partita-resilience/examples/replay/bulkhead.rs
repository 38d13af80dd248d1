//! A bulkhead in virtual time.

use super::executor::Executor;
use super::line::{Answer, Due, Fault, First, Input, Tool, millis, mistake, options};
use partita_resilience::bulkhead::{Bulkhead, Permit};
use partita_resilience::{Outcome, Reason, Rejected, Timing};
use partita_time::ManualClock;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    max_concurrent: Option<u32>,
    max_wait_ms: Option<u64>,
    queue: Option<usize>,
}

/// The public bulkhead on a clock that the lines move.
pub(crate) struct BulkheadTool {
    clock: ManualClock,
    bulkhead: Bulkhead,
    running: BTreeMap<String, Permit>,
    waiting: Executor<Result<Permit, Rejected>>,
    refused: BTreeSet<String>,
    /// What fell due and was not answered yet: a line that cannot be read must not swallow it.
    events: Vec<Due>,
}

impl BulkheadTool {
    pub(crate) fn open(first: First) -> Result<Self, Fault> {
        let options: Options = options(first.config)?;
        let clock = ManualClock::new();
        let mut builder = Bulkhead::builder("replay").timing(Timing::manual(&clock, first.seed.0));
        if let Some(most) = options.max_concurrent {
            builder = builder.max_concurrent(most);
        }
        if let Some(wait) = options.max_wait_ms {
            builder = builder.max_wait(Duration::from_millis(wait));
        }
        if let Some(queue) = options.queue {
            builder = builder.queue(queue);
        }
        let bulkhead = builder.build().map_err(|e| mistake(&e))?;
        let (running, waiting, refused) = (BTreeMap::new(), Executor::new(), BTreeSet::new());
        Ok(Self { clock, bulkhead, running, waiting, refused, events: Vec::new() })
    }

    /// Lets each waiter that was woken look whether its turn, or its end, has come.
    fn settle(&mut self) {
        let at_ms = millis(partita_time::Clock::elapsed(&self.clock));
        while let Some(id) = self.waiting.next_woken() {
            let events = &mut self.events;
            let mut tell = |id: &String, event, reason: Option<Reason>| {
                let reason = reason.map(|reason| reason.to_string());
                events.push(Due { at_ms, id: Some(id.clone()), reason, ..Due::of(event) });
            };
            match self.waiting.poll(&id) {
                None => {}
                Some(Ok(permit)) => {
                    tell(&id, "admitted", None);
                    self.running.insert(id, permit);
                }
                Some(Err(rejected)) => {
                    let timed_out = rejected.reason == Reason::WaitedTooLong;
                    tell(&id, if timed_out { "timed_out" } else { "rejected" }, Some(rejected.reason));
                    self.refused.insert(id);
                }
            }
        }
    }

    fn start(&mut self, id: String, answer: &mut Answer) -> Result<(), Fault> {
        if self.running.contains_key(&id) || self.waiting.has(&id) {
            return Err(Fault::new(format!("`{id}` has started and not ended: give each call an id of its own")));
        }
        self.refused.remove(&id);
        let bulkhead = self.bulkhead.clone();
        self.waiting.add(&id, async move { bulkhead.acquire().await });
        answer.id = Some(id.clone());
        match self.waiting.poll(&id) {
            None => (answer.admitted, answer.queued) = (Some(false), Some(true)),
            Some(Ok(permit)) => {
                answer.admitted = Some(true);
                self.running.insert(id, permit);
            }
            Some(Err(rejected)) => {
                answer.admitted = Some(false);
                answer.reason = Some(rejected.reason.to_string());
                answer.retry_after_ms = rejected.retry_after.map(millis);
                self.refused.insert(id);
            }
        }
        Ok(())
    }

    fn end(&mut self, id: String, outcome: Outcome, answer: &mut Answer) -> Result<(), Fault> {
        if let Some(permit) = self.running.remove(&id) {
            permit.finish(outcome);
        } else if self.waiting.has(&id) {
            self.waiting.remove(&id);
            answer.reason = Some("left_the_queue".to_owned());
        } else if self.refused.remove(&id) {
            answer.reason = Some("was_not_admitted".to_owned());
        } else {
            return Err(Fault::new(format!("`{id}` ends and never started")));
        }
        answer.id = Some(id);
        Ok(())
    }

    fn snapshot(&self) -> Map<String, Value> {
        let now = self.bulkhead.snapshot();
        let fields = [
            ("active", json!(now.active)),
            ("available", json!(now.available)),
            ("queued", json!(now.queued)),
            ("pool_size", json!(now.pool_size)),
            ("submitted", json!(now.submitted)),
            ("completed", json!(now.completed)),
            ("failed", json!(now.failed)),
            ("cancelled", json!(now.cancelled)),
            ("rejected", json!(now.rejected)),
            ("saturated_count", json!(now.saturated_count)),
            ("wait_p50_ms", json!(millis(now.wait_p50))),
            ("wait_p99_ms", json!(millis(now.wait_p99))),
        ];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl Tool for BulkheadTool {
    fn step(&mut self, at: Duration, input: Input) -> Result<Answer, Fault> {
        let mut answer = Answer { at_ms: millis(at), ..Answer::default() };
        while let Some(due) = self.clock.next_due().filter(|due| *due <= at) {
            self.clock.advance_to(due);
            self.settle();
        }
        self.clock.advance_to(at);
        match input {
            Input::Start { id, .. } => self.start(id, &mut answer)?,
            Input::End { id, outcome } => self.end(id, outcome, &mut answer)?,
            Input::Look => {}
            Input::Set(mode) => {
                return Err(Fault::new(format!(
                    "a bulkhead cannot be set {mode:?}: it takes `start`, `end` and `look`"
                )));
            }
            Input::Check { .. } => return Err(Fault::new("a bulkhead takes `start`, `end` and `look`")),
        }
        self.settle();
        answer.events = std::mem::take(&mut self.events);
        answer.snapshot = self.snapshot();
        answer.state = Some(if answer.snapshot["available"] == json!(0) { "saturated" } else { "available" });
        Ok(answer)
    }
}
