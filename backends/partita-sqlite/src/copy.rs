//! Copies files while a process writes to them, all as of one moment.
//!
//! For a moment the writers of all files are kept out with SQLite's own lock for writing, and in that moment a read of each
//! file is begun; then they go on. What such a read sees never changes, however long the copying takes. So the copies are
//! what a crash of all writers in that moment would have left.

use crate::inspect::{Contents, look_by};
use crate::label::SetId;
use crate::lock::{FileLock, beside};
use partita_core::{Effect, Error, ErrorKind, Result};
use partita_time::Clock;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fmt;
use std::fs::{File, create_dir_all, read_dir, remove_file, rename};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long writers are kept out at most; they themselves are patient for a second.
const HOLD: Duration = Duration::from_millis(250);
/// Between two tries to keep all writers out.
const PAUSE: Duration = Duration::from_millis(100);
const TRIES: u32 = 20;
/// How long the first lock of a try is waited for.
const FIRST: Duration = Duration::from_secs(2);
/// Looks at a lock before the thread is given away: a busy writer gives it up for microseconds only.
const LOOKS: u32 = 64;
/// Pages copied between two calls for progress.
const STEP_PAGES: i32 = 256;
/// Behind the name of a file whose copying has not come to its end.
pub(crate) const UNFINISHED: &str = ".unfinished";

/// Several files as of one moment.
pub struct Frozen {
    files: Vec<(PathBuf, Connection)>,
    contents: Vec<Contents>,
    held: Duration,
}

/// How far copying has come, in pages of all files together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copying {
    /// Pages copied.
    pub done: u64,
    /// Pages to copy, as far as is known.
    pub all: u64,
}

impl Frozen {
    /// Takes the moment. The files' own process goes on and notices nothing but a pause of milliseconds.
    ///
    /// # Errors
    /// Those of [`crate::inspect`], `InUse` only where this user may not write a file that a process has open: then its writers
    /// cannot be kept out. `NotFound` for a file that is not there or holds nothing; `Busy` when another program keeps a file
    /// locked.
    pub async fn take(paths: &[PathBuf], clock: &dyn Clock) -> Result<Self> {
        let (mut readers, mut contents) = (vec![], vec![]);
        let (mut guards, mut quiet) = (vec![], vec![]);
        for path in paths {
            let named = |error: rusqlite::Error| crate::error::of(error).with("file", path.display());
            let Some((found, reader)) = look_by(path, connect)? else {
                let message = "the file is not there, or holds nothing; there is nothing to copy";
                return Err(Error::new(ErrorKind::NotFound, message).effect(Effect::None).with("file", path.display()));
            };
            readers.push(reader);
            contents.push(found);
            let guard = connect(path).map_err(named)?;
            if guard.is_readonly(rusqlite::MAIN_DB).map_err(named)? {
                quiet.push(no_writer(path)?);
            }
            guards.push(guard);
        }
        for _ in 0..TRIES {
            let frozen = freeze(&guards, &readers, clock).await;
            thaw(&guards);
            if let Some(held) = frozen.map_err(crate::error::of)? {
                let files = paths.iter().cloned().zip(readers).collect();
                return Ok(Self { files, contents, held });
            }
            clock.sleep(PAUSE).await;
        }
        let message =
            "the files could not all be kept still for a moment; end what else has them locked, and try again";
        Err(Error::new(ErrorKind::Busy, message).effect(Effect::None))
    }

    /// What the files say of themselves, in the order in which they were named.
    pub fn contents(&self) -> &[Contents] {
        &self.contents
    }

    /// How long the writers were kept out.
    pub fn held(&self) -> Duration {
        self.held
    }

    /// Copies the files into a folder that is made, or is empty, under their own names, as the files of `set`, which must be a
    /// new one: nothing of the copies fits the originals any more, nor other copies of them. A copy has its name only when all
    /// are whole and flushed. Returns the bytes copied.
    ///
    /// # Errors
    /// `Invalid` for a folder with something in it; those of the disk. What was copied so far is deleted; of a process that
    /// ended meanwhile it stays, under names that end in `.unfinished`.
    pub fn copy(&self, folder: &Path, set: SetId, progress: &mut dyn FnMut(Copying)) -> Result<u64> {
        empty(folder)?;
        let copied = self.copy_all(folder, set, progress);
        if copied.is_err() {
            self.clear(folder);
        }
        copied
    }

    fn copy_all(&self, folder: &Path, set: SetId, progress: &mut dyn FnMut(Copying)) -> Result<u64> {
        let io = |error| at(folder, error);
        let mut so_far = Copying { done: 0, all: self.pages()? };
        let mut copies = vec![];
        for (path, reader) in &self.files {
            let name = folder.join(path.file_name().unwrap_or_default());
            let unfinished = beside(&name, UNFINISHED);
            copy_one(reader, &unfinished, set, &mut so_far, progress)
                .map_err(|error| crate::error::of(error).with("file", name.display()))?;
            File::open(&unfinished).and_then(|file| file.sync_all()).map_err(|error| at(&name, error))?;
            copies.push((unfinished, name));
        }
        let mut bytes = 0;
        for (unfinished, name) in &copies {
            rename(unfinished, name).map_err(io)?;
            bytes += std::fs::metadata(name).map_err(io)?.len();
        }
        flush_folder(folder).map_err(io)?;
        folder.parent().map_or(Ok(()), |parent| flush_folder(parent).map_err(io))?;
        Ok(bytes)
    }

    /// Deletes what a copying that failed has left; the room may be what was missing.
    fn clear(&self, folder: &Path) {
        for (path, _) in &self.files {
            let name = folder.join(path.file_name().unwrap_or_default());
            let unfinished = beside(&name, UNFINISHED);
            let beside_it = ["-shm", "-wal", "-journal", ""].map(|suffix| beside(&unfinished, suffix));
            for left in beside_it.into_iter().chain([name]) {
                // Not all of them are there; what cannot be deleted stays.
                let _ = remove_file(left);
            }
        }
    }

    fn pages(&self) -> Result<u64> {
        let count = |reader: &Connection| reader.query_row("PRAGMA page_count", [], |row| row.get::<_, u32>(0));
        self.files.iter().map(|(_, reader)| count(reader).map(u64::from).map_err(crate::error::of)).sum()
    }
}

impl fmt::Debug for Frozen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: Vec<_> = self.files.iter().map(|(path, _)| path).collect();
        f.debug_struct("Frozen").field("files", &paths).field("held", &self.held).finish()
    }
}

/// A connection that leaves the log as it is when it is the last to go.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.busy_timeout(Duration::ZERO)?;
    connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
    Ok(connection)
}

/// SQLite gives no lock for writing to whoever may only read a file; of a file that no process has open none is needed.
fn no_writer(path: &Path) -> Result<Option<FileLock>> {
    FileLock::of_existing(path).map_err(|error| match error.kind() {
        ErrorKind::InUse => {
            error.with("why", "this user may not write the file, so that its writers cannot be kept still")
        }
        _ => error,
    })
}

/// Keeps all writers out, and begins to read each file meanwhile. `None` when that would have taken too long.
async fn freeze(
    guards: &[Connection],
    readers: &[Connection],
    clock: &dyn Clock,
) -> rusqlite::Result<Option<Duration>> {
    let (begun, mut since) = (clock.elapsed(), None);
    for guard in guards {
        while !locked(guard)? {
            if clock.elapsed() > since.map_or(begun + FIRST, |since| since + HOLD) {
                return Ok(None);
            }
            clock.sleep(Duration::from_millis(1)).await;
        }
        since = since.or(Some(clock.elapsed()));
    }
    for reader in readers {
        reader.execute_batch("BEGIN")?;
        reader.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
    }
    Ok(since.map(|since| clock.elapsed().saturating_sub(since)))
}

fn locked(guard: &Connection) -> rusqlite::Result<bool> {
    for _ in 0..LOOKS {
        match guard.execute_batch("BEGIN IMMEDIATE") {
            Ok(()) => return Ok(true),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => std::hint::spin_loop(),
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

fn thaw(guards: &[Connection]) {
    for guard in guards.iter().filter(|guard| !guard.is_autocommit()) {
        if guard.execute_batch("ROLLBACK").is_err() {
            tracing::warn!("a lock could not be given back; it ends with this process");
        }
    }
}

fn copy_one(
    reader: &Connection,
    to: &Path,
    set: SetId,
    so_far: &mut Copying,
    progress: &mut dyn FnMut(Copying),
) -> rusqlite::Result<()> {
    let mut copy = Connection::open(to)?;
    // It has no name yet, so nobody would read what a crash leaves of it; it is flushed at its end.
    copy.pragma_update(None, "synchronous", "off")?;
    let begun = so_far.done;
    let backup = Backup::new(reader, &mut copy)?;
    loop {
        let step = backup.step(STEP_PAGES)?;
        let pages = backup.progress();
        so_far.done = begun + u64::try_from(pages.pagecount - pages.remaining).unwrap_or(0);
        progress(*so_far);
        if step == StepResult::Done {
            break;
        }
    }
    drop(backup);
    crate::label::move_to(&copy, set)?;
    copy.pragma_update(None, "journal_mode", "delete")?;
    copy.close().map_err(|(_, error)| error)
}

fn empty(folder: &Path) -> Result<()> {
    create_dir_all(folder).map_err(|error| at(folder, error))?;
    if read_dir(folder).map_err(|error| at(folder, error))?.next().is_none() {
        return Ok(());
    }
    let message = "the folder to copy to is not empty; choose a new one";
    Err(Error::new(ErrorKind::Invalid, message).effect(Effect::None).with("folder", folder.display()))
}

fn flush_folder(folder: &Path) -> std::io::Result<()> {
    let folder = if folder == Path::new("") { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

fn at(path: &Path, error: std::io::Error) -> Error {
    crate::error::of_io(error, "the copy cannot be written").effect(Effect::Possible).with("path", path.display())
}
