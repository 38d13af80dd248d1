//! The rules, grouped as the pages of the traits are read. Each is a function, so that a test can hold a store to it.

pub mod appends;
pub mod conflicts;
pub mod full_queue;
pub mod journals;
pub mod lifetimes;
pub mod logs;
pub mod ordering;
pub mod pages;
pub mod random;
pub mod receipts;
pub mod records;
pub mod refusals;
