//! Who runs when: the due-scan, the timers of sagas at rest, and the slots.
//!
//! Recovery is not a phase. The same scan of live sagas that finds those that waited for a slot finds those that an earlier
//! process left.

use super::agenda::{Rest, Scan};
use super::alert::ParkedAlert;
use super::live::Live;
use super::load::load;
use super::row::Row;
use super::{Inner, LETTERS, lock};
use futures_util::FutureExt;
use partita_core::{Again, Record, Result};
use partita_time::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

const PAGE: usize = 256;
/// After an error of the store the scan is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// A saga left memory: it is noted when it goes on, and another may come in.
pub(super) fn left(inner: &Arc<Inner>, id: &Arc<str>, rest: Rest) {
    let (empty, rung) = {
        let mut active = lock(&inner.active);
        let bell = active.remove(id);
        (active.is_empty(), bell.is_some_and(|bell| bell.notified().now_or_never().is_some()))
    };
    let free = empty || inner.slots.available_permits() >= (inner.settings.max_running / 4).max(1);
    let wakes = {
        let mut agenda = lock(&inner.agenda);
        let before = agenda.next();
        agenda.rest(rest, id);
        agenda.next() != before || (free && agenda.has_backlog())
    };
    if rung {
        fetch(inner, id, None);
    } else if empty {
        inner.idle.notify_waiters();
    }
    if wakes {
        inner.wake.notify_one();
    }
}

/// A saga gave its slot back: one that waits for a slot may come in.
pub(super) fn slot_is_free(inner: &Inner) {
    if lock(&inner.agenda).has_backlog() {
        inner.wake.notify_one();
    }
}

/// The store may hold a saga that nobody in this process knows of.
pub(super) fn look_again(inner: &Inner) {
    lock(&inner.agenda).leaves_backlog();
    inner.wake.notify_one();
}

/// The scheduler's loop.
pub(super) async fn run(inner: Arc<Inner>) {
    loop {
        let now = inner.host.clock.now();
        let retry = match admit(&inner, now).await {
            Ok(true) => None,
            Ok(false) => Some(now.plus(RETRY)),
            Err(error) => {
                tracing::warn!(%error, "the store cannot be scanned for sagas that are due");
                Some(now.plus(RETRY))
            }
        };
        let next =
            lock(&inner.agenda).next().filter(|next| retry.is_none() || *next > now).into_iter().chain(retry).min();
        let wait = next.map(|next| next.since(inner.host.clock.now()));
        let sleep = async {
            match wait {
                Some(wait) => inner.host.clock.sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = inner.stopped() => return,
            () = inner.wake.notified() => {}
            () = sleep => {}
        }
    }
}

/// Brings in what is due, as far as there are slots; what must turn back comes in without one. False when something that
/// is due has to wait.
async fn admit(inner: &Arc<Inner>, now: Timestamp) -> Result<bool> {
    let mut all = ring_alarms(inner, now);
    while lock(&inner.agenda).is_due(now) {
        let Ok(slot) = inner.slots.clone().try_acquire_owned() else {
            all = false;
            break;
        };
        if let Some(id) = lock(&inner.agenda).take_due(now) {
            fetch(inner, &id, Some(slot));
        }
    }
    let scan = lock(&inner.agenda).take_scan(now, inner.slots.available_permits() > 0);
    let scanned = async {
        if scan == Scan::All {
            read_letters(inner).await?;
        }
        if scan == Scan::None { Ok(()) } else { look_through(inner, now, scan).await }
    };
    if let Err(error) = scanned.await {
        lock(&inner.agenda).put_back(scan);
        return Err(error);
    }
    Ok(all)
}

fn ring_alarms(inner: &Arc<Inner>, now: Timestamp) -> bool {
    let most = inner.settings.max_running.saturating_mul(2);
    loop {
        if lock(&inner.active).len() >= most {
            return lock(&inner.agenda).next().is_none_or(|next| next > now);
        }
        let Some(id) = lock(&inner.agenda).take_alarm(now) else { return true };
        fetch(inner, &id, None);
    }
}

/// Letters that an earlier process has not answered.
async fn read_letters(inner: &Arc<Inner>) -> Result<()> {
    let mut after: Option<String> = None;
    loop {
        let letters = inner.store.page(LETTERS, after.as_deref(), PAGE).await?;
        for letter in &letters {
            if let Ok(id) = serde_json::from_str::<String>(&letter.value) {
                fetch(inner, &id, None);
            }
        }
        match letters.last() {
            Some(last) if letters.len() == PAGE => after = Some(last.key.clone()),
            _ => return Ok(()),
        }
    }
}

/// Looks through live sagas, earliest first.
async fn look_through(inner: &Arc<Inner>, now: Timestamp, scan: Scan) -> Result<()> {
    let until = if scan == Scan::All { Timestamp::MAX } else { now };
    let mut live = Live::until(until, now, !lock(&inner.agenda).all_turned_are_due());
    let ended = bring_in_all(inner, &mut live, now, scan).await;
    if live.knows_all_due() {
        lock(&inner.agenda).turned_are_due();
    }
    ended
}

async fn bring_in_all(inner: &Arc<Inner>, live: &mut Live, now: Timestamp, scan: Scan) -> Result<()> {
    while let Some(record) = live.next(inner).await? {
        let due = due(&record, now);
        if due > now && lock(&inner.agenda).forgets(due) {
            return Ok(());
        }
        if !bring_in(inner, &record, due, now) && scan == Scan::Due {
            return Ok(());
        }
    }
    Ok(())
}

/// When a saga goes on. A line from a later time than now was written before the clock was set back: then its due time says
/// nothing, and the saga is looked at.
fn due(record: &Record, now: Timestamp) -> Timestamp {
    let due = record.due.unwrap_or(now);
    let from_later = || Row::read(record).is_ok_and(|row| row.written() > now);
    if due > now && from_later() { now } else { due }
}

/// Brings one saga in, or notes when; false when there is no slot for it. One that cannot be read takes none again.
fn bring_in(inner: &Arc<Inner>, record: &Record, due: Timestamp, now: Timestamp) -> bool {
    let key = record.key.as_str();
    if lock(&inner.active).contains_key(key) || lock(&inner.unreadable).contains(key) {
        return true;
    }
    if due > now {
        lock(&inner.agenda).rest(Rest::Until(due), &key.into());
        return true;
    }
    if let Ok(slot) = inner.slots.clone().try_acquire_owned() {
        fetch(inner, key, Some(slot));
        return true;
    }
    let alarm = Row::read(record).ok().and_then(|row| row.alarm(now));
    lock(&inner.agenda).rest(Rest::Turn(alarm), &key.into());
    false
}

/// Brings a saga from the store into memory, unless it is there.
pub(super) fn fetch(inner: &Arc<Inner>, id: &str, slot: Option<OwnedSemaphorePermit>) {
    if inner.stopping() {
        return;
    }
    let id: Arc<str> = id.into();
    let bell = {
        let mut active = lock(&inner.active);
        if let Some(bell) = active.get(&id) {
            bell.notify_one();
            return;
        }
        active.entry(id.clone()).or_default().clone()
    };
    let owner = inner.clone();
    inner.host.spawner.spawn(Box::pin(async move {
        let rest = match load(&owner, &id).await {
            Ok(Some(mut runner)) => {
                (runner.bell, runner.slot) = (bell, slot);
                return runner.run().await;
            }
            Ok(None) => Rest::Over,
            Err(error) => {
                tracing::error!(saga = &*id, %error, "a saga cannot be read");
                if error.may_try_again() == Again::Later {
                    Rest::Until(owner.host.clock.now().plus(RETRY))
                } else {
                    if lock(&owner.unreadable).insert(id.clone()) {
                        let why = format!("it cannot be read: {error}");
                        owner.raise(&ParkedAlert { saga: id.to_string(), name: String::new(), why });
                    }
                    Rest::Over
                }
            }
        };
        drop(slot);
        left(&owner, &id, rest);
    }));
}
