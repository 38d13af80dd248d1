//! Looks at a file before anything is written: what is not ours, or not whole, is named and left as it is.

use crate::lock::beside;
use partita_core::{Effect, Error, ErrorKind, Result};
use rusqlite::{Connection, OpenFlags};
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Marks a file as ours: `Part` in ASCII.
pub(crate) const APPLICATION_ID: i64 = 0x5061_7274;
/// Version of the built-in tables, kept in `user_version`.
pub(crate) const FORMAT: i64 = 2;

const MAGIC: &[u8] = b"SQLite format 3\0";
const HEADER_BYTES: usize = 100;

/// What a file says of itself.
struct Marks {
    application_id: i64,
    format: i64,
    tables: i64,
}

/// Whether the file may be opened for writing: it is ours and of a known format, or there is nothing in it yet.
///
/// # Errors
/// `Corrupt` for anything that is no store, `NewerFormat`, or `Io`. The file is not changed.
pub(crate) fn inspect(path: &Path) -> Result<()> {
    let Some(header) = header(path)? else { return Ok(()) };
    if header.len() < HEADER_BYTES || !header.starts_with(MAGIC) {
        return Err(refuse(
            path,
            ErrorKind::Corrupt,
            "the file is no SQLite database; restore it from a backup, or move it away",
        ));
    }
    // What another program marked as its own is not even opened: that alone could leave files beside it.
    let (application_id, format) = (number_at(&header, 68), number_at(&header, 60));
    judge(path, &Marks { application_id, format, tables: 0 }, true)?;
    let marks = ask(path).map_err(|error| crate::error::of(error).with("file", path.display()))?;
    judge(path, &marks, false)
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

/// The first bytes; `None` when there is no file, or an empty one.
fn header(path: &Path) -> Result<Option<Vec<u8>>> {
    let io = |error| refuse(path, ErrorKind::Io, "the file cannot be read").because(error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let mut header = Vec::new();
    file.take(HEADER_BYTES as u64).read_to_end(&mut header).map_err(io)?;
    Ok(Some(header).filter(|header| !header.is_empty()))
}

fn number_at(header: &[u8], at: usize) -> i64 {
    header[at..at + 4].iter().fold(0, |number, byte| number << 8 | i64::from(*byte))
}

fn ask(path: &Path) -> rusqlite::Result<Marks> {
    let log = std::fs::metadata(beside(path, "-wal")).map_or(0, |file| file.len());
    let connection = if log == 0 {
        // Without a log nothing can change under us, and an immutable database gets no files beside it.
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        Connection::open_with_flags(immutable(path), flags)?
    } else {
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?
    };
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get(0));
    Ok(Marks {
        application_id: number("PRAGMA application_id")?,
        format: number("PRAGMA user_version")?,
        tables: number("SELECT count(*) FROM sqlite_master")?,
    })
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
