//! A shop as a process of its own, and a plain client: what tests from outside need.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod described;
pub(crate) mod http;
pub(crate) mod process;

use http::{Answer, Ask};
use partita::time::{Clock, TokioClock};
use process::Process;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tempfile::TempDir;

/// A shop that says nothing for so long does not start.
const STARTS: Duration = Duration::from_secs(20);

/// A running shop. Dropping it kills it.
pub(crate) struct Shop {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    /// What it said from its first line until it took orders.
    pub(crate) banner: Vec<String>,
    folder: PathBuf,
    _temp: Option<TempDir>,
}

/// The shop that tests share which do not mind each other; it ends with the last of them.
pub(crate) fn shared() -> Arc<Shop> {
    static SHARED: Mutex<Weak<Shop>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let shop = Arc::new(Shop::start());
        *shared = Arc::downgrade(&shop);
        shop
    })
}

/// A key that nobody has used.
pub(crate) fn fresh(name: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{name}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The body of an order of one line.
pub(crate) fn order(customer: &str, sku: &str, quantity: u64, method: &str) -> Value {
    json!({"customer_id": customer, "items": [{"sku": sku, "quantity": quantity}], "payment_method": method})
}

/// Runs cases at once, each in a thread of its name, and says which of them failed.
pub(crate) fn together(cases: &[(&str, fn())]) {
    let start = |&(name, case): &(&str, fn())| {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(case).unwrap();
        (name.to_owned(), thread)
    };
    let threads: Vec<_> = cases.iter().map(start).collect();
    let failed: Vec<String> =
        threads.into_iter().filter_map(|(name, case)| case.join().is_err().then_some(name)).collect();
    assert!(failed.is_empty(), "failed: {failed:?}");
}

/// Time since it was made.
pub(crate) struct Watch(TokioClock);

impl Watch {
    pub(crate) fn start() -> Self {
        Self(TokioClock::system())
    }

    pub(crate) fn secs(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// Asks again until the answer is there; at most `secs`.
#[track_caller]
pub(crate) fn until<T>(secs: f64, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let watch = Watch::start();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(watch.secs() < secs, "not within {secs} s: {what}");
    }
}

impl Shop {
    /// On a folder that goes away with it.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// As [`Shop::start`], with more arguments.
    pub(crate) fn start_with(more: &[&str]) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let mut shop = Self::on(&temp.path().join("data"), more);
        shop._temp = Some(temp);
        shop
    }

    /// On a folder of the caller's. It takes orders when this returns.
    pub(crate) fn on(folder: &Path, more: &[&str]) -> Self {
        let data = folder.to_str().unwrap();
        Self::of(Process::shop(&[&["--listen", "127.0.0.1:0", "--data", data], more].concat()), folder)
    }

    /// A process that has just been started. It takes orders when this returns.
    pub(crate) fn of(process: Process, folder: &Path) -> Self {
        let mut banner: Vec<String> = vec![];
        while !banner.last().is_some_and(|line| line.trim_start().starts_with("kill -9 ")) {
            let line = process.line(STARTS);
            banner.push(line.unwrap_or_else(|| panic!("it does not start: {banner:?} {}", process.errors())));
        }
        let address = address_in(&banner[0]);
        Self { process, address, banner, folder: folder.to_owned(), _temp: None }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn ask(&self, method: &str, path: &str) -> Ask {
        Ask::new(self.address, method, path)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path).send()
    }

    pub(crate) fn post(&self, path: &str) -> Ask {
        self.ask("POST", path)
    }

    /// Sends an order.
    pub(crate) fn send(&self, key: &str, body: &Value) -> Answer {
        self.post("/orders").key(key).json(body).send()
    }

    /// Places an order of one line under a fresh key; its id.
    #[track_caller]
    pub(crate) fn place(&self, customer: &str, sku: &str, quantity: u64, method: &str) -> String {
        let answer = self.send(&fresh("key"), &order(customer, sku, quantity, method));
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json()["order_id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn order(&self, id: &str) -> Value {
        self.get(&format!("/orders/{id}")).json()
    }

    /// The order once it ended or needs an operator.
    #[track_caller]
    pub(crate) fn settled(&self, id: &str) -> Value {
        let answer = self.ask("GET", &format!("/orders/{id}")).header("prefer", "wait=30").send();
        let order = answer.json();
        assert!(order["status"] != "PENDING" || order["reason"] == "needs_operator", "{order:#}");
        order
    }

    /// Asks to cancel.
    pub(crate) fn cancel(&self, id: &str) -> Answer {
        self.post(&format!("/orders/{id}/cancel")).send()
    }

    /// Intents of an order.
    pub(crate) fn intents(&self, id: &str) -> Vec<Value> {
        let list = self.get(&format!("/psp/v1/payment_intents?order_id={id}")).json();
        list["data"].as_array().unwrap().clone()
    }

    /// Stock of a product: on hand, reserved, available.
    pub(crate) fn stock(&self, sku: &str) -> (i64, i64, i64) {
        let stock = self.get(&format!("/inventory/{sku}")).json();
        let number = |name: &str| stock[name].as_i64().unwrap();
        (number("on_hand"), number("reserved"), number("available"))
    }

    /// Points of a customer: balance, held.
    pub(crate) fn points(&self, customer: &str) -> (i64, i64) {
        let points = self.get(&format!("/customers/{customer}/points")).json();
        (points["balance"].as_i64().unwrap(), points["held"].as_i64().unwrap())
    }

    /// Waits until the payment of a `pm_slow` order is under way.
    #[track_caller]
    pub(crate) fn paying(&self, id: &str) {
        until(4.0, "the payment is under way", || {
            self.intents(id).iter().any(|intent| intent["status"] == "processing").then_some(())
        });
    }
}

/// The address in the first line on stdout.
pub(crate) fn address_in(line: &str) -> SocketAddr {
    let (_, url) = line.split_once("http://").unwrap_or_else(|| panic!("no URL in {line:?}"));
    url.trim().parse().unwrap_or_else(|error| panic!("{line:?}: {error}"))
}

/// Words of an order's end: status and reason.
pub(crate) fn end(order: &Value) -> (&str, Option<&str>) {
    (order["status"].as_str().unwrap(), order["reason"].as_str())
}

/// Names of the timeline's events.
pub(crate) fn events(order: &Value) -> Vec<&str> {
    order["timeline"].as_array().unwrap().iter().map(|entry| entry["event"].as_str().unwrap()).collect()
}

/// Says that a test was not run; at strict that is a failure.
pub(crate) fn skip(why: &str) {
    println!("SKIPPED: {why}");
    if let Some(path) = std::env::var_os("PARTITA_SKIPS") {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        std::io::Write::write_all(&mut file, format!("{why}\n").as_bytes()).unwrap();
    }
    assert!(std::env::var_os("PARTITA_STRICT").is_none_or(|strict| strict != "1"), "nothing may be skipped: {why}");
}
