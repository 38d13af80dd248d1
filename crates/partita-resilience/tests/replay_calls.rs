//! The replay tool of retry and hedge: the same lines and seed give the same bytes.
#![allow(clippy::unwrap_used, reason = "a test")]

#[allow(dead_code, reason = "the other policies' part")]
#[path = "../examples/replay/executor.rs"]
mod executor;
#[allow(dead_code, reason = "the other policies' part")]
#[path = "../examples/replay/hedge.rs"]
mod hedge;
#[allow(dead_code, reason = "the other policies' part")]
#[path = "../examples/replay/line.rs"]
mod line;
#[allow(dead_code, reason = "the other policies' part")]
#[path = "../examples/replay/retry.rs"]
mod retry;
#[allow(dead_code, reason = "the other policies' part")]
#[path = "../examples/replay/work.rs"]
mod work;

use line::{First, Input, Tool};
use std::time::Duration;

fn open(policy: &str, first: &str) -> Result<Box<dyn Tool>, line::Fault> {
    let first: First = serde_json::from_str(first).unwrap();
    match policy {
        "hedge" => Ok(Box::new(hedge::HedgeTool::new(first)?)),
        _ => Ok(Box::new(retry::RetryTool::new(first)?)),
    }
}

/// What the tool answers to a whole input.
fn replay(policy: &str, input: &str) -> String {
    let mut lines = input.lines();
    let mut tool = open(policy, lines.next().unwrap()).unwrap();
    let first = tool.step(Duration::ZERO, Input::Look).unwrap();
    let mut out = serde_json::to_string(&first).unwrap() + "\n";
    for text in lines {
        let answer = line::read(text).and_then(|(at, input)| tool.step(at, input));
        out += &match answer {
            Ok(answer) => serde_json::to_string(&answer).unwrap(),
            Err(fault) => serde_json::json!({ "error": fault.to_string() }).to_string(),
        };
        out += "\n";
    }
    out
}

fn is_golden(policy: &str, input: &str, golden: &str) {
    let answers = replay(policy, input);
    assert_eq!(replay(policy, input), answers, "the same bytes twice");
    assert_eq!(answers.lines().count(), input.lines().count(), "one line for each line");
    for (number, (answer, golden)) in answers.lines().zip(golden.lines()).enumerate() {
        assert_eq!(answer, golden, "line {}", number + 1);
    }
    assert_eq!(answers, golden);
}

#[test]
fn retries_without_jitter_are_answered_as_recorded() {
    is_golden("retry", include_str!("replay/retry.in.jsonl"), include_str!("replay/retry.out.jsonl"));
}

#[test]
fn retries_with_jitter_follow_the_seed() {
    let input = include_str!("replay/retry_full.in.jsonl");
    is_golden("retry", input, include_str!("replay/retry_full.out.jsonl"));
    assert_ne!(replay("retry", input), replay("retry", &input.replace("\"seed\":11", "\"seed\":12")));
}

#[test]
fn hedges_are_answered_as_recorded() {
    is_golden("hedge", include_str!("replay/hedge.in.jsonl"), include_str!("replay/hedge.out.jsonl"));
}

#[test]
fn an_unknown_option_is_refused_with_a_list_of_those_there_are() {
    for (policy, option) in [("retry", "budget_ratio"), ("hedge", "max_hedges")] {
        let fault = open(policy, "{\"config\":{\"nope\":1}}").err().unwrap().to_string();
        assert!(fault.contains("nope") && fault.contains(option), "{fault}");
    }
    let fault = open("hedge", "{\"config\":{\"delay_ms\":1,\"quantile\":0.9}}").err().unwrap().to_string();
    assert!(fault.contains("not both"), "{fault}");
    let fault = open("retry", "{\"config\":{\"multiplier\":0.5}}").err().unwrap().to_string();
    assert!(fault.contains("from 1"), "{fault}");
}

#[test]
fn a_quantile_hedges_what_is_slower_than_most() {
    let mut input = "{\"config\":{\"quantile\":0.95,\"budget_ratio\":1.0},\"seed\":1}\n".to_owned();
    for call in 0..120_u64 {
        let at = call * 20;
        input += &format!("{{\"at_ms\":{at},\"start\":\"{call}\"}}\n");
        input += &format!("{{\"at_ms\":{},\"end\":\"{call}\",\"outcome\":\"success\"}}\n", at + 10);
    }
    input += "{\"at_ms\":3000,\"start\":\"slow\"}\n{\"at_ms\":3100,\"look\":true}\n";
    let answers = replay("hedge", &input);
    let last = answers.lines().last().unwrap();
    assert!(last.contains("{\"at_ms\":3011,\"id\":\"slow\",\"event\":\"attempt_started\",\"attempt\":2}"), "{last}");
}
