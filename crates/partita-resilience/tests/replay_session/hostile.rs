//! The replay tool under lines that nobody should write: each has one answer, the same each time, and none ends the tool.

use proptest::prelude::*;
use serde_json::Value;

const POLICIES: [(&str, &[&str]); 5] = [
    (
        "breaker",
        &[
            "window_ms",
            "window_calls",
            "buckets",
            "min_calls",
            "failure_rate",
            "slow_call_ms",
            "slow_rate",
            "consecutive",
            "stuck",
            "open_ms",
            "open_max_ms",
            "open_jitter",
            "half_open_calls",
            "half_open_successes",
            "half_open_max_ms",
            "ramp_ms",
            "call_timeout_ms",
        ],
    ),
    ("bulkhead", &["max_concurrent", "max_wait_ms", "queue"]),
    ("limiter", &["limit", "per_ms", "burst", "algorithm"]),
    (
        "retry",
        &[
            "max_attempts",
            "initial_ms",
            "max_ms",
            "multiplier",
            "jitter",
            "jitter_factor",
            "budget_ratio",
            "budget_floor_per_s",
            "deadline_ms",
            "idempotent",
            "max_retry_after_ms",
            "failure_rate",
            "failure_rate_min_attempts",
        ],
    ),
    (
        "hedge",
        &["delay_ms", "quantile", "min_delay_ms", "min_samples", "max_hedges", "budget_ratio", "budget_floor_per_s"],
    ),
];

/// How far a trace may reach.
const LONGEST_MS: u64 = 3_650 * 86_400_000;

fn replay(policy: &str, lines: &[String]) -> Vec<String> {
    crate::replay(policy, &lines.iter().map(String::as_bytes).collect::<Vec<_>>())
}

/// Numbers as they should be, and as they should not.
fn number() -> impl Strategy<Value = String> {
    static EXTREME: [&str; 9] =
        ["0", "-1", "1.5", "1e400", "1e30", "18446744073709551615", "18446744073709551616", "4294967296", "null"];
    prop_oneof![6 => (0..2_000_u64).prop_map(|n| n.to_string()), 1 => prop::sample::select(&EXTREME[..]).prop_map(str::to_owned)]
}

fn value() -> impl Strategy<Value = String> {
    static WORDS: [&str; 8] =
        ["\"full\"", "\"decorrelated\"", "\"sliding_log\"", "\"fixed_window\"", "true", "[]", "{}", "\"\""];
    prop_oneof![
        4 => number(),
        3 => (0..=100_u32).prop_map(|n| format!("{}", f64::from(n) / 100.0)),
        1 => prop::sample::select(&WORDS[..]).prop_map(str::to_owned),
    ]
}

/// A line that may be in order: moments mostly rise.
fn line() -> impl Strategy<Value = (u64, String)> {
    let id = || prop::sample::select(&["a", "b", "c", "a#2", "b#3", "", "\\u0000"][..]);
    let outcome = prop::sample::select(&["success", "failure", "ignored", "overloaded", "cancelled", "nope"][..]);
    let mode = prop::sample::select(&["forced_open", "disabled", "metrics_only", "closed", "reset", "ajar"][..]);
    let body = prop_oneof![
        4 => (id(), prop::option::of(id())).prop_map(|(id, key)| match key {
            Some(key) => format!("\"start\":\"{id}\",\"key\":\"{key}\""),
            None => format!("\"start\":\"{id}\""),
        }),
        4 => (id(), outcome, prop::option::of(number())).prop_map(|(id, outcome, after)| {
            let after = after.map_or_else(String::new, |after| format!(",\"retry_after_ms\":{after}"));
            format!("\"end\":\"{id}\",\"outcome\":\"{outcome}\"{after}")
        }),
        1 => mode.prop_map(|mode| format!("\"set\":\"{mode}\"")),
        3 => (id(), prop::option::of(number())).prop_map(|(key, cost)| {
            format!("\"check\":\"{key}\",\"cost\":{}", cost.unwrap_or_else(|| "1".to_owned()))
        }),
        1 => Just("\"look\":true".to_owned()),
        1 => Just("\"look\":true,\"cost\":1".to_owned()),
    ];
    (0..700_u64, body)
}

/// Something that is no line, in place of one.
fn broken() -> impl Strategy<Value = String> {
    static BROKEN: [&str; 8] =
        ["", "null", "[]", "{", "{}", "{\"at_ms\":-1}", "{\"at_ms\":1e99,\"look\":true}", "{\"at_ms\":0,\"at_ms\":0}"];
    prop_oneof![prop::sample::select(&BROKEN[..]).prop_map(str::to_owned), "\\PC{0,20}"]
}

fn lines(options: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    let config = prop::collection::vec((prop::sample::select(options), value()), 0..4);
    let rest = prop::collection::vec((line(), prop::option::weighted(0.1, broken())), 0..40);
    (config, rest, any::<bool>()).prop_map(|(config, rest, far)| {
        let config: Vec<_> = config.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let mut lines = vec![format!("{{\"config\":{{{}}},\"seed\":7}}", config.join(","))];
        let mut at = 0;
        for ((later, body), broken) in rest {
            // Some traces run up to the last moment that there is, and beyond.
            at = if far && later > 690 { LONGEST_MS } else { at + later };
            lines.push(broken.unwrap_or_else(|| format!("{{\"at_ms\":{at},{body}}}")));
        }
        lines
    })
}

/// Events stand in time order, none later than its answer and none earlier than the answer before.
fn is_in_order(answers: &[String]) {
    let answers = answers.iter().filter_map(|answer| serde_json::from_str::<Value>(answer).ok());
    let mut last = 0;
    for answer in answers.skip(1) {
        for event in answer["events"].as_array().unwrap() {
            let at = event["at_ms"].as_u64().unwrap();
            assert!(at >= last, "{event} of {answer} comes after {last}");
            last = at;
        }
        let at = answer["at_ms"].as_u64().unwrap();
        assert!(at >= last, "{answer}");
        last = at;
    }
}

/// One answer for each line, each a JSON object or an error that says on which line.
fn is_answered(policy: &str, lines: &[String]) {
    let answers = replay(policy, lines);
    assert_eq!(replay(policy, lines), answers, "the same bytes twice");
    is_in_order(&answers);
    for (number, (line, answer)) in (1..).zip(lines.iter().zip(&answers)) {
        let object = answer.starts_with("{\"at_ms\":") && !answer.contains('\n');
        let fault = answer.starts_with(&format!("error: line {number}: "));
        assert!(object || fault, "{policy}: {line} is answered by {answer}");
    }
}

/// A line whose moment is later; one without a moment stays as it is.
fn later(line: &str, by: u64) -> String {
    let moment = line.strip_prefix("{\"at_ms\":").and_then(|rest| {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        Some((rest[..digits].parse::<u64>().ok()?, &rest[digits..]))
    });
    moment.map_or_else(|| line.to_owned(), |(at, rest)| format!("{{\"at_ms\":{}{rest}", at + by))
}

/// An answer without the words of an error, all its moments later.
fn later_answer(answer: &str, by: u64) -> Value {
    let Ok(mut answer) = serde_json::from_str::<Value>(answer) else {
        return Value::from(answer.split(": ").nth(1).unwrap());
    };
    let add = |moment: Option<&mut Value>| {
        if let Some(moment) = moment
            && let Some(at) = moment.as_u64()
        {
            *moment = at.saturating_add(by).into();
        }
    };
    add(answer.get_mut("at_ms"));
    answer["events"].as_array_mut().unwrap().iter_mut().for_each(|event| add(event.get_mut("at_ms")));
    for name in ["since", "last_failure_at", "reset_at"] {
        add(answer["snapshot"].get_mut(name));
    }
    answer
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_trace_from_a_clock_on_the_wall_is_answered_as_one_from_zero(
        (policy, mut lines) in prop::sample::select(&POLICIES[..]).prop_flat_map(|(policy, options)| {
            (Just(policy), lines(options))
        }),
        by in prop_oneof![
            Just(1_795_248_000_000),
            Just(u64::MAX / 1_000_000 - LONGEST_MS),
            86_400_000..2_000_000_000_000_u64,
        ],
    ) {
        lines.insert(1, "{\"at_ms\":0,\"look\":true}".to_owned());
        let mut first = crate::session::Replay::new(policy);
        let _ = first.answer(lines[0].as_bytes());
        let grid = first.grid().map_or(1, |grid| u64::try_from(grid.as_millis()).unwrap().max(1));
        let by = by - by % grid;
        let moved: Vec<_> = lines.iter().map(|line| later(line, by)).collect();
        let (answers, moved) = (replay(policy, &lines), replay(policy, &moved));
        prop_assert_eq!(later_answer(&answers[0], 0), later_answer(&moved[0], 0), "the first line has no moment");
        for (answer, moved) in answers.iter().zip(&moved).skip(1) {
            prop_assert_eq!(later_answer(answer, by), later_answer(moved, 0));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_line_has_one_answer((policy, lines) in prop::sample::select(&POLICIES[..]).prop_flat_map(|(policy, options)| {
        (Just(policy), lines(options))
    })) {
        is_answered(policy, &lines);
    }
}
