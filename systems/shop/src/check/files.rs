//! Each file by itself.

use crate::folder::{self, Found};
use partita::core::{ErrorKind, Result};
use partita::sqlite::{OfflineFile, Survey};
use serde::Serialize;
use std::path::Path;

/// There is no such file, or nothing in it.
const EMPTY: &str = "empty";

/// What was found in one file.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct FileReport {
    pub(super) file: String,
    /// In a word or two: `ok`, `empty`, `missing`, `another's`, `cannot be opened`, or how many faults.
    pub(super) found: String,
    pub(super) bytes: u64,
    pub(super) log_bytes: u64,
    pub(super) events: u64,
    pub(super) journal_records: u64,
    pub(super) records: u64,
    pub(super) notes: Vec<String>,
    pub(super) faults: Vec<String>,
}

/// The files that could be opened, by service.
pub(super) type Open = Vec<(&'static str, Option<OfflineFile>)>;

impl FileReport {
    pub(super) fn is_good(&self) -> bool {
        self.faults.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found == EMPTY
    }
}

/// Opens and reads every file. None of them can be opened by a shop before the last is given back.
///
/// # Errors
/// `InUse` when a shop has one of them open. What is wrong with a file is no error.
pub(super) fn survey(folder: &Path, part: &mut dyn FnMut(String)) -> Result<(Vec<FileReport>, Open)> {
    let (mut reports, mut open, mut contents) = (vec![], vec![], vec![]);
    for (service, path) in folder::files(folder) {
        let name = format!("{service}.db");
        let (report, file) = match OfflineFile::open(&path) {
            Err(error) if error.kind() == ErrorKind::InUse => return Err(error),
            Err(error) => (broken(&error.to_string()), None),
            Ok(None) => (FileReport { found: EMPTY.into(), ..FileReport::default() }, None),
            Ok(Some(file)) => {
                let survey = file.survey(&mut |what| part(format!("{name}: {what}")));
                (survey.map_or_else(|error| broken(&error.to_string()), read), Some(file))
            }
        };
        contents.push((service, report.is_good().then(|| file.as_ref().map(|file| file.contents().clone())), path));
        reports.push(FileReport { file: name, ..report });
        open.push((service, file));
    }
    let found: Vec<_> = contents
        .iter()
        .map(|(service, contents, path)| Found { service, path, contents: contents.as_ref().map(Option::as_ref) })
        .collect();
    let gone = folder::missing(&found).into_iter().map(|path| ("missing", folder::is_missing(&path), path));
    let others = folder::strangers(&found).into_iter().map(|(path, error)| ("another's", error, path));
    for (word, error, path) in gone.chain(others) {
        let reports = reports.iter_mut().zip(&contents).filter(|(_, (_, _, of))| *of == path);
        for (report, _) in reports {
            report.found = word.into();
            report.faults.push(error.to_string());
        }
    }
    Ok((reports, open))
}

fn broken(why: &str) -> FileReport {
    FileReport { found: "cannot be opened".into(), faults: vec![why.to_owned()], ..FileReport::default() }
}

fn read(survey: Survey) -> FileReport {
    let Survey { bytes, log_bytes, events, journal_records, records, notes, faults, .. } = survey;
    let found = match faults.len() {
        0 => "ok".to_owned(),
        1 => "1 fault".to_owned(),
        count => format!("{count} faults"),
    };
    FileReport { file: String::new(), found, bytes, log_bytes, events, journal_records, records, notes, faults }
}
