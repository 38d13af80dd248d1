//! A bulkhead in virtual time.

use super::line::{Answer, Due, Fault, First, Input, Tool, millis, options};
use partita_resilience::bulkhead::{Bulkhead, Permit};
use partita_resilience::{Outcome, Reason, Rejected, Timing};
use partita_time::ManualClock;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    max_concurrent: Option<u32>,
    max_wait_ms: Option<u64>,
    queue: Option<usize>,
}

type Entering = Pin<Box<dyn Future<Output = Result<Permit, Rejected>>>>;

/// The public bulkhead on a clock that the lines move.
pub(crate) struct BulkheadTool {
    clock: ManualClock,
    bulkhead: Bulkhead,
    running: BTreeMap<String, Permit>,
    waiting: Vec<(String, Entering)>,
    refused: BTreeSet<String>,
}

impl BulkheadTool {
    pub(crate) fn open(first: First) -> Result<Self, Fault> {
        let options: Options = options(first.config)?;
        let clock = ManualClock::new();
        let mut builder = Bulkhead::builder("replay").timing(Timing::manual(&clock, first.seed));
        if let Some(most) = options.max_concurrent {
            builder = builder.max_concurrent(most);
        }
        if let Some(wait) = options.max_wait_ms {
            builder = builder.max_wait(Duration::from_millis(wait));
        }
        if let Some(queue) = options.queue {
            builder = builder.queue(queue);
        }
        let bulkhead = builder.build().map_err(|e| Fault::new(e.to_string()))?;
        Ok(Self { clock, bulkhead, running: BTreeMap::new(), waiting: Vec::new(), refused: BTreeSet::new() })
    }

    /// Lets each waiter look whether its turn, or its end, has come.
    fn settle(&mut self, events: &mut Vec<Due>) {
        let at_ms = millis(partita_time::Clock::elapsed(&self.clock));
        for (id, mut entering) in std::mem::take(&mut self.waiting) {
            let mut tell = |id: &String, event, reason: Option<Reason>| {
                let reason = reason.map(|reason| reason.to_string());
                events.push(Due { at_ms, id: Some(id.clone()), reason, ..Due::of(event) });
            };
            match entering.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => self.waiting.push((id, entering)),
                Poll::Ready(Ok(permit)) => {
                    tell(&id, "admitted", None);
                    self.running.insert(id, permit);
                }
                Poll::Ready(Err(rejected)) => {
                    let timed_out = rejected.reason == Reason::WaitedTooLong;
                    tell(&id, if timed_out { "timed_out" } else { "rejected" }, Some(rejected.reason));
                    self.refused.insert(id);
                }
            }
        }
    }

    fn start(&mut self, id: String, answer: &mut Answer) -> Result<(), Fault> {
        if self.running.contains_key(&id) || self.waiting.iter().any(|(other, _)| *other == id) {
            return Err(Fault::new(format!("`{id}` has started and not ended: give each call an id of its own")));
        }
        self.refused.remove(&id);
        let bulkhead = self.bulkhead.clone();
        let mut entering: Entering = Box::pin(async move { bulkhead.acquire().await });
        answer.id = Some(id.clone());
        match entering.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => {
                (answer.admitted, answer.queued) = (Some(false), Some(true));
                self.waiting.push((id, entering));
            }
            Poll::Ready(Ok(permit)) => {
                answer.admitted = Some(true);
                self.running.insert(id, permit);
            }
            Poll::Ready(Err(rejected)) => {
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
        } else if let Some(place) = self.waiting.iter().position(|(other, _)| *other == id) {
            drop(self.waiting.remove(place));
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
            self.settle(&mut answer.events);
        }
        self.clock.advance_to(at);
        match input {
            Input::Start { id, .. } => self.start(id, &mut answer)?,
            Input::End { id, outcome } => self.end(id, outcome, &mut answer)?,
            Input::Look => {}
            Input::Set(_) | Input::Check { .. } => {
                return Err(Fault::new("a bulkhead takes `start`, `end` and `look`"));
            }
        }
        self.settle(&mut answer.events);
        answer.snapshot = self.snapshot();
        answer.state = Some(if answer.snapshot["available"] == json!(0) { "saturated" } else { "available" });
        Ok(answer)
    }
}
