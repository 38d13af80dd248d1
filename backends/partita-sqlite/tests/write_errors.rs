//! A disk that refuses writes with an error of its own. The victim is this test binary, started again with a limit on the
//! size of files, so that the system calls themselves fail.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{Bench, new_record, shell};
use partita_core::{Effect, ErrorKind, Records, Store};
use partita_sqlite::SqliteConfig;
use std::process::Command;
use std::time::Duration;

const VICTIM: &str = "PARTITA_SQLITE_LIMITED";
/// The signal that would end the process is ignored, so that writing beyond the limit fails with `EFBIG`.
const LIMITED: &str = r#"trap "" XFSZ; ulimit -f 1400; exec "$0" "$@""#;

/// Started by the other test, it fills the log, is refused for some seconds, and can write again once the log is cut. By
/// itself it does nothing.
#[tokio::test]
#[allow(clippy::disallowed_methods, reason = "a victim has no simulated host")]
async fn victim() {
    let Some(path) = std::env::var_os(VICTIM) else { return };
    let store = Bench::new().try_open(SqliteConfig::at(&path)).unwrap();
    let reader = shell(path.as_ref());
    reader.execute_batch("BEGIN; SELECT count(*) FROM partita_meta").unwrap();
    let (mut applied, mut refused) = (0_usize, 0_usize);
    while refused < 100 {
        match store.commit(new_record(format!("{applied}"))).await {
            Ok(_) => applied += 1,
            Err(error) => {
                assert_eq!((error.kind(), error.possible_effect()), (ErrorKind::StorageFull, Effect::None), "{error}");
                assert!(store.facts().cannot_write.is_some());
                assert_eq!(store.page("ledger", None, 1_000).await.unwrap().len(), applied, "reading goes on");
                refused += 1;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    reader.execute_batch("COMMIT").unwrap();
    while store.facts().cannot_write.is_some() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    store.commit(new_record("after")).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_disk_that_fails_writes_does_not_end_the_process_and_what_was_acknowledged_is_there() {
    let bench = Bench::new();
    let victim = Command::new("sh")
        .args(["-c", LIMITED])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "victim", "--nocapture"])
        .env(VICTIM, bench.path())
        .output()
        .unwrap();
    assert!(victim.status.success(), "{}: {}", victim.status, String::from_utf8_lossy(&victim.stderr));
    let store = bench.open();
    assert!(store.get("ledger", "after").await.unwrap().is_some(), "it recovered by itself");
    let sound: String = shell(&bench.path()).query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}
