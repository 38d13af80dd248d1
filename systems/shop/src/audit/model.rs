//! What the audit reads: orders, ledger rows, intents, stock and accounts.

use partita::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::fmt;

/// Status of an order, as `GET /orders/{id}` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderStatus {
    /// Its saga has not ended; a parked one has not either.
    Pending,
    /// Paid, taken from stock and shipped.
    Confirmed,
    /// Undone, because something refused.
    Rejected,
    /// Undone, because the customer asked for it.
    Cancelled,
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "PENDING",
            Self::Confirmed => "CONFIRMED",
            Self::Rejected => "REJECTED",
            Self::Cancelled => "CANCELLED",
        })
    }
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Line {
    /// What.
    pub sku: String,
    /// How many.
    pub quantity: i64,
}

/// What ordering knows about an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderFact {
    /// Its id, which is its saga's too.
    pub order_id: String,
    /// Where it stands.
    pub status: OrderStatus,
    /// Why it ended so, or `needs_operator` while it is parked.
    pub reason: Option<String>,
    /// Its lines, each sku once.
    pub items: Vec<Line>,
    /// Its price, in minor units.
    pub total: i64,
    /// What its lines come to at their prices, in minor units.
    pub priced: i64,
    /// Who gets the points.
    pub customer_id: String,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// Until when its pivot may begin.
    pub deadline: Timestamp,
    /// Whether an operator was told that it is parked: by a task that names it.
    pub parked_alert: bool,
}

impl OrderFact {
    /// Whether its saga waits for an operator.
    pub fn is_parked(&self) -> bool {
        self.status == OrderStatus::Pending && self.reason.as_deref() == Some("needs_operator")
    }

    /// Whether its saga still works on it, so that nothing about it stands still.
    pub fn is_running(&self) -> bool {
        self.status == OrderStatus::Pending && !self.is_parked()
    }

    /// The points that it is worth.
    pub fn points(&self) -> i64 {
        self.total.div_euclid(100)
    }
}

/// Whose ledger a row is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Keeps the stock.
    Inventory,
    /// Keeps the points.
    Loyalty,
    /// Keeps the shipments.
    Shipping,
}

impl Service {
    /// All that keep a ledger.
    pub const ALL: [Self; 3] = [Self::Inventory, Self::Loyalty, Self::Shipping];
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inventory => "inventory",
            Self::Loyalty => "loyalty",
            Self::Shipping => "shipping",
        })
    }
}

/// What a ledger row says was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Stock was set aside.
    Reserve,
    /// Points were promised.
    Hold,
    /// Stock left the house.
    Commit,
    /// Points were given.
    Award,
    /// The parcel was handed over.
    Ship,
}

impl Action {
    /// All, in the order of the saga's steps.
    pub const ALL: [Self; 5] = [Self::Reserve, Self::Hold, Self::Commit, Self::Award, Self::Ship];

    /// Its name in a row.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Hold => "hold",
            Self::Commit => "commit",
            Self::Award => "award",
            Self::Ship => "ship",
        }
    }

    /// The saga's step that does it, as it stands in a key.
    pub fn step(self) -> &'static str {
        match self {
            Self::Reserve => "reserve-stock",
            Self::Hold => "hold-points",
            Self::Commit => "commit-stock",
            Self::Award => "award-points",
            Self::Ship => "create-shipment",
        }
    }

    /// Who does it.
    pub fn service(self) -> Service {
        match self {
            Self::Reserve | Self::Commit => Service::Inventory,
            Self::Hold | Self::Award => Service::Loyalty,
            Self::Ship => Service::Shipping,
        }
    }

    /// The action of a step.
    pub fn of_step(step: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.step() == step)
    }
}

/// A row of a ledger, or why it cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct RowBody {
    /// What is wrong with the stored text; all other members are absent then.
    #[serde(default)]
    pub unreadable: Option<String>,
    /// `done` or `undone`.
    #[serde(default)]
    pub outcome: String,
    /// What was done.
    #[serde(default)]
    pub action: Option<String>,
    /// For which order.
    #[serde(default)]
    pub subject: Option<String>,
    /// SHA-256 of the request, in hex; empty where an undo came without an action.
    #[serde(default)]
    pub fingerprint: String,
    /// What was answered; null where an undo came without an action.
    #[serde(default)]
    pub reply: Value,
    /// What exactly was done; null where an undo came without an action.
    #[serde(default)]
    pub detail: Value,
    /// What was refused, and why; absent where nothing was.
    #[serde(default)]
    pub refused: Option<Value>,
}

/// A row of a ledger with its key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LedgerRow {
    /// `{order id}/{step}/{round}`.
    pub key: String,
    /// The stored record.
    pub row: RowBody,
}

impl LedgerRow {
    /// The order that its key names; the whole key where it names none.
    pub fn order_part(&self) -> &str {
        self.key.split('/').next().unwrap_or(&self.key)
    }

    /// Whether its effect stands.
    pub fn is_done(&self) -> bool {
        self.row.unreadable.is_none() && self.row.outcome == "done"
    }

    /// Whether it says that the effect was taken back, or that it may never happen.
    pub fn is_undone(&self) -> bool {
        self.row.unreadable.is_none() && self.row.outcome == "undone"
    }

    /// Whether the undo came without an action, which can never come any more.
    pub fn is_tombstone(&self) -> bool {
        let RowBody { fingerprint, reply, detail, .. } = &self.row;
        self.is_undone() && fingerprint.is_empty() && reply.is_null() && detail.is_null()
    }

    /// The lines in its detail; `None` where there are none to read.
    pub fn lines(&self) -> Option<Vec<Line>> {
        lines(&self.row.detail)
    }

    /// The points in its detail.
    pub fn points(&self) -> Option<i64> {
        self.row.detail.get("points")?.as_i64()
    }

    /// The customer in its detail.
    pub fn customer(&self) -> Option<&str> {
        self.row.detail.get("customer_id")?.as_str()
    }
}

/// The member `lines`, where it can be read.
pub(super) fn lines(value: &Value) -> Option<Vec<Line>> {
    Vec::deserialize(value.get("lines")?).ok()
}

/// Stock of one sku, as inventory keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StockFact {
    /// What.
    pub sku: String,
    /// What a new data folder began with.
    pub seeded: i64,
    /// What lies in the house.
    pub on_hand: i64,
    /// What of it is promised.
    pub reserved: i64,
    /// Why its history cannot be read; all figures are 0 then.
    #[serde(default)]
    pub unreadable: Option<String>,
}

/// Points of one customer, as loyalty keeps them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AccountFact {
    /// Whose.
    pub customer_id: String,
    /// Given.
    pub balance: i64,
    /// Promised.
    pub held: i64,
    /// The stored text where it is no account; the figures are 0 then.
    #[serde(default)]
    pub unreadable: Option<String>,
}
