//! Live sagas as the store has them, earliest first: those that have rested or turned back by their due time, the others by
//! their start.

use super::row::Row;
use super::{Inner, SAGAS};
use crate::view::Class;
use partita_core::{DuePage, Record, Result};
use partita_time::Timestamp;
use serde::Deserialize;
use std::collections::VecDeque;

const PAGE: usize = 256;

/// Goes through live sagas, a page at a time from each of their indexes.
pub(super) struct Live {
    now: Timestamp,
    queues: Vec<Queue>,
}

/// Of a line what its class is ordered by.
#[derive(Deserialize)]
struct Begun {
    started: Timestamp,
}

#[derive(Clone, Copy)]
enum Which {
    /// Those that rest, have rested or turned back, due until then.
    Rested(Timestamp),
    Class(Class),
}

struct Queue {
    which: Which,
    read: VecDeque<Record>,
    /// Behind what the next page begins.
    after: Option<(Timestamp, String)>,
    is_last: bool,
    /// It had none yet that is not due.
    is_due: bool,
}

impl Live {
    /// All that never rested, and those that rest until then at most; `older`: those, too, that an older version wrote, which
    /// turned back and are not due.
    pub(super) fn until(until: Timestamp, now: Timestamp, older: bool) -> Self {
        let older = older.then_some(Which::Class(Class::Unwinding));
        let queues = [Which::Rested(until), Which::Class(Class::Running)].into_iter().chain(older);
        let queue = |which| Queue { which, read: VecDeque::new(), after: None, is_last: false, is_due: true };
        Self { now, queues: queues.map(queue).collect() }
    }

    /// Whether it was seen that no saga turned back without being due.
    pub(super) fn knows_all_due(&self) -> bool {
        let mut queues = self.queues.iter().filter(|queue| matches!(queue.which, Which::Class(Class::Unwinding)));
        queues.all(|queue| queue.is_last && queue.is_due)
    }

    /// The next one.
    pub(super) async fn next(&mut self, inner: &Inner) -> Result<Option<Record>> {
        for queue in &mut self.queues {
            queue.fill(inner).await?;
        }
        let now = self.now;
        let mut queues: Vec<&mut Queue> = self.queues.iter_mut().filter(|queue| !queue.read.is_empty()).collect();
        let queue = match &mut queues[..] {
            [only] => Some(only),
            queues => queues.iter_mut().min_by_key(|queue| queue.begins(now)),
        };
        Ok(queue.and_then(|queue| queue.read.pop_front()))
    }
}

impl Queue {
    async fn fill(&mut self, inner: &Inner) -> Result<()> {
        let mut limit = PAGE;
        while self.read.is_empty() && !self.is_last {
            let records = self.which.page(inner, self.after.clone(), limit).await?;
            let next = records.iter().rev().find_map(|record| Some((self.which.place(record)?, record.key.clone())));
            self.is_last = records.len() < limit;
            if !self.is_last && next <= self.after {
                // No line of this page can be read, so none says where the next page begins.
                limit *= 2;
                continue;
            }
            // One that has rested stands in its class, too.
            self.read.extend(records.into_iter().filter(|record| self.which.is_due() || record.due.is_none()));
            self.is_due &= self.read.is_empty();
            self.after = next;
        }
        Ok(())
    }

    /// When its first one began to wait. A start that lies ahead was before the clock was set back.
    fn begins(&self, now: Timestamp) -> Option<Timestamp> {
        let at = self.which.place(self.read.front()?)?;
        Some(if self.which.is_due() { at } else { now.min(at) })
    }
}

impl Which {
    async fn page(self, inner: &Inner, after: Option<(Timestamp, String)>, limit: usize) -> Result<Vec<Record>> {
        match self {
            Self::Rested(until) => inner.store.due(DuePage { space: SAGAS, until, after, limit }).await,
            Self::Class(class) => inner.store.find(Row::of_class(class, false, after, limit)).await,
        }
    }

    const fn is_due(self) -> bool {
        matches!(self, Self::Rested(_))
    }

    /// Where a record stands in its index, unless its line cannot be read; loading it says so.
    fn place(self, record: &Record) -> Option<Timestamp> {
        match self {
            Self::Rested(_) => record.due,
            Self::Class(_) => serde_json::from_str::<Begun>(&record.value).ok().map(|line| line.started),
        }
    }
}
