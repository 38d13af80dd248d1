//! A queue that is full.

use crate::conformance::given::{PLAIN, put};
use crate::conformance::observe::{failed, receipts};
use crate::conformance::verdict::{ensure, equal};
use crate::conformance::{Objection, Rig, Verdict};
use futures_util::future::join_all;
use partita_core::{Again, Commit, ErrorKind, Expect, Store, Ticket};

fn nth(n: usize) -> Commit {
    Commit::of(put(&format!("k{n:06}"), Expect::Absent, "1"))
}

/// As many commits as certainly fill the queue, handed in without yielding: those that were taken, and those refused.
fn fill(store: &dyn Store, commits: usize) -> (Vec<Ticket>, Vec<Ticket>) {
    (0..commits).map(|n| store.submit(nth(n))).partition(|ticket| !ticket.is_refused())
}

fn needs_filling(rig: &Rig<'_>) -> Result<usize, Objection> {
    rig.capabilities().fills_at.ok_or(Objection::Skipped("queue that can be filled for certain"))
}

/// What it took applies; what it refused may be tried again.
pub async fn a_full_queue_answers_busy_and_applies_nothing(rig: &Rig<'_>) -> Verdict {
    let commits = needs_filling(rig)?;
    let store = rig.open().await?;
    let (taken, refused) = fill(&*store, commits);
    ensure!(!refused.is_empty(), "{commits} commits did not fill the queue");
    let room = taken.len();
    for ticket in refused {
        let error = failed(ticket.await, ErrorKind::Busy)?;
        equal!(error.may_try_again(), Again::Later, "whether a busy store may be asked again");
    }
    receipts(taken).await?;
    let records = store.page(PLAIN, None, usize::MAX).await?;
    equal!(records.len(), room, "records of commits that were taken");
    let last = records.last().map(|record| record.key.clone());
    equal!(last, Some(format!("k{:06}", room - 1)), "the last record that was taken");
    Ok(())
}

/// Once the queue was worked off.
pub async fn there_is_room_again_after_busy(rig: &Rig<'_>) -> Verdict {
    let commits = needs_filling(rig)?;
    let store = rig.open().await?;
    for round in 0..3 {
        let (taken, _) = fill(&*store, commits);
        ensure!(!taken.is_empty(), "a store that was busy takes nothing more, in round {round}");
        let _ = crate::conformance::observe::answers(taken).await;
    }
    Ok(())
}

/// It waits where `submit` would be refused.
pub async fn commit_waits_for_room(rig: &Rig<'_>) -> Verdict {
    let commits = needs_filling(rig)?;
    let store = rig.open().await?;
    let (taken, _) = fill(&*store, commits);
    let waiting = (0..100).map(|n| store.commit(nth(1_000_000 + n)));
    for answer in join_all(waiting).await {
        answer?;
    }
    let room = taken.len();
    receipts(taken).await?;
    equal!(store.page(PLAIN, None, usize::MAX).await?.len(), room + 100, "records of all who waited");
    Ok(())
}

/// Who waits for room while the store is closed is told so, or applied; nobody waits for ever.
pub async fn closing_answers_those_who_wait_for_room(rig: &Rig<'_>) -> Verdict {
    let commits = needs_filling(rig)?;
    let store = rig.open().await?;
    let (taken, _) = fill(&*store, commits);
    let waiting = join_all((0..commits + 100).map(|n| store.commit(nth(1_000_000 + n))));
    let (answers, ()) = futures_util::future::join(waiting, store.close()).await;
    receipts(taken).await?;
    for answer in answers {
        if answer.is_err() {
            failed(answer, ErrorKind::Closed)?;
        }
    }
    Ok(())
}
