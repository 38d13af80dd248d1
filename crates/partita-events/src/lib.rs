//! Event-sourced aggregates, and repositories that keep a lane for each stream.
//!
//! Deciding on a stored state and appending with an expected version is safe and, for a key that many callers want at once,
//! slow: one of them wins each flush and the rest start again. A [`Repository`] therefore keeps the newest state of a stream
//! in memory, together with the commits that are still on their way to the disk. Each caller decides on what the one before
//! left there and is submitted at once; expected versions chain the commits, so that they become durable in that order or
//! not at all. When a link of the chain fails, those behind it fail with it, reload and decide again; their callers see
//! nothing of that.
//!
//! ```
//! use partita_events::{Aggregate, Decision, Repository};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Default, Serialize, Deserialize)]
//! struct Seats {
//!     free: u32,
//! }
//!
//! #[derive(Clone, Serialize, Deserialize)]
//! enum Change {
//!     Opened(u32),
//!     Taken,
//! }
//!
//! impl Aggregate for Seats {
//!     type Event = Change;
//!     const CATEGORY: &'static str = "seats";
//!     fn kind(event: &Change) -> &'static str {
//!         match event {
//!             Change::Opened(_) => "seats.opened",
//!             Change::Taken => "seats.taken",
//!         }
//!     }
//!     fn evolve(&mut self, event: &Change) {
//!         match event {
//!             Change::Opened(count) => self.free += count,
//!             Change::Taken => self.free -= 1,
//!         }
//!     }
//! }
//!
//! fn take(seats: &Seats) -> Result<Decision<Change>, &'static str> {
//!     if seats.free == 0 { Err("sold out") } else { Ok(Decision::event(Change::Taken)) }
//! }
//!
//! # async fn example(repository: Repository<Seats>) -> partita_core::Result<()> {
//! match repository.execute(&["hall-1"], None, |states| take(states[0])).await? {
//!     Ok(receipt) => println!("version {:?} is durable", receipt.versions),
//!     Err(reason) => println!("refused: {reason}"),
//! }
//! # Ok(())
//! # }
//! ```

mod aggregate;
mod draft;
mod lane;
mod load;
mod repository;

pub use aggregate::{Aggregate, Decision, Loaded};
pub use load::{SNAPSHOT_EVERY, SNAPSHOTS};
pub use repository::Repository;
