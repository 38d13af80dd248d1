//! Defects for tests: an explorer that does not catch them explores nothing.

use super::{Acted, Entry, Ledger, put, repetition};
use partita_core::{Error, ErrorKind, Expect, Put, Receipt, Result};
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What is planted.
#[derive(Clone, Debug, Default)]
pub(super) enum Defect {
    #[default]
    None,
    NoTombstone,
    /// Keys at work, as this process remembers them.
    Race(Arc<Mutex<BTreeSet<String>>>),
}

/// A key at work, until it is dropped.
struct AtWork(Arc<Mutex<BTreeSet<String>>>, String);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

impl Ledger {
    /// A ledger whose undo of an unknown key writes nothing.
    #[must_use]
    pub fn sabotaged_without_tombstone(self) -> Self {
        Self { defect: Defect::NoTombstone, ..self }
    }

    /// A ledger that looks whether a key is known or at work, and then acts without a guard: two requests that look at the
    /// same time both act.
    #[must_use]
    pub fn sabotaged_with_a_race(self) -> Self {
        Self { defect: Defect::Race(Arc::default()), ..self }
    }

    pub(super) async fn act_after_a_look<R, F, Fut>(
        &self,
        at_work: &Arc<Mutex<BTreeSet<String>>>,
        entry: Entry<'_>,
        effect: F,
    ) -> Result<Acted<R>>
    where
        F: FnOnce(Put) -> Fut,
        Fut: Future<Output = Result<Result<Receipt, R>>>,
    {
        let (key, row) = (entry.key, self.done(entry));
        if at_work.lock().unwrap_or_else(PoisonError::into_inner).contains(key) {
            return Err(Error::new(ErrorKind::Busy, "the first request with this key is at work"));
        }
        if let Some(found) = self.row(key).await? {
            return Ok(repetition(found, &row));
        }
        self.clock.sleep(Duration::from_millis(1)).await;
        at_work.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
        let _at_work = AtWork(at_work.clone(), key.to_owned());
        let acted = effect(put(key, Expect::Any, &row)?).await?;
        Ok(acted.map_or_else(Acted::Refused, |_| Acted::Done(row.reply)))
    }
}
