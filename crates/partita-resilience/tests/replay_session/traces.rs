//! Traces whose answers were worked out by hand from the documentation.

use super::replay;
use serde_json::Value;

/// Whether `got` says what is `wanted`: of an object those members, of a list each element. `null` wants none.
fn says(got: &Value, wanted: &Value) -> bool {
    match (got, wanted) {
        (Value::Object(got), Value::Object(wanted)) => {
            wanted.iter().all(|(name, wanted)| says(got.get(name).unwrap_or(&Value::Null), wanted))
        }
        (Value::Array(got), Value::Array(wanted)) => {
            got.len() == wanted.len() && got.iter().zip(wanted).all(|(got, wanted)| says(got, wanted))
        }
        (Value::Number(got), Value::Number(wanted)) => got.as_f64() == wanted.as_f64(),
        _ => got == wanted,
    }
}

/// A trace: its first line, then pairs of a line and what its answer says.
fn check(trace: &str) {
    let mut lines = trace.lines().skip_while(|line| line.starts_with('#'));
    let (policy, config) = lines.next().unwrap().split_once(' ').unwrap();
    let (sent, wanted): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with('>'));
    let sent: Vec<&str> = std::iter::once(config).chain(sent.iter().map(|line| &line[2..])).collect();
    let bytes: Vec<&[u8]> = sent.iter().map(|line| line.as_bytes()).collect();
    let got = replay(policy, &bytes);
    assert_eq!(got.len(), wanted.len() + 1, "{trace}");
    for ((line, got), wanted) in sent.iter().zip(got).skip(1).zip(wanted) {
        let (answer, wanted): (Value, Value) =
            (serde_json::from_str(&got).unwrap(), serde_json::from_str(wanted).unwrap());
        assert!(says(&answer, &wanted), "{trace}\nat {line}\nwanted {wanted}\ngot {answer}");
    }
}

#[test]
fn traces_are_answered_as_the_documentation_says() {
    let traces = include_str!("../replay/traces.txt").split("\n\n");
    assert!(traces.clone().count() >= 25);
    traces.for_each(check);
}
