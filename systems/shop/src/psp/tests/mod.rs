//! The provider, driven in process over a memory store under paused time.

mod keys;
mod lists;
mod lost;
mod outcomes;
mod races;
mod restless;
mod slow;

use super::{audit_router, router, spaces};
use crate::env::ServiceEnv;
use partita::core::Result;
use partita::core::memory::{MemoryDisk, MemoryStore};
use partita::http::{Client, Reply};
use partita::time::{Clock, Entropy, Host, TaskGroup, Timestamp, TokioClock};
use partita_testkit::Intercepted;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Longer than the provider holds a reply that never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A provider process: its disk survives, everything else can be ended.
pub(crate) struct World {
    disk: MemoryDisk,
    group: TaskGroup,
    store: Arc<Intercepted<restless::Restless>>,
    pub(crate) env: ServiceEnv,
    pub(crate) client: Client,
}

impl World {
    pub(crate) async fn new() -> Self {
        let clock = Arc::new(TokioClock::anchored(Timestamp::from_millis(1_800_000_000_000)));
        Self::start(MemoryDisk::new(), clock).await
    }

    async fn start(disk: MemoryDisk, clock: Arc<dyn Clock>) -> Self {
        let group = TaskGroup::new();
        let host = Host { clock, spawner: Arc::new(group.clone()), entropy: Arc::new(Entropy::seeded(7)) };
        let store = MemoryStore::open(&disk, spaces(), &host);
        let (entropy, loses) = (Entropy::seeded(11), AtomicBool::new(false));
        let store = Arc::new(Intercepted(restless::Restless { inner: store, entropy, loses }));
        let env = ServiceEnv { store: store.clone(), host };
        let routes = router(env.clone()).await.unwrap().merge(audit_router(&env));
        let client = Client::in_process(routes, &env.host);
        Self { disk, group, store, env, client }
    }

    /// Ends the process as a crash does, and starts it on the same disk.
    pub(crate) async fn restart(self) -> Self {
        let Self { disk, group, env, .. } = self;
        group.end().await;
        Self::start(disk, env.host.clock.clone()).await
    }

    /// As [`Self::restart`], after the wall clock was set.
    pub(crate) async fn restart_at(self, now: Timestamp) -> Self {
        self.group.end().await;
        Self::start(self.disk, Arc::new(TokioClock::anchored(now))).await
    }

    pub(crate) async fn create(&self, key: &str, method: &str, order_id: &str) -> Result<Reply> {
        let call = self.client.post("/psp/v1/payment_intents").key(key).json(&params(method, order_id));
        call.timeout(PATIENCE).send().await
    }

    pub(crate) async fn act(&self, key: &str, id: &str, operation: &str) -> Result<Reply> {
        let call = self.client.post(&format!("/psp/v1/payment_intents/{id}/{operation}")).key(key);
        call.timeout(PATIENCE).send().await
    }

    /// A create that must be approved; its intent's id.
    async fn approved(&self, key: &str, method: &str, order_id: &str) -> String {
        let reply = self.create(key, method, order_id).await.unwrap();
        assert_eq!(reply.status, 200, "{reply:?}");
        text(&reply, "/id")
    }

    pub(crate) async fn list(&self, order_id: &str) -> Vec<Value> {
        let reply = self.client.get(&format!("/psp/v1/payment_intents?order_id={order_id}")).send().await.unwrap();
        reply.json::<Value>().unwrap()["data"].as_array().unwrap().clone()
    }

    /// The statuses of an order's intents, oldest first.
    pub(crate) async fn statuses(&self, order_id: &str) -> Vec<String> {
        self.list(order_id).await.iter().map(|intent| intent["status"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) async fn sleep(&self, seconds: u64) {
        self.env.host.clock.sleep(Duration::from_secs(seconds)).await;
    }

    /// Seconds since the test began.
    pub(crate) fn elapsed(&self) -> u64 {
        self.env.host.clock.elapsed().as_secs()
    }

    /// Runs requests at the same time and waits for all answers.
    pub(crate) async fn together(&self, calls: Vec<partita::time::BoxFuture<'static, Result<Reply>>>) -> Vec<Reply> {
        let mut waiting = vec![];
        for call in calls {
            let (done, answer) = tokio::sync::oneshot::channel();
            let answered = async move { drop(done.send(call.await)) };
            self.env.host.spawner.spawn(Box::pin(answered));
            waiting.push(answer);
        }
        let mut replies = vec![];
        for answer in waiting {
            replies.push(answer.await.unwrap().unwrap());
        }
        replies
    }
}

pub(crate) fn params(method: &str, order_id: &str) -> Value {
    json!({
        "amount": 1250, "currency": "eur", "payment_method": method, "capture_method": "manual", "confirm": true,
        "metadata": {"order_id": order_id},
    })
}

pub(crate) fn text(reply: &Reply, pointer: &str) -> String {
    let body: Value = reply.json().unwrap();
    body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn replayed(reply: &Reply) -> bool {
    reply.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
}
