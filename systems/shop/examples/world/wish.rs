//! What a customer wants, and how that may end.

use serde_json::Value;
use std::time::Duration;

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Confirmed,
    Rejected(&'static str),
    Cancelled,
    /// Parked: it waits for an operator.
    NeedsOperator,
}

/// How an order must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Must {
    /// So.
    End(End),
    /// As the cancel was answered: 202 promises that it is cancelled, 409 that it goes through.
    AsAnswered,
    /// As it can end where many things go wrong: nothing that its payment, its items or its cancel rule out.
    Fit,
}

/// An order that a customer wants to place.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) customer: &'static str,
    pub(crate) key: String,
    pub(crate) method: &'static str,
    pub(crate) items: Vec<(&'static str, u64)>,
    /// In minor units.
    pub(crate) total: i64,
    /// When it is placed, from the beginning of the run.
    pub(crate) after: Duration,
    /// The customer cancels so long after the order was accepted.
    pub(crate) cancels: Option<Duration>,
    pub(crate) must: Must,
}

const REASONS: [&str; 4] = ["out_of_stock", "payment_declined", "payment_unavailable", "deadline"];
const DECLINED: [&str; 4] = ["pm_declined", "pm_capture_declined", "pm_undo_flaky", "pm_undo_fails"];

impl End {
    /// Status and reason of a stored order.
    pub(crate) const fn stored(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Confirmed => ("CONFIRMED", None),
            Self::Rejected(reason) => ("REJECTED", Some(reason)),
            Self::Cancelled => ("CANCELLED", Some("cancelled_by_customer")),
            Self::NeedsOperator => ("PENDING", None),
        }
    }

    /// Status and reason as they are shown.
    const fn shown(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::NeedsOperator => ("PENDING", Some("needs_operator")),
            other => other.stored(),
        }
    }

    /// Its name among the counters.
    pub(crate) fn counter(self) -> &'static str {
        match self {
            Self::Confirmed => "end: confirmed",
            Self::Rejected("out_of_stock") => "end: rejected, out of stock",
            Self::Rejected("payment_declined") => "end: rejected, payment declined",
            Self::Rejected("payment_unavailable") => "end: rejected, payment unavailable",
            Self::Rejected(_) => "end: rejected, deadline",
            Self::Cancelled => "end: cancelled",
            Self::NeedsOperator => "end: parked",
        }
    }

    fn of(order: &Value) -> Option<Self> {
        let shown = (order["status"].as_str(), order["reason"].as_str());
        let rejected = REASONS.map(Self::Rejected);
        let all = [Self::Confirmed, Self::Cancelled, Self::NeedsOperator].into_iter().chain(rejected);
        all.into_iter().find(|end| (Some(end.shown().0), end.shown().1) == shown)
    }
}

impl Wish {
    /// How the order ended, given how its cancel was answered and what is shown of it.
    ///
    /// # Errors
    /// It may not end so.
    pub(crate) fn ended(&self, cancel: Option<u16>, order: &Value) -> Result<End, String> {
        let is = End::of(order);
        let must = match (self.must, cancel) {
            (Must::End(end), _) => Some(end),
            (Must::AsAnswered, Some(409)) => Some(End::Confirmed),
            (Must::AsAnswered, _) => Some(End::Cancelled),
            (Must::Fit, _) => is.filter(|end| self.fits(*end, cancel)),
        };
        let shown = || format!("{} {}", order["status"], order["reason"]);
        match must {
            Some(end) if is == Some(end) => Ok(end),
            Some(end) => Err(format!("SG1: {} instead of {end:?}", shown())),
            None => {
                let story = story(order);
                Err(format!("SG1: {} does not fit {self:?}, its cancel answered {cancel:?}: {story}", shown()))
            }
        }
    }

    fn fits(&self, end: End, cancel: Option<u16>) -> bool {
        let has = |wanted: &str| self.items.iter().any(|(sku, _)| *sku == wanted);
        let declined = DECLINED.contains(&self.method);
        match end {
            End::NeedsOperator => self.method == "pm_undo_fails",
            End::Cancelled => cancel == Some(202),
            _ if cancel == Some(202) => false,
            End::Confirmed => !declined && !has("sold-out"),
            End::Rejected("out_of_stock") => has("sold-out") || has("scarce"),
            End::Rejected("payment_declined") => declined,
            End::Rejected(_) => true,
        }
    }
}

/// What the customer sees of the saga, in short.
fn story(order: &Value) -> String {
    let entries = order["timeline"].as_array().map_or(&[][..], Vec::as_slice);
    let text = |entry: &Value| {
        let word = |member: &str| entry[member].as_str().unwrap_or_default().to_owned();
        format!("{} {} {} {}", word("at"), word("event"), word("step"), word("detail"))
    };
    entries.iter().map(text).collect::<Vec<_>>().join("; ")
}
