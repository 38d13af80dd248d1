//! An order as it is shown.

use super::model::{CURRENCY, Line, OrderRecord, Status};
use partita::core::{Result, quote};
use partita::saga::{Class, SagaRow, TimelineEntry};
use partita::time::Timestamp;
use serde::{Serialize, Serializer};
use std::fmt::Write;

/// Bytes of a timeline's entry, about.
const ENTRY_BYTES: usize = 112;

/// A saga's line and what happened to it.
pub(super) type Lived = (SagaRow, Vec<TimelineEntry>);

/// What is shown before the timeline.
#[derive(Serialize)]
struct Head<'a> {
    order_id: &'a str,
    customer_id: &'a str,
    status: Status,
    reason: Option<&'a str>,
    items: &'a [Line],
    total: u64,
    currency: &'static str,
    created_at: Rfc3339,
    ended_at: Option<Rfc3339>,
}

/// A time as text.
struct Rfc3339(Timestamp);

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// The JSON of an order. Its timeline, which is most of it, is written by hand, at a fifth of what a serializer takes.
pub(super) fn shown(id: &str, order: &OrderRecord, saga: Option<&Lived>) -> Result<String> {
    let timeline = saga.map_or(&[][..], |(_, timeline)| timeline);
    let mut text = serde_json::to_string(&head(id, order, saga))?;
    text.pop();
    text.reserve(ENTRY_BYTES * (timeline.len() + 1));
    text.push_str(r#","timeline":["#);
    let mut at = (None, String::new());
    for (place, entry) in timeline.iter().enumerate() {
        if at.0 != Some(entry.at) {
            at = (Some(entry.at), entry.at.to_string());
        }
        text.push_str(if place == 0 { r#"{"at":""# } else { r#",{"at":""# });
        text.push_str(&at.1);
        text.push_str(r#"","step":"#);
        quoted_or_null(entry.step.as_deref(), &mut text);
        text.push_str(r#","event":"#);
        quote(entry.event, &mut text);
        text.push_str(r#","attempt":"#);
        match entry.attempt {
            Some(attempt) => drop(write!(text, "{attempt}")),
            None => text.push_str("null"),
        }
        text.push_str(r#","detail":"#);
        quoted_or_null(entry.detail.as_deref(), &mut text);
        text.push('}');
    }
    text.push_str("]}");
    Ok(text)
}

fn quoted_or_null(value: Option<&str>, text: &mut String) {
    match value {
        Some(value) => quote(value, text),
        None => text.push_str("null"),
    }
}

fn head<'a>(id: &'a str, order: &'a OrderRecord, saga: Option<&'a Lived>) -> Head<'a> {
    let ended_at = saga.filter(|(row, _)| order.status != Status::Pending && row.class.is_ended());
    let parked = order.status == Status::Pending && saga.is_some_and(|(row, _)| row.class == Class::Parked);
    let reason = if parked { Some("needs_operator") } else { order.reason.as_deref() };
    Head {
        order_id: id,
        customer_id: &order.order.customer_id,
        status: order.status,
        reason,
        items: &order.order.items,
        total: order.order.total,
        currency: CURRENCY,
        created_at: Rfc3339(order.order.created_at),
        ended_at: ended_at.map(|(row, _)| Rfc3339(row.changed_at)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::Order;
    use super::*;
    use serde_json::{Value, json};

    fn order() -> OrderRecord {
        let order = Order {
            customer_id: "ada".to_owned(),
            items: vec![Line { sku: "desk-lamp".to_owned(), quantity: 2, unit_price: 9_100 }],
            total: 18_200,
            payment_method: "pm_ok".to_owned(),
            created_at: Timestamp::from_millis(1_000),
        };
        OrderRecord { status: Status::Pending, reason: None, order }
    }

    fn entry(
        at: i64,
        step: Option<&str>,
        event: &'static str,
        attempt: Option<u32>,
        detail: Option<&str>,
    ) -> TimelineEntry {
        let text = |text: &str| text.to_owned();
        TimelineEntry { at: Timestamp::from_millis(at), step: step.map(text), event, attempt, detail: detail.map(text) }
    }

    #[test]
    fn an_order_is_shown_with_its_timeline() {
        let row = SagaRow {
            id: "o".to_owned(),
            name: "checkout".to_owned(),
            version: 3,
            class: Class::Parked,
            started_at: Timestamp::from_millis(1_000),
            changed_at: Timestamp::from_millis(2_000),
            reason: None,
            due: None,
        };
        let timeline = vec![
            entry(1_000, None, "saga.started", None, Some("checkout v3")),
            entry(1_000, Some("reserve stock"), "step.started", Some(1), None),
            entry(2_000, Some("reserve stock"), "step.unknown", Some(12), Some("said \"no\"\n\u{1}\\")),
        ];
        let text = shown("o", &order(), Some(&(row, timeline))).expect("JSON");
        let one = |at: &str, step: Value, event: &str, attempt: Value, detail: Value| json!({"at": at, "step": step, "event": event, "attempt": attempt, "detail": detail});
        let (first, second) = ("1970-01-01T00:00:01.000Z", "1970-01-01T00:00:02.000Z");
        let expected = json!({
            "order_id": "o", "customer_id": "ada", "status": "PENDING", "reason": "needs_operator",
            "items": [{"sku": "desk-lamp", "quantity": 2, "unit_price": 9_100}],
            "total": 18_200, "currency": "EUR", "created_at": first, "ended_at": null,
            "timeline": [
                one(first, Value::Null, "saga.started", Value::Null, "checkout v3".into()),
                one(first, "reserve stock".into(), "step.started", 1.into(), Value::Null),
                one(second, "reserve stock".into(), "step.unknown", 12.into(), "said \"no\"\n\u{1}\\".into()),
            ],
        });
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), expected);
        let without = shown("o", &order(), None).expect("JSON");
        assert_eq!(serde_json::from_str::<Value>(&without).expect("JSON")["timeline"], json!([]));
    }
}
