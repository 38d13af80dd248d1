//! One replay from its first line to its last: each line has one answer.

use crate::line::{self, Answer, Fault, First, Input, Tool};
use crate::{breaker, bulkhead, hedge, limiter, retry};
use std::time::Duration;

/// Traces that begin later than this after zero are those of a clock on the wall: the policy's clock begins shortly before.
const DAY: Duration = Duration::from_secs(86_400);

/// How far a trace may reach: as far as every policy's moments do.
const LONGEST: Duration = Duration::from_secs(3_650 * 86_400);

/// What can be replayed.
pub(crate) const POLICIES: [&str; 5] = ["breaker", "bulkhead", "limiter", "retry", "hedge"];

/// What the lines are put to.
enum Stage {
    /// The first line is awaited.
    New,
    Open(Box<dyn Tool>),
    /// The first line could not be read.
    Shut,
}

/// A policy in virtual time, and how far its lines have come.
pub(crate) struct Replay {
    policy: String,
    stage: Stage,
    /// The trace's moment at which the policy's clock stands at zero; None before the first moment.
    origin: Option<Duration>,
    now: Duration,
    line: u64,
}

impl Replay {
    pub(crate) fn new(policy: &str) -> Self {
        Self { policy: policy.to_owned(), stage: Stage::New, origin: None, now: Duration::ZERO, line: 0 }
    }

    /// See [`Tool::grid`]; None without a tool.
    #[cfg(test)]
    pub(crate) fn grid(&self) -> Option<Duration> {
        if let Stage::Open(tool) = &self.stage { Some(tool.grid()) } else { None }
    }

    /// The answer to the next line, which may end in a carriage return.
    pub(crate) fn answer(&mut self, line: &[u8]) -> Result<String, Fault> {
        self.line += 1;
        let number = self.line;
        let answer = self.step(line).map_err(|fault| Fault::new(format!("line {number}: {fault}")))?;
        serde_json::to_string(&answer).map_err(|e| Fault::new(e.to_string()))
    }

    fn step(&mut self, line: &[u8]) -> Result<Answer, Fault> {
        let text = std::str::from_utf8(line).map_err(|e| Fault::new(e.to_string()));
        match &mut self.stage {
            Stage::New => {
                self.stage = Stage::Shut;
                let mut tool = open(&self.policy, text?)?;
                let answer = tool.step(Duration::ZERO, Input::Look)?;
                self.stage = Stage::Open(tool);
                Ok(answer)
            }
            Stage::Open(tool) => {
                let (at, input) = line::read(text?)?;
                if at < self.now {
                    let (before, at) = (self.now.as_millis(), at.as_millis());
                    return Err(Fault::new(format!("at_ms goes back from {before} to {at}")));
                }
                let origin = *self
                    .origin
                    .get_or_insert_with(|| if at < DAY { Duration::ZERO } else { on_grid(at, tool.grid()) });
                let since = at.saturating_sub(origin);
                if since > LONGEST {
                    let (at, origin) = (at.as_millis(), origin.as_millis());
                    return Err(Fault::new(format!(
                        "at_ms {at} is more than 3,650 days after {origin}, where the trace begins: replay it in parts"
                    )));
                }
                self.now = at;
                let mut answer = tool.step(since, input)?;
                answer.shift(origin);
                Ok(answer)
            }
            Stage::Shut => Err(Fault::new("nothing to ask: mend line 1 and start again")),
        }
    }
}

/// The last whole multiple of `grid` until `at`: from there buckets and windows begin where they do from zero.
fn on_grid(at: Duration, grid: Duration) -> Duration {
    let over = at.as_nanos().checked_rem(grid.as_nanos()).unwrap_or(0);
    at.saturating_sub(Duration::from_nanos(u64::try_from(over).unwrap_or(0)))
}

fn open(policy: &str, text: &str) -> Result<Box<dyn Tool>, Fault> {
    let first: First = line::object(text)
        .map_err(|e| Fault::new(format!("the first line must be {{\"config\":{{..}},\"seed\":n}}: {e}")))?;
    match policy {
        "breaker" => Ok(Box::new(breaker::Replay::open(first)?)),
        "bulkhead" => Ok(Box::new(bulkhead::BulkheadTool::open(first)?)),
        "hedge" => Ok(Box::new(hedge::HedgeTool::new(first)?)),
        "retry" => Ok(Box::new(retry::RetryTool::new(first)?)),
        "limiter" => Ok(Box::new(limiter::LimiterTool::open(first)?)),
        other => Err(unknown(other)),
    }
}

/// There is no such policy.
pub(crate) fn unknown(policy: &str) -> Fault {
    Fault::new(format!("no policy `{policy}`: {}", POLICIES.join(", ")))
}
