//! Whether a ledger's row is what its key and its order promise.

use crate::audit::model::{Action, LedgerRow, Line, OrderFact, Service, lines};
use serde_json::Value;

/// The action that a key stands for, in this service's ledger.
pub(super) fn place(service: Service, row: &LedgerRow) -> Option<Action> {
    let parts: Vec<&str> = row.key.split('/').collect();
    let [_, step, round] = parts[..] else { return None };
    let action = Action::of_step(step)?;
    let fits = action.service() == service && round.parse::<u32>().is_ok();
    fits.then_some(action)
}

/// Why a row is not what its key and its order promise.
pub(super) fn misfit(order: &OrderFact, action: Action, row: &LedgerRow) -> Option<String> {
    let body = &row.row;
    if let Some(why) = &body.unreadable {
        return Some(format!("cannot be read ({}.db, space `ledger`): {why}", action.service()));
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
        return body.refused.as_ref().and_then(|refused| wrong_refusal(order, refused));
    }
    if !is_sha256(&body.fingerprint) {
        return Some(format!("has the fingerprint `{}`, which is none", body.fingerprint));
    }
    wrong_detail(order, action, &body.detail).or_else(|| wrong_reply(order, action, &body.reply))
}

/// A refusal names what there was not enough of.
fn wrong_refusal(order: &OrderFact, refused: &Value) -> Option<String> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let (fingerprint, sku) = (text(refused.get("fingerprint")), text(refused.pointer("/reason/sku")));
    if !is_sha256(&fingerprint) {
        return Some(format!("refused a request with the fingerprint `{fingerprint}`, which is none"));
    }
    let ordered = order.items.iter().any(|line| line.sku == sku);
    (!ordered).then(|| format!("refused for want of `{sku}`, which the order does not ask for"))
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
    match lines(said) {
        Some(said) => other_lines(order, said),
        None => Some("names no lines that can be read".to_owned()),
    }
}

pub(super) fn other_lines(order: &OrderFact, mut said: Vec<Line>) -> Option<String> {
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
