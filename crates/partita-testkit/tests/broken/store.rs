//! A memory store that keeps every promise but one.

use crate::sabotage::Sabotage;
use partita_core::memory::MemoryStore;
use partita_core::{
    Append, Checkpoint, Commit, Conflict, DuePage, Error, Expect, Fence, FieldValue, Find, Found, Head, Item,
    JournalEntry, Journals, Log, Part, Position, Prune, Put, Read, Receipt, Record, Recorded, Records, Reply, Result,
    Store, StoreFacts, StreamId, Ticket, Version,
};
use partita_testkit::conformance::spaces;
use partita_time::{BoxFuture, Host};
use serde_json::value::RawValue;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use uuid::Uuid;

/// `truth` answers commits; `view` is what reads see where they lag behind.
#[derive(Debug)]
pub(crate) struct Broken {
    truth: Arc<MemoryStore>,
    view: Arc<MemoryStore>,
    sabotage: Sabotage,
    host: Host,
    held: Arc<Mutex<Option<(Commit, Reply)>>>,
    guards: Arc<AtomicU64>,
}

impl Broken {
    pub(crate) fn new(truth: Arc<MemoryStore>, view: Arc<MemoryStore>, sabotage: Sabotage, host: &Host) -> Self {
        let guards = Arc::new(AtomicU64::new(host.entropy.next_u64()));
        Self { truth, view, sabotage, host: host.clone(), held: Arc::default(), guards }
    }

    fn reads(&self) -> &MemoryStore {
        if self.sabotage == Sabotage::AnswersBeforeItApplies { &self.view } else { &self.truth }
    }

    fn is(&self, sabotage: Sabotage) -> bool {
        self.sabotage == sabotage
    }

    /// A put that always holds, for commits that lost their own guard.
    fn guard(&self) -> Put {
        guard(&self.guards)
    }

    fn submit_late(&self, commit: Commit, wait: Duration) -> Ticket {
        let (reply, ticket) = Ticket::pair();
        let (store, clock) = (self.truth.clone(), self.host.clock.clone());
        self.host.spawner.spawn(Box::pin(async move {
            clock.sleep(wait).await;
            reply.send(store.submit(commit).await);
        }));
        ticket
    }

    fn submit_swapped(&self, commit: Commit) -> Ticket {
        let (reply, ticket) = Ticket::pair();
        let earlier = self.held.lock().unwrap().take();
        let Some((earlier, waiting)) = earlier else {
            *self.held.lock().unwrap() = Some((commit, reply));
            let (held, store, clock) = (self.held.clone(), self.truth.clone(), self.host.clock.clone());
            self.host.spawner.spawn(Box::pin(async move {
                clock.sleep(Duration::from_millis(1)).await;
                let late = held.lock().unwrap().take();
                if let Some((commit, reply)) = late {
                    reply.send(store.submit(commit).await);
                }
            }));
            return ticket;
        };
        let (second, first) = (self.truth.submit(commit), self.truth.submit(earlier));
        self.host.spawner.spawn(Box::pin(async move {
            reply.send(second.await);
            waiting.send(first.await);
        }));
        ticket
    }

    /// Submits, and after a conflict something else as well, whose answer may replace the conflict.
    fn submit_then(&self, commit: Commit, then: fn(Commit, &Conflict) -> Commit, replaces: bool) -> Ticket {
        let (reply, ticket) = Ticket::pair();
        let (store, guards) = (self.truth.clone(), self.guards.clone());
        let first = store.submit(commit.clone());
        self.host.spawner.spawn(Box::pin(async move {
            let mut answer = first.await;
            if let Some(conflict) = answer.as_ref().err().and_then(Error::conflict) {
                let more = then(commit, conflict).with(Part::new().put(guard(&guards)));
                let second = store.submit(more).await;
                if replaces {
                    answer = second;
                }
            }
            reply.send(answer);
        }));
        ticket
    }

    fn submit_answered(&self, commit: Commit, answered: fn(Result<Receipt>) -> Result<Receipt>) -> Ticket {
        let (reply, ticket) = Ticket::pair();
        let first = self.truth.submit(commit);
        self.host.spawner.spawn(Box::pin(async move { reply.send(answered(first.await)) }));
        ticket
    }

    fn drop_absent_checks(&self, mut commit: Commit) -> Commit {
        for put in commit.part.puts.iter_mut().filter(|put| put.expect == Expect::Absent) {
            put.expect = Expect::Any;
        }
        commit.with(Part::new().put(self.guard()))
    }

    fn shown(&self, mut recorded: Recorded) -> Recorded {
        if self.is(Sabotage::SkipsAPosition) {
            recorded.position = skipping(recorded.position);
        }
        if self.is(Sabotage::RewritesData) {
            let parsed: serde_json::Value = serde_json::from_str(recorded.event.data.get()).unwrap();
            recorded.event.data = RawValue::from_string(parsed.to_string()).unwrap();
        }
        recorded
    }
}

fn guard(guards: &AtomicU64) -> Put {
    let n = guards.fetch_add(1, Ordering::Relaxed);
    Put::value("other", format!("sabotage-{n}"), Expect::Absent, "{}".to_owned())
}

fn skipping(position: Position) -> Position {
    if position > 3 { position + 1 } else { position }
}

fn first_half(commit: Commit, _: &Conflict) -> Commit {
    let any = |append: Append| Append { expect: Version::Any, ..append };
    let mut part = Part { appends: commit.part.appends.into_iter().take(1).map(any).collect(), ..Part::default() };
    part.puts = commit.part.puts.into_iter().take(1).map(|put| Put { expect: Expect::Any, ..put }).collect();
    Commit::of(part)
}

fn counters(commit: Commit, _: &Conflict) -> Commit {
    Commit::of(Part { adds: commit.part.adds, ..Part::default() })
}

fn adapted(mut commit: Commit, conflict: &Conflict) -> Commit {
    match conflict.item {
        Item::Append(index) => commit.part.appends[index].expect = Version::Any,
        Item::Put(index) => commit.part.puts[index].expect = Expect::Any,
        Item::Journal(index) => {
            if let Found::Length(length) = conflict.found {
                commit.journals[index].expect = length;
            }
        }
    }
    commit
}

fn hidden(answer: Result<Receipt>) -> Result<Receipt> {
    answer.map_err(|error| {
        let Some(conflict) = error.conflict() else { return error };
        let found = match conflict.found {
            Found::Version(_) => Found::Version(None),
            Found::Record(_) => Found::Record(None),
            Found::Length(_) => Found::Length(0),
        };
        Error::conflict_at(Conflict { item: conflict.item, found })
    })
}

fn skipped(answer: Result<Receipt>) -> Result<Receipt> {
    answer.map(|receipt| Receipt { positions: receipt.positions.into_iter().map(skipping).collect(), ..receipt })
}

impl Store for Broken {
    fn submit(&self, mut commit: Commit) -> Ticket {
        if let Err(error) = partita_core::check(&commit, &spaces()) {
            return Ticket::refused(error);
        }
        match self.sabotage {
            Sabotage::AnswersBeforeItApplies => {
                let (view, clock, late) = (self.view.clone(), self.host.clock.clone(), commit.clone());
                self.host.spawner.spawn(Box::pin(async move {
                    clock.sleep(Duration::from_millis(2)).await;
                    let _ = view.submit(late).await;
                }));
                self.truth.submit(commit)
            }
            Sabotage::SwapsCommits => self.submit_swapped(commit),
            Sabotage::DropsAbsentChecks => self.truth.submit(self.drop_absent_checks(commit)),
            Sabotage::LeaksHalfARefusedCommit => self.submit_then(commit, first_half, false),
            Sabotage::KeepsCountersOfRefusedCommits => self.submit_then(commit, counters, false),
            Sabotage::TriesAgainByItself => self.submit_then(commit, adapted, true),
            Sabotage::SkipsAPosition => self.submit_answered(commit, skipped),
            Sabotage::HidesWhatConflicted => self.submit_answered(commit, hidden),
            Sabotage::ForgetsTheQueueWhenClosed => self.submit_late(commit, Duration::from_millis(5)),
            Sabotage::IgnoresFences => {
                commit.fence = None;
                self.truth.submit(commit)
            }
            Sabotage::PrunesTooMuch => {
                for prune in &mut commit.prunes {
                    if let Prune::Expired { most, .. } = prune {
                        *most = u32::MAX;
                    }
                }
                self.truth.submit(commit)
            }
            _ => self.truth.submit(commit),
        }
    }

    fn commit(&self, commit: Commit) -> Read<'_, Receipt> {
        if self.is(Sabotage::Nothing) { self.truth.commit(commit) } else { Box::pin(self.submit(commit)) }
    }

    fn fence(&self, shard: u16) -> Fence {
        self.truth.fence(shard)
    }

    fn incarnation(&self) -> u64 {
        self.truth.incarnation()
    }

    fn facts(&self) -> StoreFacts {
        self.truth.facts()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.truth.close()
    }
}

impl Log for Broken {
    fn head(&self) -> Read<'_, Head> {
        Box::pin(async move {
            let mut head = self.reads().head().await?;
            if self.is(Sabotage::SkipsAPosition) {
                head.position = skipping(head.position);
            }
            if self.is(Sabotage::ChangesItsIdentity) {
                head.log.uuid = Uuid::from_u64_pair(self.incarnation(), 0);
            }
            Ok(head)
        })
    }

    fn stream(&self, stream: StreamId, from: u64, limit: usize) -> Read<'_, Vec<Recorded>> {
        Box::pin(async move {
            let events = self.reads().stream(stream, from, limit).await?;
            Ok(events.into_iter().map(|event| self.shown(event)).collect())
        })
    }

    fn behind(&self, mut checkpoint: Checkpoint, limit: usize) -> Read<'_, Vec<Recorded>> {
        Box::pin(async move {
            let head = self.reads().head().await?;
            if self.is(Sabotage::SkipsAPosition) && checkpoint.position > 3 {
                checkpoint.position -= 1;
            }
            if self.is(Sabotage::ChangesItsIdentity) {
                checkpoint.log = head.log;
            }
            if self.is(Sabotage::TakesAnyCheckpoint) {
                checkpoint = Checkpoint { log: head.log, position: checkpoint.position.min(head.position) };
            }
            let events = self.reads().behind(checkpoint, limit).await?;
            Ok(events.into_iter().map(|event| self.shown(event)).collect())
        })
    }

    fn grown(&self, beyond: Position) -> Read<'_, Position> {
        if !self.is(Sabotage::PollsForGrowth) {
            return self.reads().grown(beyond);
        }
        Box::pin(async move {
            loop {
                let head = self.truth.head().await?;
                if head.position > beyond {
                    return Ok(head.position);
                }
                self.host.clock.sleep(Duration::from_millis(5)).await;
            }
        })
    }
}

impl Records for Broken {
    fn get<'a>(&'a self, space: &'static str, key: &'a str) -> Read<'a, Option<Record>> {
        self.reads().get(space, key)
    }

    fn page<'a>(&'a self, space: &'static str, after: Option<&'a str>, limit: usize) -> Read<'a, Vec<Record>> {
        self.reads().page(space, after, limit)
    }

    fn find(&self, mut find: Find) -> Read<'_, Vec<Record>> {
        if self.is(Sabotage::SkipsEqualValuesBetweenPages)
            && let Some((FieldValue::Int(_), key)) = &mut find.after
        {
            *key = if find.descending { String::new() } else { "\u{10ffff}".to_owned() };
        }
        self.reads().find(find)
    }

    fn due(&self, page: DuePage) -> Read<'_, Vec<Record>> {
        self.reads().due(page)
    }

    fn counters(&self, space: &'static str) -> Read<'_, Vec<(String, i64)>> {
        self.reads().counters(space)
    }
}

impl Journals for Broken {
    fn journal(&self, saga: u64, from: u32, limit: usize) -> Read<'_, Vec<JournalEntry>> {
        self.reads().journal(saga, from, limit)
    }
}
