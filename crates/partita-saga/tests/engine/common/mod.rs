//! A world in which processes can crash: what survives is the disk, the participant's books and the clock.

pub(crate) mod gate;
pub(crate) mod service;
pub(crate) mod steps;

use gate::Gate;
use partita_core::memory::{MemoryDisk, MemoryStore};
use partita_core::{Journals, Records, Result, Space};
use partita_saga::{Alerts, Class, Engine, ParkedAlert, Registered, Saga, SagaDetail, Sagas, Settings, Started};
use partita_testkit::Intercepted;
use partita_time::{Clock, Entropy, Host, TaskGroup, Timestamp, TokioClock, timeout};
use serde_json::Value;
use service::Service;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use steps::Trip;

pub(crate) const EPOCH: Timestamp = Timestamp::from_millis(1_795_248_000_000);

#[derive(Clone, Debug, Default)]
pub(crate) struct Pager(Arc<Mutex<Vec<ParkedAlert>>>, Arc<Mutex<Vec<String>>>);

impl Pager {
    pub(crate) fn heard(&self) -> Vec<ParkedAlert> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn overdue(&self) -> Vec<String> {
        self.1.lock().unwrap().clone()
    }
}

impl Alerts for Pager {
    fn parked(&self, alert: &ParkedAlert) {
        self.0.lock().unwrap().push(alert.clone());
    }

    fn overdue(&self, saga: &str, what: &str) {
        self.1.lock().unwrap().push(format!("{saga}: {what}"));
    }
}

pub(crate) struct World {
    pub(crate) clock: TokioClock,
    pub(crate) disk: MemoryDisk,
    pub(crate) service: Service,
    pub(crate) pager: Pager,
    pub(crate) settings: Settings,
    pub(crate) seed: u64,
}

pub(crate) struct Process {
    group: TaskGroup,
    pub(crate) host: Host,
    pub(crate) gate: Arc<Intercepted<Gate>>,
    pub(crate) engine: Engine,
    pub(crate) registered: Vec<Registered<Trip>>,
}

/// A space of the test's own, for parts.
pub(crate) const NOTES: &str = "notes";

impl World {
    pub(crate) fn new() -> Self {
        let clock = TokioClock::anchored(EPOCH);
        let (disk, pager, settings) = (MemoryDisk::new(), Pager::default(), Settings::default());
        Self { clock, disk, service: Service::new(clock), pager, settings, seed: 1 }
    }

    /// A process whose engine has not begun.
    pub(crate) fn open(&self, sagas: &[&Saga<Trip, Service>]) -> Process {
        let group = TaskGroup::new();
        let entropy = Arc::new(Entropy::seeded(self.seed));
        let host = Host { clock: Arc::new(self.clock), spawner: Arc::new(group.clone()), entropy };
        let mut spaces = Engine::spaces();
        spaces.push(Space::named(NOTES));
        let gate = Arc::new(Gate::new(MemoryStore::open(&self.disk, spaces, &host)));
        let engine = Engine::new(gate.clone(), host.clone(), self.settings.clone());
        engine.alert(Arc::new(self.pager.clone()));
        let registered = sagas.iter().map(|saga| engine.register(saga, self.service.clone()).unwrap()).collect();
        Process { group, host, gate, engine, registered }
    }

    pub(crate) fn boot(&self, sagas: &[&Saga<Trip, Service>]) -> Process {
        let process = self.open(sagas);
        process.engine.begin();
        process
    }

    pub(crate) async fn pass(&self, time: Duration) {
        self.clock.sleep(time).await;
    }

    pub(crate) fn elapsed(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_millis()).unwrap()
    }
}

impl Process {
    pub(crate) async fn start(&self, id: &str) -> Started {
        self.try_start(id).await.unwrap()
    }

    pub(crate) async fn try_start(&self, id: &str) -> Result<Started> {
        self.registered[0].run(id, &Trip::default()).await
    }

    /// Runs until the saga has ended or is parked.
    pub(crate) async fn rests(&self, id: &str) -> SagaDetail {
        let mut changes = self.engine.changes();
        let rest = async {
            loop {
                let detail = self.look(id).await;
                if detail.row.class.is_ended() || detail.row.class == Class::Parked {
                    return detail;
                }
                let _ = changes.recv().await;
            }
        };
        match timeout(&*self.host.clock, Duration::from_secs(3_600), rest).await {
            Ok(detail) => detail,
            Err(_) => panic!("{id} neither ended nor parked: {:#?}", self.look(id).await),
        }
    }

    pub(crate) async fn look(&self, id: &str) -> SagaDetail {
        self.engine.detail(id).await.unwrap().unwrap()
    }

    /// Every task and all memory are gone.
    pub(crate) async fn crash(self) {
        self.group.end().await;
    }

    /// Number of the saga's journal.
    pub(crate) async fn number(&self, id: &str) -> u64 {
        let row = self.gate.get("sagas", id).await.unwrap().unwrap();
        serde_json::from_str::<Value>(&row.value).unwrap()["number"].as_u64().unwrap()
    }

    /// The saga's records as JSON.
    pub(crate) async fn journal(&self, id: &str) -> Vec<Value> {
        let entries = self.gate.journal(self.number(id).await, 0, 10_000).await.unwrap();
        entries.iter().map(|entry| serde_json::from_slice(&entry.body[1..]).unwrap()).collect()
    }

    /// The saga's records, each fact as one word or so.
    pub(crate) async fn facts(&self, id: &str) -> Vec<String> {
        let journal = self.journal(id).await;
        journal
            .iter()
            .map(|record| record["f"].as_array().unwrap().iter().map(in_short).collect::<Vec<_>>().join(", "))
            .collect()
    }

    pub(crate) async fn note(&self, key: &str) -> Option<String> {
        self.gate.get(NOTES, key).await.unwrap().map(|record| record.value)
    }
}

fn in_short(fact: &Value) -> String {
    if let Some(word) = fact.as_str() {
        return word.to_owned();
    }
    let (word, body) = fact.as_object().unwrap().iter().next().unwrap();
    let verb = body["v"].as_str().unwrap_or_default();
    let parts = [word.clone(), body["l"].to_string(), format!("{verb}{}", body["n"])];
    parts.join(" ").replace("null", "").trim().to_owned()
}

/// The names of a timeline, each with its step.
pub(crate) fn story(detail: &SagaDetail) -> Vec<String> {
    let entries = detail.timeline.iter();
    entries
        .map(|entry| [Some(entry.event), entry.step.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" "))
        .collect()
}

/// What a fault-free end must show: everything done, or nothing left behind.
pub(crate) fn is_right(world: &World, detail: &SagaDetail) {
    let (id, left) = (&detail.row.id, world.service.left_behind(&detail.row.id));
    match detail.row.class {
        Class::Completed => {
            assert!(left.iter().all(|(_, net)| *net == 1), "{id}: {left:?}");
            assert_eq!(left.len(), detail.steps.len(), "{id}: {left:?}");
        }
        Class::Compensated => assert_eq!(left, [], "{id}: {:#?}", story(detail)),
        Class::Parked => assert!(detail.row.reason.is_some()),
        Class::Running | Class::Waiting | Class::Unwinding => panic!("{id} has no end"),
    }
}

/// No doing once undoing began, and undos last step first.
pub(crate) fn goes_back_in_order(world: &World, detail: &SagaDetail) {
    let heard = world.service.heard(&detail.row.id);
    let first_undo = heard.iter().position(|call| call.starts_with("undo")).unwrap_or(heard.len());
    assert!(heard[first_undo..].iter().all(|call| !call.starts_with("do ")), "{heard:?}");
    let place =
        |call: &String| detail.steps.iter().position(|step| call.ends_with(&format!(" {}", step.name))).unwrap();
    let undos: Vec<usize> = heard[first_undo..].iter().filter(|call| call.starts_with("undo")).map(place).collect();
    assert!(undos.is_sorted_by(|a, b| a >= b), "{heard:?}");
}
