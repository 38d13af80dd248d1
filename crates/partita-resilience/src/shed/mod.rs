//! Refusing early while too much waits.
