//! Shipping: one durable record for each order that was paid.
//!
//! | route | does |
//! |---|---|
//! | `POST /shipments` | records what is sent to whom, with a row in the ledger |
//! | `GET /shipments/{order_id}` | shows the record |
//! | `GET /audit/ledger`, `/audit/shipments` | show what is stored, for audits |

mod api;
mod model;
#[cfg(test)]
mod tests;

use partita::core::Space;
use partita::http::Ledger;

pub use api::router;
pub use model::{Item, Shipment};

const SHIPMENTS: &str = "shipments";

/// The spaces that the service's store must be opened with.
pub fn spaces() -> Vec<Space> {
    vec![Ledger::space(), Space::named(SHIPMENTS).clustered()]
}
