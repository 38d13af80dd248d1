//! Breakers by name, and how they all are.

use super::{Breaker, Snapshot, State};
use crate::Name;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// The breakers of a process, by name. Clones share one registry.
#[derive(Clone, Debug, Default)]
pub struct Breakers(Arc<RwLock<BTreeMap<Name, Breaker>>>);

/// No breaker has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownBreaker {
    /// The name asked for.
    pub name: String,
    /// The names there are.
    pub known: Vec<Name>,
}

impl fmt::Display for UnknownBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no circuit breaker `{}`; ", self.name)?;
        if self.known.is_empty() {
            return f.write_str("none is registered: add it at the start of the process");
        }
        f.write_str("there are: ")?;
        self.known.iter().enumerate().try_for_each(|(i, name)| write!(f, "{}`{name}`", if i == 0 { "" } else { ", " }))
    }
}

impl std::error::Error for UnknownBreaker {}

impl Breakers {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a breaker under its name; returns the one that had it.
    pub fn add(&self, breaker: Breaker) -> Option<Breaker> {
        let mut breakers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        breakers.insert(breaker.name().clone(), breaker)
    }

    /// The breaker of a name.
    ///
    /// # Errors
    /// An unknown name, with those there are.
    pub fn get(&self, name: &str) -> Result<Breaker, UnknownBreaker> {
        let breakers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let found = breakers.get(&Name::from(name.to_owned()));
        found
            .cloned()
            .ok_or_else(|| UnknownBreaker { name: name.to_owned(), known: breakers.keys().cloned().collect() })
    }

    /// How they all are, the worst first: open, half-open, ramp, closed; then by failure rate, then by name.
    pub fn health(&self) -> Vec<Snapshot> {
        let breakers: Vec<Breaker> = self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let mut all: Vec<Snapshot> = breakers.iter().map(Breaker::snapshot).collect();
        all.sort_by(|a, b| {
            let by_state = severity(a.state).cmp(&severity(b.state));
            by_state
                .then_with(|| b.rates.failure_rate.total_cmp(&a.rates.failure_rate))
                .then_with(|| a.name.cmp(&b.name))
        });
        all
    }
}

fn severity(state: State) -> Reverse<u8> {
    Reverse(match state {
        State::Open => 3,
        State::HalfOpen => 2,
        State::Ramp => 1,
        State::Closed => 0,
    })
}
