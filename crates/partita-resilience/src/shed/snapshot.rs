//! Where load shedding stands.

/// Where load shedding stands; counts of the past since it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShedSnapshot {
    /// Its name.
    pub name: crate::Name,
    /// Calls under way, of every priority.
    pub in_flight: u32,
    /// Calls that matter little.
    pub low: ShedCounts,
    /// The usual calls.
    pub normal: ShedCounts,
    /// Calls that matter most.
    pub critical: ShedCounts,
}

/// The calls of one priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShedCounts {
    /// Let through.
    pub admitted: u64,
    /// Refused.
    pub rejected: u64,
    /// Such a call is refused when so many calls of every priority are under way.
    pub most: u32,
}
