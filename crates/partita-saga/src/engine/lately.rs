//! Sagas that ended lately, in memory: whoever waits for an end looks at it right then.

use super::row::Row;
use crate::journal::Record;

/// How many are kept.
pub(super) const MOST: usize = 512;
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
