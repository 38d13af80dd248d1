//! One policy for each key, with bounded memory.
//!
//! Keys come from callers, and callers may be hostile: a map that takes every key is a way to fill memory, and one that
//! makes room by throwing out the oldest is a way to throw out a rival's breaker. So:
//! - At most `capacity` keys have an entry of their own. A new key finds room only where an entry has been idle for `ttl`,
//!   or is [`Idle::Spent`]. No entry in use ever makes room, however many new keys come.
//! - With no room, a new key shares one **overflow** entry with every other such key, and that is counted: strangers under
//!   attack share one policy, known keys keep theirs.
//! - Keys are hashed with a secret, so nobody can aim them at one shard.
//!
//! An entry that was idle for `ttl` is new again at its next use, whether it was swept meanwhile or not: what a caller
//! sees depends on the calls and the clock only.

mod config;
mod map;
mod snapshot;
#[cfg(test)]
mod tests;

pub use config::{Bounds, Builder};
pub use map::{Idle, Keyed};
pub use snapshot::KeyedSnapshot;
