//! Commit, journals, records and logs: the vocabulary that every Partita store shares.
//!
//! Everything durable is one act. A [`Commit`] lists what shall become true together, or not at all; a [`Store`] has one
//! verb that changes anything, [`Store::submit`]; all other traits only read. From this follow the outbox (the log is
//! it), the inbox (its mark moves with the effect), fencing (a stale owner's commit is refused) and group commit (waiting
//! commits share one flush, each answered by itself).

mod check;
mod commit;
mod envelope;
mod error;
mod id;
pub mod memory;
mod quote;
mod recent;
mod record;
mod schema;
mod store;
mod ticket;

pub use check::{MAX_COMMIT_BYTES, MAX_EVENT_BYTES, MAX_ITEMS, check};
pub use commit::{
    Add, Append, Commit, Conflict, Expect, Fence, Found, Item, JournalAppend, Part, Prune, Put, Receipt, Version, Write,
};
pub use envelope::{Envelope, NewEvent, Recorded};
pub use error::{Again, Effect, Error, ErrorKind, Result};
pub use id::{EventId, SHARDS, StreamId, new_id, shard_of};
pub use quote::quote;
pub use recent::Recent;
pub use record::{Checkpoint, DuePage, FieldValue, Find, Head, JournalEntry, LogId, Position, Record};
pub use schema::{FieldKind, Space};
pub use store::{Flow, Journals, Log, Read, Records, Store, StoreFacts};
pub use ticket::{Asleep, Reply, Ticket};
