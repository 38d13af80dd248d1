//! What an audit found, and its report.

use serde::{Deserialize, Serialize};

/// So many examples of a broken invariant are shown.
const EXAMPLES: usize = 10;

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// Every accepted order reaches an end, or an operator.
    Sg1,
    /// Each step's net effect is 0 or 1, and all of an order's agree with its end.
    Sg2,
    /// The books balance: stock, points, and nothing shipped that was not paid.
    Ec1,
    /// What a client saw accepted is there and ended.
    Accepted,
}

impl Invariant {
    /// Its id in a report.
    pub fn id(self) -> &'static str {
        match self {
            Self::Sg1 => "SG1",
            Self::Sg2 => "SG2",
            Self::Ec1 => "EC1",
            Self::Accepted => "ACCEPTED",
        }
    }
}

/// One violation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What does not hold.
    pub invariant: Invariant,
    /// What was seen, with the order's id.
    pub text: String,
}

impl Finding {
    /// A violation by one order.
    pub fn of_order(invariant: Invariant, order_id: &str, what: &str) -> Self {
        Self { invariant, text: format!("order {order_id}: {what}") }
    }

    /// A payment intent that cannot be read, and does not tell its order.
    pub fn of_intent(id: &str) -> Self {
        let text = format!("intent {id}: it cannot be read (psp.db, space `intents`, key `{id}`)");
        Self { invariant: Invariant::Sg2, text }
    }
}

/// Orders by where they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderCounts {
    /// In progress.
    pub pending: u64,
    /// Paid, taken from stock and shipped.
    pub confirmed: u64,
    /// Undone, because something refused.
    pub rejected: u64,
    /// Undone, because the customer asked for it.
    pub cancelled: u64,
    /// Waiting for an operator.
    pub parked: u64,
}

impl OrderCounts {
    /// All of them.
    pub fn all(&self) -> u64 {
        self.pending + self.confirmed + self.rejected + self.cancelled + self.parked
    }
}

/// What became of one invariant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvariantReport {
    /// Which.
    pub id: String,
    /// Whether it holds.
    pub ok: bool,
    /// How many things were looked at.
    pub checked: u64,
    /// How many violations there are.
    pub violations: u64,
    /// The first of them.
    pub examples: Vec<String>,
}

impl InvariantReport {
    /// Of an invariant that nothing was checked for yet.
    pub fn new(invariant: Invariant) -> Self {
        Self { id: invariant.id().to_owned(), ok: true, ..Self::default() }
    }

    /// Counts one violation, and keeps it when it is among the first.
    pub fn violated(&mut self, text: String) {
        self.ok = false;
        self.violations += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(text);
        }
    }
}

/// What `GET /audit` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditReport {
    /// Whether everything holds.
    pub ok: bool,
    /// Orders by where they stand.
    pub orders: OrderCounts,
    /// Each invariant by itself.
    pub invariants: Vec<InvariantReport>,
}

impl AuditReport {
    /// A report of a shop in which all three invariants are looked at.
    pub fn new(orders: OrderCounts) -> Self {
        let invariants = [Invariant::Sg1, Invariant::Sg2, Invariant::Ec1].map(InvariantReport::new).into();
        Self { ok: true, orders, invariants }
    }

    /// Counts one violation.
    pub fn add(&mut self, finding: Finding) {
        self.ok = false;
        if let Some(report) = self.of(finding.invariant) {
            report.violated(finding.text);
        }
    }

    /// Says how many things were looked at.
    pub fn checked(&mut self, invariant: Invariant, number: u64) {
        if let Some(report) = self.of(invariant) {
            report.checked = number;
        }
    }

    /// Adds an invariant that was judged elsewhere.
    pub fn join(&mut self, report: InvariantReport) {
        self.ok &= report.ok;
        self.invariants.push(report);
    }

    /// Violations of all invariants.
    pub fn violations(&self) -> u64 {
        self.invariants.iter().map(|report| report.violations).sum()
    }

    fn of(&mut self, invariant: Invariant) -> Option<&mut InvariantReport> {
        self.invariants.iter_mut().find(|report| report.id == invariant.id())
    }
}
