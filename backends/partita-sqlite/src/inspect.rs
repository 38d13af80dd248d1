//! Looks at a file before anything is written: what is not ours, or not whole, is named and left as it is.

use crate::copy::UNFINISHED;
use crate::label::SetId;
use crate::lock::{beside, open_plain};
use crate::wal::number_at;
use partita_core::{Effect, Error, ErrorKind, Result};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

/// Marks a file as ours: `Part` in ASCII.
pub(crate) const APPLICATION_ID: i64 = 0x5061_7274;
/// Version of the built-in tables, kept in `user_version`.
pub(crate) const FORMAT: i64 = 3;

const MAGIC: &[u8] = b"SQLite format 3\0";
const HEADER_BYTES: usize = 100;

/// What a file of ours holds, as far as those who open it must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Version of its tables.
    pub format: i64,
    /// How often it was opened.
    pub openings: u64,
    /// Physical transactions of all these openings, up to 63 less for each that was not closed: 0 in a file that was made and
    /// never written to.
    pub transactions: u64,
    /// Its name in its set, if it was opened with a label.
    pub name: Option<String>,
    /// The files that it belongs to, if it was opened with a label or is a copy.
    pub set: Option<SetId>,
    /// Tables that are not the store's own: the spaces, and what others have made.
    pub spaces: Vec<String>,
}

/// What a file says of itself.
struct Marks {
    application_id: i64,
    format: i64,
    tables: i64,
}

/// The first bytes of a file, and how long it is.
struct Header {
    bytes: Vec<u8>,
    file_bytes: u64,
}

/// Whether a file may be opened for writing, and what it holds: `None` when there is nothing in it yet, or no such file.
///
/// Nothing is written, neither in it nor beside it.
///
/// # Errors
/// `Corrupt` for anything that is no whole store, `Invalid` for a copy that was not finished, `NewerFormat`, `InUse` when a
/// process has the store open, or `Io`.
pub fn inspect(path: &Path) -> Result<Option<Contents>> {
    crate::lock::FileLock::of_existing(path)?;
    look(path)
}

/// As [`inspect`], by the one who holds the lock.
pub(crate) fn look(path: &Path) -> Result<Option<Contents>> {
    Ok(look_by(path, open_unchanged)?.map(|(contents, _)| contents))
}

/// As [`look`], on a connection that the caller opens in his own way and goes on with.
pub(crate) fn look_by(
    path: &Path,
    open: impl FnOnce(&Path) -> rusqlite::Result<Connection>,
) -> Result<Option<(Contents, Connection)>> {
    let log_bytes = log_bytes(path);
    let Some(header) = header(path)? else {
        not_left_unfinished(path)?;
        if log_bytes == 0 {
            return Ok(None);
        }
        let message = "the file is missing or empty, but its log is there; restore both from a backup";
        return Err(refuse(path, ErrorKind::Corrupt, message).with("bytes of log", log_bytes));
    };
    header.at_a_glance(path)?;
    log_begins_as_one(path, log_bytes)?;
    let failed = |error| header.judge_error(path, error);
    let connection = open(path).map_err(failed)?;
    let marks = marks(&connection).map_err(failed)?;
    judge(path, &marks, false)?;
    if marks.application_id != APPLICATION_ID {
        return Ok(None);
    }
    header.is_whole(path, &connection)?;
    let contents = contents(&connection, marks.format).map_err(failed)?;
    Ok(Some((contents, connection)))
}

/// What a copying that was cut short has left is no store, and no place for a new one.
fn not_left_unfinished(path: &Path) -> Result<()> {
    let left = beside(path, UNFINISHED);
    if !left.exists() {
        return Ok(());
    }
    let message = "the file is missing, and a backup that was cut short has left a part of it; make the backup again, in \
                   another folder, or delete what is left of this one";
    Err(refuse(path, ErrorKind::Invalid, message).with("left", left.display()))
}

/// A log that is no log SQLite would take for an empty one, and overwrite: acknowledged commits would vanish without a word.
/// A header alone holds none, and is what a power cut may leave of a log that was just begun.
fn log_begins_as_one(path: &Path, log_bytes: u64) -> Result<()> {
    let io = |error| refuse(path, ErrorKind::Io, "its log cannot be read").because(error);
    let log = beside(path, "-wal");
    open_plain(&log).map_err(io)?;
    if log_bytes <= crate::wal::HEADER_BYTES as u64 || crate::wal::begins(&log).map_err(io)? {
        return Ok(());
    }
    let message = "the log beside the file does not begin as one, so its newest commits are lost; restore both from a \
                   backup, or move the log away to go on without them";
    Err(refuse(path, ErrorKind::Corrupt, message).with("log", log.display()).with("bytes", log_bytes))
}

fn judge(path: &Path, marks: &Marks, at_a_glance: bool) -> Result<()> {
    let empty = marks.application_id == 0 && marks.tables == 0 && (at_a_glance || marks.format == 0);
    if marks.application_id != APPLICATION_ID && !empty {
        let message = "the file is a database of another program; choose another path, or move it away";
        return Err(refuse(path, ErrorKind::Corrupt, message).with("application_id", marks.application_id));
    }
    if marks.application_id == APPLICATION_ID && marks.format > FORMAT {
        let message = "the file was written by a newer version of Partita; run that version";
        let error = refuse(path, ErrorKind::NewerFormat, message);
        return Err(error.with("format", marks.format).with("newest known format", FORMAT));
    }
    Ok(())
}

fn refuse(path: &Path, kind: ErrorKind, message: &str) -> Error {
    Error::new(kind, message).effect(Effect::None).with("file", path.display())
}

impl Header {
    /// What the first bytes alone tell. What another program marked as its own is not even opened: that alone could leave
    /// files beside it.
    fn at_a_glance(&self, path: &Path) -> Result<()> {
        let bytes = &self.bytes;
        if bytes.iter().all(|byte| *byte == 0) {
            let message = "the file begins with zeros: its contents were lost; restore it from a backup, without the log beside it";
            return Err(refuse(path, ErrorKind::Corrupt, message).with("bytes", self.file_bytes));
        }
        if !bytes.starts_with(&MAGIC[..MAGIC.len().min(bytes.len())]) {
            let message = "the file is no SQLite database; restore it from a backup, or move it away";
            return Err(refuse(path, ErrorKind::Corrupt, message));
        }
        if bytes.len() < HEADER_BYTES {
            return Err(self.cut_short(path, HEADER_BYTES as u64));
        }
        let mark = |at| i64::from(number_at(bytes, at));
        judge(path, &Marks { application_id: mark(68), format: mark(60), tables: 0 }, true)
    }

    fn page_bytes(&self) -> u64 {
        match u64::from(self.bytes[16]) << 8 | u64::from(self.bytes[17]) {
            0 | 1 => 65_536,
            bytes => bytes,
        }
    }

    /// Every page must lie in the file or in the log; SQLite itself would take a missing one for zeros, and notice late.
    fn is_whole(&self, path: &Path, connection: &Connection) -> Result<()> {
        let io = |error| refuse(path, ErrorKind::Io, "the file or its log cannot be read").because(error);
        let pages: u32 = connection
            .query_row("PRAGMA page_count", [], |row| row.get(0))
            .map_err(|error| self.judge_error(path, error))?;
        let wanted = u64::from(pages) * self.page_bytes();
        if wanted <= self.file_bytes {
            return Ok(());
        }
        // The log first: what leaves it meanwhile is in the file by then.
        let logged = crate::wal::read(&beside(path, "-wal")).map_err(io)?.unwrap_or_default().pages;
        let file_bytes = std::fs::metadata(path).map_err(io)?.len();
        let whole = u32::try_from(file_bytes / self.page_bytes()).unwrap_or(u32::MAX);
        let is_whole = (whole.saturating_add(1)..=pages).all(|page| logged.contains(&page));
        if is_whole { Ok(()) } else { Err(self.cut_short(path, wanted)) }
    }

    fn cut_short(&self, path: &Path, wanted: u64) -> Error {
        let message = "the file is cut short; restore it from a backup, without the log beside it";
        refuse(path, ErrorKind::Corrupt, message).with("bytes", self.file_bytes).with("bytes at least", wanted)
    }

    /// What SQLite does not read may be only the front of a file.
    fn judge_error(&self, path: &Path, error: rusqlite::Error) -> Error {
        let wanted = u64::from(number_at(&self.bytes, 28)) * self.page_bytes();
        let vouched_for = self.bytes[24..28] == self.bytes[92..96];
        let error = crate::error::of(error);
        if error.kind() == ErrorKind::Corrupt && vouched_for && self.file_bytes < wanted {
            return self.cut_short(path, wanted);
        }
        error.with("file", path.display())
    }
}

/// The first bytes; `None` when there is no file, or an empty one.
fn header(path: &Path) -> Result<Option<Header>> {
    let io = |error| refuse(path, ErrorKind::Io, "the file cannot be read").because(error);
    let Some(file) = open_plain(path).map_err(io)? else { return Ok(None) };
    let file_bytes = file.metadata().map_err(io)?.len();
    let mut bytes = Vec::new();
    file.take(HEADER_BYTES as u64).read_to_end(&mut bytes).map_err(io)?;
    Ok(Some(Header { bytes, file_bytes }).filter(|header| !header.bytes.is_empty()))
}

fn marks(connection: &Connection) -> rusqlite::Result<Marks> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get(0));
    Ok(Marks {
        application_id: number("PRAGMA application_id")?,
        format: number("PRAGMA user_version")?,
        tables: number("SELECT count(*) FROM sqlite_master")?,
    })
}

fn contents(connection: &Connection, format: i64) -> rusqlite::Result<Contents> {
    let (name, set) = crate::label::read(connection)?;
    let spaces = spaces(connection)?;
    connection.query_row(include_str!("sql/writers.sql"), [], |row| {
        let (openings, transactions): (i64, i64) = (row.get(0)?, row.get(1)?);
        let (openings, transactions) = (openings.cast_unsigned(), transactions.cast_unsigned());
        Ok(Contents { format, openings, transactions, name, set, spaces })
    })
}

/// Names of the tables that are not the store's own.
pub(crate) fn spaces(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection.prepare(include_str!("sql/spaces.sql"))?.query_map([], |row| row.get(0))?.collect()
}

/// Bytes of a file's log; 0 when there is none.
pub(crate) fn log_bytes(path: &Path) -> u64 {
    std::fs::metadata(beside(path, "-wal")).map_or(0, |file| file.len())
}

/// Opens a file to read, so that nothing is written, neither in it nor beside it.
pub(crate) fn open_unchanged(path: &Path) -> rusqlite::Result<Connection> {
    if log_bytes(path) == 0 {
        // Without a log nothing can change under us, and an immutable database gets no files beside it.
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        return Connection::open_with_flags(immutable(path), flags);
    }
    match open_alone(path) {
        Ok(connection) => Ok(connection),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => Err(error),
        Err(_) => Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY),
    }
}

/// Who has a file alone keeps the log's index in memory of its own instead of a file.
fn open_alone(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // Where another program has a lock, the file is not ours alone, and nobody waits for it.
    connection.busy_timeout(Duration::ZERO)?;
    connection.pragma_update(None, "locking_mode", "exclusive")?;
    connection.pragma_update(None, "query_only", true)?;
    connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
    Ok(connection)
}

fn immutable(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-:\\".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            let _ = write!(uri, "%{byte:02x}");
        }
    }
    uri + "?immutable=1"
}
