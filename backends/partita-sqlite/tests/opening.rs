//! Who may open a file, and which files are opened at all.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{Bench, new_record, shell, spaces};
use partita_core::{
    Commit, DuePage, Effect, Error, ErrorKind, Expect, FieldKind, Find, Log, Part, Prune, Put, Record, Records, Space,
    Store,
};
use partita_sqlite::{OfflineFile, SqliteConfig, SqliteStore, inspect};
use partita_time::Timestamp;
use std::collections::BTreeMap;
use std::path::Path;

fn refusal(bench: &Bench) -> Error {
    let error = bench.try_open(SqliteConfig::at(bench.path())).unwrap_err();
    assert_eq!(error.possible_effect(), Effect::None);
    assert!(error.to_string().contains(bench.path().to_str().unwrap()), "it names the file: {error}");
    error
}

/// Puts bytes where the store should be, and expects that they are refused and still there.
fn refused_and_left(bytes: &[u8]) -> Error {
    let bench = Bench::new();
    std::fs::write(bench.path(), bytes).unwrap();
    refused_as_it_is(&bench)
}

/// What lies in the folder, by name; the lock file is nobody's data.
fn lies_in(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let files = files.map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap()));
    files.filter(|(name, _)| !name.ends_with(".lock")).collect()
}

/// Looked at and opened, the file is refused in the same words, and its folder stays as it is to the byte.
fn refused_as_it_is(bench: &Bench) -> Error {
    let folder = bench.path().parent().unwrap().to_owned();
    let before = lies_in(&folder);
    let seen = inspect(&bench.path()).unwrap_err();
    let error = refusal(bench);
    assert_eq!((seen.kind(), seen.to_string()), (error.kind(), error.to_string()));
    assert!(OfflineFile::open(&bench.path()).is_err());
    let after = lies_in(&folder);
    assert!(before == after, "{:?} became {:?}", before.keys(), after.keys());
    error
}

/// The bytes of a closed store, after a change by another program.
async fn bytes_of_a_store(change: &str) -> Vec<u8> {
    let bench = Bench::new();
    let store = bench.open();
    for key in 0..200 {
        store.commit(new_record(format!("{key}"))).await.unwrap();
    }
    store.close().await;
    let connection = shell(&bench.path());
    connection.execute_batch(change).unwrap();
    drop(connection);
    std::fs::read(bench.path()).unwrap()
}

#[tokio::test]
async fn a_second_opening_is_refused_and_the_first_does_not_notice() {
    let bench = Bench::new();
    let first = bench.open();
    let error = refusal(&bench);
    assert_eq!(error.kind(), ErrorKind::InUse);
    assert!(error.to_string().contains(&format!("pid: {}", std::process::id())), "it names the holder: {error}");
    first.commit(new_record("after")).await.unwrap();
    first.close().await;
    let second = bench.open();
    assert_eq!((first.incarnation(), second.incarnation()), (1, 2));
    assert!(second.get("ledger", "after").await.unwrap().is_some());
}

#[tokio::test]
async fn dropping_a_store_frees_the_file() {
    let bench = Bench::new();
    for incarnation in 1..=5 {
        let store = bench.open();
        let _ticket = store.submit(new_record(format!("{incarnation}")));
        assert_eq!(store.incarnation(), incarnation);
    }
}

#[tokio::test]
async fn the_lock_file_names_pid_and_epoch() {
    let bench = Bench::new();
    let store = bench.open();
    let lock = bench.path().with_extension("db.lock");
    assert_eq!(
        std::fs::read_to_string(lock).unwrap(),
        format!("pid {}\nepoch {}\n", std::process::id(), store.fence(0).epoch)
    );
}

#[track_caller]
fn says(error: &Error, kind: ErrorKind, what: &str) {
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(what), "{what:?} in {error}");
}

#[test]
fn a_file_that_is_no_database_is_left_as_it_is() {
    says(&refused_and_left(b"dear diary"), ErrorKind::Corrupt, "is no SQLite database");
    says(&refused_and_left(&[0; 8_192]), ErrorKind::Corrupt, "begins with zeros");
    says(&refused_and_left(&[0; 10]), ErrorKind::Corrupt, "begins with zeros");
    let longer = b"a longer text than a header ".repeat(100);
    says(&refused_and_left(&longer), ErrorKind::Corrupt, "is no SQLite database");
}

#[tokio::test]
async fn a_truncated_store_is_left_as_it_is() {
    let whole = bytes_of_a_store("").await;
    for length in [1, 16, 50, 100, 4_096, whole.len() / 2, whole.len() - 4_096, whole.len() - 1] {
        says(&refused_and_left(&whole[..length]), ErrorKind::Corrupt, "is cut short");
    }
}

#[tokio::test]
async fn a_store_of_a_newer_format_is_left_as_it_is() {
    let newer = bytes_of_a_store("PRAGMA user_version = 99").await;
    says(&refused_and_left(&newer), ErrorKind::NewerFormat, "run that version");
}

#[tokio::test]
async fn a_damaged_page_is_named_where_it_is_met_and_found_by_a_survey() {
    let mut bytes = bytes_of_a_store("").await;
    bytes[4_096..].fill(0xa5);
    says(&refused_and_left(&bytes), ErrorKind::Corrupt, "is damaged");
    let mut bytes = bytes_of_a_store("").await;
    let end = bytes.len();
    bytes[end - 4_096..].fill(0xa5);
    let bench = Bench::new();
    std::fs::write(bench.path(), bytes).unwrap();
    let survey = OfflineFile::open(&bench.path()).unwrap().unwrap().survey(&mut |_| ()).unwrap();
    assert!(!survey.faults.is_empty(), "{survey:?}");
}

#[test]
fn a_database_of_another_program_is_left_as_it_is() {
    for marks in ["", "PRAGMA application_id = 77;", "PRAGMA journal_mode = wal;"] {
        let bench = Bench::new();
        let connection = shell(&bench.path());
        connection.execute_batch(&format!("{marks} CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)")).unwrap();
        drop(connection);
        let bytes = std::fs::read(bench.path()).unwrap();
        says(&refused_and_left(&bytes), ErrorKind::Corrupt, "of another program");
    }
}

#[test]
fn an_empty_file_and_an_empty_database_are_a_new_store() {
    let bench = Bench::new();
    std::fs::write(bench.path(), b"").unwrap();
    drop(bench.open());
    let bench = Bench::new();
    shell(&bench.path()).execute_batch("PRAGMA journal_mode = wal; CREATE TABLE t (a); DROP TABLE t").unwrap();
    drop(bench.open());
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let bench = Bench::new();
    let folder = bench.path().join("missing");
    let error = bench.try_open(SqliteConfig::at(folder.join("store.db"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains(folder.to_str().unwrap()), "{error}");
    if Path::new("/proc/self").exists() {
        let error = bench.try_open(SqliteConfig::at("/proc/self/store.db")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
    }
}

#[tokio::test]
async fn spaces_and_fields_can_be_added_later() {
    let bench = Bench::new();
    let before = SqliteStore::open(SqliteConfig::at(bench.path()), vec![Space::named("ledger")], &bench.host).unwrap();
    before.commit(new_record("old")).await.unwrap();
    let head = before.head().await.unwrap();
    before.close().await;
    let after = bench.open();
    assert_eq!(after.head().await.unwrap(), head, "the log keeps its identity");
    assert_eq!(after.get("ledger", "old").await.unwrap().map(|record| record.revision), Some(1));
    let page = Find { space: "ledger", equals: None, order_by: "at", descending: true, after: None, limit: 10 };
    assert_eq!(after.find(page).await.unwrap(), []);
    assert_eq!(after.page("order", None, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_space_is_laid_anew_when_it_is_declared_otherwise() {
    let bench = Bench::new();
    let declared = |clustered| {
        let space = Space::named("ledger").with_due().field("at", FieldKind::Int).index(None, "at");
        vec![if clustered { space.clustered() } else { space }]
    };
    let put = |n: i64| {
        let put = Put::value("ledger", format!("{:02}", 40 - n), Expect::Absent, "{}".to_owned()).field("at", n);
        Commit::of(Part::new().put(put.due(Some(Timestamp::from_millis(0))).keep_until(Timestamp::from_millis(n % 10))))
    };
    let mut left = 0;
    for (opening, clustered) in (0..).zip([false, true, true, false]) {
        let config = SqliteConfig::at(bench.path());
        let store = SqliteStore::open(config, declared(clustered), &bench.host).unwrap();
        let page = Find { space: "ledger", equals: None, order_by: "at", descending: true, after: None, limit: 99 };
        let at = |record: &Record| 40 - record.key.parse::<i64>().unwrap();
        let found: Vec<i64> = store.find(page).await.unwrap().iter().map(at).collect();
        assert!(found.len() == left && found.is_sorted_by(|later, earlier| later > earlier), "{opening}: {found:?}");
        for n in opening * 10..(opening + 1) * 10 {
            store.commit(put(n)).await.unwrap();
        }
        let expired = Prune::Expired { space: "ledger", until: Timestamp::from_millis(3), most: 3 };
        store.commit(Commit { prunes: vec![expired], ..Commit::default() }).await.unwrap();
        left += 7;
        assert_eq!(
            store
                .due(DuePage { space: "ledger", until: Timestamp::from_millis(0), after: None, limit: 99 })
                .await
                .unwrap()
                .len(),
            left
        );
        store.close().await;
        let layout = "SELECT wr FROM pragma_table_list('ledger')";
        assert_eq!(shell(&bench.path()).query_row(layout, [], |row| row.get::<_, bool>(0)), Ok(clustered));
    }
}

#[tokio::test]
async fn views_indexes_and_triggers_of_others_outlive_a_table_that_is_laid_anew() {
    let bench = Bench::new();
    let ledger = |clustered| vec![if clustered { Space::named("ledger").clustered() } else { Space::named("ledger") }];
    for (opening, clustered) in (0..).zip([false, true, false]) {
        let store = SqliteStore::open(SqliteConfig::at(bench.path()), ledger(clustered), &bench.host).unwrap();
        store.commit(new_record(opening.to_string())).await.unwrap();
        store.close().await;
        let theirs = "CREATE VIEW IF NOT EXISTS mine AS SELECT key FROM ledger;
            CREATE INDEX IF NOT EXISTS by_value ON ledger (value);
            CREATE TABLE IF NOT EXISTS seen (key TEXT);
            CREATE TRIGGER IF NOT EXISTS sees AFTER INSERT ON ledger BEGIN INSERT INTO seen VALUES (new.key); END";
        shell(&bench.path()).execute_batch(theirs).unwrap();
    }
    let shell = shell(&bench.path());
    let count = |sql: &str| shell.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM mine"), 3);
    assert_eq!(count("SELECT count(*) FROM seen"), 2);
    assert_eq!(count("SELECT count(*) FROM pragma_index_list('ledger') WHERE name = 'by_value'"), 1);
}

#[test]
fn names_that_cannot_be_tables_or_columns_are_refused() {
    let bench = Bench::new();
    let bad = [
        Space::named("partita_events"),
        Space::named("sqlite_things"),
        Space::named("Ledger"),
        Space::named("a\" (x); --"),
        Space::named(""),
        Space::named("ledger").field("value", FieldKind::Int),
        Space::named("ledger").field("twice", FieldKind::Int).field("twice", FieldKind::Int),
        Space::named("ledger").index(None, "undeclared"),
    ];
    for space in bad {
        let error = SqliteStore::open(SqliteConfig::at(bench.path()), vec![space.clone()], &bench.host).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{space:?}");
    }
    let twice = [spaces(), spaces()].concat();
    assert_eq!(
        SqliteStore::open(SqliteConfig::at(bench.path()), twice, &bench.host).unwrap_err().kind(),
        ErrorKind::Invalid
    );
    assert!(!bench.path().exists());
}

#[tokio::test]
async fn what_is_no_file_is_named_and_keeps_nobody_waiting() {
    for name in ["store.db", "store.db.lock", "store.db-wal"] {
        let bench = Bench::new();
        if name.ends_with("-wal") {
            bench.open().close().await;
        }
        let path = bench.path().with_file_name(name);
        let _ = std::fs::remove_file(&path);
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let error = inspect(&bench.path()).unwrap_err();
        assert!(error.kind() == ErrorKind::Io && error.to_string().contains("it is no file"), "{error}");
        assert!(error.to_string().contains(bench.path().to_str().unwrap()), "{error}");
        assert!(bench.try_open(SqliteConfig::at(bench.path())).is_err() || name.ends_with(".lock"));
    }
}
