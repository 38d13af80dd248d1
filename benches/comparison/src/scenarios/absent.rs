//! Why a pitfall does not apply to a crate.

use super::{CIRCUITBREAKER_RS, EXECUTION_POLICY, FAILSAFE, GOVERNOR, RECLOSER, SEMAPHORE, TOWER, TOWER_RESILIENCE};

/// What a pitfall is about, by its number.
const fn policy(number: u32) -> &'static str {
    match number {
        1..=11 | 17 => "circuit breaker",
        12 | 13 => "retry",
        14 | 15 => "hedge",
        16 => "bulkhead",
        _ => "rate limit",
    }
}

/// What a crate has of these.
fn has(peer: &str) -> &'static [&'static str] {
    match peer {
        RECLOSER | FAILSAFE | CIRCUITBREAKER_RS => &["circuit breaker"],
        EXECUTION_POLICY => &["circuit breaker", "retry", "bulkhead"],
        GOVERNOR => &["rate limit"],
        TOWER => &["retry", "hedge", "bulkhead", "rate limit"],
        SEMAPHORE => &["bulkhead"],
        _ => &["circuit breaker", "retry", "hedge", "bulkhead", "rate limit"],
    }
}

/// Why there is no scenario of this pitfall for this crate.
pub(crate) fn why(number: u32, peer: &str) -> String {
    let policy = policy(number);
    if !has(peer).contains(&policy) {
        return format!("has no {policy}");
    }
    let why = match (number, peer) {
        (9, _) => "its breaker knows no timeout that a window could be held against",
        (12, TOWER) => "has no retry policy of its own; whoever writes one is offered `TpsBudget`",
        (13, TOWER_RESILIENCE | TOWER) => "the order is that of the user's layers",
        (13, EXECUTION_POLICY) => "has one fixed order",
        (17, _) => "has no breaker by key; a map of them, and its memory, is the user's",
        (23, TOWER_RESILIENCE | TOWER) => "its rate limit has no keys",
        (24, TOWER) => "its rate limit cannot be shared: one caller waits",
        _ => "not looked into",
    };
    why.to_owned()
}
