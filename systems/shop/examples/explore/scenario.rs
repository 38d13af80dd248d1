//! The stories that are explored.

use super::world::{Bug, End, Must, ShopWorld, Wish};
use partita_testkit::explore::{Exploration, Explorer};
use std::time::Duration;

/// One order, and what becomes of it.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    method: &'static str,
    items: &'static [(&'static str, u64)],
    /// In minor units.
    total: i64,
    /// The customer cancels so long after the order was accepted.
    cancels: Option<Duration>,
    must: Must,
    /// What must happen in some run, besides [`ALWAYS`].
    counters: &'static [&'static str],
}

/// What must happen in some run of every story.
const ALWAYS: [&str; 4] = ["crashes", "recovered", "in_doubt_settled", "replayed_key"];

const LAMPS: &[(&str, u64)] = &[("desk-lamp", 2), ("scarce", 1)];
const LAMPS_TOTAL: i64 = 18_200;

impl Scenario {
    const fn new(name: &'static str, method: &'static str, must: Must, counters: &'static [&'static str]) -> Self {
        Self { name, method, items: LAMPS, total: LAMPS_TOTAL, cancels: None, must, counters }
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
        explorer.explore(&counters, || self.world(None))
    }

    /// The shop with its one customer, and a planted defect perhaps.
    pub(crate) fn world(&self, bug: Option<Bug>) -> ShopWorld {
        let wish = Wish {
            customer: "ada",
            key: "one-order".to_owned(),
            method: self.method,
            items: self.items.to_vec(),
            total: self.total,
            after: Duration::ZERO,
            cancels: self.cancels,
            must: self.must,
        };
        ShopWorld::new([wish], 1, bug)
    }
}

const DECLINED: Must = Must::End(End::Rejected("payment_declined"));
const CONFIRMED: Must = Must::End(End::Confirmed);

/// All of them. A call takes 10 ms here: the customer of `cancelled-early` cancels while stock and points are being held, the one of
/// `cancelled-late` while the payment is being captured.
pub(crate) static SCENARIOS: [Scenario; 12] = [
    Scenario::new("confirmed", "pm_ok", CONFIRMED, &["ledger_replayed", "probe_found", "probe_not_found"]),
    Scenario::new(
        "out-of-stock",
        "pm_ok",
        Must::End(End::Rejected("out_of_stock")),
        &["stock_released", "tombstone_first"],
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
        Must::End(End::Cancelled),
        &["cancel_accepted", "probe_waits", "payment_voided", "points_released", "stock_released", "tombstone_first"],
    )
    .cancelled(Duration::from_millis(500)),
    Scenario::new(
        "cancelled-early",
        "pm_ok",
        Must::AsAnswered,
        &["cancel_accepted", "points_released", "stock_released", "tombstone_first", "late_refused"],
    )
    .cancelled(Duration::from_millis(5)),
    Scenario::new(
        "cancelled-late",
        "pm_ok",
        Must::AsAnswered,
        &["cancel_accepted", "cancel_refused", "payment_voided"],
    )
    .cancelled(Duration::from_millis(35)),
    Scenario::new("lost-reply", "pm_lost_reply", CONFIRMED, &["probe_found", "ledger_replayed"]),
    Scenario::new("lost-request", "pm_lost_request", CONFIRMED, &["probe_not_found", "ledger_replayed"]),
    Scenario::new("flaky", "pm_flaky", CONFIRMED, &["probe_not_found", "ledger_replayed"]),
    Scenario::new(
        "undo-fails-twice",
        "pm_undo_flaky",
        DECLINED,
        &["undo_failed", "payment_voided", "points_released", "stock_released"],
    ),
    Scenario::new(
        "undo-never-works",
        "pm_undo_fails",
        Must::End(End::NeedsOperator),
        &["undo_failed", "parked", "points_released", "stock_released"],
    ),
];
