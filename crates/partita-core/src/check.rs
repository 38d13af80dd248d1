//! What every store refuses before it enqueues a commit. A pure function that all of them share.

use crate::{Commit, Error, ErrorKind, Expect, FieldKind, FieldValue, Part, Prune, Put, Result, Space, Version, Write};
use std::collections::BTreeSet;

/// Items of a commit at most.
pub const MAX_ITEMS: usize = 1_000;
/// Bytes of one event or record at most.
pub const MAX_EVENT_BYTES: usize = 1 << 20;
/// Bytes of a commit at most.
pub const MAX_COMMIT_BYTES: usize = 4 << 20;

/// Up to so many things are compared one by one.
const FEW: usize = 8;

/// Checks a commit against the limits, the declared spaces and the rule of the guard.
///
/// # Errors
/// `TooLarge` over a limit; `Invalid` for an empty commit or append, an unknown space or field, something named
/// twice, or a missing guard.
pub fn check(commit: &Commit, spaces: &[Space]) -> Result<()> {
    sizes(commit)?;
    for put in &commit.part.puts {
        check_put(put, spaces)?;
    }
    let counted = commit.part.adds.iter().map(|add| add.space);
    for space in counted.chain(commit.prunes.iter().filter_map(pruned)) {
        known(space, spaces)?;
    }
    if commit.part.appends.iter().any(|append| append.events.is_empty())
        || commit.journals.iter().any(|append| append.records.is_empty())
    {
        return Err(Error::new(ErrorKind::Invalid, "an append without events"));
    }
    if writes(commit) && !guarded(commit) {
        return Err(Error::new(
            ErrorKind::Invalid,
            "the commit has no guard: handed in twice it would take effect twice; add an exact version, a put that \
             expects Absent or an exact revision, or, for an append at Any, an Absent put of its first event's id",
        ));
    }
    if names_twice(commit) {
        return Err(Error::new(ErrorKind::Invalid, "a commit names the same record, stream or journal twice"));
    }
    if !writes(commit) && commit.prunes.is_empty() {
        return Err(Error::new(ErrorKind::Invalid, "the commit is empty"));
    }
    Ok(())
}

fn writes(commit: &Commit) -> bool {
    let Part { appends, puts, adds } = &commit.part;
    !(appends.is_empty() && puts.is_empty() && adds.is_empty() && commit.journals.is_empty())
}

fn guarded(commit: &Commit) -> bool {
    !commit.journals.is_empty()
        || commit.part.appends.iter().any(|append| append.expect != Version::Any)
        || commit.part.puts.iter().any(guards)
}

/// A delete of what is absent would find it absent again.
fn guards(put: &Put) -> bool {
    match put.expect {
        Expect::Any => false,
        Expect::Absent => !matches!(put.write, Write::Delete),
        Expect::Exactly(_) => true,
    }
}

fn pruned(prune: &Prune) -> Option<&'static str> {
    match prune {
        Prune::Journal { .. } => None,
        Prune::Expired { space, .. } => Some(space),
    }
}

fn names_twice(commit: &Commit) -> bool {
    // Keys first: two spaces are told apart faster by the keys in them.
    repeats(commit.part.puts.iter().map(|put| (put.key.as_str(), put.space)))
        || repeats(commit.part.appends.iter().map(|append| append.stream))
        || repeats(commit.journals.iter().map(|append| append.saga))
}

/// Whether something comes twice. A few things are compared with each other, which costs no memory.
fn repeats<T: Ord>(mut things: impl ExactSizeIterator<Item = T> + Clone) -> bool {
    if things.len() > FEW {
        let mut seen = BTreeSet::new();
        return !things.all(|thing| seen.insert(thing));
    }
    while let Some(thing) = things.next() {
        if things.clone().any(|other| other == thing) {
            return true;
        }
    }
    false
}

fn known<'a>(name: &str, spaces: &'a [Space]) -> Result<&'a Space> {
    let unknown =
        || Error::new(ErrorKind::Invalid, "no such space; declare it when the store is opened").with("space", name);
    spaces.iter().find(|space| space.name == name).ok_or_else(unknown)
}

fn check_put(put: &Put, spaces: &[Space]) -> Result<()> {
    let space = known(put.space, spaces)?;
    let Write::Value { due, fields, .. } = &put.write else { return Ok(()) };
    if due.is_some() && !space.due {
        return Err(Error::new(ErrorKind::Invalid, "the space has no due times").with("space", put.space));
    }
    for (name, value) in fields {
        let declared = space.fields.iter().find(|(field, _)| field == name).map(|(_, kind)| *kind);
        let fits = matches!(
            (declared, value),
            (Some(FieldKind::Int), FieldValue::Int(_)) | (Some(FieldKind::Text), FieldValue::Text(_))
        );
        if !fits {
            let error = Error::new(ErrorKind::Invalid, "the field is not declared with this type");
            return Err(error.with("space", put.space).with("field", name));
        }
    }
    if repeats(fields.iter().map(|(name, _)| name)) {
        return Err(Error::new(ErrorKind::Invalid, "a put names the same field twice").with("space", put.space));
    }
    Ok(())
}

fn put_size(put: &Put) -> usize {
    let Write::Value { value, fields, .. } = &put.write else { return put.key.len() };
    let texts = fields.iter().map(|(_, field)| match field {
        FieldValue::Int(_) => 0,
        FieldValue::Text(text) => text.len(),
    });
    put.key.len() + value.len() + texts.sum::<usize>()
}

fn sizes(commit: &Commit) -> Result<()> {
    let part = &commit.part;
    let events = part.appends.iter().flat_map(|append| &append.events).map(crate::Envelope::size);
    let records = commit.journals.iter().flat_map(|append| &append.records).map(Vec::len);
    let counters = part.adds.iter().map(|add| add.key.len());
    let (mut items, mut bytes) = (commit.prunes.len(), 0);
    for size in events.chain(records).chain(part.puts.iter().map(put_size)).chain(counters) {
        if size > MAX_EVENT_BYTES {
            return Err(Error::new(ErrorKind::TooLarge, "an item is over 1 MiB").with("bytes", size));
        }
        items += 1;
        bytes += size;
    }
    if items > MAX_ITEMS {
        return Err(Error::new(ErrorKind::TooLarge, "a commit takes 1,000 items at most").with("items", items));
    }
    if bytes > MAX_COMMIT_BYTES {
        return Err(Error::new(ErrorKind::TooLarge, "a commit takes 4 MiB at most").with("bytes", bytes));
    }
    Ok(())
}
