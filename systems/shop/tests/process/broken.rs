//! Files that are broken: told apart, named, left as they are, and the way out is said.

use crate::common::process::{Process, Said};
use crate::common::{Shop, end};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(20);
const SERVICES: [&str; 5] = ["ordering", "inventory", "loyalty", "shipping", "psp"];

/// The folder of a shop that took some orders and was stopped.
fn used() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut shop = Shop::on(folder.path(), &[]);
    for method in ["pm_ok", "pm_declined", "pm_ok"] {
        let id = shop.place("ada", "desk-lamp", 1, method);
        shop.settled(&id);
    }
    shop.process.signal(Signal::TERM);
    assert_eq!(shop.process.wait(SOON).unwrap().code(), Some(0));
    folder
}

fn lies_in(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    files.map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap())).collect()
}

fn lay(files: &BTreeMap<String, Vec<u8>>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn start(folder: &Path) -> Said {
    Process::shop(&["--listen", "127.0.0.1:0", "--data", folder.to_str().unwrap()]).said(SOON)
}

fn check(folder: &Path) -> Said {
    Process::shop(&["check", "--data", folder.to_str().unwrap()]).said(SOON)
}

/// Neither starting nor checking changes anything; both name the file and say the words.
#[track_caller]
fn refused(folder: &Path, file: &str, words: &[&str]) {
    let before = lies_in(folder);
    let (started, checked) = (start(folder), check(folder));
    assert_eq!((started.code, started.err.lines().count()), (Some(1), 1), "{started:?}");
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let path = folder.join(file);
    for text in [&started.err, &checked.out] {
        assert!(text.contains(path.to_str().unwrap()), "{file} in {text}");
        assert!(words.iter().all(|word| text.contains(word)), "{words:?} in {text}");
    }
    assert!(checked.out.lines().last().unwrap().starts_with("check: 1 fault"), "{checked:?}");
    let after = lies_in(folder);
    assert!(before == after, "{:?} became {:?}", before.keys(), after.keys());
}

/// Starting, checking and copying refuse it in one line that says the words, and change no file.
#[track_caller]
fn refused_as_strange(folder: &Path, words: &[&str]) {
    let before = lies_in(folder);
    let (started, checked) = (start(folder), check(folder));
    assert!(before == lies_in(folder), "{:?} became {:?}", before.keys(), lies_in(folder).keys());
    let to = tempfile::tempdir().unwrap();
    let (data, to) = (folder.to_str().unwrap(), to.path().to_str().unwrap());
    let copied = Process::shop(&["backup", "--data", data, "--to", to]).said(SOON);
    assert_eq!((started.code, copied.code, checked.code), (Some(1), Some(1), Some(1)), "{started:?} {copied:?}");
    for text in [&started.err, &copied.err, &checked.out] {
        assert!(words.iter().all(|word| text.contains(word)), "{words:?} in {text}");
    }
    assert!(started.err.lines().count() == 1 && checked.out.contains("another's"), "{started:?} {checked:?}");
    let after = lies_in(folder);
    assert!(before.iter().all(|(name, bytes)| after.get(name) == Some(bytes)), "copying changed something");
    assert!(lies_in(Path::new(to)).is_empty(), "something was copied");
}

/// Takes from a folder what later versions write on each file.
fn unlabel(folder: &Path) {
    for service in SERVICES {
        let shell = rusqlite::Connection::open(folder.join(format!("{service}.db"))).unwrap();
        let forget = "ALTER TABLE partita_meta DROP COLUMN name; ALTER TABLE partita_meta DROP COLUMN set_id";
        shell.execute_batch(forget).unwrap();
    }
}

#[test]
fn files_that_lie_in_anothers_place_are_refused_by_name_and_one_without_a_name_is_known_by_its_tables() {
    let used = used();
    let files = lies_in(used.path());
    for named in [true, false] {
        for (one, other) in [("inventory", "psp"), ("loyalty", "inventory"), ("shipping", "ordering")] {
            let folder = lay(&files);
            if !named {
                unlabel(folder.path());
            }
            let path = |service: &str| folder.path().join(format!("{service}.db"));
            std::fs::rename(path(one), folder.path().join("between")).unwrap();
            std::fs::rename(path(other), path(one)).unwrap();
            std::fs::rename(folder.path().join("between"), path(other)).unwrap();
            let says = format!("that of `{one}` and lies where that of `{other}` belongs");
            let file = path(other);
            refused_as_strange(folder.path(), &[&format!("that of `{one}`"), file.to_str().unwrap(), "from a copy"]);
            assert!(check(folder.path()).out.contains(&says), "each is named: {says}");
        }
    }
    let folder = lay(&files);
    unlabel(folder.path());
    let mut shop = Shop::on(folder.path(), &[]);
    shop.process.signal(Signal::TERM);
    assert_eq!(shop.process.wait(SOON).unwrap().code(), Some(0));
    assert_eq!(
        check(folder.path()).out.lines().last(),
        Some("check: ok (5 files, 3 orders)"),
        "it was given its names"
    );
}

#[test]
fn a_file_of_another_folder_or_of_another_copy_is_refused() {
    let (one, another, copy) = (used(), used(), tempfile::tempdir().unwrap());
    let [from, to] = [one.path(), copy.path()].map(|path| path.to_str().unwrap());
    let said = Process::shop(&["backup", "--data", from, "--to", to]).said(SOON);
    assert_eq!(said.code, Some(0), "{said:?}");
    let files = lies_in(one.path());
    for stranger in [another.path(), copy.path()] {
        for service in ["ordering", "loyalty"] {
            let folder = lay(&files);
            let file = format!("{service}.db");
            std::fs::copy(stranger.join(&file), folder.path().join(&file)).unwrap();
            let path = folder.path().join(&file);
            refused_as_strange(folder.path(), &["of another folder", path.to_str().unwrap(), "from one copy"]);
        }
    }
    let whole = Shop::on(copy.path(), &[]);
    assert_eq!(whole.get("/audit").json()["ok"], true);
}

fn newer(path: &PathBuf) {
    rusqlite::Connection::open(path).unwrap().pragma_update(None, "user_version", 99).unwrap();
}

#[test]
fn each_broken_file_is_named_the_folder_stays_as_it_is_and_the_way_out_is_said() {
    let files = lies_in(used().path());
    for service in SERVICES {
        let file = format!("{service}.db");
        let whole = &files[&file];
        let breaks: [(&[u8], &[&str]); 5] = [
            (&vec![0; whole.len()], &["begins with zeros", "backup"]),
            (&whole[..whole.len() / 2], &["cut short", "backup"]),
            (&whole[..60], &["cut short", "backup"]),
            (b"", &["missing or empty, but others of the folder were written to"]),
            (b"shopping list: milk", &["is no SQLite database", "backup"]),
        ];
        for (bytes, words) in breaks {
            let folder = lay(&files);
            std::fs::write(folder.path().join(&file), bytes).unwrap();
            refused(folder.path(), &file, words);
        }
        let folder = lay(&files);
        let log = format!("{file}-wal");
        std::fs::write(folder.path().join(&log), vec![0; 40_000]).unwrap();
        refused(folder.path(), &file, &["does not begin as one", &log, "backup"]);
        let folder = lay(&files);
        newer(&folder.path().join(&file));
        refused(folder.path(), &file, &["newer version", "run that version"]);
        std::fs::remove_file(folder.path().join(&file)).unwrap();
        refused(folder.path(), &file, &["missing or empty"]);
    }
    let whole = lay(&files);
    let said = check(whole.path());
    assert_eq!((said.code, said.out.lines().last()), (Some(0), Some("check: ok (5 files, 3 orders)")), "{said:?}");
    assert!(lies_in(whole.path()) == files, "checking changed something");
}

#[test]
fn a_bad_file_keeps_the_others_from_being_made() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["psp.db", "loyalty.db"] {
        std::fs::write(folder.path().join(name), "mine").unwrap();
    }
    let before = lies_in(folder.path());
    let said = start(folder.path());
    assert!(said.code == Some(1) && said.err.contains("loyalty.db") && said.err.contains("psp.db"), "{said:?}");
    assert!(before == lies_in(folder.path()), "{:?}", lies_in(folder.path()).keys());
}

#[test]
fn a_last_frame_torn_by_a_crash_is_dropped_and_every_order_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut shop = Shop::on(folder.path(), &[]);
    let ended = shop.place("ada", "desk-lamp", 1, "pm_ok");
    shop.settled(&ended);
    let slow = shop.place("ada", "desk-lamp", 2, "pm_slow");
    shop.paying(&slow);
    shop.process.kill();
    for service in SERVICES {
        let path = folder.path().join(format!("{service}.db-wal"));
        let mut log = std::fs::read(&path).unwrap();
        // Behind the newest round lie zeros or frames of an earlier one.
        let frames = log[32..].chunks_exact(4_120).take_while(|frame| frame[8..16] == log[16..24]).count();
        let (last, end) = (32 + (frames - 1) * 4_120, 32 + frames * 4_120);
        let begun = log[last..last + 3_000].to_vec();
        log.splice(end..(end + begun.len()).min(log.len()), begun);
        std::fs::write(&path, log).unwrap();
    }
    let said = check(folder.path());
    assert_eq!((said.code, said.out.matches("torn").count() >= 2), (Some(0), true), "{said:?}");
    let shop = Shop::on(folder.path(), &[]);
    assert_eq!(end(&shop.order(&ended)), ("CONFIRMED", None));
    assert_eq!(end(&shop.settled(&slow)), ("CONFIRMED", None));
    assert_eq!(shop.get("/audit").json()["ok"], true);
}

#[test]
fn a_shop_whose_file_is_deleted_under_it_ends_and_says_which_one_is_gone() {
    let mut shop = Shop::start();
    let id = shop.place("ada", "desk-lamp", 1, "pm_ok");
    shop.settled(&id);
    let file = shop.folder().join("ordering.db");
    std::fs::remove_file(&file).unwrap();
    assert_eq!(shop.process.wait(SOON).unwrap().code(), Some(74));
    let said = shop.process.errors();
    for words in ["deleted, moved or replaced", "restore a backup", file.to_str().unwrap()] {
        assert!(said.contains(words), "{words} in {said}");
    }
    assert!(!file.exists());
}

#[test]
fn check_finds_what_an_audit_would_and_refuses_a_folder_in_use() {
    let folder = used();
    let path = folder.path().join("shipping.db");
    rusqlite::Connection::open(path).unwrap().execute_batch("DELETE FROM ledger").unwrap();
    let said = check(folder.path());
    assert_eq!((said.code, said.out.lines().last()), (Some(1), Some("check: 2 faults")), "{said:?}");
    assert!(said.out.contains("CONFIRMED, but shipping has no `ship`"), "{said:?}");
    let said = Process::shop(&["check", "--json", "--data", folder.path().to_str().unwrap()]).said(SOON);
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (&report["ok"], &report["orders"], report["files"].as_array().unwrap().len()),
        (&false.into(), &3.into(), 5)
    );
    let shop = Shop::start();
    let said = check(shop.folder());
    assert!(said.code == Some(1) && said.err.contains(&format!("pid: {}", shop.process.pid())), "{said:?}");
    let said = check(&folder.path().join("nowhere"));
    assert!(said.code == Some(1) && said.err.contains("nowhere"), "{said:?}");
}
