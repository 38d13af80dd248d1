//! Every service on a port of its own: the same services, the same client, only the wires are longer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "helpers of tests may, as tests may")]

use axum::Router;
use partita::core::{Result, Space, Store};
use partita::http::{Client, Listener, ServeLimits, Server};
use partita::sqlite::{SqliteConfig, SqliteStore};
use partita::time::{BoxFuture, Host};
use serde_json::{Value, json};
use shop::app::{Shop, Wiring};
use shop::ordering::Options;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Files, and a server for each service.
#[derive(Debug)]
struct Ports {
    folder: PathBuf,
    host: Host,
    servers: Mutex<Vec<(&'static str, Server)>>,
}

impl Ports {
    async fn serve(&self, service: &'static str, router: Router) -> Result<String> {
        let listener = Listener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr());
        let server = Server::start(listener, router, ServeLimits::default(), &self.host);
        self.servers.lock().unwrap().push((service, server));
        Ok(url)
    }
}

impl Wiring for Ports {
    fn store(&self, service: &'static str, spaces: Vec<Space>) -> BoxFuture<'_, Result<Arc<dyn Store>>> {
        Box::pin(async move {
            let config = SqliteConfig::at(self.folder.join(format!("{service}.db")));
            Ok(SqliteStore::open(config, spaces, &self.host)? as Arc<dyn Store>)
        })
    }

    fn link(&self, service: &'static str, router: Router) -> BoxFuture<'_, Result<Client>> {
        Box::pin(async move { Client::network(&self.serve(service, router).await?, &self.host) })
    }
}

async fn place(client: &Client, method: &str) -> String {
    let body = json!({
        "customer_id": "ada",
        "items": [{"sku": "wool-blanket", "quantity": 1}, {"sku": "tea-kettle", "quantity": 2}],
        "payment_method": method,
    });
    let reply = client.post("/orders").key(method).json(&body).send().await.unwrap();
    assert_eq!(reply.status, 202, "{reply:?}");
    reply.json::<Value>().unwrap()["order_id"].as_str().unwrap().to_owned()
}

async fn settled(client: &Client, id: &str) -> Value {
    let call = client.get(&format!("/orders/{id}")).header("prefer", "wait=30").timeout(Duration::from_secs(35));
    call.send().await.unwrap().json().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_payment_method_ends_right_over_the_network() {
    let temp = tempfile::tempdir().unwrap();
    let (host, group) = Host::system();
    let ports = Ports { folder: temp.path().to_owned(), host: host.clone(), servers: Mutex::default() };
    let shop = Shop::open(&ports, Options::default(), "http://shop", &host).await.unwrap();
    let url = ports.serve("public", shop.router()).await.unwrap();
    let services: Vec<_> = ports.servers.lock().unwrap().iter().map(|(service, _)| *service).collect();
    assert_eq!(services, ["psp", "inventory", "loyalty", "payments", "shipping", "public"]);
    let client = Client::network(&url, &host).unwrap();
    let expected = [
        ("pm_ok", "CONFIRMED"),
        ("pm_slow", "CONFIRMED"),
        ("pm_lost_reply", "CONFIRMED"),
        ("pm_lost_request", "CONFIRMED"),
        ("pm_flaky", "CONFIRMED"),
        ("pm_declined", "REJECTED"),
        ("pm_capture_declined", "REJECTED"),
        ("pm_undo_fails", "PENDING"),
    ];
    let ends = expected.map(|(method, status)| {
        let client = client.clone();
        async move {
            let id = place(&client, method).await;
            let order = settled(&client, &id).await;
            assert_eq!(order["status"], status, "{method}: {order:#}");
            assert_eq!(order["reason"] == "needs_operator", status == "PENDING", "{method}: {order:#}");
        }
    });
    futures_util::future::join_all(ends).await;
    let stock: Value = client.get("/inventory/tea-kettle").send().await.unwrap().json().unwrap();
    assert_eq!((&stock["on_hand"], &stock["reserved"]), (&json!(1_000_000 - 5 * 2), &json!(0)));
    let audit: Value = client.get("/audit").send().await.unwrap().json().unwrap();
    let orders = json!({"pending": 0, "confirmed": 5, "rejected": 2, "cancelled": 0, "parked": 1});
    assert_eq!((&audit["ok"], &audit["orders"]), (&json!(true), &orders), "{audit:#}");
    shop.rest(Duration::from_secs(1)).await;
    shop.close().await;
    group.end().await;
}
