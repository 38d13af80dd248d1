//! Bounds hold, hot keys stay, strangers share.

use super::*;
use crate::{PolicyKind, Timing};
use partita_time::ManualClock;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

type Counts = Keyed<u32, Arc<AtomicU32>>;

fn counts(clock: &ManualClock, capacity: usize) -> Builder<u32, Arc<AtomicU32>> {
    Counts::builder(PolicyKind::RateLimit, |_| Arc::default())
        .capacity(capacity)
        .ttl(Duration::from_millis(100))
        .timing(Timing::manual(clock, 1))
}

fn bump(map: &Counts, key: u32) -> u32 {
    map.with(&key, |count| count.fetch_add(1, Ordering::Relaxed) + 1)
}

fn bump_all(map: &Counts, keys: impl IntoIterator<Item = u32>) {
    for key in keys {
        bump(map, key);
    }
}

#[test]
fn each_key_has_a_value_of_its_own_until_it_was_idle_for_the_ttl() {
    let clock = ManualClock::new();
    let map = counts(&clock, 10).build().unwrap();
    assert_eq!((bump(&map, 1), bump(&map, 1), bump(&map, 2)), (1, 2, 1));
    clock.advance(Duration::from_millis(99));
    assert_eq!(bump(&map, 1), 3);
    clock.advance(Duration::from_millis(100));
    assert_eq!(bump(&map, 1), 1);
    assert_eq!(map.snapshot(), KeyedSnapshot { entries: 2, capacity: 10, created: 3, expired: 1, overflowed: 0 });
}

#[test]
fn strangers_share_the_overflow_entry_and_known_keys_keep_theirs() {
    let clock = ManualClock::new();
    let map = counts(&clock, 100).build().unwrap();
    bump_all(&map, 0..100);
    for stranger in 1_000..21_000 {
        if stranger % 1_000 == 0 {
            clock.advance(Duration::from_millis(20));
            bump_all(&map, 0..100);
        }
        bump(&map, stranger);
    }
    assert!((0..100).all(|key| bump(&map, key) == 22), "a hot key lost its entry");
    let snapshot = map.snapshot();
    assert_eq!((snapshot.entries, snapshot.overflowed, snapshot.expired), (100, 20_000, 0));
    assert_eq!(map.overflow().load(Ordering::Relaxed), 20_000);
}

#[test]
fn idle_entries_make_room_for_strangers_and_needed_ones_do_not() {
    let clock = ManualClock::new();
    let map = counts(&clock, 4)
        .judge(|count| if count.load(Ordering::Relaxed) > 1 { Idle::Needed } else { Idle::Usual })
        .build()
        .unwrap();
    bump_all(&map, 0..4);
    bump(&map, 0);
    clock.advance(Duration::from_millis(100));
    bump_all(&map, 10..14);
    let snapshot = map.snapshot();
    assert_eq!((snapshot.entries, snapshot.expired, snapshot.overflowed), (4, 3, 1));
    assert_eq!(bump(&map, 0), 3, "a needed entry was forgotten");
}

#[test]
fn spent_entries_make_room_before_their_time() {
    let clock = ManualClock::new();
    let map = counts(&clock, 2).judge(|_| Idle::Spent).build().unwrap();
    bump_all(&map, 0..2);
    clock.advance(Duration::from_millis(51));
    bump(&map, 5);
    assert_eq!(map.snapshot().overflowed, 0);
}

#[test]
fn a_sweep_gives_everything_back() {
    let clock = ManualClock::new();
    let map = counts(&clock, 5_000).build().unwrap();
    bump_all(&map, 0..5_000);
    clock.advance(Duration::from_millis(100));
    map.sweep();
    assert_eq!((map.snapshot().entries, map.entries().len()), (0, 0));
}

#[test]
fn threads_never_exceed_the_capacity() {
    let clock = ManualClock::new();
    let map = counts(&clock, 300).build().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let map = &map;
            scope.spawn(move || bump_all(map, (0..2_000).map(|n| (n * 7 + thread) % 900)));
        }
    });
    let entries = map.entries();
    assert_eq!((entries.len(), map.snapshot().entries), (300, 300));
    let used: u32 = entries.iter().map(|(_, count)| count.load(Ordering::Relaxed)).sum();
    assert_eq!(used + map.overflow().load(Ordering::Relaxed), 8_000);
}

#[test]
fn bounds_that_hold_nothing_are_refused() {
    let clock = ManualClock::new();
    assert_eq!(counts(&clock, 0).build().unwrap_err().option, "capacity");
    assert_eq!(counts(&clock, 1).ttl(Duration::ZERO).build().unwrap_err().option, "ttl");
}

proptest! {
    #[test]
    fn a_map_with_room_does_what_a_plain_map_with_times_does(uses in prop::collection::vec((0_u32..12, 0_u64..60), 1..200)) {
        let clock = ManualClock::new();
        let map = counts(&clock, 12).build().unwrap();
        let (mut model, mut now) = (BTreeMap::<u32, (u32, u64)>::new(), 0);
        for (key, step) in uses {
            now += step;
            clock.advance(Duration::from_millis(step));
            let entry = model.entry(key).or_insert((0, now));
            if now - entry.1 >= 100 {
                entry.0 = 0;
            }
            *entry = (entry.0 + 1, now);
            prop_assert_eq!(bump(&map, key), entry.0);
        }
    }
}
