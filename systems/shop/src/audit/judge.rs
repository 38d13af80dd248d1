//! Judges one order by what its participants hold. Pure: what it says follows from what it is given.

use super::finding::{Finding, Invariant};
use super::model::{Action, Intent, LedgerRow, Line, OrderFact, OrderStatus, Service, lines};
use partita::time::Timestamp;
use serde_json::Value;
use std::time::Duration;

/// So long after its deadline an order must have ended, or wait for an operator.
const GRACE: Duration = Duration::from_secs(60);

/// What the participants hold of one order.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// All ledger rows whose key names the order.
    pub rows: &'a [(Service, LedgerRow)],
    /// All intents made for it.
    pub intents: &'a [Intent],
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

    fn paid(&mut self) {
        let intents = self.evidence.intents;
        let captured: Vec<&Intent> = intents.iter().filter(|intent| intent.is_captured()).collect();
        let total = self.order.total;
        let [intent] = captured[..] else {
            return self.wrong(&format!("CONFIRMED, but the provider has {} succeeded intents", captured.len()));
        };
        if intent.amount_received != total || intent.amount_refunded != 0 {
            let (received, refunded) = (intent.amount_received, intent.amount_refunded);
            self.wrong(&format!(
                "CONFIRMED over {total}, but intent {} received {received} and refunded {refunded}",
                intent.id
            ));
        }
        for open in intents.iter().filter(|intent| intent.is_open()) {
            self.wrong(&format!("CONFIRMED, but a second intent {} is {}", open.id, open.status));
        }
    }

    /// An order that waits for an operator: told, and undone as far as can be. Behind its pivot there is no way back, so
    /// there its rows may stand.
    fn parked(&mut self, effects: &Effects<'a>) {
        if !self.order.parked_alert {
            self.say(Invariant::Sg1, "parked, and no operator was told");
        }
        if !self.evidence.intents.iter().any(Intent::is_captured) {
            self.taken_back(effects);
        }
    }

    fn unwound(&mut self, effects: &Effects<'a>) {
        self.taken_back(effects);
        let state = self.state();
        for intent in self.evidence.intents {
            if intent.net() != 0 {
                self.wrong(&format!("{state}, but intent {} kept {} of its money", intent.id, intent.net()));
            } else if intent.is_open() {
                self.wrong(&format!("{state}, but intent {} is {}", intent.id, intent.status));
            }
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

    /// A step that was certainly begun leaves a row even when it was undone: the one that keeps a late request out.
    fn tombstones(&mut self, effects: &Effects<'a>) {
        let absent = |action: Action| matches!(effects[action as usize], Effect::Absent);
        let paying = matches!(self.order.reason.as_deref(), Some("payment_declined" | "payment_unavailable"))
            || !self.evidence.intents.is_empty();
        let begun = [(Action::Reserve, paying || !absent(Action::Hold)), (Action::Hold, paying)];
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

/// The action that a key stands for, in this service's ledger.
fn place(service: Service, row: &LedgerRow) -> Option<Action> {
    let parts: Vec<&str> = row.key.split('/').collect();
    let [_, step, round] = parts[..] else { return None };
    let action = Action::of_step(step)?;
    let fits = action.service() == service && round.parse::<u32>().is_ok();
    fits.then_some(action)
}

/// Why a row is not what its key and its order promise.
fn misfit(order: &OrderFact, action: Action, row: &LedgerRow) -> Option<String> {
    let body = &row.row;
    if let Some(why) = &body.unreadable {
        return Some(format!("cannot be read: {why}"));
    }
    if !row.is_done() && !row.is_undone() {
        return Some(format!("has the outcome `{}`, which is none", body.outcome));
    }
    if body.subject.as_deref() != Some(&order.order_id) {
        return Some(format!("is about order {}", body.subject.as_deref().unwrap_or("nobody")));
    }
    if body.action.as_deref() != Some(action.name()) {
        return Some(format!("says that it did `{}`", body.action.as_deref().unwrap_or("nothing")));
    }
    if row.is_tombstone() {
        return None;
    }
    if !is_sha256(&body.fingerprint) {
        return Some(format!("has the fingerprint `{}`, which is none", body.fingerprint));
    }
    wrong_detail(order, action, &body.detail).or_else(|| wrong_reply(order, action, &body.reply))
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn wrong_detail(order: &OrderFact, action: Action, detail: &Value) -> Option<String> {
    match action {
        Action::Reserve | Action::Commit | Action::Ship => wrong_lines(order, detail),
        Action::Hold | Action::Award => wrong_points(order, detail),
    }
}

/// A reply need not repeat what was asked for; what it repeats must be right.
fn wrong_reply(order: &OrderFact, action: Action, reply: &Value) -> Option<String> {
    let named = reply.get("order_id").and_then(Value::as_str).unwrap_or("nobody");
    if named != order.order_id {
        return Some(format!("answered for order {named}"));
    }
    let repeats = reply.get("lines").is_some() || reply.get("points").is_some();
    let wrong = repeats.then(|| wrong_detail(order, action, reply)).flatten();
    wrong.map(|why| format!("{why} in its reply"))
}

fn wrong_lines(order: &OrderFact, said: &Value) -> Option<String> {
    let Some(mut said) = lines(said) else {
        return Some("names no lines that can be read".to_owned());
    };
    let mut ordered = order.items.clone();
    said.sort();
    ordered.sort();
    let show = |lines: &[Line]| {
        let lines: Vec<String> = lines.iter().map(|line| format!("{} x {}", line.quantity, line.sku)).collect();
        lines.join(", ")
    };
    (said != ordered).then(|| format!("says {}, the order asks for {}", show(&said), show(&ordered)))
}

fn wrong_points(order: &OrderFact, said: &Value) -> Option<String> {
    let points = said.get("points").and_then(Value::as_i64);
    if points != Some(order.points()) {
        let points = points.map_or_else(|| "no".to_owned(), |points| points.to_string());
        return Some(format!("says {points} points, the order is worth {}", order.points()));
    }
    let customer = said.get("customer_id").and_then(Value::as_str).unwrap_or("nobody");
    (customer != order.customer_id).then(|| format!("says customer {customer}, the order is {}'s", order.customer_id))
}

#[cfg(test)]
mod tests;
