//! Replays recorded traffic through one policy in virtual time, to tune it.
//!
//! ```text
//! cargo run -q -p partita-resilience --example replay -- breaker < traffic.jsonl
//! ```
//!
//! Reads JSON lines and answers each with exactly one JSON line. The same input and seed give the same bytes.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool speaks on its streams")]

mod breaker;
mod bulkhead;
mod executor;
mod hedge;
mod limiter;
mod line;
mod retry;
mod work;

use line::{Answer, Fault, First, Tool};
use serde_json::json;
use std::io::{BufRead, Write};
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "usage: replay breaker|bulkhead|limiter|retry|hedge < lines

The first line is {\"config\":{..},\"seed\":n}; durations end in _ms, rates run from 0 to 1. Then, with rising at_ms:
  {\"at_ms\":0,\"start\":\"a\",\"key\":\"k\"}     a call begins; the key is optional
  {\"at_ms\":5,\"end\":\"a\",\"outcome\":\"success|failure|ignored|overloaded|cancelled\",\"retry_after_ms\":100}
  {\"at_ms\":6,\"set\":\"forced_open|disabled|metrics_only|closed|reset\"}
  {\"at_ms\":7,\"check\":\"key\",\"cost\":1}      asks a limiter
  {\"at_ms\":8,\"look\":true}                 shows where the policy stands

A retry answers with the attempt that begins next and its delay, or with the reason why there is none; a hedge's end
names an attempt: \"a\" the first one under way, \"a#2\" attempt 2. Attempts that begin later stand in the events.

A line that cannot be read is answered by {\"error\":..}; the exit code is 2 then.";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(policy), None) = (arguments.next(), arguments.next()) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    if policy == "--help" || policy == "-h" {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match run(&policy) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(2),
        Err(error) => {
            eprintln!("replay: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether every line was understood.
fn run(policy: &str) -> std::io::Result<bool> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut lines = std::io::stdin().lock().lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut tool = match open(policy, &first) {
        Ok((tool, answer)) => {
            writeln!(out, "{answer}")?;
            tool
        }
        Err(fault) => {
            writeln!(out, "{}", json!({ "error": fault.to_string() }))?;
            out.flush()?;
            eprintln!("replay: {fault}");
            return Ok(false);
        }
    };
    let (mut clean, mut now) = (true, Duration::ZERO);
    for text in lines {
        match step(tool.as_mut(), &mut now, &text?) {
            Ok(answer) => writeln!(out, "{}", serde_json::to_string(&answer)?)?,
            Err(fault) => {
                clean = false;
                writeln!(out, "{}", json!({ "error": fault.to_string() }))?;
            }
        }
        out.flush()?;
    }
    out.flush()?;
    Ok(clean)
}

fn open(policy: &str, text: &str) -> Result<(Box<dyn Tool>, String), Fault> {
    let first: First = serde_json::from_str(text)
        .map_err(|e| Fault::new(format!("the first line must be {{\"config\":{{..}},\"seed\":n}}: {e}")))?;
    let mut tool = make(policy, first)?;
    let answer = tool.step(Duration::ZERO, line::Input::Look)?;
    let answer = serde_json::to_string(&answer).map_err(|e| Fault::new(e.to_string()))?;
    Ok((tool, answer))
}

fn make(policy: &str, first: First) -> Result<Box<dyn Tool>, Fault> {
    match policy {
        "breaker" => Ok(Box::new(breaker::Replay::open(first)?)),
        "bulkhead" => Ok(Box::new(bulkhead::BulkheadTool::open(first)?)),
        "hedge" => Ok(Box::new(hedge::HedgeTool::new(first)?)),
        "retry" => Ok(Box::new(retry::RetryTool::new(first)?)),
        "limiter" => Ok(Box::new(limiter::LimiterTool::open(first)?)),
        other => Err(Fault::new(format!("no policy `{other}`: breaker, bulkhead, limiter, retry or hedge"))),
    }
}

fn step(tool: &mut dyn Tool, now: &mut Duration, text: &str) -> Result<Answer, Fault> {
    let (at, input) = line::read(text)?;
    if at < *now {
        return Err(Fault::new(format!("at_ms goes back from {} to {}", now.as_millis(), at.as_millis())));
    }
    *now = at;
    tool.step(at, input)
}
