//! The stories that are explored.

use super::ShopWorld;
use partita_testkit::explore::{Exploration, Explorer};
use std::time::Duration;

/// How an order must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Confirmed,
    Rejected(&'static str),
    Cancelled,
    /// As the cancel was answered: 202 promises that it is cancelled, 409 that it goes through.
    AsAnswered,
    /// Parked: it waits for an operator.
    NeedsOperator,
}

/// One order, and what becomes of it.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) method: &'static str,
    pub(crate) items: &'static [(&'static str, u64)],
    /// In minor units.
    pub(crate) total: i64,
    /// The customer cancels so long after the order was accepted.
    pub(crate) cancels: Option<Duration>,
    pub(crate) end: End,
    /// What must happen in some run, besides [`ALWAYS`].
    counters: &'static [&'static str],
}

/// What must happen in some run of every story.
const ALWAYS: [&str; 4] = ["crashes", "recovered", "in_doubt_settled", "replayed_key"];

const LAMPS: &[(&str, u64)] = &[("desk-lamp", 2), ("scarce", 1)];
const LAMPS_TOTAL: i64 = 18_200;

impl Scenario {
    const fn new(name: &'static str, method: &'static str, end: End, counters: &'static [&'static str]) -> Self {
        Self { name, method, items: LAMPS, total: LAMPS_TOTAL, cancels: None, end, counters }
    }

    const fn cancelled(self, after: Duration) -> Self {
        Self { cancels: Some(after), ..self }
    }

    const fn of(self, items: &'static [(&'static str, u64)], total: i64) -> Self {
        Self { items, total, ..self }
    }

    /// Explores it whole.
    pub(crate) fn explore(&'static self, explorer: &Explorer) -> Exploration {
        let counters = [&ALWAYS[..], self.counters].concat();
        explorer.explore(&counters, || ShopWorld::new(self, None))
    }
}

const DECLINED: End = End::Rejected("payment_declined");

/// All of them. A call takes 10 ms here: the customer of `cancelled-early` cancels while points are being held, the one of
/// `cancelled-late` while the payment is being captured.
pub(crate) static SCENARIOS: [Scenario; 12] = [
    Scenario::new("confirmed", "pm_ok", End::Confirmed, &["ledger_replayed", "probe_found", "probe_not_found"]),
    Scenario::new(
        "out-of-stock",
        "pm_ok",
        End::Rejected("out_of_stock"),
        &["stock_released", "tombstone_first", "late_refused"],
    )
    .of(&[("desk-lamp", 1), ("sold-out", 1)], 31_900),
    Scenario::new(
        "declined",
        "pm_declined",
        DECLINED,
        &["ledger_replayed", "provider_replayed", "probe_not_found", "points_released", "stock_released"],
    ),
    Scenario::new(
        "capture-declined",
        "pm_capture_declined",
        DECLINED,
        &["ledger_replayed", "provider_replayed", "probe_found", "payment_voided", "points_released", "stock_released"],
    ),
    Scenario::new(
        "cancelled",
        "pm_slow",
        End::Cancelled,
        &["cancel_accepted", "probe_waits", "payment_voided", "points_released", "stock_released", "tombstone_first"],
    )
    .cancelled(Duration::from_millis(500)),
    Scenario::new(
        "cancelled-early",
        "pm_ok",
        End::AsAnswered,
        &["cancel_accepted", "points_released", "stock_released", "tombstone_first", "late_refused"],
    )
    .cancelled(Duration::from_millis(15)),
    Scenario::new("cancelled-late", "pm_ok", End::AsAnswered, &["cancel_accepted", "cancel_refused", "payment_voided"])
        .cancelled(Duration::from_millis(55)),
    Scenario::new("lost-reply", "pm_lost_reply", End::Confirmed, &["probe_found", "ledger_replayed"]),
    Scenario::new("lost-request", "pm_lost_request", End::Confirmed, &["probe_not_found", "ledger_replayed"]),
    Scenario::new("flaky", "pm_flaky", End::Confirmed, &["probe_not_found", "ledger_replayed"]),
    Scenario::new(
        "undo-fails-twice",
        "pm_undo_flaky",
        DECLINED,
        &["undo_failed", "payment_voided", "points_released", "stock_released"],
    ),
    Scenario::new(
        "undo-never-works",
        "pm_undo_fails",
        End::NeedsOperator,
        &["undo_failed", "parked", "points_released", "stock_released"],
    ),
];
