//! A disk that is full: said plainly, nothing half done, and over as soon as there is room.

use crate::wiring::in_virtual_time;
use axum::Router;
use partita::core::{Result, Space, Store};
use partita::http::{Client, Reply};
use partita::sqlite::{SqliteConfig, SqliteStore};
use partita::time::{BoxFuture, Host, timeout};
use serde_json::{Value, json};
use shop::app::{Shop, Wiring};
use shop::ordering::Options;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Debug)]
struct Small {
    folder: PathBuf,
    host: Host,
    ordering: Mutex<Option<Arc<SqliteStore>>>,
}

impl Wiring for Small {
    fn store(&self, service: &'static str, spaces: Vec<Space>) -> BoxFuture<'_, Result<Arc<dyn Store>>> {
        Box::pin(async move {
            let config = SqliteConfig::at(self.folder.join(format!("{service}.db")));
            let store = SqliteStore::open(config, spaces, &self.host)?;
            if service == "ordering" {
                self.ordering.lock().unwrap().replace(store.clone());
            }
            Ok(store as Arc<dyn Store>)
        })
    }

    fn link(&self, _: &'static str, router: Router) -> BoxFuture<'_, Result<Client>> {
        Box::pin(std::future::ready(Ok(Client::in_process(router, &self.host))))
    }
}

async fn order(client: &Client, key: &str) -> Reply {
    let items = json!([{"sku": "espresso-cup", "quantity": 1}]);
    let body = json!({"customer_id": "ada", "items": items, "payment_method": "pm_ok"});
    client.post("/orders").key(key).json(&body).send().await.unwrap()
}

fn slug(reply: &Reply) -> (u16, String) {
    (reply.status.as_u16(), reply.problem().map(|problem| problem.slug).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_that_cannot_write_refuses_orders_shows_it_and_goes_on_when_there_is_room() {
    let temp = tempfile::tempdir().unwrap();
    let (host, group) = Host::system();
    let wiring = Small { folder: temp.path().to_owned(), host: host.clone(), ordering: Mutex::default() };
    let shop = Shop::open(&wiring, Options::default(), "http://shop", &host).await.unwrap();
    let store = wiring.ordering.lock().unwrap().clone().unwrap();
    let client = Client::in_process(shop.router(), &host);
    assert_eq!(order(&client, "first").await.status, 202);
    store.set_max_bytes(Some(1));
    let full = timeout(&*host.clock, Duration::from_secs(20), async {
        let mut number = 0;
        loop {
            number += 1;
            let reply = order(&client, &format!("k-{number}")).await;
            if reply.status != 202 {
                return (reply, format!("k-{number}"));
            }
        }
    });
    let (reply, key) = full.await.unwrap();
    assert_eq!(slug(&reply), (503, "storage-full".to_owned()));
    assert!(reply.headers.contains_key("retry-after"), "{reply:?}");
    let ready = client.get("/readyz").send().await.unwrap();
    assert_eq!(slug(&ready), (503, "not-ready".to_owned()));
    let checks = ready.json::<Value>().unwrap()["checks"].clone();
    assert!(checks["ordering"] != "ok" && checks["inventory"] == "ok", "{checks}");
    assert_eq!(order(&client, "first").await.headers["idempotent-replayed"], "true", "what is known is still answered");
    store.set_max_bytes(None);
    let again = timeout(&*host.clock, Duration::from_secs(20), async {
        while !client.get("/readyz").send().await.unwrap().is_success() {
            tokio::task::yield_now().await;
        }
        order(&client, &key).await
    });
    let again = again.await.unwrap();
    assert_eq!((again.status.as_u16(), again.headers.contains_key("idempotent-replayed")), (202, false));
    let id = again.json::<Value>().unwrap()["order_id"].as_str().unwrap().to_owned();
    let end = client.get(&format!("/orders/{id}")).header("prefer", "wait=30").timeout(Duration::from_secs(35)).send();
    assert_eq!(end.await.unwrap().json::<Value>().unwrap()["status"], "CONFIRMED");
    shop.rest(Duration::from_secs(1)).await;
    shop.close().await;
    group.end().await;
}

/// The refused capture still fits, so the void is what comes when nobody answers any more.
#[tokio::test(start_paused = true)]
async fn a_provider_that_never_answers_a_cancel_parks_no_order_that_is_undone() {
    let (shop, host, group) = in_virtual_time().await;
    let psp = &shop.counts["psp"];
    psp.has_room_for(Some(2));
    let id = shop.place("silent", "ada", "pm_capture_declined").await;
    host.clock.sleep(Duration::from_secs(5)).await;
    assert_eq!(shop.intents(&id).await, ["requires_capture"], "it was refused and is not voided yet");
    psp.is_silent(true);
    psp.has_room_for(None);
    host.clock.sleep(Duration::from_secs(600)).await;
    let order = shop.get(&format!("/orders/{id}")).await;
    assert_eq!((&order["status"], &order["reason"]), (&"PENDING".into(), &Value::Null), "{order:#}");
    psp.is_silent(false);
    assert_eq!(shop.end(&id).await, "REJECTED");
    assert_eq!(shop.get("/audit").await["ok"], true);
    group.end().await;
}

/// The authorization and the refused capture still fit; nothing after them does.
#[tokio::test(start_paused = true)]
async fn a_participant_without_room_for_ten_minutes_parks_no_order_that_is_undone() {
    let (shop, host, group) = in_virtual_time().await;
    for (service, room) in [("psp", 2), ("inventory", 1), ("loyalty", 1)] {
        shop.counts[service].has_room_for(Some(room));
        let id = shop.place(service, "ada", "pm_capture_declined").await;
        host.clock.sleep(Duration::from_secs(600)).await;
        let order = shop.get(&format!("/orders/{id}")).await;
        assert_eq!((&order["status"], &order["reason"]), (&"PENDING".into(), &Value::Null), "{service}: {order:#}");
        shop.counts[service].has_room_for(None);
        assert_eq!(shop.end(&id).await, "REJECTED");
        assert_eq!(shop.get(&format!("/orders/{id}")).await["reason"], "payment_declined", "{service}");
    }
    assert_eq!(shop.get("/audit").await["ok"], true);
    group.end().await;
}
