//! The replay tool's bulkhead and limiter: answers byte for byte, and against exact models.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test may")]

#[allow(dead_code, reason = "the tool shares it with the other policies")]
#[path = "../examples/replay/line.rs"]
mod line;

#[allow(dead_code, reason = "the tool shares it with the other policies")]
#[path = "../examples/replay/executor.rs"]
mod executor;

#[path = "../examples/replay/bulkhead.rs"]
mod bulkhead;
#[path = "../examples/replay/limiter.rs"]
mod limiter;

use line::{First, Tool};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

fn first(config: Value) -> First {
    serde_json::from_value(json!({ "config": config, "seed": 1 })).unwrap()
}

fn answers(tool: &mut dyn Tool, lines: &[Value]) -> Vec<String> {
    let answer = |line: &Value| {
        let (at, input) = line::read(&line.to_string()).unwrap();
        serde_json::to_string(&tool.step(at, input).unwrap()).unwrap()
    };
    lines.iter().map(answer).collect()
}

fn bulkhead_lines() -> [Value; 8] {
    [
        json!({ "at_ms": 0, "start": "a" }),
        json!({ "at_ms": 0, "start": "b" }),
        json!({ "at_ms": 10, "start": "c" }),
        json!({ "at_ms": 20, "start": "d" }),
        json!({ "at_ms": 30, "end": "a", "outcome": "success" }),
        json!({ "at_ms": 70, "start": "e" }),
        json!({ "at_ms": 115, "end": "d", "outcome": "success" }),
        json!({ "at_ms": 500, "look": true }),
    ]
}

#[test]
fn a_bulkhead_where_nobody_waits_says_when_to_come_again() {
    for config in [json!({ "max_concurrent": 1, "max_wait_ms": 0 }), json!({ "max_concurrent": 1, "queue": 0 })] {
        let mut tool = bulkhead::BulkheadTool::open(first(config)).unwrap();
        let call = |at: u64| {
            let end = json!({ "at_ms": at + 30, "end": "a", "outcome": "success" });
            [json!({ "at_ms": at, "start": "a" }), json!({ "at_ms": at + 10, "start": "b" }), end]
        };
        let got = answers(&mut tool, &[call(0), call(30), call(60)].concat());
        let said: Vec<Value> = got.iter().map(|answer| serde_json::from_str(answer).unwrap()).collect();
        let refused = said.iter().filter(|answer| answer["admitted"] == json!(false));
        let waits: Vec<_> = refused.map(|answer| (&answer["reason"], &answer["retry_after_ms"])).collect();
        let saturated = json!("saturated");
        assert_eq!(waits, [(&saturated, &json!(100)), (&saturated, &json!(30)), (&saturated, &json!(30))]);
    }
}

#[test]
fn a_bulkhead_tells_who_was_admitted_when() {
    let config = json!({ "max_concurrent": 1, "max_wait_ms": 100, "queue": 2 });
    let run = || answers(&mut bulkhead::BulkheadTool::open(first(config.clone())).unwrap(), &bulkhead_lines());
    let got = run();
    assert_eq!(got, run());
    let head = |text: &str| text.split(",\"snapshot\"").next().unwrap().to_owned();
    assert_eq!(
        got.iter().map(|text| head(text)).collect::<Vec<_>>(),
        [
            r#"{"at_ms":0,"id":"a","admitted":true,"state":"saturated","events":[]"#,
            r#"{"at_ms":0,"id":"b","admitted":false,"queued":true,"state":"saturated","events":[]"#,
            r#"{"at_ms":10,"id":"c","admitted":false,"queued":true,"state":"saturated","events":[]"#,
            r#"{"at_ms":20,"id":"d","admitted":false,"retry_after_ms":100,"state":"saturated","reason":"queue_full","events":[]"#,
            r#"{"at_ms":30,"id":"a","state":"saturated","events":[{"at_ms":30,"id":"b","event":"admitted"}]"#,
            r#"{"at_ms":70,"id":"e","admitted":false,"queued":true,"state":"saturated","events":[]"#,
            r#"{"at_ms":115,"id":"d","state":"saturated","reason":"was_not_admitted","events":[{"at_ms":110,"id":"c","event":"timed_out","reason":"waited_too_long"}]"#,
            r#"{"at_ms":500,"state":"saturated","events":[{"at_ms":170,"id":"e","event":"timed_out","reason":"waited_too_long"}]"#,
        ]
    );
    let last: Value = serde_json::from_str(&got[7]).unwrap();
    let snapshot = json!({ "active": 1, "available": 0, "queued": 0, "pool_size": 1, "submitted": 5, "completed": 1, "failed": 0,
        "cancelled": 0, "rejected": 3, "saturated_count": 4, "wait_p50_ms": 0, "wait_p99_ms": 30 });
    assert_eq!(last["snapshot"], snapshot);
}

#[test]
fn options_that_are_unknown_or_nonsense_are_faults() {
    for config in [json!({ "max": 1 }), json!({ "max_concurrent": 0 }), json!({ "max_wait_ms": -1 })] {
        assert!(bulkhead::BulkheadTool::open(first(config.clone())).is_err(), "{config}");
    }
    let fault = bulkhead::BulkheadTool::open(first(json!({ "max": 1 }))).err().unwrap().to_string();
    assert!(fault.contains("max_concurrent") && fault.contains("max_wait_ms") && fault.contains("queue"), "{fault}");
}

#[test]
fn a_limiter_tells_what_is_left_and_when_to_come_again() {
    let config = json!({ "limit": 3, "per_ms": 1_000, "algorithm": "gcra" });
    let lines = [
        json!({ "at_ms": 0, "check": "ada", "cost": 3 }),
        json!({ "at_ms": 0, "check": "bob" }),
        json!({ "at_ms": 333, "check": "ada" }),
        json!({ "at_ms": 334, "check": "ada" }),
        json!({ "at_ms": 400, "check": "ada", "cost": 4 }),
        json!({ "at_ms": 2_000, "look": true }),
    ];
    let run = || answers(&mut limiter::LimiterTool::open(first(config.clone())).unwrap(), &lines);
    let got = run();
    assert_eq!(got, run());
    assert_eq!(
        got,
        [
            r#"{"at_ms":0,"id":"ada","admitted":true,"state":"exhausted","events":[],"snapshot":{"admitted":1,"allowed":true,"key":"ada","keys":1,"limit":3,"rejected":0,"remaining":0,"reset_at":1000,"retry_after":null}}"#,
            r#"{"at_ms":0,"id":"bob","admitted":true,"state":"available","events":[],"snapshot":{"admitted":2,"allowed":true,"key":"bob","keys":2,"limit":3,"rejected":0,"remaining":2,"reset_at":334,"retry_after":null}}"#,
            r#"{"at_ms":333,"id":"ada","admitted":false,"retry_after_ms":1,"state":"exhausted","reason":"limit_reached","events":[],"snapshot":{"admitted":2,"allowed":false,"key":"ada","keys":2,"limit":3,"rejected":1,"remaining":0,"reset_at":1000,"retry_after":1}}"#,
            r#"{"at_ms":334,"id":"ada","admitted":true,"state":"exhausted","events":[],"snapshot":{"admitted":3,"allowed":true,"key":"ada","keys":2,"limit":3,"rejected":1,"remaining":0,"reset_at":1334,"retry_after":null}}"#,
            r#"{"at_ms":400,"id":"ada","admitted":false,"state":"exhausted","reason":"cost_too_high","events":[],"snapshot":{"admitted":3,"allowed":false,"key":"ada","keys":2,"limit":3,"rejected":2,"remaining":0,"reset_at":1334,"retry_after":null}}"#,
            r#"{"at_ms":2000,"state":"available","events":[],"snapshot":{"admitted":3,"keys":2,"limit":3,"rejected":2,"remaining":3,"reset_at":2000}}"#,
        ]
    );
}

#[test]
fn every_algorithm_of_the_limiter_has_its_word() {
    for algorithm in ["gcra", "token_bucket", "sliding_log", "fixed_window"] {
        let config = json!({ "limit": 2, "per_ms": 100, "burst": 2, "algorithm": algorithm });
        assert!(limiter::LimiterTool::open(first(config)).is_ok(), "{algorithm}");
    }
    for config in [json!({ "limit": 0 }), json!({ "rate": 1 }), json!({ "algorithm": "leaky" }), json!({ "per_ms": 0 })]
    {
        assert!(limiter::LimiterTool::open(first(config.clone())).is_err(), "{config}");
    }
}

#[derive(Clone, Debug)]
enum Op {
    Start,
    End(usize),
    Leave(usize),
}

fn op() -> impl Strategy<Value = (u64, Op)> {
    let op =
        prop_oneof![3 => Just(Op::Start), 2 => (0_usize..4).prop_map(Op::End), 1 => (0_usize..4).prop_map(Op::Leave)];
    (0_u64..40, op)
}

/// A bulkhead as one would write it down: who runs, who waits since when.
#[derive(Default)]
struct Model {
    running: Vec<String>,
    waiting: VecDeque<(String, u64)>,
    told: BTreeMap<String, (&'static str, u64)>,
}

impl Model {
    fn pass(&mut self, at: u64, most: usize, wait: u64) {
        while self.waiting.front().is_some_and(|(_, since)| since + wait <= at) {
            let (id, since) = self.waiting.pop_front().unwrap();
            self.told.insert(id, ("timed_out", since + wait));
        }
        while self.running.len() < most && !self.waiting.is_empty() {
            let (id, _) = self.waiting.pop_front().unwrap();
            self.told.insert(id.clone(), ("admitted", at));
            self.running.push(id);
        }
    }
}

proptest! {
    #[test]
    fn a_bulkhead_does_what_the_model_does(ops in prop::collection::vec(op(), 1..60), most in 1_usize..4, queue in 0_usize..4) {
        let config = json!({ "max_concurrent": most, "max_wait_ms": 50, "queue": queue });
        let mut tool = bulkhead::BulkheadTool::open(first(config)).unwrap();
        let (mut model, mut now, mut told) = (Model::default(), 0, BTreeMap::new());
        for (number, (step, op)) in ops.into_iter().enumerate() {
            now += step;
            model.pass(now, most, 50);
            let id = format!("c{number}");
            let input = match op {
                Op::Start => {
                    let free = model.running.len() < most;
                    if free { model.running.push(id.clone()) } else if model.waiting.len() < queue { model.waiting.push_back((id.clone(), now)) }
                    line::Input::Start { id, key: None }
                }
                Op::End(n) if n < model.running.len() => line::Input::End { id: model.running.remove(n), outcome: partita_resilience::Outcome::Success },
                Op::Leave(n) if n < model.waiting.len() => line::Input::End { id: model.waiting.remove(n).unwrap().0, outcome: partita_resilience::Outcome::Cancelled },
                _ => line::Input::Look,
            };
            let is_start = matches!(input, line::Input::Start { .. });
            let answer = tool.step(Duration::from_millis(now), input).unwrap();
            model.pass(now, most, 50);
            told.extend(answer.events.into_iter().map(|due| (due.id.unwrap(), (due.event, due.at_ms))));
            prop_assert_eq!(&told, &model.told);
            prop_assert_eq!(&answer.snapshot["active"], &json!(model.running.len()));
            prop_assert_eq!(&answer.snapshot["queued"], &json!(model.waiting.len()));
            if is_start {
                let id = format!("c{number}");
                prop_assert_eq!(answer.admitted, Some(model.running.contains(&id)));
                prop_assert_eq!(answer.queued, model.waiting.iter().any(|(other, _)| *other == id).then_some(true));
            }
        }
    }
}
