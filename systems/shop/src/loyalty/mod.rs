//! Loyalty: points that customers have, and points that orders in progress hold for them.
//!
//! Each action and each undo leaves a row in the ledger, in the commit of its effect. The account of a customer stands in a
//! record of its own, written by the same commit, so that accounts can be listed.
//!
//! | route | does |
//! |---|---|
//! | `GET /customers/{id}/points` | shows an account |
//! | `POST /hold` | holds points for an order |
//! | `POST /release` | lets the points under the same key go |
//! | `POST /award` | gives held points to the customer |
//! | `GET /audit/ledger`, `GET /audit/accounts` | show what is stored, for audits |

mod api;
mod describe;
mod model;
#[cfg(test)]
mod tests;

use partita::core::Space;
use partita::events::Repository;
use partita::http::Ledger;

pub use api::router;
pub(crate) use describe::describe;
pub use model::{Account, Points, PointsEvent};

const ACCOUNTS: &str = "accounts";

/// The spaces that the service's store must be opened with.
pub fn spaces() -> Vec<Space> {
    let mut spaces = Repository::<Account>::spaces();
    spaces.extend([Ledger::space(), Space::named(ACCOUNTS)]);
    spaces
}
