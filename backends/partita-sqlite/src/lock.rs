//! One process, one opening: a lock on a file beside the data, held for the life of the store.

use partita_core::{Effect, Error, ErrorKind, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Holds the lock until it is dropped; the kernel drops it with the process, however that ends.
#[derive(Debug)]
pub(crate) struct FileLock(File);

impl FileLock {
    /// Takes the lock of a store's file, or says at once who holds it.
    pub(crate) fn take(data: &Path) -> Result<Self> {
        let path = beside(data, ".lock");
        let io = |error: std::io::Error| {
            let message = "the store's folder cannot be written; create it or choose another";
            crate::error::of_io(error, message).with("folder", folder(data).display())
        };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(data, &mut file)),
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        let mut lock = Self(file);
        lock.describe(None).map_err(io)?;
        Ok(lock)
    }

    /// Keeps a store's file from being opened, without leaving a trace; others may do so too. `None` when nobody has ever
    /// opened it.
    pub(crate) fn of_existing(data: &Path) -> Result<Option<Self>> {
        let path = beside(data, ".lock");
        let io = |error| crate::error::of_io(error, "the lock file cannot be read").with("file", path.display());
        let Some(mut file) = open_plain(&path).map_err(io)? else { return Ok(None) };
        match file.try_lock_shared() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Err(in_use(data, &mut file)),
            Err(TryLockError::Error(error)) => Err(io(error)),
        }
    }

    /// Writes down who holds it, for those who are refused.
    pub(crate) fn describe(&mut self, epoch: Option<u64>) -> std::io::Result<()> {
        let epoch = epoch.map_or_else(String::new, |epoch| format!("epoch {epoch}\n"));
        self.0.set_len(0)?;
        self.0.seek(SeekFrom::Start(0))?;
        write!(self.0, "pid {}\n{epoch}", std::process::id())
    }
}

/// Opens a file to read, if it is there. What is no file could keep its opener waiting for ever.
pub(crate) fn open_plain(path: &Path) -> std::io::Result<Option<File>> {
    match std::fs::metadata(path) {
        Ok(found) if !found.is_file() => Err(std::io::Error::other("it is no file")),
        Ok(_) => File::open(path).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A file's path with something behind it.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

fn in_use(data: &Path, lock: &mut File) -> Error {
    let mut text = String::new();
    let read = lock.read_to_string(&mut text);
    let holder = read.ok().and_then(|_| text.lines().find_map(|line| line.strip_prefix("pid ")));
    Error::new(ErrorKind::InUse, "another process has the store open; stop it, or choose another folder")
        .effect(Effect::None)
        .with("file", data.display())
        .with("pid", holder.unwrap_or("unknown"))
}
