//! The data folder: a file for each service that remembers something, all of them or none.

use crate::app::SERVICES;
use partita::core::{Effect, Error, ErrorKind, Result};
use partita::sqlite::{Contents, inspect};
use std::path::{Path, PathBuf};

const WAY_OUT: &str =
    "give back the whole folder from a copy that `shop backup` made; one old file among newer ones does not fit";

/// The file of each service.
pub(crate) fn files(folder: &Path) -> Vec<(&'static str, PathBuf)> {
    SERVICES.map(|service| (service, folder.join(format!("{service}.db")))).into()
}

/// Looks at every file before the first of them is opened or made, so that a folder with a bad one stays as it is.
///
/// # Errors
/// What is wrong with the first bad file, and the names of the others.
pub(crate) fn look_over(folder: &Path) -> Result<()> {
    let seen: Vec<_> = files(folder).into_iter().map(|(_, path)| (inspect(&path), path)).collect();
    let gone = missing(seen.iter().map(|(seen, path)| (seen.as_ref().ok(), path.as_path())));
    let mut bad = seen.into_iter().filter_map(|(seen, path)| Some((path, seen.err()?))).collect::<Vec<_>>();
    bad.extend(gone.into_iter().map(|path| (path.clone(), is_missing(&path))));
    let mut bad = bad.into_iter();
    let Some((_, mut error)) = bad.next() else { return Ok(()) };
    for (path, _) in bad {
        error = error.with("and", path.display());
    }
    Err(if error.kind() == ErrorKind::Corrupt { error.with("way out", WAY_OUT) } else { error })
}

/// Files that hold nothing while others were written to. All are made before the first is written to, so a start that was
/// cut short leaves no such folder.
pub(crate) fn missing<'a>(
    seen: impl Iterator<Item = (Option<&'a Option<Contents>>, &'a Path)> + Clone,
) -> Vec<PathBuf> {
    let written = |contents: &Contents| contents.transactions > 0;
    if !seen.clone().any(|(contents, _)| contents.is_some_and(|contents| contents.as_ref().is_some_and(written))) {
        return vec![];
    }
    seen.filter(|(contents, _)| matches!(contents, Some(None))).map(|(_, path)| path.to_owned()).collect()
}

/// The error about such a file.
pub(crate) fn is_missing(path: &Path) -> Error {
    let message = "the file is missing or empty, but others of the folder were written to";
    Error::new(ErrorKind::Corrupt, message).effect(Effect::None).with("file", path.display())
}
