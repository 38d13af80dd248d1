//! A service as a test sees it: a store that counts its commits and those that were refused because something had changed, and
//! calls that may stay without an answer.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::Method;
use partita::core::{Commit, Error, ErrorKind, Read, Receipt, Result, Store, Ticket};
use partita::time::{Clock, Host, Spawner};
use partita_testkit::{Intercept, Intercepted};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

const MOMENT: Duration = Duration::from_millis(100);

/// What became of commits.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    applied: AtomicU64,
    conflicts: AtomicU64,
    /// With so many applied there is no room for more; 0: there is.
    room: AtomicU64,
    /// It shows what it has, after a moment, and answers nothing else.
    silent: AtomicBool,
}

impl Counts {
    fn note<T>(&self, answer: &Result<T>) {
        match answer {
            Ok(_) => self.applied.fetch_add(1, Ordering::Relaxed),
            Err(error) if error.kind() == ErrorKind::Conflict => self.conflicts.fetch_add(1, Ordering::Relaxed),
            Err(_) => 0,
        };
    }

    /// From now on there is room for so many; `None`: for all.
    pub(crate) fn has_room_for(&self, more: Option<u64>) {
        let room = more.map_or(0, |more| self.applied.load(Ordering::Relaxed) + more);
        self.room.store(room, Ordering::Relaxed);
    }

    /// From now on the service shows what it has, after a moment, and takes all other calls without an answer; or it works again.
    pub(crate) fn is_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::Relaxed);
    }

    pub(crate) async fn answer(self: Arc<Self>, clock: Arc<dyn Clock>, request: Request, next: Next) -> Response {
        match self.silent.load(Ordering::Relaxed) {
            true if request.method() == Method::GET => clock.sleep(MOMENT).await,
            true => std::future::pending().await,
            false => {}
        }
        next.run(request).await
    }

    fn refusal(&self) -> Option<Error> {
        let room = self.room.load(Ordering::Relaxed);
        let is_full = room > 0 && self.applied.load(Ordering::Relaxed) >= room;
        is_full.then(|| Error::new(ErrorKind::StorageFull, "no room"))
    }

    /// Applied and refused.
    pub(crate) fn get(&self) -> (u64, u64) {
        (self.applied.load(Ordering::Relaxed), self.conflicts.load(Ordering::Relaxed))
    }
}

#[derive(Debug)]
pub(crate) struct Counting<S> {
    inner: Arc<S>,
    counts: Arc<Counts>,
    spawner: Arc<dyn Spawner>,
}

impl<S> Counting<S> {
    pub(crate) fn new(inner: Arc<S>, counts: Arc<Counts>, host: &Host) -> Intercepted<Self> {
        Intercepted(Self { inner, counts, spawner: host.spawner.clone() })
    }
}

impl<S: Store> Intercept for Counting<S> {
    fn store(&self) -> &dyn Store {
        &*self.inner
    }

    fn submit(&self, commit: Commit) -> Ticket {
        if let Some(refusal) = self.counts.refusal() {
            return Ticket::refused(refusal);
        }
        let (ticket, counts) = (self.inner.submit(commit), self.counts.clone());
        if ticket.is_refused() {
            return ticket;
        }
        let (reply, counted) = Ticket::pair();
        self.spawner.spawn(Box::pin(async move {
            let answer = ticket.await;
            counts.note(&answer);
            reply.send(answer);
        }));
        counted
    }

    fn commit(&self, commit: Commit) -> Read<'_, Receipt> {
        Box::pin(async move {
            if let Some(refusal) = self.counts.refusal() {
                return Err(refusal);
            }
            let answer = self.inner.commit(commit).await;
            self.counts.note(&answer);
            answer
        })
    }
}
