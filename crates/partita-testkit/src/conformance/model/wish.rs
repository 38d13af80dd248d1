//! Random commits: what a caller wishes, before it knows what is there.

use super::Naive;
use crate::conformance::given::{ORDERS, OTHER, PLAIN, at, journal, stream};
use crate::conformance::{Objection, Rig};
use partita_core::{Append, Commit, Expect, Part, Prune, Put, Store, Version};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use std::collections::BTreeMap;

const NAMES: [&str; 4] = ["n0", "n1", "n2", "n3"];

/// What a caller expects of an item.
#[derive(Clone, Copy, Debug)]
enum Guess {
    /// What it last saw.
    Seen,
    /// Anything.
    Any,
    /// That nothing is there.
    Fresh,
    /// What is not there.
    Wrong,
}

#[derive(Clone, Copy, Debug)]
struct Writing {
    guess: Guess,
    /// Placed, due, kept until; or a delete.
    value: Option<(i8, Option<i8>, Option<i8>)>,
}

/// One commit that a caller wishes for.
#[derive(Clone, Debug)]
pub(in crate::conformance) enum Wish {
    #[doc(hidden)]
    Write(Box<Writes>),
    #[doc(hidden)]
    Forget { guard: u16, saga: u8, until: i8 },
}

#[derive(Clone, Debug)]
pub(in crate::conformance) struct Writes {
    guard: u16,
    streams: BTreeMap<usize, (Guess, usize)>,
    plain: BTreeMap<usize, Guess>,
    orders: BTreeMap<usize, Writing>,
    counters: BTreeMap<usize, i8>,
    journals: BTreeMap<usize, (Guess, Vec<Vec<u8>>)>,
}

fn guess() -> impl Strategy<Value = Guess> {
    prop_oneof![12 => Just(Guess::Seen), 3 => Just(Guess::Any), 1 => Just(Guess::Fresh), 1 => Just(Guess::Wrong)]
}

fn writing() -> impl Strategy<Value = Writing> {
    let value = (0..5_i8, option::of(-3..5_i8), option::of(0..5_i8));
    (guess(), option::weighted(0.8, value)).prop_map(|(guess, value)| Writing { guess, value })
}

fn wish() -> impl Strategy<Value = Wish> {
    let journals = (guess(), vec(vec(any::<u8>(), 0..4), 1..3));
    let writes = (
        0..2_000_u16,
        btree_map(0..3_usize, (guess(), 1..3_usize), 0..3),
        btree_map(0..4_usize, guess(), 0..3),
        btree_map(0..4_usize, writing(), 0..3),
        btree_map(0..3_usize, any::<i8>(), 0..2),
        btree_map(0..3_usize, journals, 0..2),
    );
    let writes = writes.prop_map(|(guard, streams, plain, orders, counters, journals)| {
        Wish::Write(Box::new(Writes { guard, streams, plain, orders, counters, journals }))
    });
    let forget = (0..2_000_u16, 0..3_u8, 0..5_i8).prop_map(|(guard, saga, until)| Wish::Forget { guard, saga, until });
    prop_oneof![9 => writes, 1 => forget]
}

/// Bursts of commits: those of one burst are submitted without waiting for an answer.
pub(in crate::conformance) fn bursts() -> impl Strategy<Value = Vec<Vec<Wish>>> {
    vec(vec(wish(), 1..10), 1..8)
}

/// Four callers at the same time, each with its commits.
pub(in crate::conformance) fn callers() -> impl Strategy<Value = Vec<Vec<Wish>>> {
    vec(vec(wish(), 1..10), 4)
}

/// What a caller saw before it decided.
#[derive(Clone, Debug, Default)]
pub(in crate::conformance) struct Seen {
    events: Vec<u64>,
    plain: Vec<Option<u64>>,
    orders: Vec<Option<u64>>,
    journals: Vec<u32>,
}

impl Seen {
    pub(in crate::conformance) fn in_model(model: &Naive) -> Self {
        Self {
            events: NAMES.iter().map(|name| model.events(stream(name))).collect(),
            plain: NAMES.iter().map(|name| model.revision(PLAIN, name)).collect(),
            orders: NAMES.iter().map(|name| model.revision(ORDERS, name)).collect(),
            journals: (0..4).map(|saga| model.length(saga)).collect(),
        }
    }

    pub(in crate::conformance) async fn in_store(store: &dyn Store) -> Result<Self, Objection> {
        let mut seen = Self::default();
        for (saga, name) in (0..).zip(NAMES) {
            seen.events.push(store.stream(stream(name), 0, usize::MAX).await?.len() as u64);
            seen.plain.push(store.get(PLAIN, name).await?.map(|record| record.revision));
            seen.orders.push(store.get(ORDERS, name).await?.map(|record| record.revision));
            let length = store.journal(saga, 0, usize::MAX).await?.len();
            seen.journals.push(u32::try_from(length).unwrap_or(u32::MAX));
        }
        Ok(seen)
    }
}

impl Wish {
    /// The commit, decided on what was seen. An `Absent` put guards it, sometimes one that another commit had too.
    pub(in crate::conformance) fn decide(&self, seen: &Seen, rig: &Rig<'_>) -> Result<Commit, Objection> {
        match self {
            Self::Write(writes) => writes.decide(seen, rig),
            Self::Forget { guard, saga, until } => {
                let until = at(i64::from(*until));
                let expired = Prune::Expired { space: ORDERS, until, most: u32::MAX };
                let prunes = vec![Prune::Journal { saga: u64::from(*saga) }, expired];
                Ok(Commit { prunes, ..Commit::of(Part::new().put(guard_put(*guard))) })
            }
        }
    }
}

fn guard_put(guard: u16) -> Put {
    Put::value(OTHER, format!("g{guard:04}"), Expect::Absent, "{}".to_owned())
}

impl Writes {
    fn decide(&self, seen: &Seen, rig: &Rig<'_>) -> Result<Commit, Objection> {
        let mut part = Part::new();
        for (place, (guess, count)) in &self.streams {
            let expect = version(*guess, seen.events[*place]);
            part = part.append(Append { stream: stream(NAMES[*place]), expect, events: rig.events(*count)? });
        }
        for (place, guess) in &self.plain {
            let value = format!("{{\"guard\":{}}}", self.guard);
            part = part.put(Put::value(PLAIN, NAMES[*place], expect(*guess, seen.plain[*place]), value));
        }
        for (place, writing) in &self.orders {
            part = part.put(writing.put(NAMES[*place], seen.orders[*place]));
        }
        for (place, by) in &self.counters {
            part = part.add(ORDERS, NAMES[*place], i64::from(*by));
        }
        let lengths = self.journals.iter().map(|(place, (guess, records))| {
            let records: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
            journal(*place as u64, length(*guess, seen.journals[*place]), &records)
        });
        let journals = lengths.collect();
        Ok(Commit { journals, ..Commit::of(part.put(guard_put(self.guard))) })
    }
}

impl Writing {
    fn put(&self, key: &str, seen: Option<u64>) -> Put {
        let expect = expect(self.guess, seen);
        let Some((placed, due, keep_until)) = self.value else { return Put::delete(ORDERS, key, expect) };
        let put = Put::value(ORDERS, key, expect, format!("{{\"placed\":{placed}}}"));
        let put = put.field("placed", i64::from(placed)).field("customer", "ann");
        let put = put.due(due.map(|due| at(i64::from(due))));
        match keep_until {
            Some(end) => put.keep_until(at(i64::from(end))),
            None => put,
        }
    }
}

fn version(guess: Guess, events: u64) -> Version {
    match (guess, events) {
        (Guess::Any, _) => Version::Any,
        (Guess::Fresh, _) | (Guess::Seen, 0) => Version::Empty,
        (Guess::Seen, events) => Version::Exactly(events - 1),
        (Guess::Wrong, events) => Version::Exactly(events),
    }
}

fn expect(guess: Guess, revision: Option<u64>) -> Expect {
    match (guess, revision) {
        (Guess::Any, _) => Expect::Any,
        (Guess::Fresh, _) | (Guess::Seen, None) => Expect::Absent,
        (Guess::Seen, Some(revision)) => Expect::Exactly(revision),
        (Guess::Wrong, revision) => Expect::Exactly(revision.unwrap_or(0) + 1),
    }
}

fn length(guess: Guess, length: u32) -> u32 {
    match guess {
        Guess::Seen | Guess::Any => length,
        Guess::Fresh => 0,
        Guess::Wrong => length + 1,
    }
}
