//! The disk under a file.

use std::path::Path;

/// How many bytes it has left; `None` where that cannot be told.
#[cfg(unix)]
pub(crate) fn free(path: &Path) -> Option<u64> {
    let facts = rustix::fs::statvfs(path).ok()?;
    Some(facts.f_bavail.saturating_mul(facts.f_frsize))
}

#[cfg(not(unix))]
pub(crate) fn free(_: &Path) -> Option<u64> {
    None
}
