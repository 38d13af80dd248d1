//! Serving: a listener, a gate in front of the router, and connections with limits.

mod arrival;
mod connection;
mod gate;
mod host;
mod listener;
mod server;
mod stream;

pub use gate::Gate;
pub(crate) use host::{ClockTimer, SpawnerExecutor};
pub use listener::Listener;
pub use server::{ServeLimits, Server};
