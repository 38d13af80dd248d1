//! The replay tool's breaker: answers byte for byte.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

#[allow(dead_code, reason = "the tool shares it with the other policies")]
#[path = "../examples/replay/line.rs"]
mod line;

#[path = "../examples/replay/breaker.rs"]
mod breaker;

use line::{First, Tool};
use serde_json::{Value, json};

fn first(config: &Value) -> First {
    serde_json::from_value(json!({ "config": config, "seed": 1 })).unwrap()
}

fn answers(config: &Value, lines: &[Value]) -> Vec<String> {
    let mut tool = breaker::Replay::open(first(config)).unwrap();
    let mut answer = |line: &Value| {
        let (at, input) = line::read(&line.to_string()).unwrap();
        serde_json::to_string(&tool.step(at, input).unwrap()).unwrap()
    };
    lines.iter().map(&mut answer).collect()
}

#[test]
fn a_trace_gives_the_same_bytes_twice() {
    let config = json!({ "window_ms": 1000, "min_calls": 2, "open_ms": 1000, "open_jitter": 0, "half_open_calls": 1,
        "half_open_successes": 1, "half_open_max_ms": 300, "ramp_ms": 100 });
    let lines = [
        json!({ "at_ms": 0, "start": "a" }),
        json!({ "at_ms": 1, "start": "b" }),
        json!({ "at_ms": 5, "end": "a", "outcome": "failure" }),
        json!({ "at_ms": 6, "end": "b", "outcome": "overloaded", "retry_after_ms": 2000 }),
        json!({ "at_ms": 500, "start": "c" }),
        json!({ "at_ms": 2007, "start": "d" }),
        json!({ "at_ms": 2008, "start": "e" }),
        json!({ "at_ms": 4500, "start": "f" }),
        json!({ "at_ms": 4501, "end": "d", "outcome": "success" }),
        json!({ "at_ms": 4502, "end": "f", "outcome": "success" }),
        json!({ "at_ms": 4700, "look": true }),
        json!({ "at_ms": 4700, "set": "forced_open" }),
    ];
    let run = || answers(&config, &lines);
    let got = run();
    assert_eq!(got, run());
    let heads: Vec<&str> = got.iter().map(|text| text.split(",\"snapshot\"").next().unwrap()).collect();
    assert_eq!(
        heads,
        [
            r#"{"at_ms":0,"id":"a","admitted":true,"state":"closed","events":[]"#,
            r#"{"at_ms":1,"id":"b","admitted":true,"state":"closed","events":[]"#,
            r#"{"at_ms":5,"id":"a","state":"closed","events":[]"#,
            r#"{"at_ms":6,"id":"b","state":"open","events":[{"at_ms":6,"event":"state_changed","from":"closed","to":"open","reason":"failure_rate"}]"#,
            r#"{"at_ms":500,"id":"c","admitted":false,"retry_after_ms":1506,"state":"open","reason":"open","events":[]"#,
            r#"{"at_ms":2007,"id":"d","admitted":true,"state":"half_open","events":[{"at_ms":2006,"event":"state_changed","from":"open","to":"half_open","reason":"wait_over"}]"#,
            r#"{"at_ms":2008,"id":"e","admitted":false,"retry_after_ms":299,"state":"half_open","reason":"probes_taken","events":[]"#,
            concat!(
                r#"{"at_ms":4500,"id":"f","admitted":true,"state":"half_open","events":[{"at_ms":2307,"id":"d","event":"timed_out"},"#,
                r#"{"at_ms":2307,"event":"state_changed","from":"half_open","to":"open","reason":"probe_expired"},"#,
                r#"{"at_ms":4307,"event":"state_changed","from":"open","to":"half_open","reason":"wait_over"}]"#
            ),
            r#"{"at_ms":4501,"id":"d","state":"half_open","reason":"timed_out","events":[]"#,
            r#"{"at_ms":4502,"id":"f","state":"ramp","events":[{"at_ms":4502,"event":"state_changed","from":"half_open","to":"ramp","reason":"probes_succeeded"}]"#,
            r#"{"at_ms":4700,"state":"closed","events":[{"at_ms":4602,"event":"state_changed","from":"ramp","to":"closed","reason":"ramp_over"}]"#,
            r#"{"at_ms":4700,"state":"open","mode":"forced_open","events":[{"at_ms":4700,"event":"state_changed","from":"closed","to":"forced_open","reason":"operator"}]"#,
        ]
    );
    let last: Value = serde_json::from_str(&got[10]).unwrap();
    let snapshot = json!({ "name": "breaker", "state": "closed", "since": 4602, "total": 4, "successful": 1, "failed": 3,
        "slow": 0, "ignored": 0, "rejected": 2, "stale": 1, "rates": { "failure_rate": 0.0, "slow_rate": 0.0 },
        "consecutive_failures": 0, "opened_count": 2, "last_failure_at": 2307, "retry_after": null });
    assert_eq!(last["snapshot"], snapshot);
}

#[test]
fn options_that_are_unknown_or_nonsense_are_faults() {
    for config in [
        json!({ "window": 1 }),
        json!({ "failure_rate": 1.5 }),
        json!({ "window_ms": 1000, "window_calls": 10 }),
        json!({ "window_calls": 10, "min_calls": 11 }),
        json!({ "open_ms": 0 }),
    ] {
        assert!(breaker::Replay::open(first(&config)).is_err(), "{config}");
    }
    let fault = breaker::Replay::open(first(&json!({ "window": 1 }))).err().unwrap().to_string();
    let options = "window_ms window_calls buckets min_calls failure_rate slow_call_ms slow_rate consecutive open_ms \
        open_max_ms open_jitter half_open_calls half_open_successes half_open_max_ms ramp_ms";
    for option in options.split_whitespace() {
        assert!(fault.contains(option), "{option}: {fault}");
    }
}

#[test]
fn each_key_has_a_breaker_of_its_own() {
    let config = json!({ "min_calls": 1, "open_jitter": 0 });
    let lines = [
        json!({ "at_ms": 0, "start": "a", "key": "one" }),
        json!({ "at_ms": 1, "end": "a", "outcome": "failure" }),
        json!({ "at_ms": 2, "start": "b", "key": "one" }),
        json!({ "at_ms": 2, "start": "c", "key": "two" }),
    ];
    let admitted: Vec<Value> = answers(&config, &lines)
        .iter()
        .map(|text| serde_json::from_str::<Value>(text).unwrap()["admitted"].clone())
        .collect();
    assert_eq!(admitted, [json!(true), Value::Null, json!(false), json!(true)]);
}

#[test]
fn what_is_set_holds_for_keys_that_come_later_too() {
    let lines = [
        json!({ "at_ms": 0, "set": "forced_open" }),
        json!({ "at_ms": 1, "start": "a", "key": "new" }),
        json!({ "at_ms": 2, "set": "reset" }),
        json!({ "at_ms": 3, "start": "b", "key": "newer" }),
    ];
    let answers = answers(&json!({}), &lines);
    let admitted = |at: usize| serde_json::from_str::<Value>(&answers[at]).unwrap()["admitted"].clone();
    assert_eq!((admitted(1), admitted(3)), (json!(false), json!(true)));
}

#[test]
fn what_happens_to_a_keys_breaker_is_told_once_and_with_its_key() {
    let config = json!({ "min_calls": 1, "open_ms": 100, "open_jitter": 0, "half_open_max_ms": 50 });
    let mut lines = Vec::new();
    for (at_ms, ends) in [(0, true), (100, false)] {
        for key in ["A", "B"] {
            lines.push(json!({ "at_ms": at_ms, "start": key.to_lowercase(), "key": key }));
        }
        for id in ["a", "b"].iter().filter(|_| ends) {
            lines.push(json!({ "at_ms": at_ms, "end": id, "outcome": "failure" }));
        }
    }
    lines.push(json!({ "at_ms": 150, "look": true }));
    let got = answers(&config, &lines);
    let changed = r#""events":[{"at_ms":0,"key":"B","event":"state_changed","from":"closed""#;
    assert!(got[3].contains(changed), "{}", got[3]);
    let last: Value = serde_json::from_str(got.last().unwrap()).unwrap();
    let told: Vec<_> =
        last["events"].as_array().unwrap().iter().map(|due| (&due["event"], &due["key"], &due["id"])).collect();
    let [over, moved] = ["timed_out", "state_changed"].map(Value::from);
    let [(a, b), (ka, kb)] = [("a", "b"), ("A", "B")].map(|(one, two)| (Value::from(one), Value::from(two)));
    let none = Value::Null;
    assert_eq!(told, [(&over, &ka, &a), (&moved, &ka, &none), (&over, &kb, &b), (&moved, &kb, &none)]);
}
