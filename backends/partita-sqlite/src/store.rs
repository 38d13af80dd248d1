//! The store: opening, handing in, closing.

use crate::checkpoint::Checkpoints;
use crate::config::SqliteConfig;
use crate::connection::{Role, open};
use crate::disk::Lying;
use crate::error::{closed, of};
use crate::inspect::look;
use crate::lock::FileLock;
use crate::queue::Queue;
use crate::reader::Readers;
use crate::space::Spaces;
use crate::tail::Tails;
use crate::writer::Writer;
use partita_core::{
    Commit, Error, ErrorKind, Fence, Position, Read, Receipt, Result, Space, Store, StoreFacts, Ticket, check,
};
use partita_time::{BoxFuture, Host};
#[cfg(test)]
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use tokio::sync::watch;

/// One opening of a file; see the crate's page.
#[derive(Debug)]
pub struct SqliteStore {
    pub(crate) shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What the threads of a store share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: SqliteConfig,
    declared: Vec<Space>,
    pub(crate) spaces: Arc<Spaces>,
    pub(crate) incarnation: u64,
    pub(crate) queue: Queue,
    pub(crate) readers: Readers,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) tails: Arc<Tails>,
    pub(crate) figures: Figures,
    pub(crate) tip: watch::Sender<Tip>,
    /// A helper panicked.
    defect: AtomicBool,
    #[cfg(test)]
    pub(crate) faults: Mutex<VecDeque<Fault>>,
}

/// How a test lets the next flushes fail, one after another.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    LostAnswer,
    NotApplied,
    NotWritten,
    FailedFlush,
}

/// Where the log ends, and whether it will ever grow again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tip {
    pub(crate) position: Position,
    pub(crate) ended: bool,
}

/// Figures, and the switch that they share with operators.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) commits: AtomicU64,
    pub(crate) flushes: AtomicU64,
    pub(crate) writer_us: AtomicU64,
    pub(crate) max_bytes: AtomicU64,
    refusing: AtomicBool,
    outage: Mutex<Option<Error>>,
}

impl Figures {
    fn outage(&self) -> MutexGuard<'_, Option<Error>> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn cannot_write(&self, error: Option<Error>) {
        self.refusing.store(error.is_some(), Ordering::Release);
        *self.outage() = error;
    }

    /// Why nothing can be written now.
    fn refusal(&self) -> Option<Error> {
        if self.refusing.load(Ordering::Acquire) { self.outage().as_ref().map(Error::share) } else { None }
    }
}

impl SqliteStore {
    /// Opens a file, or creates it. Blocks for a few milliseconds, longer when a long log must be looked through or a
    /// file of an older format is brought up: its tables are copied, one after another, which takes twice as much room
    /// again as the largest of them; one that there is no room for is served as it lies until a later opening, unless
    /// its space is no longer clustered.
    ///
    /// # Errors
    /// `InUse` names the process that has it open, `Corrupt` and `NewerFormat` name a file that was left as it is, `Io` a
    /// folder that cannot be written, `Invalid` a space or field that cannot be a table or column
    /// and a file that is labelled otherwise, `StorageFull`.
    pub fn open(config: SqliteConfig, spaces: Vec<Space>, host: &Host) -> Result<Arc<Self>> {
        // Whatever opens it again finds it, though the process has gone to another folder.
        let path = std::path::absolute(&config.path).map_err(|error| started("tell where it is", error))?;
        let config = SqliteConfig { path, ..config };
        let declared = spaces.clone();
        let spaces = Arc::new(Spaces::new(spaces)?);
        let mut lock = FileLock::take(&config.path)?;
        if let (Some(contents), Some(label)) = (look(&config.path)?, &config.label) {
            crate::label::judge(&config.path, &contents, label)?;
        }
        let mut connection = open(&config.path, Role::Writer)?;
        let file = Lying::at(&config.path);
        let opening = crate::schema::prepare(&mut connection, &spaces, &config, &host.entropy)
            .map_err(|error| error.with("file", config.path.display()))?;
        crate::relayout::relayout(&mut connection, &spaces, &config)
            .map_err(|error| error.with("file", config.path.display()))?;
        lock.describe(Some(opening.incarnation)).map_err(|error| started("write the lock file", error))?;
        let shared = Arc::new(Shared {
            declared,
            spaces,
            incarnation: opening.incarnation,
            queue: Queue::new(config.queue),
            readers: Readers::new(),
            checkpoints: Checkpoints::new(config.wal_limit_bytes),
            tails: Arc::default(),
            figures: Figures { max_bytes: AtomicU64::new(config.max_bytes.unwrap_or(u64::MAX)), ..Figures::default() },
            tip: watch::Sender::new(Tip { position: opening.head, ended: false }),
            config,
            defect: AtomicBool::new(false),
            #[cfg(test)]
            faults: Mutex::default(),
        });
        let helpers = helpers(&shared)?;
        let writer = Writer::new(shared.clone(), connection, helpers, lock, file)?;
        let writer = spawn("sqlite-writer", {
            let shared = shared.clone();
            move || catch_unwind(AssertUnwindSafe(|| writer.run())).unwrap_or_else(|_| shared.writer_panicked())
        })?;
        Ok(Arc::new(Self { shared, writer: Mutex::new(Some(writer)) }))
    }

    /// As [`SqliteStore::open`], on a thread of its own: the caller's goes on meanwhile. An opening that is given up comes to
    /// its end there, and what it opened is dropped.
    ///
    /// # Errors
    /// Those of [`SqliteStore::open`].
    pub async fn open_apart(config: SqliteConfig, spaces: Vec<Space>, host: &Host) -> Result<Arc<Self>> {
        let (send, opened) = tokio::sync::oneshot::channel();
        let host = host.clone();
        spawn("sqlite-opening", move || drop(send.send(Self::open(config, spaces, &host))))?;
        let panicked = |_| Error::new(ErrorKind::Other, "opening the store panicked; this is a defect");
        opened.await.map_err(panicked)?
    }

    /// Sets how large the file may grow from now on, in bytes; `None`: as large as the disk allows.
    pub fn set_max_bytes(&self, max_bytes: Option<u64>) {
        self.shared.figures.max_bytes.store(max_bytes.unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn writer(&self) -> Option<JoinHandle<()>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn helpers(shared: &Arc<Shared>) -> Result<Vec<JoinHandle<()>>> {
    let path = &shared.config.path;
    // All of them before the store is open: one that opens the file later could find another in its place.
    let readers = (0..shared.config.readers.max(1)).map(|_| open(path, Role::Reader)).collect::<Result<Vec<_>>>()?;
    let checkpointer = open(path, Role::Checkpointer)?;
    for _ in &readers {
        shared.readers.keep(open(path, Role::Reader)?);
    }
    let mut helpers = vec![];
    for connection in readers {
        helpers.push(helper("sqlite-reader", shared, move |shared| shared.readers.run(&connection))?);
    }
    helpers.push(helper("sqlite-check", shared, move |shared| shared.checkpoints.run(&checkpointer))?);
    Ok(helpers)
}

fn helper(name: &str, shared: &Arc<Shared>, run: impl FnOnce(&Shared) + Send + 'static) -> Result<JoinHandle<()>> {
    let shared = shared.clone();
    spawn(name, move || catch_unwind(AssertUnwindSafe(|| run(&shared))).unwrap_or_else(|_| shared.helper_panicked()))
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    Builder::new().name(name.to_owned()).spawn(run).map_err(|error| started("start a thread", error))
}

fn started(what: &str, error: std::io::Error) -> Error {
    crate::error::of_io(error, &format!("the store could not {what}"))
}

impl Shared {
    fn refuse(&self, commit: &Commit) -> Option<Error> {
        if self.queue.is_closed() {
            return Some(closed());
        }
        self.figures.refusal().or_else(|| check(commit, &self.declared).err())
    }

    pub(crate) fn grown_to(&self, position: Position) {
        self.tip.send_if_modified(|tip| std::mem::replace(&mut tip.position, position) != position);
    }

    pub(crate) fn ended(&self) {
        self.tip.send_modify(|tip| tip.ended = true);
    }

    /// Nobody may wait for a writer that is gone.
    fn writer_panicked(&self) {
        self.queue.abandon();
        self.readers.end();
        self.checkpoints.end();
        self.ended();
        self.config.on_fatal.call(&Error::new(ErrorKind::Other, "the store's writer panicked; this is a defect"));
    }

    /// Nobody may wait for a helper that is gone; the writer serves what is queued, and then fails.
    fn helper_panicked(&self) {
        self.defect.store(true, Ordering::Release);
        self.readers.abandon();
        self.checkpoints.end();
        self.queue.close();
    }

    /// Whether a helper has panicked.
    pub(crate) fn defect(&self) -> Option<Error> {
        let defect = || Error::new(ErrorKind::Other, "a helper of the store panicked; this is a defect");
        self.defect.load(Ordering::Acquire).then(defect)
    }

    /// A short read, on the caller's thread where that is quick.
    pub(crate) fn read_near<T: Send + 'static>(
        &self,
        read: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Read<'_, T> {
        self.readers.near(|connection| read(connection).map_err(of))
    }

    /// Reads on a thread of the pool.
    pub(crate) fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Read<'_, T> {
        self.readers.read(|connection| read(connection).map_err(of))
    }
}

impl Store for SqliteStore {
    fn submit(&self, commit: Commit) -> Ticket {
        match self.shared.refuse(&commit) {
            Some(error) => Ticket::refused(error),
            None => self.shared.queue.submit(Arc::new(commit)),
        }
    }

    fn commit(&self, commit: Commit) -> Read<'_, Receipt> {
        self.commit_kept(Arc::new(commit))
    }

    fn commit_kept(&self, commit: Arc<Commit>) -> Read<'_, Receipt> {
        Box::pin(async move {
            if let Some(error) = self.shared.refuse(&commit) {
                return Err(error);
            }
            let room = self.shared.queue.wait_for_room().await?;
            room.submit(commit).await
        })
    }

    fn fence(&self, shard: u16) -> Fence {
        Fence { shard, epoch: self.shared.incarnation }
    }

    fn incarnation(&self) -> u64 {
        self.shared.incarnation
    }

    fn facts(&self) -> StoreFacts {
        let figures = &self.shared.figures;
        StoreFacts {
            commits: figures.commits.load(Ordering::Relaxed),
            flushes: figures.flushes.load(Ordering::Relaxed),
            writer_us: figures.writer_us.load(Ordering::Relaxed),
            wal_bytes: self.shared.checkpoints.wal_bytes(),
            cannot_write: figures.refusal().map(|error| error.to_string()),
        }
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.shared.queue.close();
            let mut tip = self.shared.tip.subscribe();
            let _ = tip.wait_for(|tip| tip.ended).await;
            if let Some(writer) = self.writer() {
                let _ = writer.join();
            }
        })
    }
}

impl Drop for SqliteStore {
    /// Forgets what is queued, as a crash would, and waits until the file is free for another opening.
    fn drop(&mut self) {
        self.shared.queue.abandon();
        let writer = self.writer().filter(|writer| writer.thread().id() != std::thread::current().id());
        if let Some(writer) = writer {
            let _ = writer.join();
        }
    }
}
