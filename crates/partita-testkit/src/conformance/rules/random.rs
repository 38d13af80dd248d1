//! Random commits, compared with a naive model.

use crate::conformance::given::{OTHER, append, plain};
use crate::conformance::model::{Naive, Seen, Wish, bursts, callers};
use crate::conformance::observe::{conflicted, everything, failed};
use crate::conformance::verdict::{ensure, equal};
use crate::conformance::{Objection, Rig, Verdict};
use futures_util::future::join_all;
use partita_core::{Commit, ErrorKind, Expect, Put, Receipt, Store, Version};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::fmt::Debug;

const CASES: usize = 64;

/// Holds for every case, or objects with the smallest case for which it does not.
async fn for_all<V: Debug>(strategy: impl Strategy<Value = V>, holds: impl AsyncFn(V) -> Verdict) -> Verdict {
    let mut runner = TestRunner::deterministic();
    for _ in 0..CASES {
        let tree = strategy.new_tree(&mut runner);
        let mut tree = tree.map_err(|reason| Objection::broken(format!("no case could be made: {reason}")))?;
        if let Err(objection) = holds(tree.current()).await {
            return Err(smallest(&mut tree, objection, holds).await);
        }
    }
    Ok(())
}

async fn smallest<T: ValueTree<Value: Debug>>(
    tree: &mut T,
    first: Objection,
    holds: impl AsyncFn(T::Value) -> Verdict,
) -> Objection {
    let mut worst = (first, tree.current());
    let mut smaller = tree.simplify();
    for _ in 0..2_000 {
        if !smaller {
            break;
        }
        smaller = match holds(tree.current()).await {
            Err(objection) => {
                worst = (objection, tree.current());
                tree.simplify()
            }
            Ok(()) => tree.complicate(),
        };
    }
    Objection::broken(format!("{}, by {:?}", worst.0, worst.1))
}

/// Bursts from one handle: every receipt and every conflict is the model's, and so is what can be read at the end.
pub async fn random_commits_are_answered_as_by_a_naive_model(rig: &Rig<'_>) -> Verdict {
    for_all(bursts(), async |bursts| as_the_model(&rig.another(), bursts).await).await
}

async fn as_the_model(rig: &Rig<'_>, bursts: Vec<Vec<Wish>>) -> Verdict {
    let store = rig.open().await?;
    let mut model = Naive::default();
    for burst in bursts {
        let mut waiting = Vec::new();
        for wish in burst {
            let commit = wish.decide(&Seen::in_model(&model), rig)?;
            let due = model.apply(&commit)?;
            waiting.push((due, store.submit(commit)));
        }
        for (due, ticket) in waiting {
            let answer = ticket.await;
            match due {
                Ok(places) => {
                    let receipt = answer?;
                    equal!((receipt.positions, receipt.versions), places, "positions and versions of a receipt");
                }
                Err(conflict) => {
                    equal!(format!("{:?}", conflicted(answer)?), format!("{conflict:?}"), "a conflict");
                }
            }
        }
        equal!(everything(&*store).await?, model.sight(), "what can be read after a burst");
    }
    let reopened = if rig.capabilities().restart { rig.reopen(store).await? } else { store };
    equal!(everything(&*reopened).await?, model.sight(), "what can be read at the end");
    reopened.close().await;
    Ok(())
}

/// Four callers at once, who read and decide for themselves: in the order of their positions, the commits that have
/// receipts are good commits of the model, one after the other, and give what can be read at the end.
pub async fn concurrent_commits_are_as_if_one_came_after_the_other(rig: &Rig<'_>) -> Verdict {
    for_all(callers(), async |callers| as_if_in_order(&rig.another(), callers).await).await
}

async fn as_if_in_order(rig: &Rig<'_>, callers: Vec<Vec<Wish>>) -> Verdict {
    let store = rig.open().await?;
    let work = callers.into_iter().enumerate().map(|(caller, wishes)| call(rig, &*store, caller, wishes));
    let mut good = Vec::new();
    for receipts in join_all(work).await {
        good.extend(receipts?);
    }
    good.sort_by_key(|(receipt, _)| receipt.positions.last().copied());
    let mut model = Naive::default();
    for (receipt, commit) in good {
        match model.apply(&commit)? {
            Ok(places) => equal!((receipt.positions, receipt.versions), places, "positions and versions of a receipt"),
            Err(conflict) => ensure!(false, "a receipt for what should have met {conflict}: {commit:?}"),
        }
    }
    equal!(everything(&*store).await?, model.sight(), "what can be read at the end");
    store.close().await;
    Ok(())
}

/// Each commit ends with an event of a stream that all share, so that each receipt has a position.
async fn call(
    rig: &Rig<'_>,
    store: &dyn Store,
    caller: usize,
    wishes: Vec<Wish>,
) -> Result<Vec<(Receipt, Commit)>, Objection> {
    let mut good = Vec::new();
    for (n, wish) in wishes.into_iter().enumerate() {
        let mut commit = wish.decide(&Seen::in_store(store).await?, rig)?;
        commit.part.extend(append("all", Version::Any, rig.events(1)?));
        match store.commit(commit.clone()).await {
            Ok(receipt) => good.push((receipt, commit)),
            Err(error) => drop(failed(Err(error), ErrorKind::Conflict)?),
        }
        let again = plain(&format!("{caller}.{n}"), Expect::Absent, "1");
        let mut own = append("all", Version::Any, rig.events(1)?).put(again);
        own = own.put(Put::value(OTHER, format!("{caller}.{n}"), Expect::Absent, "1".to_owned()));
        let own = Commit::of(own);
        good.push((store.commit(own.clone()).await?, own));
    }
    Ok(good)
}
