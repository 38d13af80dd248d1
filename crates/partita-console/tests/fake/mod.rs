//! Sagas that were made up.

use partita_core::{Error, ErrorKind, Read};
use partita_saga::{Class, SagaDetail, SagaRow, Sagas};
use partita_time::Timestamp;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::broadcast;

/// Holds sagas in memory and says when one changed.
#[derive(Debug)]
pub struct Fake {
    sagas: Mutex<Vec<SagaDetail>>,
    changes: broadcast::Sender<Arc<str>>,
    /// Reads fail while it is set.
    pub broken: AtomicBool,
    /// How often the list was read.
    pub looks: AtomicUsize,
}

impl Fake {
    pub fn new() -> Arc<Self> {
        let (changes, _) = broadcast::channel(16);
        Arc::new(Self {
            sagas: Mutex::default(),
            changes,
            broken: AtomicBool::default(),
            looks: AtomicUsize::default(),
        })
    }

    /// Adds or replaces a saga and says so.
    pub fn put(&self, detail: SagaDetail) {
        let id = detail.row.id.clone();
        let mut sagas = self.sagas.lock().unwrap();
        sagas.retain(|saga| saga.row.id != id);
        sagas.push(detail);
        sagas.sort_by(|a, b| (b.row.started_at, &b.row.id).cmp(&(a.row.started_at, &a.row.id)));
        drop(sagas);
        let _ = self.changes.send(id.into());
    }

    fn answer<T: Send + 'static>(&self, value: T) -> Read<'_, T> {
        let broken = self.broken.load(Ordering::SeqCst);
        Box::pin(async move { if broken { Err(Error::new(ErrorKind::Io, "the disk <is> gone")) } else { Ok(value) } })
    }
}

impl Sagas for Fake {
    fn counts(&self) -> Read<'_, Vec<(Class, u64)>> {
        let sagas = self.sagas.lock().unwrap();
        let count = |class| (class, sagas.iter().filter(|saga| saga.row.class == class).count() as u64);
        self.answer(Class::ALL.into_iter().map(count).collect())
    }

    fn page(&self, class: Option<Class>, after: Option<(Timestamp, String)>, limit: usize) -> Read<'_, Vec<SagaRow>> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        let sagas = self.sagas.lock().unwrap();
        let rows = sagas.iter().map(|saga| &saga.row).filter(|row| class.is_none_or(|class| row.class == class));
        let rows = rows.filter(|row| after.as_ref().is_none_or(|(at, id)| (row.started_at, &row.id) < (*at, id)));
        self.answer(rows.take(limit).cloned().collect())
    }

    fn detail<'a>(&'a self, id: &'a str) -> Read<'a, Option<SagaDetail>> {
        self.answer(self.sagas.lock().unwrap().iter().find(|saga| saga.row.id == id).cloned())
    }

    fn changes(&self) -> broadcast::Receiver<Arc<str>> {
        self.changes.subscribe()
    }
}
