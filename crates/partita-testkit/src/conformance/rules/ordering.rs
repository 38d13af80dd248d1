//! Commits of one handle apply in the order of submission, and each stands or falls by itself.

use crate::conformance::given::{PLAIN, append, put, stream};
use crate::conformance::observe::{answers, conflicted, receipts, whole_log};
use crate::conformance::rig::together;
use crate::conformance::verdict::{ensure, equal};
use crate::conformance::{Rig, Verdict};
use partita_core::{Commit, Expect, Found, Item, Store, Ticket, Version};
use partita_time::timeout;
use std::sync::Arc;
use std::time::Duration;

const CHAIN: u64 = 200;

/// Expected versions chain, and nothing waits for an answer before the next is submitted.
pub async fn commits_of_one_handle_apply_in_the_order_of_submission(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let mut tickets = vec![store.submit(Commit::of(append("s", Version::Empty, rig.events(1)?)))];
    for version in 0..CHAIN - 1 {
        tickets.push(store.submit(Commit::of(append("s", Version::Exactly(version), rig.events(1)?))));
    }
    for (place, receipt) in (0..).zip(receipts(tickets).await?) {
        equal!((receipt.positions, receipt.versions), (vec![place + 1], vec![place]), "places of link {place}");
    }
    Ok(())
}

/// Revisions chain likewise.
pub async fn puts_of_one_handle_apply_in_the_order_of_submission(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let mut tickets = vec![store.submit(Commit::of(put("k", Expect::Absent, "0")))];
    for revision in 1..CHAIN {
        tickets.push(store.submit(Commit::of(put("k", Expect::Exactly(revision), &revision.to_string()))));
    }
    receipts(tickets).await?;
    let record = store.get(PLAIN, "k").await?.map(|record| (record.revision, record.value));
    equal!(record, Some((CHAIN, (CHAIN - 1).to_string())), "revision and value after the chain");
    Ok(())
}

/// The links behind a broken one expect what it would have made, so they fail too; links of another chain do not.
pub async fn a_broken_link_fails_those_behind_it_and_no_other(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let mut chain: Vec<Ticket> = Vec::new();
    let mut other: Vec<Ticket> = Vec::new();
    for link in 0..20_u64 {
        let expect = if link == 0 { Version::Empty } else { Version::Exactly(link - 1) };
        let mut part = append("chain", expect, rig.events(1)?);
        if link == 10 {
            part.extend(put("never", Expect::Exactly(1), "0"));
        }
        chain.push(store.submit(Commit::of(part)));
        other.push(store.submit(Commit::of(append("other", expect, rig.events(1)?))));
    }
    receipts(other).await?;
    let answers = answers(chain).await;
    let good: Vec<bool> = answers.iter().map(|answer| answer.is_ok()).collect();
    equal!(good, (0..20).map(|link| link < 10).collect::<Vec<_>>(), "which links of the chain hold");
    equal!(store.stream(stream("chain"), 0, 99).await?.len(), 10, "events of the broken chain");
    equal!(store.head().await?.position, 30, "the head: the events of both chains, without gaps");
    Ok(())
}

/// 64 callers at the same time, one of which expects what is not there.
pub async fn one_commits_conflict_fails_that_commit_alone(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    store.commit(Commit::of(put("taken", Expect::Absent, "1"))).await?;
    let work = (0..64).map(|caller| {
        let store = store.clone();
        async move {
            let key = if caller == 40 { "taken".to_owned() } else { format!("k{caller}") };
            store.commit(Commit::of(put(&key, Expect::Absent, "2"))).await
        }
    });
    for (caller, answer) in together(work).await?.into_iter().enumerate() {
        if caller == 40 {
            let conflict = conflicted(answer)?;
            let taken = matches!(&conflict.found, Found::Record(Some(record)) if record.value == "1");
            ensure!(conflict.item == Item::Put(0) && taken, "the conflict says {conflict:?}");
        } else {
            answer?;
        }
    }
    equal!(store.page(PLAIN, None, 99).await?.len(), 64, "records after 63 good commits and one before them");
    Ok(())
}

/// Of 16 appends at the same version exactly one succeeds, round after round.
pub async fn of_appends_at_the_same_version_one_succeeds(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    for round in 0..20_u64 {
        let expect = if round == 0 { Version::Empty } else { Version::Exactly(round - 1) };
        let mut commits = Vec::new();
        for _ in 0..16 {
            commits.push((store.clone(), Commit::of(append("hot", expect, rig.events(1)?))));
        }
        let work = commits.into_iter().map(|(store, commit)| async move { store.commit(commit).await });
        let (good, bad): (Vec<_>, Vec<_>) = together(work).await?.into_iter().partition(|answer| answer.is_ok());
        equal!(good.len(), 1, "receipts for 16 appends at the same version, round {round}");
        for answer in bad {
            let conflict = conflicted(answer)?;
            let newest = matches!(conflict.found, Found::Version(Some(version)) if version == round);
            ensure!(newest, "in round {round} a loser was told {conflict:?}");
        }
    }
    equal!(store.stream(stream("hot"), 0, 99).await?.len(), 20, "events of the stream");
    Ok(())
}

/// The ticket is never polled; the commit is there all the same.
pub async fn dropping_a_ticket_withdraws_nothing(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    for n in 0..50 {
        drop(store.submit(Commit::of(put(&format!("k{n}"), Expect::Absent, "1"))));
    }
    store.submit(Commit::of(put("last", Expect::Absent, "1"))).await?;
    equal!(store.page(PLAIN, None, 99).await?.len(), 51, "records of dropped tickets, and the last");
    Ok(())
}

/// What a time limit around a ticket does: it stops listening, nothing else.
pub async fn a_ticket_given_up_after_a_while_withdraws_nothing(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    for n in 0..20 {
        let ticket = store.submit(Commit::of(put(&format!("k{n}"), Expect::Absent, "1")));
        let _ = timeout(&*rig.host().clock, Duration::ZERO, ticket).await;
    }
    store.submit(Commit::of(put("last", Expect::Absent, "1"))).await?;
    equal!(store.page(PLAIN, None, 99).await?.len(), 21, "records of tickets given up, and the last");
    Ok(())
}

/// Tickets may be awaited in any order.
pub async fn tickets_answer_in_whatever_order_they_are_asked(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let mut tickets = Vec::new();
    for n in 0..20_u64 {
        tickets.push((n + 1, store.submit(Commit::of(append(&format!("s{n}"), Version::Empty, rig.events(1)?)))));
    }
    for (position, ticket) in tickets.into_iter().rev() {
        equal!(ticket.await?.positions, [position], "the position of a ticket asked out of order");
    }
    Ok(())
}

/// Eight callers at once: the log holds what the receipts say, at the places that they say, without gap or repeat.
pub async fn positions_are_dense_in_commit_order(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let mut lanes = Vec::new();
    for lane in 0..8 {
        let batches = (0..25).map(|n| rig.events(n % 3 + 1)).collect::<Result<Vec<_>, _>>()?;
        lanes.push(lane_of(store.clone(), format!("lane{lane}"), batches));
    }
    let mut said = Vec::new();
    for lane in together(lanes).await? {
        said.extend(lane?);
    }
    said.sort();
    let log = whole_log(&*store).await?;
    let places: Vec<u64> = log.iter().map(|event| event.position).collect();
    equal!(places, (1..=log.len() as u64).collect::<Vec<_>>(), "positions of the log");
    let read: Vec<_> = log.iter().map(|event| (event.position, event.version, event.event.id)).collect();
    equal!(read, said, "position, version and id of each event, against the receipts");
    equal!(store.head().await?.position, log.len() as u64, "the head");
    Ok(())
}

type Place = (u64, u64, partita_core::EventId);

async fn lane_of(
    store: Arc<dyn Store>,
    name: String,
    batches: Vec<Vec<partita_core::Envelope>>,
) -> Result<Vec<Place>, crate::conformance::Objection> {
    let mut places = Vec::new();
    let mut expect = Version::Empty;
    for events in batches {
        let ids: Vec<_> = events.iter().map(|event| event.id).collect();
        let receipt = store.commit(Commit::of(append(&name, expect, events))).await?;
        let (position, last) = (receipt.positions[0], receipt.versions[0]);
        let first = last + 1 - ids.len() as u64;
        places.extend((0..).zip(ids).map(|(n, id)| (position + n, first + n, id)));
        expect = Version::Exactly(last);
    }
    Ok(places)
}
