//! Shipments, as shipping keeps them: one record for an order that was sent.

use super::model::Line;
use serde::Deserialize;
use serde_json::Value;

/// A record with its key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Shipment {
    /// The order's id.
    pub key: String,
    /// What is stored; where it is no shipment, its text as `unreadable`.
    pub record: Value,
}

/// What a record says.
#[derive(Debug, Deserialize)]
pub(super) struct Parcel {
    pub(super) order_id: String,
    pub(super) customer_id: String,
    pub(super) items: Vec<Line>,
}

impl Shipment {
    /// What it says; `None` where it cannot be read.
    pub(super) fn parcel(&self) -> Option<Parcel> {
        Parcel::deserialize(&self.record).ok()
    }
}
