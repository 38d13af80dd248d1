//! An audit that cannot fail is worse than none: rows of real ledgers are changed, dropped and doubled by hand, and each
//! time the audit must name the order.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use partita::time::Host;
use rusqlite::{Connection, params};
use serde_json::Value;
use server::Server;
use std::path::Path;
use std::process::{Command, Output};

#[allow(dead_code, reason = "the drill uses the rest of it")]
#[path = "../examples/drill/server.rs"]
mod server;

const SHOP: &str = env!("CARGO_BIN_EXE_shop");

/// A row of a ledger as it is stored.
#[derive(Clone, Debug)]
struct Row {
    file: &'static str,
    key: String,
    value: String,
}

impl Row {
    fn order(&self) -> &str {
        self.key.split('/').next().unwrap()
    }

    fn value(&self) -> Value {
        serde_json::from_str(&self.value).unwrap()
    }
}

/// What is done to a row; the statement gets the key as `?1` and the new value as `?2`.
struct Tampering {
    what: &'static str,
    statement: &'static str,
    value: fn(&Row) -> String,
}

const CHANGE: &str = "UPDATE ledger SET value = ?2 WHERE key = ?1";
const TAMPERINGS: [Tampering; 6] = [
    Tampering {
        what: "dropped",
        statement: "DELETE FROM ledger WHERE key = ?1 AND ?2 = ?2",
        value: |row| row.value.clone(),
    },
    Tampering {
        what: "doubled",
        statement: "INSERT INTO ledger (key, value) VALUES (substr(?1, 1, length(?1) - 1) || '7', ?2)",
        value: |row| row.value.clone(),
    },
    Tampering {
        what: "copied",
        statement: "INSERT INTO ledger (key, value) VALUES ('copy-' || ?1, ?2)",
        value: |row| row.value.clone(),
    },
    Tampering { what: "turned", statement: CHANGE, value: turned },
    Tampering { what: "falsified", statement: CHANGE, value: falsified },
    Tampering { what: "torn", statement: CHANGE, value: |row| row.value[..40].to_owned() },
];

/// Done becomes undone, and the other way round.
fn turned(row: &Row) -> String {
    let (done, undone) = ("\"outcome\":\"done\"", "\"outcome\":\"undone\"");
    if row.value.contains(done) { row.value.replace(done, undone) } else { row.value.replace(undone, done) }
}

/// One number is one more.
fn falsified(row: &Row) -> String {
    let mut value = row.value();
    let detail = &mut value["detail"];
    let number = if detail["points"].is_i64() { &mut detail["points"] } else { &mut detail["lines"][0]["quantity"] };
    *number = (number.as_i64().unwrap() + 1).into();
    value.to_string()
}

fn open(folder: &Path, file: &str) -> Connection {
    Connection::open(folder.join("data").join(file)).unwrap()
}

fn rows(folder: &Path) -> Vec<Row> {
    let of_file = |file: &'static str| {
        let connection = open(folder, file);
        let mut statement = connection.prepare("SELECT key, value FROM ledger ORDER BY key").unwrap();
        let rows = statement.query_map([], |row| Ok(Row { file, key: row.get(0)?, value: row.get(1)? })).unwrap();
        rows.map(Result::unwrap).collect::<Vec<Row>>()
    };
    ["inventory.db", "loyalty.db", "shipping.db"].into_iter().flat_map(of_file).collect()
}

/// The ledger of one file as it was before.
fn restore(folder: &Path, file: &str, rows: &[Row]) {
    let mut connection = open(folder, file);
    let transaction = connection.transaction().unwrap();
    transaction.execute("DELETE FROM ledger", []).unwrap();
    for row in rows.iter().filter(|row| row.file == file) {
        transaction.execute("INSERT INTO ledger (key, value) VALUES (?1, ?2)", params![row.key, row.value]).unwrap();
    }
    transaction.commit().unwrap();
}

fn shop(command: &str, url: &str, more: &[&str]) -> Output {
    Command::new(SHOP).args([command, "--url", url]).args(more).output().unwrap()
}

fn audit(url: &str) -> Output {
    shop("audit", url, &[])
}

#[track_caller]
fn in_order(audit: &Output) {
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
}

#[track_caller]
fn names(audit: &Output, row: &Row, what: &str) {
    let text = String::from_utf8_lossy(&audit.stdout);
    assert_eq!(audit.status.code(), Some(1), "{} of {} was {what}\n{text}", row.key, row.file);
    let named = text.lines().any(|line| line.trim_start().starts_with(&format!("order {}: ", row.order())));
    assert!(named, "{} of {} was {what}\n{text}", row.key, row.file);
    assert!(text.lines().last().unwrap().ends_with(" violations"), "{text}");
}

/// A shop with thirty orders of several kinds, its data in a folder that the caller keeps.
async fn busy_shop(folder: &Path, host: &Host) -> Server {
    let server = Server::start(Path::new(SHOP), folder, host).await.unwrap();
    let mix = ["--orders", "30", "--concurrency", "8", "--mix", "ok=2,declined=1,capture_declined=1,out_of_stock=1"];
    let driven = shop("drive", server.url(), &mix);
    assert!(driven.status.success(), "{}", String::from_utf8_lossy(&driven.stderr));
    server
}

/// All rows of one confirmed and of one declined order.
fn some(rows: &[Row]) -> Vec<Row> {
    let of_order = |order: &str| rows.iter().filter(|row| row.order() == order).cloned().collect::<Vec<Row>>();
    let confirmed = rows.iter().find(|row| row.file == "shipping.db").unwrap().order();
    let held_and_released = |row: &&Row| row.file == "loyalty.db" && row.value()["outcome"] == "undone";
    let declined = rows.iter().find(held_and_released).unwrap().order();
    let some = [of_order(confirmed), of_order(declined)].concat();
    assert_eq!(some.len(), 7, "five rows of a confirmed order, two of a declined one");
    some
}

#[tokio::test]
async fn any_row_that_is_tampered_with_while_the_shop_runs_is_named_with_its_order() {
    let (host, _tasks) = Host::system();
    let folder = tempfile::tempdir().unwrap();
    let server = busy_shop(folder.path(), &host).await;
    in_order(&audit(server.url()));
    let before = rows(folder.path());
    for row in some(&before) {
        for Tampering { what, statement, value } in &TAMPERINGS {
            let changed = open(folder.path(), row.file).execute(statement, params![row.key, value(&row)]).unwrap();
            assert_eq!(changed, 1, "{what}");
            names(&audit(server.url()), &row, what);
            restore(folder.path(), row.file, &before);
        }
    }
    in_order(&audit(server.url()));
    server.stop(&host).await.unwrap();
}

#[tokio::test]
async fn a_row_that_is_dropped_while_the_shop_is_down_is_named_after_its_next_start() {
    let (host, _tasks) = Host::system();
    let folder = tempfile::tempdir().unwrap();
    let mut server = busy_shop(folder.path(), &host).await;
    server.kill().await.unwrap();
    for row in some(&rows(folder.path())).into_iter().step_by(3) {
        let dropped = open(folder.path(), row.file).execute("DELETE FROM ledger WHERE key = ?1", [&row.key]).unwrap();
        assert_eq!(dropped, 1);
        server.start_again(&host).await.unwrap();
        names(&audit(server.url()), &row, "dropped");
        server.kill().await.unwrap();
    }
}
