//! The disk under a file, and which file it is.

use std::io::{ErrorKind, Result};
use std::path::{Path, PathBuf};

/// A file as it lies under its name.
#[derive(Debug)]
pub(crate) struct Lying {
    path: PathBuf,
    found: Option<Inode>,
}

/// Device and inode: another file has others for as long as this one is open.
type Inode = (u64, u64);

impl Lying {
    pub(crate) fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), found: inode(path).ok().flatten() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether nothing, or another file, lies there now. Where that cannot be told it is taken to be the same.
    pub(crate) fn is_gone(&self) -> bool {
        match inode(&self.path) {
            _ if self.found.is_none() => false,
            Ok(found) => found != self.found,
            Err(error) => matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
        }
    }
}

#[cfg(unix)]
fn inode(path: &Path) -> Result<Option<Inode>> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).map(|found| Some((found.dev(), found.ino())))
}

#[cfg(not(unix))]
fn inode(_: &Path) -> Result<Option<Inode>> {
    Ok(None)
}

/// How many bytes the disk under a file has left; `None` where that cannot be told.
#[cfg(unix)]
pub(crate) fn free(path: &Path) -> Option<u64> {
    let facts = rustix::fs::statvfs(path).ok()?;
    Some(facts.f_bavail.saturating_mul(facts.f_frsize))
}

#[cfg(not(unix))]
pub(crate) fn free(_: &Path) -> Option<u64> {
    None
}
