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
mod session;
mod work;

use serde_json::json;
use session::{POLICIES, Replay, unknown};
use std::io::{BufRead, Write};
use std::process::ExitCode;

const USAGE: &str = "usage: replay breaker|bulkhead|limiter|retry|hedge < lines

The first line is {\"config\":{..},\"seed\":n}; durations end in _ms, rates run from 0 to 1. Then, with rising at_ms, which
counts from any moment, Unix milliseconds too, up to 3,650 days on; buckets and fixed windows begin at whole multiples of
their width from 0:
  {\"at_ms\":0,\"start\":\"a\",\"key\":\"k\"}     a call begins; the key is optional
  {\"at_ms\":5,\"end\":\"a\",\"outcome\":\"success|failure|ignored|overloaded|cancelled\",\"retry_after_ms\":100}
  {\"at_ms\":6,\"set\":\"forced_open|disabled|metrics_only|closed|reset\"}
  {\"at_ms\":7,\"check\":\"key\",\"cost\":1}      asks a limiter
  {\"at_ms\":8,\"look\":true}                 shows where the policy stands

A retry answers with the attempt that begins next and its delay, or with the reason why there is none; a hedge's end
names an attempt: \"a\" the first one under way, \"a#2\" attempt 2. Attempts that begin later stand in the events.

A line that cannot be read is answered by {\"error\":..} and changes nothing but the time; the exit code is 2 then. After a
first line that cannot be read every line is answered so.";

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
    let (mut clean, mut replay) = (POLICIES.contains(&policy), Replay::new(policy));
    if !clean {
        eprintln!("replay: {}", unknown(policy));
    }
    for line in std::io::stdin().lock().split(b'\n') {
        match replay.answer(&line?) {
            Ok(answer) => writeln!(out, "{answer}")?,
            Err(fault) => {
                clean = false;
                eprintln!("replay: {fault}");
                writeln!(out, "{}", json!({ "error": fault.to_string() }))?;
            }
        }
        out.flush()?;
    }
    Ok(clean)
}
