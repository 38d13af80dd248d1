//! Turns an error of SQLite into ours.

use partita_core::{Effect, Error, ErrorKind};
use rusqlite::ErrorCode;
use rusqlite::ffi::{SQLITE_IOERR_DIR_FSYNC, SQLITE_IOERR_FSYNC, SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_WRITE};

const NO_ROOM: &str = "there is no room on the disk; free some";

/// The error in our words. Its effect is `None`: whoever cannot promise that says so.
pub(crate) fn of(error: rusqlite::Error) -> Error {
    use rusqlite::Error as E;
    let (kind, message) = match (error.sqlite_error_code(), extended(&error)) {
        (Some(ErrorCode::DiskFull), _) => (ErrorKind::StorageFull, NO_ROOM),
        (_, Some(SQLITE_IOERR_WRITE | SQLITE_IOERR_SHMSIZE)) => {
            (ErrorKind::StorageFull, "the disk takes no writes; free some room, or look at the disk")
        }
        (Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked), _) => {
            (ErrorKind::Busy, "another program holds a lock on the file; end its transaction")
        }
        (Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase), _) => {
            (ErrorKind::Corrupt, "the file is damaged; restore it from a backup")
        }
        (
            Some(
                ErrorCode::SystemIoFailure | ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied,
            ),
            _,
        ) => (ErrorKind::Io, "the operating system refused"),
        (Some(ErrorCode::ConstraintViolation), _) => (ErrorKind::Invalid, "a table refused the row"),
        (None, _) if matches!(error, E::FromSqlConversionFailure(..) | E::InvalidColumnType(..) | E::Utf8Error(..)) => {
            (ErrorKind::Corrupt, "a row does not hold what it should")
        }
        _ => (ErrorKind::Other, "SQLite refused"),
    };
    Error::new(kind, message).effect(Effect::None).because(error)
}

/// An error of the system in our words: `message` says what to do, unless it is room that is missing. Nothing was done.
pub(crate) fn of_io(error: std::io::Error, message: &str) -> Error {
    let (kind, message) = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => (ErrorKind::StorageFull, NO_ROOM),
        _ => (ErrorKind::Io, message),
    };
    Error::new(kind, message).effect(Effect::None).because(error)
}

/// Whether bytes were handed to the disk and the disk would not vouch for them.
pub(crate) fn is_failed_flush(error: &rusqlite::Error) -> bool {
    matches!(extended(error), Some(SQLITE_IOERR_FSYNC | SQLITE_IOERR_DIR_FSYNC))
}

/// Whether a COMMIT which ended like this has changed nothing, nor ever will: what commits is the last frame written to the
/// log, and a frame that could not be written whole is none.
pub(crate) fn is_refused_commit(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy))
        || extended(error) == Some(SQLITE_IOERR_WRITE)
}

/// Whether a statement failed because of its own row, so that others can go on.
pub(crate) fn is_of_one_commit(error: &rusqlite::Error) -> bool {
    !matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::SystemIoFailure
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::OutOfMemory
                | ErrorCode::NotADatabase
        )
    )
}

fn extended(error: &rusqlite::Error) -> Option<i32> {
    error.sqlite_error().map(|cause| cause.extended_code)
}

pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the store is closed").effect(Effect::None)
}
