//! An account to test with, and a store whose commits can be held back or refused.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own share")]

mod seam;

use partita_testkit::Intercepted;
pub use seam::Seam;

use futures_util::future::join_all;
use partita_core::memory::{MemoryDisk, MemoryStore};
use partita_core::{Append, Commit, Log, NewEvent, Part, Space, Store, StreamId, Version};
use partita_events::{Aggregate, Decision, Repository};
use partita_time::{Entropy, Host, TaskGroup, Timestamp, TokioClock};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Money that never goes below zero; `sum` also depends on the order of the events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub balance: i64,
    pub changes: u64,
    pub sum: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Paid(i64),
    Drawn(i64),
}

impl Aggregate for Account {
    type Event = Change;
    const CATEGORY: &'static str = "account";

    fn kind(event: &Change) -> &'static str {
        match event {
            Change::Paid(_) => "account.paid",
            Change::Drawn(_) => "account.drawn",
        }
    }

    fn evolve(&mut self, event: &Change) {
        let moved = match event {
            Change::Paid(amount) => *amount,
            Change::Drawn(amount) => -*amount,
        };
        self.balance += moved;
        self.changes += 1;
        self.sum = self.sum.wrapping_mul(31).wrapping_add(moved.unsigned_abs());
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short;

pub fn draw(account: &Account, amount: i64) -> Result<Decision<Change>, Short> {
    if account.balance < amount { Err(Short) } else { Ok(Decision::event(Change::Drawn(amount))) }
}

pub fn pay(amount: i64) -> Result<Decision<Change>, Short> {
    Ok(Decision::event(Change::Paid(amount)))
}

pub struct World {
    pub host: Host,
    pub group: TaskGroup,
    pub disk: MemoryDisk,
    pub seam: Arc<Intercepted<Seam>>,
    pub accounts: Repository<Account>,
}

pub fn spaces() -> Vec<Space> {
    let mut spaces = Repository::<Account>::spaces();
    spaces.push(Space::named("marks"));
    spaces
}

pub fn world(seed: u64) -> World {
    let group = TaskGroup::new();
    let host = Host {
        clock: Arc::new(TokioClock::anchored(Timestamp::from_millis(1_000))),
        spawner: Arc::new(group.clone()),
        entropy: Arc::new(Entropy::seeded(seed)),
    };
    let disk = MemoryDisk::new();
    let seam = Arc::new(Seam::new(MemoryStore::open(&disk, spaces(), &host), host.clone()));
    let accounts = Repository::new(seam.clone(), host.clone(), "/bank");
    World { host, group, disk, seam, accounts }
}

impl World {
    /// Appends as another process would: past the repository, and past what is held back.
    pub async fn foreign(&self, key: &str, expect: Version, changes: &[Change]) {
        let sealed =
            |change: &Change| NewEvent::new(Account::kind(change), key, change).unwrap().seal("/other", &self.host);
        let events = changes.iter().map(sealed).collect();
        let append = Append { stream: StreamId::named(Account::CATEGORY, key), expect, events };
        self.seam.inner().commit(Commit::of(Part::new().append(append))).await.unwrap();
    }

    pub async fn pay(&self, key: &str, amount: i64) {
        self.accounts.execute(&[key], None, |_| pay(amount)).await.unwrap().unwrap();
    }

    /// Makes the lane one that commits are chained in.
    pub async fn busy_lane(&self, key: &str) {
        join_all((0..3).map(|_| self.pay(key, 0))).await;
    }

    pub async fn balance(&self, key: &str) -> i64 {
        self.accounts.load(key).await.unwrap().state.balance
    }

    /// The whole log as text.
    pub async fn trace(&self) -> Vec<String> {
        let start = partita_core::Checkpoint { log: self.seam.inner().head().await.unwrap().log, position: 0 };
        let events = self.seam.inner().behind(start, usize::MAX).await.unwrap();
        events.iter().map(|recorded| format!("{recorded:?}")).collect()
    }
}

/// Lets every task run until it waits for something outside of the runtime.
pub async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}
