//! Where a keyed map stands.

/// Counts of a keyed map; those of the past since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyedSnapshot {
    /// Keys with an entry of their own.
    pub entries: usize,
    /// Most such keys.
    pub capacity: usize,
    /// Entries made.
    pub created: u64,
    /// Entries forgotten.
    pub expired: u64,
    /// Uses that found no room and shared the overflow entry.
    pub overflowed: u64,
}
