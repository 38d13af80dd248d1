//! Names of things: events, streams, shards.

use partita_time::{Entropy, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use uuid::Uuid;

/// Shards of a service: fixed, so that a shard's owner can be compared between any two nodes.
pub const SHARDS: u16 = 64;

/// A new UUIDv7 (RFC 9562): ids made later sort later.
pub fn new_id(now: Timestamp, entropy: &Entropy) -> Uuid {
    let millis = u64::try_from(now.as_millis()).unwrap_or(0).to_be_bytes();
    let mut bytes = entropy.bytes16();
    bytes[..6].copy_from_slice(&millis[2..]);
    bytes[6] = (bytes[6] & 0x0f) | 0x70;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    Uuid::from_bytes(bytes)
}

/// Identity of an event, unique for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(Uuid);

impl EventId {
    /// A new id, ordered by time.
    pub fn new(now: Timestamp, entropy: &Entropy) -> Self {
        Self(new_id(now, entropy))
    }

    /// From 16 stored bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The 16 bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Key of a stream: 16 bytes, so that indexes stay small whatever the name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId([u8; 16]);

impl StreamId {
    /// The stream of one thing. A key that is a UUIDv7 keeps its leading bytes, so that streams made one after another lie
    /// side by side in an index; any other key gives the first 16 bytes of SHA-256 over category and key.
    pub fn named(category: &str, key: &str) -> Self {
        match Uuid::try_parse(key) {
            Ok(id) if id.get_version_num() == 7 && key.len() == 36 => Self::by_time(category, id),
            _ => Self::hashed(category, key),
        }
    }

    fn by_time(category: &str, id: Uuid) -> Self {
        let mut bytes = *id.as_bytes();
        for (byte, of_category) in bytes[8..].iter_mut().zip(fnv(category).to_be_bytes().iter().cycle()) {
            *byte ^= of_category;
        }
        Self(bytes)
    }

    fn hashed(category: &str, key: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(category.as_bytes());
        hash.update([0]);
        hash.update(key.as_bytes());
        let digest = hash.finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(bytes)
    }

    /// From 16 stored bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Uuid::from_bytes(self.0).fmt(f)
    }
}

/// Which of the [`SHARDS`] owns a key: the same on every machine and in every version.
pub fn shard_of(key: &str) -> u16 {
    u16::try_from(fnv(key) % u32::from(SHARDS)).unwrap_or(0)
}

/// 32-bit FNV-1a.
fn fnv(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_7_and_sort_by_time() {
        let entropy = Entropy::seeded(1);
        let early = new_id(Timestamp::from_millis(1_000), &entropy);
        let late = new_id(Timestamp::from_millis(2_000), &entropy);
        assert_eq!((early.get_version_num(), early.get_variant()), (7, uuid::Variant::RFC4122));
        assert!(early < late);
    }

    #[test]
    fn category_and_key_do_not_run_together() {
        assert_ne!(StreamId::named("ab", "c"), StreamId::named("a", "bc"));
        assert_eq!(StreamId::named("a", "b"), StreamId::named("a", "b"));
    }

    #[test]
    fn streams_of_ids_made_later_sort_later_and_differ_by_category() {
        let entropy = Entropy::seeded(1);
        let stream =
            |category, millis| StreamId::named(category, &new_id(Timestamp::from_millis(millis), &entropy).to_string());
        assert!(stream("saga", 1_000) < stream("saga", 2_000));
        let id = new_id(Timestamp::from_millis(1_000), &entropy).to_string();
        assert_ne!(StreamId::named("saga", &id), StreamId::named("order", &id));
        assert_eq!(StreamId::named("saga", &id), StreamId::named("saga", &id));
    }

    #[test]
    fn shards_are_spread_and_stable() {
        assert_eq!(shard_of("order-1"), shard_of("order-1"));
        let used: std::collections::BTreeSet<u16> = (0..2_000).map(|n| shard_of(&format!("order-{n}"))).collect();
        assert_eq!(used.len(), usize::from(SHARDS));
    }
}
