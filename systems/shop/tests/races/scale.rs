//! Start-up does not replay history.

use partita::core::{Commit, Expect, JournalAppend, Journals, Part, Put, Record, Records, Store};
use partita::http::Client;
use partita::sqlite::{SqliteConfig, SqliteStore};
use partita::time::{Clock, Host, TokioClock};
use serde_json::{Value, json};
use shop::app::{Files, Shop};
use shop::ordering::Options;
use std::path::Path;
use std::time::Duration;

const ORDERS: u64 = 100_000;
const A_COMMIT: u64 = 90;
const READY_SECS: f64 = 2.0;
const SPACES: [&str; 2] = ["orders", "sagas"];

/// Runs one order to its end, so that there is something to copy; its id.
async fn one_order(folder: &Path, host: &Host) -> String {
    let files = Files::at(folder, host).unwrap();
    let shop = Shop::open(&files, Options::default(), "http://shop", host).await.unwrap();
    let client = Client::in_process(shop.router(), host);
    let items = json!([{"sku": "espresso-cup", "quantity": 1}]);
    let body = json!({"customer_id": "ada", "items": items, "payment_method": "pm_ok"});
    let reply: Value = client.post("/orders").key("k").json(&body).send().await.unwrap().json().unwrap();
    let id = reply["order_id"].as_str().unwrap().to_owned();
    let end = client.get(&format!("/orders/{id}")).header("prefer", "wait=30").send().await.unwrap();
    assert_eq!(end.json::<Value>().unwrap()["status"], "CONFIRMED");
    shop.rest(Duration::from_secs(1)).await;
    shop.close().await;
    id
}

/// The fields of a record, as the service writes them.
fn with_fields(space: &str, put: Put, value: &Value) -> Put {
    match space {
        "orders" => put.field("status", value["status"].as_str().unwrap()),
        _ => put.field("class", value["class"].as_str().unwrap()).field("started", value["started"].as_i64().unwrap()),
    }
}

/// Copies an ended order under many other ids: its record, its saga's line, and its saga's journal.
async fn copy(folder: &Path, host: &Host, id: &str) {
    let config = SqliteConfig::at(folder.join("ordering.db"));
    let store = SqliteStore::open(config, shop::ordering::spaces(), host).unwrap();
    let mut records: Vec<(&'static str, Record)> = vec![];
    for space in SPACES {
        records.push((space, store.get(space, id).await.unwrap().unwrap()));
    }
    let saga: Value = serde_json::from_str(&records[1].1.value).unwrap();
    let number = saga["number"].as_u64().unwrap();
    let journal: Vec<Vec<u8>> =
        store.journal(number, 0, 1_000).await.unwrap().into_iter().map(|entry| entry.body).collect();
    let class = saga["class"].as_str().unwrap().to_owned();
    let mut tickets = vec![];
    for first in (1..ORDERS).step_by(usize::try_from(A_COMMIT).unwrap()) {
        let (mut part, mut journals) = (Part::new(), vec![]);
        let copies = first..(first + A_COMMIT).min(ORDERS);
        let count = i64::try_from(copies.end - copies.start).unwrap();
        for copy in copies {
            let fresh = format!("{}{copy:012}", &id[..id.len() - 12]);
            for (space, record) in &records {
                let mut value: Value = serde_json::from_str(&record.value).unwrap();
                if *space == "sagas" {
                    value["number"] = (number + copy).into();
                }
                let put = Put::value(space, fresh.as_str(), Expect::Absent, value.to_string());
                part = part.put(with_fields(space, put, &value));
            }
            journals.push(JournalAppend { saga: number + copy, expect: 0, records: journal.clone() });
        }
        part = part.add("orders", "CONFIRMED", count).add("sagas", class.clone(), count);
        tickets.push(store.submit(Commit { journals, ..Commit::of(part) }));
    }
    for ticket in tickets {
        ticket.await.unwrap();
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_100000_ended_orders_the_shop_is_ready_within_2_s() {
    let folder = tempfile::tempdir().unwrap();
    let watch = TokioClock::system();
    let (host, group) = Host::system();
    let id = one_order(folder.path(), &host).await;
    copy(folder.path(), &host, &id).await;
    group.end().await;
    println!("{ORDERS} ended orders made in {:?}", watch.elapsed());
    let (host, group) = Host::system();
    let watch = TokioClock::system();
    let files = Files::at(folder.path(), &host).unwrap();
    let shop = Shop::open(&files, Options::default(), "http://shop", &host).await.unwrap();
    let client = Client::in_process(shop.router(), &host);
    let ready = client.get("/readyz").send().await.unwrap();
    let took = watch.elapsed().as_secs_f64();
    println!("ready in {took:.3} s");
    assert_eq!(ready.status, 200);
    assert!(took < READY_SECS, "ready in {took} s");
    let console = client.get("/console").send().await.unwrap();
    assert!(String::from_utf8_lossy(&console.body).contains("100,000"), "the console counts them");
    let last = format!("/orders/{}{:012}", &id[..id.len() - 12], ORDERS - 1);
    assert_eq!(client.get(&last).send().await.unwrap().json::<Value>().unwrap()["status"], "CONFIRMED");
    assert!(watch.elapsed().as_secs_f64() < 2.0 * READY_SECS, "and it answers at once: {:?}", watch.elapsed());
    shop.close().await;
    group.end().await;
}
