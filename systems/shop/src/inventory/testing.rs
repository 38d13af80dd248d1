//! One service over a store in memory, as the tests of the participants drive it.

use crate::env::ServiceEnv;
use axum::Router;
use partita::core::memory::{MemoryDisk, MemoryStore};
use partita::core::{Commit, Expect, Part, Put, Result, Space, Store};
use partita::http::{Client, Ledger, Reply};
use partita::time::{Entropy, Host, TaskGroup, Timestamp, TokioClock};
use serde_json::Value;
use std::sync::Arc;

pub(crate) struct Service {
    pub(crate) client: Client,
    pub(crate) store: Arc<MemoryStore>,
    group: TaskGroup,
    disk: MemoryDisk,
    spaces: Vec<Space>,
}

impl Service {
    pub(crate) async fn open(
        spaces: Vec<Space>,
        router: impl AsyncFnOnce(ServiceEnv, Ledger) -> Result<Router>,
    ) -> Self {
        Self::on(MemoryDisk::new(), spaces, router).await
    }

    /// Ends the service where it stands and opens it again on what is durable.
    pub(crate) async fn crash(self, router: impl AsyncFnOnce(ServiceEnv, Ledger) -> Result<Router>) -> Self {
        self.group.end().await;
        Self::on(self.disk, self.spaces, router).await
    }

    async fn on(
        disk: MemoryDisk,
        spaces: Vec<Space>,
        router: impl AsyncFnOnce(ServiceEnv, Ledger) -> Result<Router>,
    ) -> Self {
        let group = TaskGroup::new();
        let clock = Arc::new(TokioClock::anchored(Timestamp::from_millis(1_000)));
        let host = Host { clock, spawner: Arc::new(group.clone()), entropy: Arc::new(Entropy::seeded(1)) };
        let store = MemoryStore::open(&disk, spaces.clone(), &host);
        let env = ServiceEnv { store: store.clone(), host: host.clone() };
        let ledger = env.ledger();
        let router = router(env, ledger).await.unwrap();
        Self { client: Client::in_process(router, &host), store, group, disk, spaces }
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: &Value) -> Reply {
        self.client.post(path).key(key).json(body).send().await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let reply = self.client.get(path).send().await.unwrap();
        assert_eq!(reply.status, 200, "{path}");
        reply.json().unwrap()
    }

    /// Writes a row of the ledger as somebody with a database shell would.
    pub(crate) async fn edit_row(&self, key: &str, text: &str) {
        let name = Ledger::space().name;
        let record = partita::core::Records::get(&*self.store, name, key).await.unwrap();
        let expect = record.map_or(Expect::Absent, |record| Expect::Exactly(record.revision));
        self.store.commit(Commit::of(Part::new().put(Put::value(name, key, expect, text.to_owned())))).await.unwrap();
    }
}

/// Status, slug and reason of a refusal.
pub(crate) fn refusal(reply: &Reply) -> (u16, String, Value) {
    let problem = reply.problem().unwrap_or_else(|| panic!("{reply:?} is no problem"));
    (problem.status, problem.slug, problem.members.get("reason").cloned().unwrap_or_default())
}
