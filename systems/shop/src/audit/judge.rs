//! Judges one order by what its participants hold. Pure: what it says follows from what it is given.

mod money;
mod parcel;
mod row;

use super::finding::{Finding, Invariant};
use super::intent::Intent;
use super::model::{Action, LedgerRow, OrderFact, OrderStatus, Service};
use super::shipment::Shipment;
use partita::time::Timestamp;
use row::{misfit, place};
use std::time::Duration;

/// So long after its deadline an order must have ended, or wait for an operator.
const GRACE: Duration = Duration::from_secs(60);

/// Why an order may have been rejected.
const REASONS: [&str; 4] = ["out_of_stock", "payment_declined", "payment_unavailable", "deadline"];

/// What the participants hold of one order.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// All ledger rows whose key names the order.
    pub rows: &'a [(Service, LedgerRow)],
    /// The shipment recorded for it: one at most.
    pub shipments: &'a [Shipment],
    /// All intents made for it.
    pub intents: &'a [Intent],
}

impl Evidence<'_> {
    /// Whether what is held of the order may change while it is looked at: it is in progress, or waits for an operator behind
    /// its pivot, where other steps go on.
    pub(super) fn moves(&self, order: &OrderFact) -> bool {
        order.is_running() || (order.is_parked() && self.intents.iter().any(Intent::is_captured))
    }
}

/// Everything about an order that breaks SG1, SG2 or "shipped means captured".
///
/// Rows of an order in progress are not looked at: they move.
pub fn judge(order: &OrderFact, evidence: Evidence<'_>, now: Timestamp) -> Vec<Finding> {
    let mut case = Case { order, evidence, found: vec![] };
    if order.is_running() {
        case.in_time(now);
        return case.found;
    }
    let effects = case.effects();
    match order.status {
        OrderStatus::Confirmed => case.confirmed(&effects),
        OrderStatus::Pending => case.parked(&effects),
        OrderStatus::Rejected | OrderStatus::Cancelled => case.unwound(&effects),
    }
    case.record();
    case.intents();
    case.parcel(&effects);
    case.shipped(&effects);
    case.found
}

/// What is known of one action.
#[derive(Clone, Copy, Debug, Default)]
enum Effect<'a> {
    #[default]
    Absent,
    /// There is a row, and it was found wanting already.
    Broken,
    Row(&'a LedgerRow),
}

type Effects<'a> = [Effect<'a>; Action::ALL.len()];

struct Case<'a> {
    order: &'a OrderFact,
    evidence: Evidence<'a>,
    found: Vec<Finding>,
}

impl<'a> Case<'a> {
    fn say(&mut self, invariant: Invariant, what: &str) {
        self.found.push(Finding::of_order(invariant, &self.order.order_id, what));
    }

    fn wrong(&mut self, what: &str) {
        self.say(Invariant::Sg2, what);
    }

    /// The order's state, as a finding names it.
    fn state(&self) -> String {
        match &self.order.reason {
            Some(reason) => format!("{} {reason}", self.order.status),
            None => self.order.status.to_string(),
        }
    }

    fn in_time(&mut self, now: Timestamp) {
        if now > self.order.deadline.plus(GRACE) {
            let what = format!("still in progress, its deadline was {}", self.order.deadline);
            self.say(Invariant::Sg1, &what);
        }
    }

    /// Sorts the rows by what they did; names those that do not fit, and second ones.
    fn effects(&mut self) -> Effects<'a> {
        let mut effects = Effects::default();
        for (service, row) in self.evidence.rows {
            let Some(action) = place(*service, row) else {
                self.wrong(&format!("{service}'s row `{}` has a key that no step of an order makes", row.key));
                continue;
            };
            let effect = &mut effects[action as usize];
            if !matches!(effect, Effect::Absent) {
                self.wrong(&format!("{service} has a second row for `{}`: `{}`", action.name(), row.key));
            } else if let Some(why) = misfit(self.order, action, row) {
                *effect = Effect::Broken;
                self.wrong(&format!("{service}'s row `{}` {why}", row.key));
            } else {
                *effect = Effect::Row(row);
            }
        }
        effects
    }

    fn confirmed(&mut self, effects: &Effects<'a>) {
        for action in Action::ALL {
            let service = action.service();
            match effects[action as usize] {
                Effect::Absent => {
                    self.wrong(&format!("CONFIRMED, but {service} has no row for `{}`", action.name()));
                }
                Effect::Row(row) if row.is_undone() => {
                    self.wrong(&format!("CONFIRMED, but {service}'s row `{}` is undone", row.key));
                }
                Effect::Row(_) | Effect::Broken => {}
            }
        }
        self.paid();
    }

    /// An order that waits for an operator: told, and undone as far as can be. Behind its pivot there is no way back, so
    /// there its rows stand.
    fn parked(&mut self, effects: &Effects<'a>) {
        if !self.order.parked_alert {
            self.say(Invariant::Sg1, "parked, and no operator was told");
        }
        if self.evidence.intents.iter().any(Intent::is_captured) {
            self.stands(effects);
            self.paid();
        } else {
            self.taken_back(effects);
            self.kept();
        }
    }

    fn unwound(&mut self, effects: &Effects<'a>) {
        self.taken_back(effects);
        self.kept();
        self.given_up();
    }

    /// What was paid for must not have been taken back.
    fn stands(&mut self, effects: &Effects<'a>) {
        for action in [Action::Reserve, Action::Hold] {
            let what = match effects[action as usize] {
                Effect::Absent => format!("has no row for `{}`", action.name()),
                Effect::Row(row) if row.is_undone() => format!("has undone its row `{}`", row.key),
                Effect::Row(_) | Effect::Broken => continue,
            };
            self.wrong(&format!("{}, its money was captured, but {} {what}", self.state(), action.service()));
        }
    }

    /// The order's own record: it ended for a reason that there is, and its total is what its lines come to.
    fn record(&mut self) {
        let OrderFact { status, reason, total, priced, .. } = self.order;
        let known = match (status, reason.as_deref()) {
            (OrderStatus::Confirmed, None) | (OrderStatus::Pending, Some("needs_operator")) => true,
            (OrderStatus::Rejected, Some(reason)) => REASONS.contains(&reason),
            (OrderStatus::Cancelled, Some(reason)) => reason == "cancelled_by_customer",
            _ => false,
        };
        if !known {
            let reason = reason.as_deref().unwrap_or("none");
            self.wrong(&format!("{status} with the reason `{reason}`, which no such order has"));
        }
        if total != priced {
            self.wrong(&format!("its lines come to {priced}, its total is {total}"));
        }
    }

    fn taken_back(&mut self, effects: &Effects<'a>) {
        let state = self.state();
        for action in [Action::Reserve, Action::Hold] {
            if let Effect::Row(row) = effects[action as usize]
                && row.is_done()
            {
                self.wrong(&format!("{state}, but {}'s row `{}` was never undone", action.service(), row.key));
            }
        }
        for action in [Action::Commit, Action::Award, Action::Ship] {
            if let Effect::Row(row) = effects[action as usize] {
                self.wrong(&format!("{state}, but {} has a row `{}`", action.service(), row.key));
            }
        }
        self.tombstones(effects);
    }

    /// A step that was certainly begun leaves a row even when it was refused or undone: the one that keeps a late request out.
    /// A hold does not tell of a reservation: they are begun at once, and the request for one may never have arrived.
    fn tombstones(&mut self, effects: &Effects<'a>) {
        let absent = |action: Action| matches!(effects[action as usize], Effect::Absent);
        let paying = matches!(self.order.reason.as_deref(), Some("payment_declined" | "payment_unavailable"))
            || !self.evidence.intents.is_empty();
        let refused = self.order.reason.as_deref() == Some("out_of_stock");
        let begun = [(Action::Reserve, paying || refused), (Action::Hold, paying)];
        for (action, begun) in begun {
            if begun && absent(action) {
                let (service, name) = (action.service(), action.name());
                self.wrong(&format!("{}, but {service} has no row left for `{name}`", self.state()));
            }
        }
    }

    fn shipped(&mut self, effects: &Effects<'a>) {
        let captured =
            self.evidence.intents.iter().any(|intent| intent.is_captured() && intent.net() >= self.order.total);
        if let Effect::Row(row) = effects[Action::Ship as usize]
            && row.is_done()
            && !captured
        {
            self.say(Invariant::Ec1, &format!("shipped by row `{}`, but its money was never captured", row.key));
        }
    }
}

#[cfg(test)]
mod tests;
