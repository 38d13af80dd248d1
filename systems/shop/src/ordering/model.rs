//! What an order is, and which requests make one. Pure.

use crate::catalog::product_of;
use partita::http::{FieldErrors, Json, pointer_token};
use partita::saga::{End, Why};
use partita::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Payment methods of the provider simulator.
pub(super) const METHODS: [&str; 9] = [
    "pm_ok",
    "pm_declined",
    "pm_capture_declined",
    "pm_slow",
    "pm_lost_reply",
    "pm_lost_request",
    "pm_flaky",
    "pm_undo_fails",
    "pm_undo_flaky",
];
const MEMBERS: [&str; 3] = ["customer_id", "items", "payment_method"];
pub(super) const MAX_LINES: usize = 100;
pub(super) const MAX_QUANTITY: u64 = 100_000;
pub(super) const CURRENCY: &str = "EUR";

/// One line of an order, at the price of the moment of acceptance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    /// What.
    pub(super) sku: String,
    /// How many.
    pub(super) quantity: u64,
    /// Price of one, in cents.
    pub(super) unit_price: u64,
}

/// An order as it was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    /// Who bought.
    pub(super) customer_id: String,
    /// Its lines, each sku once.
    pub(super) items: Vec<Line>,
    /// In cents.
    pub(super) total: u64,
    /// How it is paid.
    pub(super) payment_method: String,
    /// When it was accepted.
    pub(super) created_at: Timestamp,
}

/// The state of the checkout saga: the order, and the keys under which others know its parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkout {
    /// Id of the order, and of its saga.
    pub(super) id: String,
    /// The order.
    pub(super) order: Order,
    /// Key of the reservation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reservation: Option<String>,
    /// Key of the held points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hold: Option<String>,
    /// The provider's id of the payment, where its authorization was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) intent: Option<String>,
}

/// Status of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Status {
    /// Its saga has not ended.
    Pending,
    /// Paid, taken from stock and shipped.
    Confirmed,
    /// Undone, because something refused.
    Rejected,
    /// Undone, because the customer asked for it.
    Cancelled,
}

impl Status {
    /// As shown and stored.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Confirmed => "CONFIRMED",
            Self::Rejected => "REJECTED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// The record of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub(super) struct OrderRecord {
    /// Where it stands.
    pub(super) status: Status,
    /// Why it ended so.
    pub(super) reason: Option<String>,
    /// The order.
    #[serde(flatten)]
    pub(super) order: Order,
}

/// The record as it is read: at half the cost of a flattened one.
#[derive(Deserialize)]
struct Stored {
    status: Status,
    #[serde(default)]
    reason: Option<String>,
    customer_id: String,
    items: Vec<Line>,
    total: u64,
    payment_method: String,
    created_at: Timestamp,
}

impl From<Stored> for OrderRecord {
    fn from(stored: Stored) -> Self {
        let Stored { status, reason, customer_id, items, total, payment_method, created_at } = stored;
        Self { status, reason, order: Order { customer_id, items, total, payment_method, created_at } }
    }
}

impl Order {
    /// Points that it is worth.
    pub(super) const fn points(&self) -> u64 {
        self.total / 100
    }
}

/// Status and reason that follow from the saga's end.
pub(super) fn ended(end: &End) -> (Status, Option<String>) {
    match end {
        End::Completed => (Status::Confirmed, None),
        End::Compensated(Why::Cancelled) => (Status::Cancelled, Some("cancelled_by_customer".to_owned())),
        End::Compensated(Why::Deadline) => (Status::Rejected, Some("deadline".to_owned())),
        End::Compensated(Why::Exhausted { .. }) => (Status::Rejected, Some("payment_unavailable".to_owned())),
        End::Compensated(Why::Rejected { reason, .. }) => {
            let reason = reason.as_str().map_or_else(|| reason.to_string(), ToOwned::to_owned);
            (Status::Rejected, Some(reason))
        }
    }
}

/// Reads an order from a request; all that is wrong with it at once.
pub(super) fn read(body: &Json, now: Timestamp) -> Result<Order, FieldErrors> {
    let mut errors = FieldErrors::default();
    let Json::Object(members) = body else {
        errors.push("#", "must be an object");
        return Err(errors);
    };
    for (name, _) in members.iter().filter(|(name, _)| !MEMBERS.contains(&name.as_str())) {
        errors.push(&format!("#/{}", pointer_token(name)), "is not known here");
    }
    let customer_id = read_customer(body.get("customer_id"), &mut errors);
    let items = read_items(body.get("items"), &mut errors);
    let payment_method = read_method(body.get("payment_method"), &mut errors);
    if !errors.is_empty() {
        return Err(errors);
    }
    let total = items.iter().map(|line| line.quantity * line.unit_price).sum();
    Ok(Order { customer_id, items, total, payment_method, created_at: now })
}

fn read_customer(value: Option<&Json>, errors: &mut FieldErrors) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    match value {
        Some(Json::String(id)) if (1..=64).contains(&id.len()) && id.chars().all(allowed) => return id.clone(),
        Some(_) => errors.push("#/customer_id", "must be 1 to 64 of A-Z a-z 0-9 _ . -"),
        None => errors.push("#/customer_id", "is missing"),
    }
    String::new()
}

fn read_method(value: Option<&Json>, errors: &mut FieldErrors) -> String {
    match value {
        Some(Json::String(method)) if METHODS.contains(&method.as_str()) => return method.clone(),
        Some(Json::String(_)) => errors.push("#/payment_method", "is not a payment method of this shop"),
        Some(_) => errors.push("#/payment_method", "must be a text"),
        None => errors.push("#/payment_method", "is missing"),
    }
    String::new()
}

fn read_items(value: Option<&Json>, errors: &mut FieldErrors) -> Vec<Line> {
    let lines = match value {
        Some(Json::Array(lines)) => {
            if !(1..=MAX_LINES).contains(&lines.len()) {
                errors.push("#/items", "takes 1 to 100 lines");
            }
            lines
        }
        Some(_) => {
            errors.push("#/items", "must be an array");
            return vec![];
        }
        None => {
            errors.push("#/items", "is missing");
            return vec![];
        }
    };
    let mut items: Vec<Line> = vec![];
    let mut seen = HashSet::new();
    for (index, line) in lines.iter().enumerate() {
        if let Some(Json::String(sku)) = line.get("sku")
            && !seen.insert(sku)
        {
            errors.push(&format!("#/items/{index}/sku"), "stands in an earlier line already");
        }
        items.extend(read_line(line, &format!("#/items/{index}"), errors));
    }
    items
}

fn read_line(line: &Json, at: &str, errors: &mut FieldErrors) -> Option<Line> {
    let Json::Object(members) = line else {
        errors.push(at, "must be an object");
        return None;
    };
    for (name, _) in members.iter().filter(|(name, _)| name != "sku" && name != "quantity") {
        errors.push(&format!("{at}/{}", pointer_token(name)), "is not known here");
    }
    let product = match line.get("sku") {
        Some(Json::String(sku)) => {
            let product = product_of(sku);
            if product.is_none() {
                errors.push(&format!("{at}/sku"), "is not sold here");
            }
            product
        }
        Some(_) => {
            errors.push(&format!("{at}/sku"), "must be a text");
            None
        }
        None => {
            errors.push(&format!("{at}/sku"), "is missing");
            None
        }
    };
    let quantity = read_quantity(line.get("quantity"), &format!("{at}/quantity"), errors);
    let (product, quantity) = (product?, quantity?);
    Some(Line { sku: product.sku.to_owned(), quantity, unit_price: product.price })
}

fn read_quantity(value: Option<&Json>, at: &str, errors: &mut FieldErrors) -> Option<u64> {
    let quantity = match value {
        Some(Json::Number(text)) => text.parse().ok().filter(|quantity| (1..=MAX_QUANTITY).contains(quantity)),
        Some(_) => None,
        None => {
            errors.push(at, "is missing");
            return None;
        }
    };
    if quantity.is_none() {
        errors.push(at, "must be an integer from 1 to 100000");
    }
    quantity
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(body: &str) -> Result<Order, Vec<String>> {
        let body = Json::parse_object(body.as_bytes()).expect("an object");
        read(&body, Timestamp::default())
            .map_err(|errors| errors.named().iter().map(|error| error.pointer.clone()).collect())
    }

    #[test]
    fn a_good_request_is_an_order_at_todays_prices() {
        let order = given(
            r#"{"customer_id":"ada","items":[{"sku":"desk-lamp","quantity":2},{"sku":"scarce","quantity":1}],"payment_method":"pm_ok"}"#,
        );
        let order = order.expect("accepted");
        assert_eq!((order.total, order.points()), (18_200, 182));
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        let errors = given(
            r#"{"customer_id":"a b","items":[{"sku":"desk-lamp","quantity":"2"},{"sku":"nope","quantity":2.0},{"sku":"desk-lamp","quantity":0,"x":1}],"payment_method":"cash","coupon":1}"#,
        );
        assert_eq!(
            errors.expect_err("refused"),
            [
                "#/coupon",
                "#/customer_id",
                "#/items/0/quantity",
                "#/items/1/sku",
                "#/items/1/quantity",
                "#/items/2/sku",
                "#/items/2/x",
                "#/items/2/quantity",
                "#/payment_method"
            ]
        );
    }

    #[test]
    fn too_many_lines_are_named_beside_what_is_wrong_with_each() {
        let lines: Vec<String> = (0..101).map(|n| format!(r#"{{"sku":"none-{n}","quantity":0}}"#)).collect();
        let body = format!(r#"{{"customer_id":"a","items":[{}],"payment_method":"pm_ok"}}"#, lines.join(","));
        let errors = given(&body).expect_err("refused");
        assert_eq!((errors.len(), &*errors[0], &*errors[202]), (203, "#/items", "#/items/100/quantity"));
    }

    #[test]
    fn a_sku_stands_in_one_line() {
        let errors = given(
            r#"{"customer_id":"a","items":[{"sku":"desk-lamp","quantity":1},{"sku":"desk-lamp","quantity":1}],"payment_method":"pm_ok"}"#,
        );
        assert_eq!(errors.expect_err("refused"), ["#/items/1/sku"]);
    }

    #[test]
    fn missing_and_empty_members_are_named() {
        assert_eq!(given("{}").expect_err("refused"), ["#/customer_id", "#/items", "#/payment_method"]);
        let errors = given(r#"{"customer_id":"","items":[],"payment_method":7}"#);
        assert_eq!(errors.expect_err("refused"), ["#/customer_id", "#/items", "#/payment_method"]);
    }

    #[test]
    fn each_end_has_its_status_and_reason() {
        let rejected = Why::Rejected { step: "reserve stock".to_owned(), reason: "out_of_stock".into() };
        assert_eq!(ended(&End::Completed), (Status::Confirmed, None));
        assert_eq!(ended(&End::Compensated(rejected)), (Status::Rejected, Some("out_of_stock".to_owned())));
        assert_eq!(ended(&End::Compensated(Why::Cancelled)).0, Status::Cancelled);
        assert_eq!(ended(&End::Compensated(Why::Deadline)).1.as_deref(), Some("deadline"));
    }
}
