//! What callers see of an intent.

use super::model::{Intent, Method};
use serde::Serialize;
use std::collections::BTreeMap;

/// An intent on the wire.
#[derive(Debug, Serialize)]
pub(super) struct View<'a> {
    id: &'a str,
    object: &'static str,
    order_id: Option<&'a str>,
    status: &'static str,
    amount: i64,
    amount_received: i64,
    amount_refunded: i64,
    currency: &'a str,
    payment_method: Method,
    capture_method: &'static str,
    metadata: BTreeMap<&'a str, &'a str>,
    created_at: String,
    last_payment_error: Option<LastError>,
}

#[derive(Debug, Serialize)]
struct LastError {
    r#type: &'static str,
    code: &'static str,
}

impl<'a> View<'a> {
    /// What is shown of an intent.
    pub(super) fn of(intent: &'a Intent) -> Self {
        let others = intent.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let order = intent.order_id.as_deref().map(|id| ("order_id", id));
        let last_error = LastError { r#type: "card_error", code: "card_declined" };
        Self {
            id: &intent.id,
            object: "payment_intent",
            order_id: intent.order_id.as_deref(),
            status: intent.status.as_str(),
            amount: intent.amount,
            amount_received: intent.amount_received,
            amount_refunded: intent.amount_refunded,
            currency: &intent.currency,
            payment_method: intent.payment_method,
            capture_method: "manual",
            metadata: others.chain(order).collect(),
            created_at: intent.created_at.to_string(),
            last_payment_error: intent.declined.then_some(last_error),
        }
    }
}
