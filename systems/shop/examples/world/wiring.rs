//! The shop's stores and calls behind the seam.

use super::Bug;
use bytes::Bytes;
use http::{Method, Request, Response};
use partita::core::memory::{MemoryDisk, MemoryStore};
use partita::core::{Result, Space, Store};
use partita::http::{Client, Ledger, Transport};
use partita::time::BoxFuture;
use partita_testkit::explore::Machine;
use serde_json::Value;
use shop::app::Wiring;
use shop::env::ServiceEnv;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The disks of all services.
pub(crate) type Disks = BTreeMap<&'static str, MemoryDisk>;
/// Actions that were done, by service, path and key.
pub(crate) type Done = Arc<Mutex<BTreeSet<(&'static str, String, String)>>>;

/// Wires one process of the shop.
#[derive(Debug)]
pub(crate) struct Seamed {
    pub(crate) machine: Machine,
    pub(crate) disks: Disks,
    pub(crate) done: Done,
    /// Faults that may meet in one run share what is declared to be put up with: each takes one part of so many.
    pub(crate) shares: u32,
    pub(crate) bug: Option<Bug>,
}

impl Wiring for Seamed {
    fn store(&self, service: &'static str, spaces: Vec<Space>) -> BoxFuture<'_, Result<Arc<dyn Store>>> {
        let disk = self.disks.get(service).cloned().unwrap_or_default();
        let store = MemoryStore::open(&disk, spaces, self.machine.host());
        let late = stands_still(service, self.shares);
        Box::pin(std::future::ready(Ok(self.machine.store(service, store, late))))
    }

    fn link(&self, service: &'static str, router: axum::Router) -> BoxFuture<'_, Result<Client>> {
        let (machine, done) = (self.machine.clone(), self.done.clone());
        let inner = Client::in_process(router, machine.host()).transport();
        let line = Line { service, inner, machine: machine.clone(), done, shares: self.shares };
        Box::pin(std::future::ready(Ok(Client::over(Arc::new(line), machine.host()))))
    }

    fn ledger(&self, env: &ServiceEnv) -> Ledger {
        let ledger = env.ledger();
        match self.bug {
            Some(Bug::NoTombstone) => ledger.sabotaged_without_tombstone(),
            Some(Bug::Race) => ledger.sabotaged_with_a_race(),
            Some(Bug::Engine(_)) | None => ledger,
        }
    }
}

/// The calls of one service, through the seam.
#[derive(Clone, Debug)]
struct Line {
    service: &'static str,
    inner: Arc<dyn Transport>,
    machine: Machine,
    done: Done,
    shares: u32,
}

impl Transport for Line {
    fn call(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>>> {
        let line = self.clone();
        let path = without_ids(request.uri().path());
        let name = format!("{} {} {path}", request.method(), self.service);
        let late = late(self.service, &path, self.shares);
        let callee = move || {
            let (line, path, request) = (line.clone(), path.clone(), request.clone());
            async move {
                let (method, key) = (request.method().clone(), key_of(&request));
                let answer = line.inner.call(request).await;
                if let Ok(response) = &answer {
                    line.observe(&method, path, key, response);
                }
                answer
            }
        };
        Box::pin(self.machine.seam().call(name, late, callee))
    }
}

/// How late a request may arrive: behind its caller's patience, and for the provider inside the window in which a probe's
/// "not found" is no answer. A ledger refuses what comes after its undo however late it is.
fn late(service: &str, path: &str, shares: u32) -> Duration {
    match (service, path) {
        ("payments", "/capture") => Duration::from_secs(6) / shares,
        ("payments" | "psp", _) => Duration::from_secs(3) / shares,
        _ => Duration::from_secs(30),
    }
}

/// How long a store stands still: longer than its callers wait. Ordering's must move again within the time that a payment
/// is given, the provider's inside its window, and a participant's before an undo has made its last attempt.
fn stands_still(service: &str, shares: u32) -> Duration {
    let most = match service {
        "psp" => Duration::from_millis(2_900),
        "ordering" => Duration::from_secs(6),
        _ => Duration::from_secs(31),
    };
    most / shares
}

fn without_ids(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with("pi_") { "{id}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

fn key_of(request: &Request<Bytes>) -> String {
    let key = request.headers().get("idempotency-key").and_then(|key| key.to_str().ok());
    key.unwrap_or_default().to_owned()
}

impl Line {
    /// Counts what the participants' answers show.
    fn observe(&self, method: &Method, path: String, key: String, response: &Response<Bytes>) {
        let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        match (self.service, method) {
            ("payments", &Method::GET) => self.machine.count(match body["state"].as_str() {
                Some("authorized" | "captured") => "probe_found",
                Some("processing") => "probe_waits",
                _ => "probe_not_found",
            }),
            ("psp", _) if response.headers().contains_key("idempotent-replayed") => {
                self.machine.count("provider_replayed");
            }
            ("inventory" | "loyalty" | "shipping", &Method::POST) if response.status().is_success() => {
                let is_new = self.done.lock().unwrap_or_else(PoisonError::into_inner).insert((self.service, path, key));
                if !is_new {
                    self.machine.count("ledger_replayed");
                }
            }
            ("inventory" | "loyalty", &Method::POST) if body["type"] == "/problems/undone" => {
                self.machine.count("late_refused");
            }
            _ => {}
        }
    }
}
