//! Event-driven services that survive crashes: the facade over Partita's crates.
//!
//! A request that was accepted is finished or undone, exactly once in effect, whatever crashes. See the repository's README
//! for the first run and `docs/ARCHITECTURE.md` for the map. This crate holds no logic: it names the parts.

#[cfg(feature = "console")]
pub use partita_console as console;
pub use partita_core as core;
pub use partita_events as events;
#[cfg(feature = "http")]
pub use partita_http as http;
pub use partita_saga as saga;
#[cfg(feature = "sqlite")]
pub use partita_sqlite as sqlite;
pub use partita_time as time;

/// What a domain file needs: decisions, steps and their answers.
pub mod prelude {
    pub use partita_core::{Error, Part};
    pub use partita_events::{Aggregate, Decision};
    pub use partita_saga::{End, Probe, ProbeResult, Retriable, Saga, Step, StepResult, reject};
}
