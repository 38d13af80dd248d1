//! The engine: runs registered sagas on a store, and takes over what an earlier process left.

mod agenda;
mod alert;
mod attempt;
mod cancel;
mod lately;
mod live;
mod load;
mod row;
mod runner;
#[cfg(feature = "sabotage")]
mod sabotage;
mod scheduler;
mod start;
mod watch;
mod write;

use crate::build::Saga;
use crate::definition::Definition;
pub use alert::{Alerts, ParkedAlert};
pub use cancel::Cancel;
use partita_core::{Error, ErrorKind, FieldKind, Recent, Result, Space, Store};
use partita_time::{BoxFuture, Host, Timestamp, timeout};
#[cfg(feature = "sabotage")]
pub use sabotage::Sabotage;
pub use start::{Registered, Start, Started};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, broadcast, oneshot, watch as signal};

pub(crate) const SAGAS: &str = "sagas";
pub(crate) const LETTERS: &str = "saga_letters";
pub(crate) const TASKS: &str = "operator_tasks";

/// How an engine runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Sagas at work at once (1,024); the rest wait in the store.
    pub max_running: usize,
    /// Source of the engine's events, as a URI reference.
    pub source: String,
    /// Test-only defects.
    #[cfg(feature = "sabotage")]
    pub sabotage: Option<Sabotage>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_running: 1_024,
            source: "/sagas".to_owned(),
            #[cfg(feature = "sabotage")]
            sabotage: None,
        }
    }
}

/// Runs sagas. Clones share the engine.
#[derive(Clone, Debug)]
pub struct Engine(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) host: Host,
    pub(crate) settings: Settings,
    pub(crate) definitions: Mutex<BTreeMap<(String, u32), Arc<Definition>>>,
    pub(crate) alerts: Mutex<Vec<Arc<dyn Alerts>>>,
    /// Sagas in this process's memory, each with the bell of its mailbox.
    pub(crate) active: Mutex<BTreeMap<Arc<str>, Arc<Notify>>>,
    /// Who waits for the answer to a letter.
    pub(crate) askers: Mutex<BTreeMap<String, oneshot::Sender<bool>>>,
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) agenda: Mutex<agenda::Agenda>,
    lately: Mutex<Recent<Arc<lately::EndedSaga>>>,
    /// Sagas whose runner failed: what it had begun has no answer.
    pub(crate) suspects: Mutex<BTreeSet<Arc<str>>>,
    /// Sagas whose lines cannot be read, as was told once.
    pub(crate) unreadable: Mutex<BTreeSet<Arc<str>>>,
    /// When this process took over: attempts that were due later, no earlier process has made.
    pub(crate) took_over: Timestamp,
    pub(crate) wake: Notify,
    pub(crate) idle: Notify,
    pub(crate) next_number: AtomicU64,
    pub(crate) stopping: signal::Sender<bool>,
    pub(crate) begun: AtomicBool,
    pub(crate) changes: broadcast::Sender<Arc<str>>,
    pub(crate) rests: broadcast::Sender<Arc<str>>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// The space of the sagas' lines: one record for each saga, under its id.
    pub const SAGAS: &'static str = SAGAS;
    /// The space of operator tasks: one record for each saga that was parked, under its id.
    pub const OPERATOR_TASKS: &'static str = TASKS;

    /// An engine over a store that was opened with [`Engine::spaces`] among its spaces. Nothing runs before
    /// [`Engine::begin`].
    pub fn new(store: Arc<dyn Store>, host: Host, settings: Settings) -> Self {
        // The incarnation in the upper bits makes numbers unique without asking the store.
        let next_number = AtomicU64::new(store.incarnation() << 40);
        let took_over = host.clock.now();
        let slots = Arc::new(Semaphore::new(settings.max_running));
        Self(Arc::new(Inner {
            store,
            host,
            settings,
            definitions: Mutex::default(),
            alerts: Mutex::default(),
            active: Mutex::default(),
            askers: Mutex::default(),
            slots,
            agenda: Mutex::default(),
            lately: Mutex::new(Recent::new(lately::MOST)),
            suspects: Mutex::default(),
            unreadable: Mutex::default(),
            took_over,
            wake: Notify::new(),
            idle: Notify::new(),
            next_number,
            stopping: signal::Sender::new(false),
            begun: AtomicBool::new(false),
            changes: broadcast::Sender::new(1_024),
            rests: broadcast::Sender::new(1_024),
        }))
    }

    /// The spaces that the engine keeps its records in.
    pub fn spaces() -> Vec<Space> {
        vec![
            Space::named(SAGAS)
                .with_due()
                .clustered()
                .field("class", FieldKind::Text)
                .field("started", FieldKind::Int)
                .index(Some("class"), "started"),
            Space::named(LETTERS),
            Space::named(TASKS),
        ]
    }

    /// Adds a definition with the clients and settings that its steps use. Several versions of one name may stand side by
    /// side.
    ///
    /// # Errors
    /// `Invalid` when this name and version are registered already, or two steps have one name: their keys would be one.
    pub fn register<S, E>(&self, saga: &Saga<S, E>, env: E) -> Result<Registered<S>> {
        let definition = Arc::new(saga.bind(&Arc::new(env)));
        let refused = |why: &str| {
            let error = Error::new(ErrorKind::Invalid, why);
            Err(error.with("saga", definition.name).with("version", definition.version))
        };
        let keys: BTreeSet<String> = definition.leaves.iter().map(|leaf| leaf.key("")).collect();
        if keys.len() != definition.leaves.len() {
            return refused("two steps have the same name");
        }
        let key = (definition.name.to_owned(), definition.version);
        let mut definitions = lock(&self.0.definitions);
        if definitions.contains_key(&key) {
            return refused("this version of the saga is registered already");
        }
        definitions.insert(key, definition.clone());
        drop(definitions);
        Ok(Registered::new(self.clone(), definition))
    }

    /// Adds someone to call when a saga is parked.
    pub fn alert(&self, alerts: Arc<dyn Alerts>) {
        lock(&self.0.alerts).push(alerts);
    }

    /// Starts working: what an earlier process left goes on, what is waiting runs at its time.
    pub fn begin(&self) {
        if !self.0.begun.swap(true, Ordering::AcqRel) {
            self.0.host.spawner.spawn(Box::pin(scheduler::run(self.0.clone())));
        }
    }

    /// Stops: no new attempts, a grace period for those under way; the rest stays journalled. Returns how many sagas had not
    /// come to rest.
    pub async fn stop(&self, grace: Duration) -> usize {
        self.0.stopping.send_replace(true);
        let _ = timeout(&*self.0.host.clock, grace, self.all_rest()).await;
        lock(&self.0.active).len()
    }

    fn all_rest(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            loop {
                let idle = self.0.idle.notified();
                if lock(&self.0.active).is_empty() {
                    return;
                }
                idle.await;
            }
        })
    }

    /// Where a saga stands, or `None` when there is no such saga.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn class(&self, id: &str) -> Result<Option<crate::Class>> {
        let record = self.0.store.get(SAGAS, id).await?;
        record.map(|record| Ok(row::Row::read(&record)?.class())).transpose()
    }

    /// Ids of sagas that ended or were parked, from now on; a receiver that lags re-reads.
    pub fn rests(&self) -> broadcast::Receiver<Arc<str>> {
        self.0.rests.subscribe()
    }

    /// Sagas at work in this process.
    pub fn running(&self) -> usize {
        lock(&self.0.active).len()
    }
}

impl Inner {
    pub(crate) fn stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Whether attempts may be made: after `begin`, before `stop`.
    pub(crate) fn may_act(&self) -> bool {
        self.begun.load(Ordering::Acquire) && !self.stopping()
    }

    /// A newer owner has taken over: this one does nothing any more, and whoever waits for its decisions is told.
    pub(crate) fn is_fenced(&self) {
        if !self.stopping.send_replace(true) {
            tracing::info!("another process has taken over the sagas of this store");
        }
        lock(&self.askers).clear();
    }

    /// Resolves once the engine is told to stop.
    pub(crate) async fn stopped(&self) {
        let mut stopping = self.stopping.subscribe();
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }

    pub(crate) fn fence(&self, id: &str) -> partita_core::Fence {
        self.store.fence(partita_core::shard_of(id))
    }

    #[cfg(feature = "sabotage")]
    pub(crate) fn sabotaged(&self, how: Sabotage) -> bool {
        self.settings.sabotage == Some(how)
    }

    #[cfg(feature = "sabotage")]
    pub(crate) fn forgets_doubt(&self) -> bool {
        let later = self.sabotaged(Sabotage::SkipUndoAfterTwoCrashes) && self.store.incarnation() > 2;
        later || self.sabotaged(Sabotage::SkipUndoInDoubt)
    }
}
