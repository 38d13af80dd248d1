//! The atomics of the lock-free parts. A model of them includes those parts beside a module of this name that names a
//! model checker's atomics instead.

pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
