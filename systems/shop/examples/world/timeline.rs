//! SG3, and what a run shows of itself, read from the timeline that the customer sees.

use partita_testkit::explore::Machine;
use serde_json::Value;

const STEPS: [&str; 7] = [
    "reserve stock",
    "hold points",
    "authorize payment",
    "capture payment",
    "commit stock",
    "award points",
    "create shipment",
];

/// How far a step is from the start: those at one distance do not depend on one another.
const fn distance(step: usize) -> usize {
    match step {
        0 | 1 => 0,
        2 | 3 => step,
        _ => 4,
    }
}

fn event(entry: &Value) -> &str {
    entry["event"].as_str().unwrap_or_default()
}

fn step(entry: &Value) -> Option<usize> {
    STEPS.iter().position(|step| entry["step"] == *step)
}

/// No step starts after unwinding began, undos run in reverse order of what depends on what, one start and at most one end.
pub(crate) fn violations(order: &Value) -> Vec<String> {
    let entries = order["timeline"].as_array().map_or(&[][..], Vec::as_slice);
    let mut found = vec![];
    let turned = entries.iter().position(|entry| event(entry) == "unwind.started").unwrap_or(entries.len());
    for entry in &entries[turned..] {
        if matches!(event(entry), "step.started" | "step.retried") {
            found.push(format!("SG3: {} after unwind.started: {}", event(entry), entry["step"]));
        }
    }
    let undone: Vec<usize> = entries.iter().filter(|entry| event(entry) == "step.undone").filter_map(step).collect();
    if !undone.is_sorted_by(|a, b| a != b && distance(*a) >= distance(*b)) {
        found
            .push(format!("SG3: undone in the order {:?}", undone.iter().map(|step| STEPS[*step]).collect::<Vec<_>>()));
    }
    for (what, most) in [("saga.started", 1), ("saga.ended", 1), ("unwind.started", 1), ("saga.parked", 1)] {
        let times = entries.iter().filter(|entry| event(entry) == what).count();
        if times > most {
            found.push(format!("SG1: {times} times {what}"));
        }
    }
    if entries.iter().all(|entry| !matches!(event(entry), "saga.ended" | "saga.parked")) {
        found.push("SG1: the timeline has no end".to_owned());
    }
    found
}

/// Counts what the run has been through.
pub(crate) fn count(machine: &Machine, order: &Value) {
    for entry in order["timeline"].as_array().into_iter().flatten() {
        let counter = match (event(entry), entry["step"].as_str()) {
            ("saga.recovered", _) => "recovered",
            ("step.unknown", _) => "in_doubt_settled",
            ("undo.failed", _) => "undo_failed",
            ("step.undone", Some("reserve stock")) => "stock_released",
            ("step.undone", Some("hold points")) => "points_released",
            ("step.undone", Some("authorize payment")) => "payment_voided",
            ("cancel.requested", _) => "cancel_accepted",
            ("saga.parked", _) => "parked",
            _ => continue,
        };
        machine.count(counter);
    }
}
