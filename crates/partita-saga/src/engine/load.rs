//! Reading a saga from the store.

use super::row::Row;
use super::runner::Runner;
use super::{Inner, SAGAS, cancel};
use crate::definition::Definition;
use crate::journal::{Instance, Record};
use partita_core::{Error, Result};
use std::sync::Arc;

const PAGE: usize = 256;

/// A journal as far as it can be read.
pub(super) struct Journal {
    pub(super) records: Vec<Record>,
    /// Why a record is missing in `records`.
    pub(super) error: Option<Error>,
    /// Bytes of its records, repetitions not counted.
    pub(super) bytes: usize,
    pub(super) length: u32,
}

impl Journal {
    pub(super) async fn read(inner: &Inner, number: u64) -> Result<Self> {
        let mut journal = Self { records: vec![], error: None, bytes: 0, length: 0 };
        loop {
            let page = inner.store.journal(number, journal.length, PAGE).await?;
            for entry in &page {
                journal.length += 1;
                match Record::decode(&entry.body) {
                    Ok(record) => {
                        journal.bytes += if record.is_repetition() { 0 } else { entry.body.len() };
                        journal.records.push(record);
                    }
                    Err(error) => journal.error = Some(error.with("record", entry.seq)),
                }
            }
            if page.len() < PAGE {
                return Ok(journal);
            }
        }
    }

    /// Where the saga stands, as far as it can be read.
    pub(super) fn fold(&self, id: &Arc<str>, row: &Row) -> Instance {
        let mut instance = Instance::new(id.clone(), row.value.number);
        (instance.name, instance.version) = (row.value.name.as_str().into(), row.value.version);
        for record in &self.records {
            instance.apply(record);
        }
        instance.length = self.length;
        instance
    }
}

/// Reads a saga; `None` when there is nothing to do for it.
pub(super) async fn load(inner: &Arc<Inner>, id: &Arc<str>) -> Result<Option<Runner>> {
    let Some(record) = inner.store.get(SAGAS, id).await? else { return Ok(None) };
    let row = Row::read(&record)?;
    let at_rest = row.class().is_ended() || row.class() == crate::Class::Parked;
    if at_rest && cancel::letters(inner, row.value.number).await?.is_empty() {
        return Ok(None);
    }
    let journal = Journal::read(inner, row.value.number).await?;
    let instance = journal.fold(id, &row);
    if instance.epoch > inner.fence(id).epoch {
        inner.is_fenced();
        return Ok(None);
    }
    let definition = inner.definition(&instance.name, instance.version);
    let misfit = misfit(&journal, &instance, definition.as_deref());
    let definition = definition.unwrap_or_else(|| Arc::new(nothing()));
    let mut runner = Runner::new(inner.clone(), definition, instance, row);
    runner.is_loaded(journal.bytes, if at_rest { None } else { misfit });
    Ok(Some(runner))
}

/// Why the instance cannot run on the definition at hand.
fn misfit(journal: &Journal, instance: &Instance, definition: Option<&Definition>) -> Option<String> {
    if let Some(error) = &journal.error {
        return Some(format!("its journal cannot be read: {error}"));
    }
    if journal.length == 0 {
        return Some("its journal is empty".to_owned());
    }
    let started =
        format!("it was started from {} v{} with fingerprint {}", instance.name, instance.version, instance.print);
    match definition {
        Some(definition) if *definition.fingerprint == *instance.print => None,
        Some(definition) => {
            Some(format!("{started}; the one registered now has fingerprint {}", definition.fingerprint))
        }
        None => Some(format!("{started}; this version is not registered, there is no fingerprint to compare with")),
    }
}

/// Stands in for a definition that is not registered.
fn nothing() -> Definition {
    Definition {
        name: "",
        version: 0,
        deadline: None,
        leaves: vec![],
        nodes: vec![],
        at_end: None,
        fingerprint: "".into(),
    }
}
