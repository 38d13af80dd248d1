//! Sagas that ended lately, in memory: whoever waits for an end looks at it right then.

use super::row::Row;
use crate::journal::Record;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// How many are kept.
const MOST: usize = 512;
/// Bytes of a saga's journal at most, states not counted; a longer one is read from the store.
const MOST_BYTES: usize = 8 << 10;

/// What happened to a saga from its start on, as long as all of it happened in this process.
#[derive(Debug, Default)]
pub(super) struct Life {
    records: Option<Vec<Record>>,
    bytes: usize,
}

/// A saga that ended.
#[derive(Debug)]
pub(super) struct EndedSaga {
    pub(super) row: Row,
    /// Its journal, without states.
    pub(super) records: Vec<Record>,
}

/// Those that ended last.
#[derive(Debug, Default)]
pub(crate) struct Lately {
    ended: BTreeMap<Arc<str>, Arc<EndedSaga>>,
    oldest_first: VecDeque<Arc<str>>,
}

impl Life {
    /// Begins with the record of the start, which takes so many bytes.
    pub(super) fn of(first: Record, bytes: usize) -> Self {
        let mut life = Self { records: Some(vec![]), bytes: 0 };
        life.goes_on(first, bytes);
        life
    }

    /// A record was written that takes so many bytes.
    pub(super) fn goes_on(&mut self, record: Record, bytes: usize) {
        self.bytes += bytes - record.state.as_ref().map_or(0, |state| state.len());
        match &mut self.records {
            Some(records) if self.bytes <= MOST_BYTES => records.push(Record { state: None, ..record }),
            _ => self.records = None,
        }
    }

    pub(super) fn take(&mut self) -> Option<Vec<Record>> {
        self.records.take()
    }
}

impl Lately {
    pub(super) fn keep(&mut self, id: &Arc<str>, ended: EndedSaga) {
        self.ended.insert(id.clone(), Arc::new(ended));
        self.oldest_first.push_back(id.clone());
        if self.oldest_first.len() > MOST
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.ended.remove(&oldest);
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<Arc<EndedSaga>> {
        self.ended.get(id).cloned()
    }
}
