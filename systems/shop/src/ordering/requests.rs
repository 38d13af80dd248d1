//! What checkout asks the other services for.

use super::model::Order;
use serde::Serialize;

/// To reserve stock.
#[derive(Debug, Serialize)]
pub(super) struct Reserve<'a> {
    pub(super) order_id: &'a str,
    pub(super) lines: Vec<Pieces<'a>>,
}

/// To hold points.
#[derive(Debug, Serialize)]
pub(super) struct Hold<'a> {
    pub(super) order_id: &'a str,
    pub(super) customer_id: &'a str,
    pub(super) points: u64,
}

/// To authorize a payment.
#[derive(Debug, Serialize)]
pub(super) struct Authorize<'a> {
    pub(super) order_id: &'a str,
    /// In cents.
    pub(super) amount: u64,
    pub(super) currency: &'a str,
    pub(super) payment_method: &'a str,
}

/// To capture a payment.
#[derive(Debug, Serialize)]
pub(super) struct Capture<'a> {
    pub(super) order_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) intent_id: Option<&'a str>,
}

/// To sell what was reserved.
#[derive(Debug, Serialize)]
pub(super) struct Sell<'a> {
    pub(super) order_id: &'a str,
    pub(super) reservation: Option<&'a str>,
}

/// To award the points that were held.
#[derive(Debug, Serialize)]
pub(super) struct Award<'a> {
    pub(super) order_id: &'a str,
    pub(super) hold: Option<&'a str>,
}

/// To ship.
#[derive(Debug, Serialize)]
pub(super) struct Ship<'a> {
    pub(super) order_id: &'a str,
    pub(super) customer_id: &'a str,
    pub(super) items: Vec<Pieces<'a>>,
}

/// To undo whatever was done for an order.
#[derive(Debug, Serialize)]
pub(super) struct OfOrder<'a> {
    pub(super) order_id: &'a str,
}

/// So many of a product.
#[derive(Debug, Serialize)]
pub(super) struct Pieces<'a> {
    pub(super) sku: &'a str,
    pub(super) quantity: u64,
}

pub(super) fn pieces(order: &Order) -> Vec<Pieces<'_>> {
    order.items.iter().map(|line| Pieces { sku: &line.sku, quantity: line.quantity }).collect()
}
