//! Ordering's own records, as the audit reads them.

use super::model::OrderFact;
use partita::time::BoxFuture;
use std::fmt;

/// An order, or why nothing can be known about it.
pub type Seen = Result<OrderFact, Unreadable>;

/// A record of ordering that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The order that it is about.
    pub order_id: String,
    /// Where it is.
    pub space: &'static str,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { order_id, space, why } = self;
        write!(f, "it cannot be read (ordering.db, space `{space}`, key `{order_id}`): {why}")
    }
}

/// The order that a record is about, readable or not.
pub(super) fn order_of(seen: &Seen) -> &str {
    match seen {
        Ok(order) => &order.order_id,
        Err(unreadable) => &unreadable.order_id,
    }
}

/// Ordering's own records, read for the audit.
pub trait Orders: Send + Sync + fmt::Debug {
    /// Orders behind an id, by id, at most `limit`. Fewer than `limit` means that there are no more.
    fn page<'a>(&'a self, after: Option<&'a str>, limit: usize) -> BoxFuture<'a, partita::core::Result<Vec<Seen>>>;
    /// One order, or `None` when the shop never accepted it.
    fn get<'a>(&'a self, order_id: &'a str) -> BoxFuture<'a, partita::core::Result<Option<Seen>>>;
}
