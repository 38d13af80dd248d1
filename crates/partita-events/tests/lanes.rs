//! Many callers, one stream: order, failures, refusals.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Change, Short, draw, pay, settle, world};
use futures_util::FutureExt;
use futures_util::future::join_all;
use partita_core::{ErrorKind, Expect, Found, Item, Part, Put, Store, Version};
use partita_events::Decision;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};

#[tokio::test(start_paused = true)]
async fn sixty_four_callers_on_one_key_decide_once_each_and_share_flushes() {
    let world = world(1);
    world.pay("a", 64).await;
    let (decided, flushes) = (AtomicU64::new(0), world.seam.facts().flushes);
    let calls = (0..64).map(|_| {
        world.accounts.execute(&["a"], None, |states| {
            decided.fetch_add(1, Ordering::Relaxed);
            draw(states[0], 1)
        })
    });
    let receipts: Vec<_> = join_all(calls).await.into_iter().map(|answer| answer.unwrap().unwrap()).collect();
    let mut versions: Vec<u64> = receipts.iter().map(|receipt| receipt.versions[0]).collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=64).collect::<Vec<_>>());
    assert_eq!(decided.into_inner(), 64);
    assert!(world.seam.facts().flushes - flushes <= 4, "{} flushes", world.seam.facts().flushes - flushes);
    assert_eq!(world.balance("a").await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_cold_key_is_read_once_for_all_who_miss_it() {
    let world = world(2);
    let decided = AtomicU64::new(0);
    let calls = (0..64).map(|_| {
        world.accounts.execute(&["new"], None, |_| {
            decided.fetch_add(1, Ordering::Relaxed);
            pay(1)
        })
    });
    join_all(calls).await.into_iter().for_each(|answer| drop(answer.unwrap().unwrap()));
    assert_eq!((decided.into_inner(), world.balance("new").await), (64, 64));
}

#[tokio::test(start_paused = true)]
async fn a_conflict_with_a_foreign_writer_is_healed() {
    let world = world(3);
    world.pay("a", 10).await;
    world.foreign("a", Version::Exactly(0), &[Change::Drawn(4)]).await;
    let answer = world.accounts.execute(&["a"], None, |states| draw(states[0], 6)).await.unwrap();
    assert_eq!(answer.unwrap().versions, [2]);
    assert_eq!(world.balance("a").await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_foreign_event_in_the_place_of_a_failed_link_does_not_carry_the_next_link() {
    let world = world(4);
    world.pay("a", 5).await;
    world.busy_lane("a").await;
    world.seam.hold();
    let calls = join_all((0..3).map(|_| world.accounts.execute(&["a"], None, |states| draw(states[0], 1))));
    let mut calls = pin!(calls);
    assert!(calls.as_mut().now_or_never().is_none());
    world.foreign("a", Version::Exactly(3), &[Change::Drawn(5)]).await;
    world.seam.release();
    let answers = calls.await;
    assert!(answers.into_iter().all(|answer| answer.unwrap() == Err(Short)));
    assert_eq!(world.balance("a").await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_notices_what_a_foreign_writer_changed() {
    let world = world(5);
    world.pay("a", 1).await;
    world.foreign("a", Version::Exactly(0), &[Change::Paid(9)]).await;
    assert!(world.accounts.execute(&["a"], None, |states| draw(states[0], 10)).await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_failing_link_tells_its_caller_and_those_behind_decide_again() {
    let world = world(6);
    world.pay("a", 4).await;
    world.busy_lane("a").await;
    world.seam.fill_at(world.seam.submitted() + 2);
    let calls = (0..4).map(|_| world.accounts.execute(&["a"], None, |states| draw(states[0], 1)));
    let answers = join_all(calls).await;
    let kinds: Vec<_> = answers.iter().map(|answer| answer.as_ref().err().map(|error| error.kind())).collect();
    assert_eq!(kinds, [None, Some(ErrorKind::StorageFull), None, None]);
    assert_eq!(world.balance("a").await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_stays_full_is_told_to_all() {
    let world = world(7);
    world.pay("a", 9).await;
    world.busy_lane("a").await;
    (0..100).for_each(|n| world.seam.fill_at(world.seam.submitted() + n));
    let calls = (0..4).map(|_| world.accounts.execute(&["a"], None, |states| draw(states[0], 1)));
    let kinds: Vec<_> = join_all(calls).await.into_iter().map(|answer| answer.unwrap_err().kind()).collect();
    assert_eq!(kinds, [ErrorKind::StorageFull; 4]);
    assert_eq!(world.balance("a").await, 9);
}

#[tokio::test(start_paused = true)]
async fn a_refused_ticket_leaves_the_lane_as_it_was() {
    let world = world(8);
    world.pay("a", 3).await;
    world.seam.busy(true);
    let error = world.accounts.execute(&["a"], None, |states| draw(states[0], 3)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    world.seam.busy(false);
    assert!(world.accounts.execute(&["a"], None, |states| draw(states[0], 3)).await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_waits_until_what_it_stands_on_is_durable() {
    let world = world(9);
    world.pay("a", 1).await;
    world.busy_lane("a").await;
    world.seam.hold();
    let first = world.accounts.execute(&["a"], None, |states| draw(states[0], 1));
    let second = world.accounts.execute(&["a"], None, |states| draw(states[0], 1));
    let (mut first, mut second) = (pin!(first), pin!(second));
    assert!(first.as_mut().now_or_never().is_none());
    settle().await;
    assert!(second.as_mut().now_or_never().is_none(), "answered before the first draw was durable");
    world.seam.release();
    assert!(first.await.unwrap().is_ok());
    assert_eq!(second.await.unwrap(), Err(Short));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_taken_back_when_what_it_stood_on_never_happened() {
    let world = world(10);
    world.pay("a", 1).await;
    world.busy_lane("a").await;
    world.seam.hold();
    world.seam.fill_at(world.seam.submitted() + 1);
    let first = world.accounts.execute(&["a"], None, |states| draw(states[0], 1));
    let second = world.accounts.execute(&["a"], None, |states| draw(states[0], 1));
    let (mut first, mut second) = (pin!(first), pin!(second));
    assert!(first.as_mut().now_or_never().is_none());
    assert!(second.as_mut().now_or_never().is_none());
    world.seam.release();
    assert!(second.await.unwrap().is_ok());
    assert_eq!(first.await.unwrap_err().kind(), ErrorKind::StorageFull);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_goes_away_leaves_a_commit_that_others_build_on() {
    let world = world(11);
    world.pay("a", 2).await;
    world.seam.hold();
    assert!(world.accounts.execute(&["a"], None, |states| draw(states[0], 1)).now_or_never().is_none());
    let second = world.accounts.execute(&["a"], None, |states| draw(states[0], 1));
    let mut second = pin!(second);
    assert!(second.as_mut().now_or_never().is_none());
    world.seam.release();
    assert_eq!(second.await.unwrap().unwrap().versions, [2]);
    assert_eq!(world.balance("a").await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_of_the_callers_own_part_is_handed_back_and_the_lane_goes_on() {
    let world = world(12);
    world.pay("a", 9).await;
    world.busy_lane("a").await;
    let mark = || Part::new().put(Put::value("marks", "once", Expect::Absent, "1".to_owned()));
    let marked =
        || world.accounts.execute(&["a"], None, |states| draw(states[0], 1).map(|decision| decision.also(mark())));
    let plain = || world.accounts.execute(&["a"], None, |states| draw(states[0], 1));
    let (first, again, behind) = tokio::join!(marked(), marked(), plain());
    assert!(first.unwrap().is_ok() && behind.unwrap().is_ok());
    let error = again.unwrap_err();
    let conflict = error.conflict().unwrap();
    assert_eq!(conflict.item, Item::Put(0));
    assert!(matches!(&conflict.found, Found::Record(Some(record)) if record.value == "1"));
    assert_eq!(world.balance("a").await, 7);
}

#[tokio::test(start_paused = true)]
async fn without_events_only_a_part_is_committed_and_nothing_costs_nothing() {
    let world = world(13);
    let mark = Part::new().put(Put::value("marks", "m", Expect::Absent, "1".to_owned()));
    let only_part = |_: &[&common::Account]| Ok::<_, Short>(Decision::nothing().also(mark.clone()));
    assert!(world.accounts.execute(&["a"], None, only_part).await.unwrap().is_ok());
    assert!(world.seam.inner().facts().commits == 1);
    let nothing = world.accounts.execute(&["a"], None, |_| Ok::<_, Short>(Decision::nothing())).await.unwrap();
    assert_eq!(nothing, Ok(partita_core::Receipt::default()));
    assert_eq!(world.seam.submitted(), 1);
}

#[tokio::test(start_paused = true)]
async fn records_of_old_chains_are_cleared_away() {
    let world = world(14);
    world.busy_lane("a").await;
    assert_eq!(partita_core::Records::page(world.seam.inner(), "lanes", None, 9).await.unwrap().len(), 1);
    world.host.clock.sleep(std::time::Duration::from_secs(2 * 3_600 + 1)).await;
    world.busy_lane("b").await;
    assert_eq!(partita_core::Records::page(world.seam.inner(), "lanes", None, 9).await.unwrap().len(), 1);
    world.busy_lane("a").await;
    assert_eq!(world.accounts.load("a").await.unwrap().version, Some(5), "the lane outlives its record");
}
