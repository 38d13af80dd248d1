//! A keyed limiter in virtual time.

use super::line::{Answer, Fault, First, Input, Tool, millis, mistake, options};
use partita_resilience::limiter::{Algorithm, Decision, KeyedLimiter, Quota};
use partita_resilience::{Reason, Timing};
use partita_time::ManualClock;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::time::Duration;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    limit: Option<u32>,
    per_ms: Option<u64>,
    burst: Option<u32>,
    algorithm: Option<Word>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Gcra,
    TokenBucket,
    SlidingLog,
    FixedWindow,
}

/// The public keyed limiter on a clock that the lines move.
pub(crate) struct LimiterTool {
    clock: ManualClock,
    limiter: KeyedLimiter<String>,
    per: Duration,
}

impl LimiterTool {
    pub(crate) fn open(first: First) -> Result<Self, Fault> {
        let options: Options = options(first.config)?;
        let per = Duration::from_millis(options.per_ms.unwrap_or(1_000));
        let mut quota = Quota::new(options.limit.unwrap_or(100), per);
        if let Some(burst) = options.burst {
            quota = quota.burst(burst);
        }
        quota = quota.algorithm(match options.algorithm.unwrap_or(Word::Gcra) {
            Word::Gcra => Algorithm::Gcra,
            Word::TokenBucket => Algorithm::TokenBucket,
            Word::SlidingLog => Algorithm::SlidingLog,
            Word::FixedWindow => Algorithm::FixedWindow,
        });
        let clock = ManualClock::new();
        let builder =
            KeyedLimiter::<String>::builder("replay").quota(quota).timing(Timing::manual(&clock, first.seed.0));
        let limiter = builder.build_keyed().map_err(|e| mistake(&e))?;
        Ok(Self { clock, limiter, per })
    }

    fn check(&self, key: &str, cost: u32, answer: &mut Answer) {
        let decision = self.limiter.check_cost(key, cost);
        answer.id = Some(key.to_owned());
        answer.admitted = Some(decision.allowed());
        answer.retry_after_ms = decision.retry_after().filter(|_| !decision.allowed()).map(millis);
        answer.reason = (!decision.allowed()).then(|| reason(&decision).to_string());
        answer.snapshot = left(decision.limit(), decision.remaining(), decision.reset_at());
        answer.snapshot.insert("allowed".to_owned(), json!(decision.allowed()));
        answer.snapshot.insert("retry_after".to_owned(), json!(answer.retry_after_ms));
        answer.snapshot.insert("key".to_owned(), json!(key));
    }
}

fn reason(decision: &Decision) -> Reason {
    if decision.retry_after().is_some() { Reason::LimitReached } else { Reason::CostTooHigh }
}

fn left(limit: u32, remaining: u32, reset_at: Duration) -> Map<String, Value> {
    let fields = [("limit", json!(limit)), ("remaining", json!(remaining)), ("reset_at", json!(millis(reset_at)))];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

impl Tool for LimiterTool {
    fn step(&mut self, at: Duration, input: Input) -> Result<Answer, Fault> {
        let mut answer = Answer { at_ms: millis(at), ..Answer::default() };
        self.clock.advance_to(at);
        match input {
            Input::Check { key, cost } => self.check(&key, cost, &mut answer),
            Input::Look => {
                let now = self.limiter.snapshot();
                answer.snapshot = left(now.limit, now.remaining, now.reset_at);
            }
            Input::Start { .. } | Input::End { .. } | Input::Set(_) => {
                return Err(Fault::new("a limiter takes `check` and `look`"));
            }
        }
        let now = self.limiter.snapshot();
        let keys = now.keys.unwrap_or_default();
        let counts = [("admitted", now.admitted), ("rejected", now.rejected), ("keys", keys.entries as u64)];
        answer.snapshot.extend(counts.into_iter().map(|(name, count)| (name.to_owned(), json!(count))));
        answer.state = Some(if answer.snapshot["remaining"] == json!(0) { "exhausted" } else { "available" });
        Ok(answer)
    }

    fn grid(&self) -> Duration {
        self.per
    }
}
