//! A file that no process has open, read from end to end without changing it.

use crate::inspect::{Contents, log_bytes, look_by, open_unchanged};
use crate::lock::{FileLock, beside};
use partita_core::{Error, ErrorKind, Result};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Examples of one kind of fault that are named.
const EXAMPLES: i64 = 5;

/// A store's file that nobody writes to as long as this lives.
pub struct OfflineFile {
    path: PathBuf,
    contents: Contents,
    connection: Connection,
    _lock: Option<FileLock>,
}

/// What a survey looked at, and what it found wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes of its log.
    pub log_bytes: u64,
    /// Frames of the log that count.
    pub log_frames: u64,
    /// Events, whose positions must be 1, 2, 3, .. and whose versions 0, 1, 2, .. in each stream.
    pub events: u64,
    /// Records of saga journals, whose sequence must be 0, 1, 2, .. in each journal.
    pub journal_records: u64,
    /// Keyed records of all spaces.
    pub records: u64,
    /// What is as it may be after a crash.
    pub notes: Vec<String>,
    /// What must not be.
    pub faults: Vec<String>,
}

/// A question whose every row is a fault: what was expected and is not so.
struct Rule {
    sql: String,
    says: &'static str,
}

impl OfflineFile {
    /// Opens it; `None` when there is nothing in it yet, or no such file.
    ///
    /// # Errors
    /// Those of [`crate::inspect`].
    pub fn open(path: &Path) -> Result<Option<Self>> {
        let lock = FileLock::of_existing(path)?;
        let Some((contents, connection)) = look_by(path, open_unchanged)? else { return Ok(None) };
        Ok(Some(Self { path: path.to_owned(), contents, connection, _lock: lock }))
    }

    /// What it says of itself.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Parts of a survey.
    pub const PARTS: u64 = 4;

    /// Reads everything: the log's frames and their checksums, every page, every sequence that must have no gap, every
    /// value that must be JSON. `part` is called before each of the [`Self::PARTS`] parts with its name.
    ///
    /// # Errors
    /// The file could not be read to its end; what is wrong in it is no error but a fault of the survey.
    pub fn survey(&self, part: &mut dyn FnMut(&'static str)) -> Result<Survey> {
        let bytes = std::fs::metadata(&self.path).map_err(|error| self.unreadable(error))?.len();
        let mut survey = Survey { bytes, log_bytes: log_bytes(&self.path), ..Survey::default() };
        part("log");
        self.survey_log(&mut survey)?;
        part("pages");
        let wrong = self.texts("PRAGMA integrity_check(20)").map_err(|error| self.failed(error))?;
        survey.faults.extend(wrong.into_iter().filter(|line| line != "ok"));
        if survey.faults.is_empty() {
            self.survey_rows(&mut survey, part).map_err(|error| self.failed(error))?;
        }
        Ok(survey)
    }

    fn survey_log(&self, survey: &mut Survey) -> Result<()> {
        let log = crate::wal::read(&beside(&self.path, "-wal")).map_err(|error| self.unreadable(error))?;
        match log {
            Some(frames) => {
                survey.log_frames = frames.committed;
                if frames.unfinished > 0 || frames.torn {
                    let torn = if frames.torn { ", the last of them torn" } else { "" };
                    let count = frames.unfinished + u64::from(frames.torn);
                    survey.notes.push(format!(
                        "the log ends with {count} frames of no commit{torn}; the next start drops them"
                    ));
                }
            }
            None if survey.log_bytes > 0 => {
                survey.notes.push("the log has no readable beginning and holds nothing".into())
            }
            None => {}
        }
        Ok(())
    }

    fn survey_rows(&self, survey: &mut Survey, part: &mut dyn FnMut(&'static str)) -> rusqlite::Result<()> {
        part("sequences");
        survey.events = self.number("SELECT count(*) FROM partita_events")?;
        survey.journal_records = self.number("SELECT count(*) FROM partita_journal")?;
        for rule in sequences() {
            self.hold(&rule, survey)?;
        }
        part("values");
        self.hold(&json("partita_events", "data", "'event at position ' || pos"), survey)?;
        for space in self.spaces()? {
            survey.records += self.number(&format!("SELECT count(*) FROM \"{space}\""))?;
            self.hold(&json(&format!("\"{space}\""), "value", &format!("'{space} ' || key")), survey)?;
        }
        Ok(())
    }

    fn hold(&self, rule: &Rule, survey: &mut Survey) -> rusqlite::Result<()> {
        let examples = self.texts(&format!("{} LIMIT {EXAMPLES}", rule.sql))?;
        survey.faults.extend(examples.into_iter().map(|what| format!("{}: {what}", rule.says)));
        Ok(())
    }

    /// Names of the spaces that the file holds.
    fn spaces(&self) -> rusqlite::Result<Vec<String>> {
        crate::inspect::spaces(&self.connection)
    }

    /// Hands each record of a space to `each`, key and value, in the order of the keys. A space that the file does not hold
    /// has none.
    ///
    /// # Errors
    /// The file could not be read.
    pub fn records(&self, space: &str, each: &mut dyn FnMut(&str, &str)) -> Result<()> {
        let failed = |error| self.failed(error);
        if !self.spaces().map_err(failed)?.iter().any(|name| name == space) {
            return Ok(());
        }
        let sql = format!("SELECT key, value FROM \"{space}\" ORDER BY key");
        let mut statement = self.connection.prepare(&sql).map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
            each(text(0).map_err(failed)?, text(1).map_err(failed)?);
        }
        Ok(())
    }

    /// The counters of a space, by name.
    ///
    /// # Errors
    /// The file could not be read.
    pub fn counters(&self, space: &str) -> Result<BTreeMap<String, i64>> {
        let read = || -> rusqlite::Result<BTreeMap<String, i64>> {
            let mut statement = self.connection.prepare(include_str!("sql/counters.sql"))?;
            statement.query_map([space], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        read().map_err(|error| self.failed(error))
    }

    fn texts(&self, sql: &str) -> rusqlite::Result<Vec<String>> {
        self.connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
    }

    fn number(&self, sql: &str) -> rusqlite::Result<u64> {
        self.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned)
    }

    fn failed(&self, error: rusqlite::Error) -> Error {
        crate::error::of(error).with("file", self.path.display())
    }

    fn unreadable(&self, error: std::io::Error) -> Error {
        Error::new(ErrorKind::Io, "the file cannot be read").with("file", self.path.display()).because(error)
    }
}

impl fmt::Debug for OfflineFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfflineFile")
            .field("path", &self.path)
            .field("contents", &self.contents)
            .finish_non_exhaustive()
    }
}

fn sequences() -> Vec<Rule> {
    let rule = |sql: &str, says| Rule { sql: sql.to_owned(), says };
    vec![
        rule(include_str!("sql/gaps_positions.sql"), "positions have a gap"),
        rule(include_str!("sql/gaps_versions.sql"), "versions of a stream have a gap"),
        rule(include_str!("sql/gaps_journals.sql"), "a saga's journal has a gap"),
        rule(include_str!("sql/gaps_openings.sql"), "openings have a gap"),
    ]
}

fn json(table: &str, column: &str, name: &str) -> Rule {
    let sql = format!("SELECT {name} FROM {table} WHERE NOT json_valid({column})");
    Rule { sql, says: "not JSON" }
}
