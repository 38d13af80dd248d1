//! The list of accepted orders, one line of JSON each: what an auditor holds the shop to.

use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// A 202 that a client saw.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Accepted {
    /// The key that the order was placed with.
    pub key: String,
    /// What the shop called it.
    pub order_id: String,
}

/// Writes the list. Each line is handed to the operating system before `add` returns.
#[derive(Debug)]
pub(super) struct AcceptLog(Mutex<File>);

impl AcceptLog {
    /// A new list; one that is there already is replaced.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        File::create(path).map(|file| Self(Mutex::new(file)))
    }

    /// Adds one line, in one write.
    pub(super) fn add(&self, accepted: &Accepted) -> io::Result<()> {
        let mut line = serde_json::to_string(accepted)?;
        line.push('\n');
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(line.as_bytes())
    }
}

/// A list as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcceptedList {
    /// Its whole lines.
    pub accepted: Vec<Accepted>,
    /// Number of the last line where it has no end: it was being written when the writer was stopped.
    pub torn: Option<usize>,
}

/// Reads a list.
///
/// # Errors
/// Which line of the list is not one, or why the file cannot be read.
pub fn read_accepted(path: &Path) -> Result<AcceptedList, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut list = AcceptedList::default();
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        match read(line.trim_ascii()) {
            Ok(accepted) => list.accepted.push(accepted),
            Err(error) if error.is_eof() && !line.ends_with(b"\n") => list.torn = Some(index + 1),
            Err(error) => return Err(format!("{}, line {}: {error}", path.display(), index + 1)),
        }
    }
    Ok(list)
}

/// A line is an object; Serde would take a sequence too.
fn read(line: &[u8]) -> serde_json::Result<Accepted> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(line)?;
    serde_json::from_value(object.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(number: u32) -> Accepted {
        Accepted { key: format!("k-{number}"), order_id: format!("o-{number}") }
    }

    #[test]
    fn what_was_added_is_read_again_and_a_torn_line_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accepted.log");
        let log = AcceptLog::create(&path).unwrap();
        (1..=2).for_each(|number| log.add(&accepted(number)).unwrap());
        log.0.lock().unwrap().write_all(b"{\"key\":\"k-3\",\"ord").unwrap();
        let list = read_accepted(&path).unwrap();
        assert_eq!((list.accepted, list.torn), (vec![accepted(1), accepted(2)], Some(3)));
        log.0.lock().unwrap().write_all(b"er_id\":\"o-3\"}").unwrap();
        let list = read_accepted(&path).unwrap();
        assert_eq!(
            (list.accepted, list.torn),
            (vec![accepted(1), accepted(2), accepted(3)], None),
            "whole, without an end"
        );
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("{\"key\":\"k-1\",\"order_id\":\"o-1\"}\n"));
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accepted.log");
        std::fs::write(&path, "{\"key\":\"k\",\"order_id\":\"o\"}\nhello\n").unwrap();
        assert!(read_accepted(&path).unwrap_err().contains("accepted.log, line 2: "));
        for (bytes, line) in
            [(&b"\x00\xFF"[..], 1), (b"[\"k\",\"o\"]\n{", 1), (b"{\"key\":\"k\",\n{}\n", 1), (b"\n\nno", 3)]
        {
            std::fs::write(&path, bytes).unwrap();
            let error = read_accepted(&path).unwrap_err();
            assert!(error.contains(&format!("accepted.log, line {line}: ")), "{error}");
        }
    }
}
