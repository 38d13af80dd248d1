//! Rows of actions done a moment ago: what builds on one of them need not read it back.

use super::Row;
use partita_core::Recent;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Rows at most.
const KEPT: usize = 1_024;

/// Holds only rows that are durable and stand: an undo takes its row out before it looks, and none is kept while it is under way.
/// It relies on its process having the store alone, as the store's lock makes sure.
#[derive(Debug)]
pub(super) struct Lately(Mutex<Kept>);

#[derive(Debug)]
struct Kept {
    rows: Recent<Row>,
    /// How often an undo began.
    undos: u64,
    /// Undos that are not over.
    under_way: u64,
}

/// A moment: before an action; none while an undo is under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since(Option<u64>);

/// An undo under way.
#[derive(Debug)]
pub(super) struct Undoing<'a>(&'a Lately);

impl Default for Lately {
    fn default() -> Self {
        Self(Mutex::new(Kept { rows: Recent::new(KEPT), undos: 0, under_way: 0 }))
    }
}

impl Lately {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Since {
        let kept = self.lock();
        Since((kept.under_way == 0).then_some(kept.undos))
    }

    /// Keeps the row of an action that was done since then, unless an undo was under way meanwhile: it could be its own.
    pub(super) fn keep(&self, since: Since, key: &str, row: Row) {
        let mut kept = self.lock();
        if Some(kept.undos) == since.0 {
            kept.rows.keep(key, row);
        }
    }

    pub(super) fn row(&self, key: &str) -> Option<Row> {
        self.lock().rows.get(key).cloned()
    }

    pub(super) fn undoing(&self, key: &str) -> Undoing<'_> {
        let mut kept = self.lock();
        kept.undos += 1;
        kept.under_way += 1;
        kept.rows.take(key);
        Undoing(self)
    }
}

impl Drop for Undoing<'_> {
    fn drop(&mut self) {
        self.0.lock().under_way -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{JsonText, Outcome};
    use super::*;
    use partita_time::Timestamp;

    fn row() -> Row {
        let [action, subject, fingerprint] = ["reserve", "order", "f"].map(str::to_owned);
        let (outcome, at) = (Outcome::Done, Timestamp::from_millis(7));
        let (reply, detail) = (JsonText::default(), JsonText::default());
        Row { outcome, action, subject, fingerprint, reply, detail, at, refused: None }
    }

    #[test]
    fn a_row_is_kept_until_its_undo_or_until_many_more_are() {
        let lately = Lately::default();
        lately.keep(lately.now(), "k", row());
        assert_eq!(lately.row("k"), Some(row()));
        drop(lately.undoing("k"));
        assert_eq!(lately.row("k"), None);
        for n in 0..=KEPT {
            lately.keep(lately.now(), &n.to_string(), row());
        }
        assert_eq!((lately.row("0"), lately.row("1")), (None, Some(row())));
    }

    #[test]
    fn an_action_that_an_undo_overlaps_is_not_kept() {
        let lately = Lately::default();
        let (before, undoing) = (lately.now(), lately.undoing("k"));
        lately.keep(before, "k", row());
        assert_eq!(lately.row("k"), None, "the undo began meanwhile");
        let meanwhile = lately.now();
        drop(undoing);
        lately.keep(meanwhile, "k", row());
        assert_eq!(lately.row("k"), None, "the undo ended meanwhile");
        let (meanwhile, undoing) = (lately.now(), lately.undoing("other"));
        drop(undoing);
        lately.keep(meanwhile, "k", row());
        assert_eq!(lately.row("k"), None, "nobody can tell whose undo it was");
    }
}
