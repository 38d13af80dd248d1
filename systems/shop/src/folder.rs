//! The data folder: a file for each service that remembers something, all of them or none.

use crate::app::{SERVICES, spaces};
use partita::core::{Effect, Error, ErrorKind, Result};
use partita::sqlite::{Contents, SetId, inspect};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const WAY_OUT: &str =
    "give back the whole folder from a copy that `shop backup` made; one old file among newer ones does not fit";

/// The file of each service.
pub(crate) fn files(folder: &Path) -> Vec<(&'static str, PathBuf)> {
    SERVICES.map(|service| (service, folder.join(format!("{service}.db")))).into()
}

/// Looks at every file before the first of them is opened or made, so that a folder with a bad one stays as it is. The set
/// that the files belong to, if they say one.
///
/// # Errors
/// What is wrong with the first bad file, and the names of the others.
pub(crate) fn look_over(folder: &Path) -> Result<Option<SetId>> {
    let seen: Vec<_> = files(folder).into_iter().map(|(service, path)| (service, inspect(&path), path)).collect();
    let found: Vec<_> = seen
        .iter()
        .map(|(service, seen, path)| Found { service, path, contents: seen.as_ref().ok().map(Option::as_ref) })
        .collect();
    let (set, gone, others) = (set_of(&found), missing(&found), strangers(&found));
    let gone = gone.into_iter().map(|path| (path.clone(), is_missing(&path)));
    let broken = seen.into_iter().filter_map(|(_, seen, path)| Some((path, seen.err()?)));
    first(broken.chain(gone).chain(others)).map(|()| set)
}

/// Refuses files that do not belong together, or not where they lie.
///
/// # Errors
/// What is wrong with the first of them, and the names of the others.
pub(crate) fn belong_together(folder: &Path, contents: &[Contents]) -> Result<()> {
    let files = files(folder);
    let found = |((service, path), contents)| Found { service, path, contents: Some(Some(contents)) };
    let found: Vec<_> =
        files.iter().map(|(service, path)| (*service, path.as_path())).zip(contents).map(found).collect();
    first(strangers(&found).into_iter())
}

/// The first of several errors, which names the files of the others.
fn first(mut bad: impl Iterator<Item = (PathBuf, Error)>) -> Result<()> {
    let Some((path, mut error)) = bad.next() else { return Ok(()) };
    let others: BTreeSet<_> = bad.map(|(other, _)| other).filter(|other| *other != path).collect();
    for other in others {
        error = error.with("and", other.display());
    }
    Err(if error.kind() == ErrorKind::Corrupt { error.with("way out", WAY_OUT) } else { error })
}

/// What a service's file holds: nothing where it cannot be told, and `None` where there is nothing in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    pub(crate) service: &'static str,
    pub(crate) path: &'a Path,
    pub(crate) contents: Option<Option<&'a Contents>>,
}

impl<'a> Found<'a> {
    fn held(&self) -> Option<&'a Contents> {
        self.contents?
    }
}

/// Files that hold nothing while others were written to. All are made before the first is written to, so a start that was
/// cut short leaves no such folder.
pub(crate) fn missing(found: &[Found<'_>]) -> Vec<PathBuf> {
    if !found.iter().any(|file| file.held().is_some_and(|contents| contents.transactions > 0)) {
        return vec![];
    }
    found.iter().filter(|file| matches!(file.contents, Some(None))).map(|file| file.path.to_owned()).collect()
}

/// The error about such a file.
pub(crate) fn is_missing(path: &Path) -> Error {
    let message = "the file is missing or empty, but others of the folder were written to";
    Error::new(ErrorKind::Corrupt, message).effect(Effect::None).with("file", path.display())
}

/// The set that most of the files belong to; of two with as many, that of the first file.
fn set_of(found: &[Found<'_>]) -> Option<SetId> {
    let mut sets: BTreeMap<SetId, usize> = BTreeMap::new();
    let named: Vec<SetId> = found.iter().filter_map(|file| file.held()?.set).collect();
    named.iter().for_each(|set| *sets.entry(*set).or_default() += 1);
    let most = sets.values().max().copied()?;
    named.into_iter().find(|set| sets.get(set) == Some(&most))
}

/// Files that are another service's, or of another folder, and why.
pub(crate) fn strangers(found: &[Found<'_>]) -> Vec<(PathBuf, Error)> {
    let set = set_of(found);
    let judged = found.iter().filter_map(|file| {
        let error = is_of_another(file).or_else(|| {
            let is_other = file.held()?.set.is_some() && file.held()?.set != set;
            is_other.then(|| {
                let message = "the file is of another folder, or of another copy of it, than those beside it; \
                               give back all files from one copy";
                stranger(file, message)
            })
        })?;
        Some((file.path.to_owned(), error))
    });
    judged.collect()
}

fn stranger(file: &Found<'_>, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, message).effect(Effect::None).with("file", file.path.display())
}

/// A file says whose it is. One of an earlier version does not; it is known by its tables.
fn is_of_another(file: &Found<'_>) -> Option<Error> {
    let Contents { name, spaces: tables, .. } = file.held()?;
    let holds = |service: &str| -> BTreeSet<&str> { spaces(service).iter().map(|space| space.name).collect() };
    let whose = match name {
        Some(name) if name == file.service => return None,
        Some(name) => Some(name.as_str()),
        None => {
            let known: BTreeSet<&str> = SERVICES.iter().flat_map(|service| holds(service)).collect();
            let there: BTreeSet<&str> = tables.iter().map(String::as_str).filter(|name| known.contains(name)).collect();
            let (own, other) = (holds(file.service), SERVICES.into_iter().find(|service| there == holds(service)));
            // A still earlier version may have had fewer.
            let had_fewer = other.is_none() && !there.is_empty() && there.is_subset(&own);
            if there == own || had_fewer {
                return None;
            }
            other
        }
    };
    Some(match whose {
        Some(whose) => {
            let message = format!(
                "the file is that of `{whose}` and lies where that of `{}` belongs; put each back under its own name \
                 ({whose}.db), or give back the whole folder from a copy",
                file.service
            );
            stranger(file, message)
        }
        None => {
            let message = format!("the file is not that of `{}`; give back the whole folder from a copy", file.service);
            stranger(file, message).with("tables", tables.join(" "))
        }
    })
}
