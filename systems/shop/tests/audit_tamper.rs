//! An audit that cannot fail is worse than none: rows of real ledgers are changed, dropped and doubled by hand, and each
//! time the audit must name the order.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use partita::time::Host;
use rusqlite::{Connection, params};
use serde_json::Value;
use server::Server;
use std::collections::BTreeMap;
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

/// A change of one record beside the ledgers, and whose order the audit must name.
struct Edit {
    what: &'static str,
    file: &'static str,
    space: &'static str,
    order: String,
    key: String,
    change: fn(Value) -> Option<String>,
}

fn with(value: Value, member: &str, to: Value) -> Option<String> {
    let mut value = value;
    value[member] = to;
    Some(value.to_string())
}

fn captured(value: Value, received: &Value) -> Option<String> {
    let mut value = value;
    value["status"] = "succeeded".into();
    with(value, "amount_received", received.clone())
}

fn edits(orders: &BTreeMap<&str, String>, intents: &BTreeMap<String, String>) -> Vec<Edit> {
    type Change = fn(Value) -> Option<String>;
    let of = |kind: &'static str, what, file, space, change: Change| {
        let order = orders[kind].clone();
        let key = if space == "intents" { intents[&order].clone() } else { order.clone() };
        Edit { what, file, space, order, key, change }
    };
    let intent = |kind, what, change: Change| of(kind, what, "psp.db", "intents", change);
    let (orders, shipments, tasks) = ("orders", "shipments", "operator_tasks");
    vec![
        intent("parked", "captured in full", |value| captured(value.clone(), &value["amount"])),
        intent("parked", "captured in part", |value| captured(value, &1.into())),
        intent("parked", "received 1", |value| with(value, "amount_received", 1.into())),
        intent("declined", "no JSON", |_| Some("x".into())),
        intent("declined", "an unknown status", |value| with(value, "status", "bogus".into())),
        intent("declined", "gone", |_| None),
        intent("confirmed", "another amount", |value| with(value, "amount", 1.into())),
        intent("confirmed", "another currency", |value| with(value, "currency", "usd".into())),
        of("parked", "no JSON", "ordering.db", tasks, |_| Some("x".into())),
        of("parked", "of another saga", "ordering.db", tasks, |value| with(value, "saga", "another".into())),
        of("confirmed", "another price", "ordering.db", orders, |mut value| {
            value["items"][0]["unit_price"] = 1.into();
            Some(value.to_string())
        }),
        of("confirmed", "no JSON", "ordering.db", orders, |_| Some("{".into())),
        of("confirmed", "gone", "shipping.db", shipments, |_| None),
        of("confirmed", "no JSON", "shipping.db", shipments, |_| Some("{".into())),
        of("confirmed", "empty", "shipping.db", shipments, |value| with(value, "items", Value::Array(vec![]))),
    ]
}

fn text(connection: &Connection, statement: &str, key: &str) -> String {
    connection.query_row(statement, [key], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn any_other_record_that_is_edited_by_hand_is_named_with_its_order() {
    let (host, _tasks) = Host::system();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Path::new(SHOP), folder.path(), &host).await.unwrap();
    let mix = "ok=1,declined=1,undo_fails=1,out_of_stock=1";
    let driven = shop("drive", server.url(), &["--orders", "16", "--concurrency", "8", "--mix", mix]);
    assert!(driven.status.success(), "{}", String::from_utf8_lossy(&driven.stderr));
    in_order(&audit(server.url()));
    let ordering = open(folder.path(), "ordering.db");
    let one = |like: &str| text(&ordering, "SELECT max(key) FROM orders WHERE value LIKE ?1", like);
    let kinds = [
        ("confirmed", "%\"CONFIRMED\"%"),
        ("declined", "%\"payment_declined\"%"),
        ("parked", "%\"PENDING\"%"),
        ("refused", "%\"out_of_stock\"%"),
    ];
    let orders: BTreeMap<&str, String> = kinds.into_iter().map(|(kind, like)| (kind, one(like))).collect();
    let psp = open(folder.path(), "psp.db");
    let intent = |order: &String| text(&psp, "SELECT key FROM intents WHERE value LIKE ?1", &format!("%{order}%"));
    let paid = orders.iter().filter(|(kind, _)| **kind != "refused").map(|(_, order)| order);
    let intents = paid.map(|order| (order.clone(), intent(order))).collect();
    for Edit { what, file, space, order, key, change } in edits(&orders, &intents) {
        let connection = open(folder.path(), file);
        connection.execute_batch(&format!("CREATE TEMP TABLE kept AS SELECT * FROM {space}")).unwrap();
        let before = text(&connection, &format!("SELECT value FROM {space} WHERE key = ?1"), &key);
        let changed = match change(serde_json::from_str(&before).unwrap()) {
            Some(value) => connection.execute(&format!("UPDATE {space} SET value = ?2 WHERE key = ?1"), [&key, &value]),
            None => connection.execute(&format!("DELETE FROM {space} WHERE key = ?1"), [&key]),
        };
        assert_eq!(changed.unwrap(), 1, "{what}");
        let said = audit(server.url());
        let row = Row { file, key: format!("{order}/{space}"), value: String::new() };
        names(&said, &row, what);
        connection.execute(&format!("REPLACE INTO {space} SELECT * FROM kept WHERE key = ?1"), [&key]).unwrap();
    }
    let refused = orders["refused"].clone();
    let key = format!("{refused}/reserve-stock/0");
    let kept = rows(folder.path());
    open(folder.path(), "inventory.db").execute("DELETE FROM ledger WHERE key = ?1", [&key]).unwrap();
    names(&audit(server.url()), &Row { file: "inventory.db", key, value: String::new() }, "dropped");
    restore(folder.path(), "inventory.db", &kept);
    let loyalty = open(folder.path(), "loyalty.db");
    let account = "drive-none";
    loyalty.execute("INSERT INTO accounts (key, value) VALUES (?1, 'x')", [account]).unwrap();
    let said = audit(server.url());
    let text = String::from_utf8_lossy(&said.stdout);
    assert_eq!(said.status.code(), Some(1), "{text}");
    assert!(text.contains("(loyalty.db, space `accounts`, key `drive-none`): x"), "{text}");
    loyalty.execute("DELETE FROM accounts WHERE key = ?1", [account]).unwrap();
    in_order(&audit(server.url()));
    server.stop(&host).await.unwrap();
}
