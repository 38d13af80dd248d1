//! The audit: what every participant holds of every order, compared with how the order ended.
//!
//! It reads ordering's orders, the ledgers of inventory, loyalty and shipping, the shipments, and the provider's intents,
//! and joins them by the order's id. It never asks a saga's journal what a participant did: a journal that lies would acquit itself.
//!
//! | id | what must hold |
//! |---|---|
//! | SG1 | an order older than its deadline and 60 s has ended, or waits for an operator who was told |
//! | SG2 | CONFIRMED: each step done exactly once, and paid exactly once; any other end: everything undone, no money kept |
//! | EC1 | stock and points are what the ledgers add up to, and never negative; what was shipped was paid |
//! | ACCEPTED | each order that a client saw accepted is there and has ended (`shop audit --log`) |

mod accepted;
mod client;
mod collect;
mod finding;
mod intent;
mod judge;
mod model;
mod orders;
mod read;
mod shipment;
mod show;
mod tally;

pub use client::{AuditArgs, run};
pub use collect::{AuditSources, audit};
pub use finding::{AuditReport, Finding, Invariant, InvariantReport, OrderCounts};
pub use intent::{Currency, Intent, IntentStatus};
pub use judge::{Evidence, judge};
pub use model::{AccountFact, Action, LedgerRow, Line, OrderFact, OrderStatus, RowBody, Service, StockFact};
pub use orders::{Orders, Seen, Unreadable};
pub use shipment::Shipment;
