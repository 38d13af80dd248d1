//! A shop in this process, and its routes called as a client calls them.

use crate::counting::{Counting, Counts};
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use partita::core::memory::{MemoryDisk, MemoryStore};
use partita::core::{Result, Space, Store};
use partita::http::{Client, Reply};
use partita::time::{BoxFuture, Entropy, Host, TaskGroup, Timestamp, TokioClock};
use serde_json::{Value, json};
use shop::app::{Shop, Wiring};
use shop::ordering::Options;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Stores in memory whose commits are counted.
#[derive(Debug)]
struct Memory {
    host: Host,
    counts: Mutex<BTreeMap<&'static str, Arc<Counts>>>,
}

impl Wiring for Memory {
    fn store(&self, service: &'static str, spaces: Vec<Space>) -> BoxFuture<'_, Result<Arc<dyn Store>>> {
        let store = MemoryStore::open(&MemoryDisk::new(), spaces, &self.host);
        let counts = self.counts.lock().unwrap().entry(service).or_default().clone();
        let counting = Arc::new(Counting::new(store, counts, &self.host));
        Box::pin(std::future::ready(Ok(counting as Arc<dyn Store>)))
    }

    fn link(&self, service: &'static str, router: Router) -> BoxFuture<'_, Result<Client>> {
        let counts = self.counts.lock().unwrap().entry(service).or_default().clone();
        let clock = self.host.clock.clone();
        let answer = move |request: Request, next: Next| counts.clone().answer(clock.clone(), request, next);
        let router = router.layer(from_fn(answer));
        Box::pin(std::future::ready(Ok(Client::in_process(router, &self.host))))
    }
}

/// An open shop.
pub(crate) struct Open {
    pub(crate) client: Client,
    pub(crate) counts: BTreeMap<&'static str, Arc<Counts>>,
    pub(crate) shop: Shop,
}

/// A shop whose time is the test's.
pub(crate) async fn in_virtual_time() -> (Open, Host, TaskGroup) {
    let group = TaskGroup::new();
    let clock = Arc::new(TokioClock::anchored(Timestamp::from_millis(1_800_000_000_000)));
    let host = Host { clock, spawner: Arc::new(group.clone()), entropy: Arc::new(Entropy::seeded(3)) };
    (Open::in_memory(&host).await, host, group)
}

impl Open {
    pub(crate) async fn in_memory(host: &Host) -> Self {
        let memory = Memory { host: host.clone(), counts: Mutex::default() };
        let shop = Shop::open(&memory, Options::default(), "http://shop", host).await.unwrap();
        let counts = memory.counts.into_inner().unwrap();
        Self { client: Client::in_process(shop.router(), host), counts, shop }
    }

    /// Places an order of one line; its id.
    pub(crate) async fn place(&self, key: &str, customer: &str, method: &str) -> String {
        let items = json!([{"sku": "espresso-cup", "quantity": 1}]);
        let body = json!({"customer_id": customer, "items": items, "payment_method": method});
        let reply = self.client.post("/orders").key(key).json(&body).send().await.unwrap();
        assert_eq!(reply.status, 202, "{reply:?}");
        reply.json::<Value>().unwrap()["order_id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn cancel(&self, id: &str) -> Reply {
        self.client.post(&format!("/orders/{id}/cancel")).send().await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.client.get(path).send().await.unwrap().json().unwrap()
    }

    /// The status in which an order ends.
    pub(crate) async fn end(&self, id: &str) -> String {
        let call =
            self.client.get(&format!("/orders/{id}")).header("prefer", "wait=30").timeout(Duration::from_secs(35));
        let order: Value = call.send().await.unwrap().json().unwrap();
        order["status"].as_str().unwrap().to_owned()
    }

    /// Statuses of an order's intents.
    pub(crate) async fn intents(&self, id: &str) -> Vec<String> {
        let list = self.get(&format!("/psp/v1/payment_intents?order_id={id}")).await;
        let status = |intent: &Value| intent["status"].as_str().unwrap().to_owned();
        list["data"].as_array().unwrap().iter().map(status).collect()
    }
}
