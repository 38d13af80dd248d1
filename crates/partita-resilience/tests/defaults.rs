//! The defaults are the numbers that the guide argues.

use partita_resilience::adaptive::Adaptive;
use partita_resilience::bulkhead::Bulkhead;
use partita_resilience::cache::Cache;
use partita_resilience::coalesce::Coalesce;
use partita_resilience::hedge::Hedge;
use partita_resilience::keyed::Bounds;
use partita_resilience::limiter::Limiter;
use partita_resilience::monitor::Monitor;
use partita_resilience::pool::Pool;
use partita_resilience::shed::Shed;
use std::fmt::Debug;
use std::path::Path;

/// A setting, its default in the guide, and what the settings show of it.
type Row = (&'static str, &'static str, &'static str);

fn agree(policy: &str, settings: &impl Debug, rows: &[Row]) {
    // A published package comes without the guide.
    let docs = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs"));
    let guide = docs.exists().then(|| std::fs::read_to_string(docs.join("guide/resilience.md")).unwrap_or_default());
    let settings = format!("{settings:?}");
    for (setting, number, shown) in rows {
        let row = format!("| {policy}: {setting} | {number} |");
        assert!(guide.as_ref().is_none_or(|guide| guide.contains(&row)), "not in the guide: {row}");
        assert!(settings.contains(shown), "`{shown}` is not in {settings}");
    }
}

#[test]
fn of_limits_on_calls_at_once() {
    let rows: &[Row] = &[
        ("`max_concurrent`", "25", "max_concurrent: 25,"),
        ("`max_wait`", "100 ms", "max_wait: 100ms"),
        ("`queue`", "100", "queue: 100,"),
    ];
    agree("bulkhead", &Bulkhead::builder("x"), rows);
    let rows: &[Row] = &[
        ("`core_threads`", "4", "core: 4,"),
        ("`max_threads`", "16", "max: 16,"),
        ("`queue`", "64", "queue: 64,"),
        ("`keep_alive`", "60 s", "keep_alive: 60s"),
        ("`max_wait`", "100 ms", "max_wait: 100ms"),
        ("`waiters`", "100", "queue: 100,"),
    ];
    agree("pool", &Pool::builder("x"), rows);
    let rows: &[Row] = &[
        ("`initial`", "20", "initial: 20,"),
        ("`min`", "1", "min: 1,"),
        ("`max`", "1,000", "max: 1000,"),
        ("`window`", "500 ms", "window: 500ms"),
    ];
    agree("adaptive", &Adaptive::builder("x"), rows);
    let rows: &[Row] = &[
        ("`max_in_flight`", "256", "max_in_flight: 256,"),
        ("`thresholds`", "low from 0.7, normal from 0.9", "thresholds: (0.7, 0.9)"),
    ];
    agree("shed", &Shed::builder("x"), rows);
}

#[test]
fn of_rate_limits_and_of_what_is_kept_by_key() {
    let rows: &[Row] = &[
        ("`quota`", "100 a second", "limit: 100, per: 1s,"),
        ("`burst`", "the limit", "burst: None"),
        ("`algorithm`", "GCRA", "algorithm: Gcra"),
        ("`max_wait`", "0", "max_wait: 0ns"),
        ("`waiters`", "10,000", "waiters: 10000,"),
        ("`capacity`", "100,000 keys", "capacity: 100000,"),
    ];
    agree("limiter", &Limiter::builder("x"), rows);
    let rows: &[Row] = &[("`capacity`", "100,000 keys", "capacity: 100000,"), ("`ttl`", "10 min", "ttl: 600s")];
    agree("keyed", &Bounds::default(), rows);
}

#[test]
fn of_hedges_and_of_what_shares_answers() {
    let rows: &[Row] = &[
        ("`quantile`", "0.95", "delay: Quantile(0.95)"),
        ("`min_delay`", "1 ms", "min_delay: 1ms"),
        ("`min_samples`", "100", "min_samples: 100,"),
        ("`max_hedges`", "1", "max_hedges: 1,"),
    ];
    agree("hedge", &Hedge::builder("x"), rows);
    let rows: &[Row] = &[
        ("`capacity`", "10,000 answers", "capacity: 10000,"),
        ("`ttl`", "60 s", "ttl: 60s"),
        ("`stale`", "10 min", "stale: 600s"),
        ("`pause_after_failure`", "1 s", "pause: 1s"),
    ];
    agree("cache", &Cache::<u8, u8>::builder("x"), rows);
    agree("coalesce", &Coalesce::<u8, u8, u8>::builder("x"), &[("`max_wait`", "30 s", "max_wait: 30s")]);
}

#[test]
fn of_a_monitor() {
    let rows: &[Row] = &[
        ("`min_calls`", "20", "min_calls: 20,"),
        ("`threshold` of places in use", "0.8, 1", "Saturated: Threshold { warning: 0.8, critical: 1.0 }"),
        ("`threshold` of calls refused", "0.01, 0.1", "Rejected: Threshold { warning: 0.01, critical: 0.1 }"),
        (
            "`threshold` of a budget that refuses",
            "0.01, 0.5",
            "BudgetSpent: Threshold { warning: 0.01, critical: 0.5 }",
        ),
        (
            "`threshold` of calls cut off, and of defaults in a join",
            "0.05, 0.5",
            "TimedOut: Threshold { warning: 0.05, critical: 0.5 }",
        ),
        (
            "`threshold` of calls cut off, and of defaults in a join",
            "0.05, 0.5",
            "Defaulted: Threshold { warning: 0.05, critical: 0.5 }",
        ),
        (
            "`threshold` of an open breaker",
            "warning at half-open, critical at open",
            "Breaker: Threshold { warning: 0.5, critical: 1.0 }",
        ),
    ];
    agree("monitor", &Monitor::builder("x"), rows);
}
