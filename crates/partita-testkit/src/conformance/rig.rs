//! The bench on which a rule puts a backend.

use super::{Backend, Capabilities, Objection, given};
use partita_core::{Envelope, NewEvent, Store};
use partita_time::{Host, TaskGroup};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Makes backends, each with a fresh medium.
pub(super) type Fresh<'a> = &'a (dyn Fn() -> Arc<dyn Backend> + Sync);

/// A fresh medium and the host that its openings run on.
pub struct Rig<'a> {
    fresh: Fresh<'a>,
    backend: Arc<dyn Backend>,
    host: Host,
    _tasks: TaskGroup,
}

impl<'a> Rig<'a> {
    pub(super) fn new(fresh: Fresh<'a>) -> Self {
        let (host, tasks) = Host::system();
        Self { fresh, backend: fresh(), host, _tasks: tasks }
    }

    /// Another medium of the same backend.
    pub(super) fn another(&self) -> Self {
        Self::new(self.fresh)
    }

    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    /// Opens the medium with the kit's spaces.
    pub(super) async fn open(&self) -> Result<Arc<dyn Store>, Objection> {
        Ok(self.backend.open(given::spaces(), &self.host).await?)
    }

    /// Closes a store and opens its medium again.
    pub(super) async fn reopen(&self, store: Arc<dyn Store>) -> Result<Arc<dyn Store>, Objection> {
        store.close().await;
        drop(store);
        self.open().await
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        self.backend.capabilities()
    }

    pub(super) fn needs_restart(&self) -> Result<(), Objection> {
        self.capabilities().restart.then_some(()).ok_or(Objection::Skipped("restart"))
    }

    pub(super) fn needs_concurrent_open(&self) -> Result<(), Objection> {
        self.capabilities().concurrent_open.then_some(()).ok_or(Objection::Skipped("concurrent opening"))
    }

    /// An event with an id of its own.
    pub(super) fn event(&self) -> Result<Envelope, Objection> {
        let said = NewEvent::new("kit.happened", "kit-1", &serde_json::json!({ "by": "the kit" }))?;
        Ok(said.seal("/kit", &self.host))
    }

    pub(super) fn events(&self, count: usize) -> Result<Vec<Envelope>, Objection> {
        (0..count).map(|_| self.event()).collect()
    }
}

impl fmt::Debug for Rig<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rig")
    }
}

/// Runs futures as tasks of their own, at the same time, and returns what they returned in their order.
pub(super) async fn together<F>(work: impl IntoIterator<Item = F>) -> Result<Vec<F::Output>, Objection>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for (place, work) in work.into_iter().enumerate() {
        tasks.spawn(async move { (place, work.await) });
    }
    let mut done = tasks.join_all().await;
    done.sort_by_key(|(place, _)| *place);
    Ok(done.into_iter().map(|(_, output)| output).collect())
}
