//! Operator pages for sagas: an overview, a page for each saga, and a live stream of what changes.
//!
//! Everything is read through [`Sagas`], so the pages show any saga of any type and can change none. They are rendered
//! on the server and whole without JavaScript; with it, one small script keeps them live over server-sent events.
//!
//! Every value that came from outside is escaped by maud, and a Content-Security-Policy forbids inline script and style.

mod answer;
mod assets;
mod console;
mod cursor;
mod icon;
mod json;
mod live;
mod pages;
mod routes;
mod view;
mod words;

use partita_saga::Sagas;
use partita_time::Host;
use std::sync::Arc;
use tokio::sync::watch;

/// What the pages say about the process they belong to.
#[derive(Clone, Debug)]
pub struct About {
    /// Name of the system, as in the title of each page.
    pub system: String,
    /// The command to show while there is no saga yet, to be copied into a shell.
    pub empty_hint: String,
    /// Live streams end once this is `true`, so that they do not hold up a stop.
    pub stopping: watch::Receiver<bool>,
}

/// Serves `/console` and everything below it; nothing else, and no fallback, so that it merges into any router.
///
/// Only `host` is asked for the time, and nothing is spawned: a live stream runs in the task of its connection.
pub fn router(sagas: Arc<dyn Sagas>, about: About, host: &Host) -> axum::Router {
    routes::router(console::Console::new(sagas, about, host))
}
