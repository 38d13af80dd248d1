//! The explorer, held to its own rules by worlds that are right and worlds that are not.

use super::{Double, Explorer, Fault, Machine, Odds, Schedule, Simulator, Twice, World};
use crate::{Intercept, Intercepted};
use partita_core::memory::{MemoryDisk, MemoryStore};
use partita_core::{Commit, Expect, Part, Put, Read, Receipt, Result, Space, Store, Ticket};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

static SHARED: AtomicU64 = AtomicU64::new(0);
const LATE: Duration = Duration::from_secs(30);

/// How the world goes about its work.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Defects {
    /// The call has another key each time.
    fresh_key: bool,
    /// What must be one commit is two.
    torn: bool,
    /// It draws on something that two runs share.
    by_chance: bool,
    /// It never ends.
    endless: bool,
    /// Commits without end.
    circles: bool,
}

/// An office that books a thing, and a shop that delivers it.
#[derive(Default)]
struct Office {
    defects: Defects,
    books: MemoryDisk,
    shop: MemoryDisk,
    tries: u64,
}

struct Process {
    books: Arc<dyn Store>,
    shop: Arc<dyn Store>,
}

fn put(key: String, expect: Expect) -> Commit {
    Commit::of(Part::new().put(Put::value("things", key, expect, "{}".to_owned())))
}

async fn things(store: &dyn Store) -> usize {
    store.page("things", None, 100).await.unwrap().len()
}

impl Process {
    /// The shop delivers in a task of its own, once for each key.
    async fn deliver(&self, machine: &Machine, key: String) {
        let (shop, spawner) = (self.shop.clone(), machine.host().spawner.clone());
        let call = move || {
            let (done, answered) = tokio::sync::oneshot::channel();
            let (shop, key) = (shop.clone(), key.clone());
            spawner.spawn(Box::pin(async move {
                let _ = shop.commit(put(key, Expect::Absent)).await;
                let _ = done.send(());
            }));
            async move {
                let _ = answered.await;
                Ok(())
            }
        };
        let call = machine.seam().call("POST shop /deliver".to_owned(), LATE, call);
        let _ = partita_time::timeout(&*machine.host().clock, Duration::from_secs(5), call).await;
    }

    async fn book(&self, defects: Defects) {
        if defects.torn {
            let _ = self.books.commit(put("booked".to_owned(), Expect::Absent)).await;
            if things(&*self.books).await == 1 {
                let _ = self.books.commit(put("paid".to_owned(), Expect::Absent)).await;
            }
            return;
        }
        let both = put("booked".to_owned(), Expect::Absent);
        let paid = Part::new().put(Put::value("things", "paid", Expect::Absent, "{}".to_owned()));
        let both = both.with(paid);
        // An error says nothing: what is there says it.
        while self.books.commit(both.clone()).await.is_err() && things(&*self.books).await == 0 {}
    }
}

impl World for Office {
    type Process = Process;

    async fn start(&mut self, machine: &Machine) -> Result<Process> {
        let open = |disk| MemoryStore::open(disk, vec![Space::named("things")], machine.host());
        Ok(Process {
            books: machine.store("books", open(&self.books), LATE),
            shop: machine.store("shop", open(&self.shop), LATE),
        })
    }

    async fn drive(&mut self, machine: &Machine, process: &Process) {
        if self.defects.by_chance {
            machine.note(format!("draws {}", SHARED.fetch_add(1, Ordering::Relaxed)));
        }
        if self.defects.circles {
            loop {
                let _ = process.books.commit(put("x".to_owned(), Expect::Absent)).await;
            }
        }
        if self.defects.torn && things(&*process.books).await > 0 {
            return;
        }
        process.book(self.defects).await;
        self.tries += 1;
        let key = if self.defects.fresh_key { format!("thing {}", self.tries) } else { "thing".to_owned() };
        process.deliver(machine, key).await;
        if self.defects.endless {
            std::future::pending::<()>().await;
        }
        machine.host().clock.sleep(2 * LATE).await;
    }

    async fn check(&mut self, machine: &Machine, process: &Process) -> Vec<String> {
        machine.count("checked");
        if machine.number() > 1 {
            machine.count("again");
        }
        let (books, shop) = (things(&*process.books).await, things(&*process.shop).await);
        let mut found = vec![];
        if books != 2 {
            found.push(format!("{books} entries in the books"));
        }
        if shop > 1 {
            found.push(format!("delivered {shop} times"));
        }
        found
    }
}

fn office(defects: Defects) -> impl Fn() -> Office + Sync {
    move || Office { defects, ..Office::default() }
}

#[test]
fn a_right_world_is_explored_whole() {
    let explorer = Explorer { double: Double::All, ..Explorer::default() };
    let explored = explorer.explore(&["checked", "again", "crashes"], office(Defects::default()));
    assert_eq!(explored.failures, []);
    assert!(explored.is_good());
    assert_eq!((explored.commits, explored.calls, explored.points, explored.explored), (2, 1, 18, 18));
    assert_eq!(explored.by_fault, Fault::ALL.map(|fault| (fault, 3)).into());
    let Twice { possible, points, explored: crashed } = explored.twice;
    assert_eq!((possible, points, crashed), (36, 36, 36));
    assert_eq!(explored.sometimes["crashes"], 6 + 2 * 36);
}

#[test]
fn a_sample_of_second_crashes_says_how_many_there_are() {
    let explorer = Explorer { double: Double::Sample(5), ..Explorer::default() };
    let explored = explorer.explore(&[], office(Defects::default()));
    assert_eq!(explored.twice, Twice { possible: 36, points: 5, explored: 5 });
    assert!(explored.is_good());
}

#[test]
fn a_counter_that_stays_zero_is_not_good() {
    let explored = Explorer::default().explore(&["checked", "a miracle"], office(Defects::default()));
    assert_eq!(explored.never(), ["a miracle"]);
    assert!(!explored.is_good());
}

#[test]
fn two_commits_for_one_thing_are_caught_between_them() {
    let failure = Explorer::default().shortest(office(Defects { torn: true, ..Defects::default() })).unwrap();
    assert_eq!(failure.schedule, "crash after commit 1: books [things]");
    assert_eq!(failure.violations, ["1 entries in the books"]);
}

#[test]
fn a_fresh_key_is_caught_behind_the_effect() {
    let failure = Explorer::default().shortest(office(Defects { fresh_key: true, ..Defects::default() })).unwrap();
    assert_eq!(failure.schedule, "crash after call 1: POST shop /deliver");
    assert_eq!(failure.violations, ["delivered 2 times"]);
    let explorer = Explorer { faults: vec![Fault::Duplicate, Fault::Late], ..Explorer::default() };
    let failure = explorer.shortest(office(Defects { fresh_key: true, ..Defects::default() }));
    assert_eq!(failure, None, "a request that is delivered twice has one key");
}

#[test]
fn what_draws_on_chance_is_told() {
    let explored = Explorer::default().explore(&[], office(Defects { by_chance: true, ..Defects::default() }));
    let schedules: Vec<&str> = explored.failures.iter().map(|failure| failure.schedule.as_str()).collect();
    assert_eq!(schedules, ["twice the same run"]);
}

#[test]
fn what_never_ends_is_a_violation() {
    for defects in [Defects { endless: true, ..Defects::default() }, Defects { circles: true, ..Defects::default() }] {
        let run = Explorer::default().run(office(defects)(), &Schedule::calm());
        assert_eq!(run.violations.len(), 1, "{:?}", run.violations);
    }
}

#[test]
fn a_crash_lets_nothing_through_behind_it() {
    let run = Explorer::default().run(Office::default(), &Schedule::one(1, Fault::Before));
    assert_eq!(run.processes[0].len(), 1, "{:?}", run.trace.lines());
    assert_eq!((run.processes.len(), run.struck), (2, 1));
}

#[test]
fn an_error_leaves_open_whether_the_commit_was_applied() {
    for (fault, tries) in [(Fault::NotApplied, 2), (Fault::Applied, 1)] {
        let run = Explorer::default().run(Office::default(), &Schedule::one(1, fault));
        let books = run.processes[0].iter().filter(|operation| operation.name.starts_with("books")).count();
        assert_eq!((books, run.violations.len(), run.processes.len()), (tries, 0, 1), "{:?}", run.trace.lines());
    }
}

#[test]
fn a_store_that_stands_still_applies_afterwards_what_was_handed_in() {
    let run = Explorer::default().run(Office::default(), &Schedule::one(1, Fault::Late));
    assert!(
        run.trace.lines().iter().any(|line| line.contains("30.000 s  books moves again")),
        "{:?}",
        run.trace.lines()
    );
    assert_eq!((run.violations.len(), run.processes.len()), (0, 1));
}

#[test]
fn a_commit_that_can_be_applied_twice_is_a_violation_by_itself() {
    /// Gives each put a key of its own, so that no guard holds.
    #[derive(Debug)]
    struct Renames(Arc<dyn Store>, AtomicU64);
    impl Intercept for Renames {
        fn store(&self) -> &dyn Store {
            &*self.0
        }
        fn submit(&self, mut commit: Commit) -> Ticket {
            for put in &mut commit.part.puts {
                put.key = format!("{} {}", put.key, self.1.fetch_add(1, Ordering::Relaxed));
            }
            self.0.submit(commit)
        }
        fn commit(&self, commit: Commit) -> Read<'_, Receipt> {
            Box::pin(Intercept::submit(self, commit))
        }
    }
    #[derive(Default)]
    struct Careless(MemoryDisk);
    impl World for Careless {
        type Process = Arc<dyn Store>;
        async fn start(&mut self, machine: &Machine) -> Result<Arc<dyn Store>> {
            let store = MemoryStore::open(&self.0, vec![Space::named("things")], machine.host());
            let store = Intercepted(Renames(store, AtomicU64::new(0)));
            Ok(machine.store("books", Arc::new(store), LATE))
        }
        async fn drive(&mut self, machine: &Machine, store: &Arc<dyn Store>) {
            let _ = store.commit(put("thing".to_owned(), Expect::Absent)).await;
            machine.host().clock.sleep(LATE).await;
        }
        async fn check(&mut self, _: &Machine, _: &Arc<dyn Store>) -> Vec<String> {
            vec![]
        }
    }
    let run = Explorer::default().run(Careless::default(), &Schedule::one(1, Fault::Duplicate));
    assert_eq!(run.violations, ["the same commit took effect twice: books [things]"]);
}

#[test]
fn a_seed_draws_its_faults_and_draws_them_again() {
    let odds = Odds { crash: 500, not_applied: 500, applied: 500, duplicate: 500, late: 500, ..Odds::default() };
    let run = |seed| Simulator { odds, ..Simulator::seeded(seed) }.run(Office::default());
    let runs: Vec<_> = (0..200).map(run).collect();
    assert!(runs.iter().all(|run| run.violations.is_empty()), "{:?}", runs.iter().map(|run| &run.violations));
    for fault in Fault::ALL {
        assert!(runs.iter().any(|run| run.faults.keys().any(|(_, struck)| *struck == fault)), "{fault:?}");
    }
    assert!((0..20).all(|seed| run(seed).trace.hash() == runs[usize::try_from(seed).unwrap()].trace.hash()));
    assert_ne!(runs[0].trace.hash(), runs[1].trace.hash());
    let calm = Simulator { odds: Odds::calm(), ..Simulator::seeded(1) }.run(Office::default());
    assert!(calm.faults.is_empty() && calm.violations.is_empty());
}

#[test]
fn a_late_request_arrives_after_its_caller_gave_up() {
    let run = Explorer::default().run(Office::default(), &Schedule::one(2, Fault::Late));
    let arrived = run.trace.lines().iter().any(|line| line.contains("30.000 s  arrives now: POST shop /deliver"));
    assert!(arrived, "{:#?}", run.trace.lines());
    assert_eq!(run.violations, [""; 0]);
}

#[test]
fn every_schedule_gives_one_trace_however_often_it_runs() {
    let strikes = [(1, Fault::Before), (2, Fault::After), (3, Fault::Applied), (1, Fault::Late), (2, Fault::Duplicate)];
    for (at, fault) in strikes {
        let runs = [(); 2].map(|()| Explorer::default().run(Office::default(), &Schedule::one(at, fault)));
        assert_eq!(runs[0].trace.hash(), runs[1].trace.hash());
        assert_eq!(runs[0].trace.lines(), runs[1].trace.lines());
    }
    let hashes = strikes.map(|(at, fault)| Explorer::default().run(Office::default(), &Schedule::one(at, fault)));
    assert_ne!(hashes[0].trace.hash(), hashes[1].trace.hash());
}

#[test]
fn a_caller_that_gives_up_is_where_a_crash_behind_an_unanswered_call_comes() {
    #[derive(Default)]
    struct Deaf(Cell<u32>);
    impl World for Deaf {
        type Process = ();
        async fn start(&mut self, _: &Machine) -> Result<()> {
            Ok(())
        }
        async fn drive(&mut self, machine: &Machine, (): &()) {
            let call = machine.seam().call("deaf".to_owned(), LATE, std::future::pending::<Result<()>>);
            if machine.number() == 1 {
                let _ = partita_time::timeout(&*machine.host().clock, Duration::from_secs(5), call).await;
                self.0.set(self.0.get() + 1);
                machine.host().clock.sleep(LATE).await;
                self.0.set(self.0.get() + 1);
            }
        }
        async fn check(&mut self, machine: &Machine, (): &()) -> Vec<String> {
            machine.note(format!("gave up {}", self.0.get()));
            vec![]
        }
    }
    let run = Explorer::default().run(Deaf::default(), &Schedule::one(1, Fault::After));
    assert_eq!((run.processes.len(), run.struck), (2, 1));
    assert!(run.trace.lines().iter().any(|line| line.contains("5.000 s  crash")), "{:#?}", run.trace.lines());
}
