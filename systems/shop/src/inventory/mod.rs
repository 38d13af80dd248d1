//! Inventory: what lies on the shelf, and what of it is promised to orders.
//!
//! A reservation lives until its order's saga commits or releases it. Each action and each undo leaves a row in the ledger, in
//! the commit of its effect, so that repeating it changes nothing and an action that comes after its undo is refused.
//!
//! | route | does |
//! |---|---|
//! | `GET /inventory/{sku}` | shows the stock of a product |
//! | `POST /reserve` | promises all lines of an order, or none |
//! | `POST /release` | takes the promise under the same key back |
//! | `POST /commit` | takes the promised pieces off the shelf |
//! | `GET /audit/ledger`, `GET /audit/stock` | show what is stored, for audits |

mod api;
mod describe;
mod model;
pub(crate) mod participant;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use partita::core::Space;
use partita::events::Repository;
use partita::http::Ledger;

pub use api::router;
pub(crate) use describe::describe;
pub use model::{Line, Stock, StockEvent};

/// The spaces that the service's store must be opened with.
pub fn spaces() -> Vec<Space> {
    let mut spaces = Repository::<Stock>::spaces();
    spaces.push(Ledger::space());
    spaces
}
