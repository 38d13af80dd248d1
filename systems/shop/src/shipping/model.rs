//! A shipment: one durable record for an order.

use serde::{Deserialize, Serialize};

/// What is sent to a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shipment {
    /// The order that it belongs to.
    pub order_id: String,
    /// Who gets it.
    pub customer_id: String,
    /// What is in it.
    pub items: Vec<Item>,
}

/// One product of a shipment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The product.
    pub sku: String,
    /// Pieces.
    pub quantity: u64,
}

/// The order has a shipment under another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AlreadyShipped;
