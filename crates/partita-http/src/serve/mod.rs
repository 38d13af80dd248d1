//! Serving: a listener, a gate in front of the router, and connections with limits.

mod answering;
mod arrival;
mod connection;
mod gate;
mod head;
mod host;
mod limits;
mod listener;
mod open;
mod refusal;
mod server;
mod stream;

pub(crate) use arrival::Late;
pub use gate::{Gate, Wording};
pub(crate) use host::{ClockTimer, SpawnerExecutor};
pub use limits::ServeLimits;
pub use listener::Listener;
pub use server::Server;
