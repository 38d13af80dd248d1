//! Loading, snapshots, several keys at once, determinism.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Account, Change, Short, draw, pay, spaces, world};
use futures_util::future::join_all;
use partita_core::memory::MemoryStore;
use partita_core::{Append, Commit, ErrorKind, Expect, NewEvent, Part, Put, Records, Store, StreamId, Version};
use partita_events::{Aggregate, Decision, Loaded, Repository, SNAPSHOTS};
use proptest::prelude::*;

/// Moves money from the first key to the second.
fn transfer(states: &[&Account], amount: i64) -> Result<Decision<Change>, Short> {
    draw(states[0], amount)?;
    Ok(Decision::events(vec![(0, Change::Drawn(amount)), (1, Change::Paid(amount))]))
}

fn folded(changes: &[Change]) -> Loaded<Account> {
    let mut state = Account::default();
    changes.iter().for_each(|change| state.evolve(change));
    Loaded { state, version: (changes.len() as u64).checked_sub(1) }
}

#[tokio::test(start_paused = true)]
async fn several_keys_change_together_or_not_at_all() {
    let world = world(1);
    world.pay("a", 5).await;
    let move_five = || world.accounts.execute(&["a", "b"], Some("request-1"), |states| transfer(states, 5));
    let receipt = move_five().await.unwrap().unwrap();
    assert_eq!((receipt.versions.as_slice(), receipt.positions.as_slice()), ([1, 0].as_slice(), [2, 3].as_slice()));
    assert_eq!(move_five().await.unwrap(), Err(Short));
    assert_eq!((world.balance("a").await, world.balance("b").await), (0, 5));
    let events = world.seam.inner();
    let paid = partita_core::Log::stream(events, StreamId::named("account", "b"), 0, 9).await.unwrap();
    assert_eq!(paid[0].event.correlation_id.as_deref(), Some("request-1"));
    assert_eq!((paid[0].event.kind.as_str(), paid[0].event.subject.as_deref()), ("account.paid", Some("b")));
}

#[tokio::test(start_paused = true)]
async fn a_conflict_on_one_key_leaves_the_other_alone_until_both_fit() {
    let world = world(2);
    world.pay("a", 9).await;
    world.pay("b", 0).await;
    world.foreign("b", Version::Exactly(0), &[Change::Paid(1)]).await;
    assert!(world.accounts.execute(&["a", "b"], None, |states| transfer(states, 4)).await.unwrap().is_ok());
    assert_eq!((world.balance("a").await, world.balance("b").await), (5, 5));
    assert_eq!(world.accounts.load("a").await.unwrap().version, Some(1));
}

#[tokio::test(start_paused = true)]
async fn crossing_transfers_keep_the_sum() {
    let world = world(3);
    join_all(["a", "b", "c"].map(|key| world.pay(key, 20))).await;
    let pairs = [["a", "b"], ["b", "a"], ["b", "c"], ["c", "a"], ["a", "c"]];
    let calls = (0..100).map(|n| {
        let keys = pairs[n % pairs.len()];
        let world = &world;
        async move { world.accounts.execute(&keys, None, |states| transfer(states, 3)).await.unwrap() }
    });
    let done = join_all(calls).await.into_iter().filter(Result::is_ok).count();
    assert!(done > 20);
    let balances = [world.balance("a").await, world.balance("b").await, world.balance("c").await];
    assert_eq!(balances.iter().sum::<i64>(), 60);
    assert!(balances.iter().all(|balance| *balance >= 0));
}

#[tokio::test(start_paused = true)]
async fn a_state_that_was_only_looked_at_is_durable_before_it_counts() {
    let world = world(4);
    world.busy_lane("flag").await;
    world.seam.hold();
    let number = world.seam.submitted() + 1;
    world.seam.fill_at(number);
    let raise = world.accounts.execute(&["flag"], None, |_| pay(1));
    let act = world.accounts.execute(&["flag", "b"], None, |states| {
        if states[0].balance == 1 { Ok(Decision::events(vec![(1, Change::Paid(7))])) } else { Err(Short) }
    });
    let release = async {
        common::settle().await;
        world.seam.release();
    };
    let (raised, acted, ()) = tokio::join!(raise, act, release);
    assert_eq!(raised.unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(acted.unwrap(), Err(Short), "acted on a flag that was never raised");
}

#[tokio::test(start_paused = true)]
async fn wrong_calls_are_named() {
    let world = world(5);
    let twice = world.accounts.execute(&["a", "b", "a"], None, |_| pay(1)).await.unwrap_err();
    assert_eq!((twice.kind(), twice.to_string().contains("key: a")), (ErrorKind::Invalid, true));
    let outside = |_: &[&Account]| Ok::<_, Short>(Decision::events(vec![(1, Change::Paid(1))]));
    assert_eq!(world.accounts.execute(&["a"], None, outside).await.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_read_is_named_with_stream_version_and_type() {
    let world = world(6);
    world.pay("a", 1).await;
    let strange =
        |kind: &str, data: serde_json::Value| NewEvent::new(kind, "a", &data).unwrap().seal("/other", &world.host);
    for (version, event) in [
        (0, strange("account.frozen", serde_json::json!({"frozen": 1}))),
        (0, strange("account.frozen", serde_json::json!({"paid": 1}))),
    ] {
        let key = event.id.to_string();
        world.foreign(&key, Version::Empty, &[Change::Paid(1)]).await;
        let append =
            Append { stream: StreamId::named("account", &key), expect: Version::Exactly(version), events: vec![event] };
        world.seam.commit(Commit::of(Part::new().append(append))).await.unwrap();
        let error = world.accounts.execute(&[&key], None, |_| pay(1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        for part in [format!("account/{key}"), "version: 1".to_owned(), "account.frozen".to_owned()] {
            assert!(error.to_string().contains(&part), "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_does_not_decode_is_ignored() {
    let world = world(7);
    let changes: Vec<Change> = (0..300).map(Change::Paid).collect();
    let decide =
        |_: &[&Account]| Ok::<_, Short>(Decision::events(changes.iter().cloned().map(|change| (0, change)).collect()));
    world.accounts.execute(&["a"], None, decide).await.unwrap().unwrap();
    let record = world.seam.inner().get(SNAPSHOTS, "account/a").await.unwrap().unwrap();
    assert!(record.value.starts_with(r#"{"version":299,"state":"#));
    let broken = Put::value(SNAPSHOTS, "account/a", Expect::Exactly(record.revision), "{\"old\":true}".to_owned());
    world.seam.commit(Commit::of(Part::new().put(broken))).await.unwrap();
    assert_eq!(world.accounts.load("a").await.unwrap(), folded(&changes));
}

#[tokio::test(start_paused = true)]
async fn another_opening_goes_on_where_the_first_ended() {
    let first = world(8);
    join_all((0..200).map(|_| first.pay("a", 1))).await;
    first.seam.close().await;
    let store = MemoryStore::open(&first.disk, spaces(), &first.host);
    let accounts = Repository::<Account>::new(store, first.host.clone(), "/bank");
    assert!(accounts.execute(&["a"], None, |states| draw(states[0], 200)).await.unwrap().is_ok());
    assert_eq!(accounts.load("a").await.unwrap().version, Some(200));
}

async fn run(seed: u64) -> Vec<String> {
    let world = world(seed);
    world.seam.fill_at(9);
    world.seam.fill_at(40);
    let calls = (0..80_u64).map(|n| {
        let world = &world;
        async move {
            world.host.clock.sleep(std::time::Duration::from_millis(world.host.entropy.below(5))).await;
            let keys = [["a", "b"], ["b", "c"]][usize::try_from(n % 2).unwrap()];
            let _ = world.accounts.execute(&keys, None, |states| transfer(states, 1)).await;
            let _ = world.accounts.execute(&keys[..1], None, |_| pay(1)).await;
        }
    });
    join_all(calls).await;
    world.trace().await
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_leaves_the_same_trace() {
    let (first, second, other) = (run(42).await, run(42).await, run(43).await);
    assert!(first.len() > 80);
    assert_eq!(first, second);
    assert_ne!(first, other);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn snapshot_and_tail_equal_the_full_fold_for_every_prefix(batches in prop::collection::vec(prop::collection::vec(0_i64..1_000, 1..40), 1..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let world = world(9);
            let mut changes = vec![];
            for batch in batches {
                let new: Vec<Change> = batch.into_iter().map(Change::Paid).collect();
                changes.extend(new.iter().cloned());
                let decide = |_: &[&Account]| Ok::<_, Short>(Decision::events(new.iter().cloned().map(|change| (0, change)).collect()));
                world.accounts.execute(&["a"], None, decide).await.unwrap().unwrap();
                assert_eq!(world.accounts.load("a").await.unwrap(), folded(&changes));
            }
            let kept = Records::get(world.seam.inner(), SNAPSHOTS, "account/a").await.unwrap();
            assert_eq!(kept.is_some(), changes.len() >= 128);
        });
    }
}
