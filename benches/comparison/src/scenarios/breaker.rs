//! Pitfalls of circuit breakers. Each scenario answers with what went wrong, if anything did.

use super::Verdict;
use crate::peer::{Breaker, End, Fault, Setup, Work};
use futures_util::FutureExt;
use std::time::Duration;
use tokio::sync::oneshot;

/// A pitfall and the scenario that finds it, for every breaker.
pub(crate) struct Shared {
    /// Its number and what goes wrong.
    pub(crate) pitfall: &'static str,
    /// Runs it; Err says what was seen.
    pub(crate) run: fn(Make) -> futures_util::future::BoxFuture<'static, Verdict>,
}

type Make = fn(Setup) -> Box<dyn Breaker>;

pub(crate) const ALL: [Shared; 10] = [
    Shared { pitfall: "P1 half-open admits everyone", run: |make| stampede(make).boxed() },
    Shared { pitfall: "P2 a hung probe wedges half-open", run: |make| wedge(make).boxed() },
    Shared { pitfall: "P3 a cancelled probe keeps its slot", run: |make| cancelled(make).boxed() },
    Shared { pitfall: "P4 a late result decides a newer state", run: |make| late(make).boxed() },
    Shared { pitfall: "P5 calls longer than the window are not counted", run: |make| long(make).boxed() },
    Shared { pitfall: "P6 a caller's own mistake closes it", run: |make| ignored(make).boxed() },
    Shared { pitfall: "P7 its own rejections keep it open", run: |make| rejections(make).boxed() },
    Shared { pitfall: "P8 a blip at a high rate opens it", run: |make| blip(make).boxed() },
    Shared { pitfall: "P10 calls that never end are not seen", run: |make| stuck(make).boxed() },
    Shared { pitfall: "P11 the window never slides", run: |make| cumulative(make).boxed() },
];

fn done(end: Result<(), Fault>) -> Work {
    async move { end }.boxed()
}

/// Work that ends when it is told how.
fn held() -> (oneshot::Sender<Result<(), Fault>>, Work) {
    let (tell, told) = oneshot::channel();
    (tell, async move { told.await.unwrap_or(Ok(())) }.boxed())
}

/// Fails until the breaker refuses.
async fn trip(breaker: &dyn Breaker, setup: Setup) -> Verdict {
    for _ in 0..setup.window * 3 {
        if breaker.call(done(Err(Fault::Failure))).await == End::Rejected {
            return Ok(());
        }
    }
    match breaker.call(done(Err(Fault::Failure))).await {
        End::Rejected => Ok(()),
        End::Worked => Err(format!("does not open on {} failures in a row", setup.window * 3)),
    }
}

async fn opened_and_waited(make: Make, setup: Setup) -> Result<Box<dyn Breaker>, String> {
    let breaker = make(setup);
    trip(breaker.as_ref(), setup).await?;
    tokio::time::sleep(setup.open + Duration::from_millis(40)).await;
    Ok(breaker)
}

/// Starts a call and gives it the chance to be refused.
async fn begin(breaker: &dyn Breaker, work: Work) -> tokio::task::JoinHandle<End> {
    let call = tokio::spawn(breaker.call(work));
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
    call
}

async fn stampede(make: Make) -> Verdict {
    let setup = Setup::default();
    let breaker = opened_and_waited(make, setup).await?;
    let (mut tellers, mut begun) = (Vec::new(), 0);
    for _ in 0..50 {
        let (tell, work) = held();
        tellers.push(tell);
        let call = begin(breaker.as_ref(), work).await;
        begun += usize::from(!call.is_finished());
    }
    match begun {
        0..=3 => Ok(()),
        more => Err(format!("{more} of 50 calls at once reach the dependency, {} were asked for", setup.probes)),
    }
}

async fn wedge(make: Make) -> Verdict {
    let setup = Setup { probes: 1, ..Setup::default() };
    let breaker = opened_and_waited(make, setup).await?;
    let (_never_told, hung) = held();
    let _probe = begin(breaker.as_ref(), hung).await;
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if breaker.call(done(Ok(()))).await == End::Worked {
            return Ok(());
        }
    }
    Err("no call is let through for a second after one probe hangs".to_owned())
}

async fn cancelled(make: Make) -> Verdict {
    let setup = Setup { probes: 1, ..Setup::default() };
    let breaker = opened_and_waited(make, setup).await?;
    let (_never_told, hung) = held();
    let probe = begin(breaker.as_ref(), hung).await;
    probe.abort();
    let _ = probe.await;
    for _ in 0..20 {
        if breaker.call(done(Ok(()))).await == End::Worked {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err("no call is let through for a second after a probe was dropped".to_owned())
}

/// Calls out of five that pass while one probe is under way, after `before` was done with the half-open breaker.
async fn passing(make: Make, before: Before) -> Result<usize, String> {
    let setup = Setup { probes: 1, ..Setup::default() };
    let breaker = make(setup);
    let (tell, old) = held();
    let old = begin(breaker.as_ref(), old).await;
    trip(breaker.as_ref(), setup).await?;
    tokio::time::sleep(setup.open + Duration::from_millis(40)).await;
    if before == Before::Ignored {
        breaker.call(done(Err(Fault::Ignored))).await;
    }
    let (_probe_hangs, work) = held();
    let _probe = begin(breaker.as_ref(), work).await;
    if before == Before::LateSuccess {
        let _ = tell.send(Ok(()));
        let _ = old.await;
    }
    let mut passed = 0;
    for _ in 0..5 {
        passed += usize::from(breaker.call(done(Ok(()))).await == End::Worked);
    }
    Ok(passed)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    LateSuccess,
    Ignored,
}

/// Compares with a run in which nothing happened: a breaker that lets everyone pass anyway tells nothing.
async fn against_nothing(make: Make, before: Before, what: &str) -> Verdict {
    match (passing(make, Before::Nothing).await?, passing(make, before).await?) {
        (_, 0) => Ok(()),
        (0, passed) => Err(format!("{what} lets {passed} of 5 calls pass the one probe under way")),
        (anyway, _) => Err(format!("not to be told: {anyway} of 5 calls pass the one probe anyway (P1)")),
    }
}

async fn late(make: Make) -> Verdict {
    against_nothing(make, Before::LateSuccess, "a success from before it opened").await
}

async fn ignored(make: Make) -> Verdict {
    against_nothing(make, Before::Ignored, "a result that says nothing about the dependency").await
}

async fn cumulative(make: Make) -> Verdict {
    let setup = Setup { window: 100, min_calls: 20, ..Setup::default() };
    let breaker = make(setup);
    for _ in 0..20_000 {
        breaker.call(done(Ok(()))).await;
    }
    tokio::time::sleep(setup.reach * 2).await;
    for failures in 1..=2_000 {
        if breaker.call(done(Err(Fault::Failure))).await == End::Rejected {
            return if failures <= 101 { Ok(()) } else { Err(format!("opens after {failures} failures in a row")) };
        }
    }
    Err("20,000 successes long ago keep it closed through 2,000 failures in a row".to_owned())
}

async fn long(make: Make) -> Verdict {
    let setup = Setup { reach: Duration::from_millis(200), ..Setup::default() };
    let breaker = make(setup);
    let mut calls = Vec::new();
    for _ in 0..12 {
        let (tell, work) = held();
        calls.push((tell, begin(breaker.as_ref(), work).await));
    }
    tokio::time::sleep(setup.reach * 2).await;
    for (tell, call) in calls {
        let _ = tell.send(Err(Fault::Failure));
        let _ = call.await;
    }
    match breaker.call(done(Err(Fault::Failure))).await {
        End::Rejected => Ok(()),
        End::Worked => Err("12 failures of calls twice as long as the window leave it closed".to_owned()),
    }
}

async fn rejections(make: Make) -> Verdict {
    let setup = Setup::default();
    let breaker = make(setup);
    trip(breaker.as_ref(), setup).await?;
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(5)).await;
        if breaker.call(done(Ok(()))).await == End::Worked {
            return Ok(());
        }
    }
    Err("callers that come again each 5 ms keep it open for half a second, 60 ms were asked for".to_owned())
}

async fn blip(make: Make) -> Verdict {
    let breaker = make(Setup { window: 100, ..Setup::default() });
    for call in 0..5_000 {
        let end = if call % 100 >= 95 { Err(Fault::Failure) } else { Ok(()) };
        if breaker.call(done(end)).await == End::Rejected {
            return Err(format!("opens after {call} calls of which one in twenty failed"));
        }
    }
    Ok(())
}

async fn stuck(make: Make) -> Verdict {
    let setup = Setup { slow: Duration::from_millis(50), ..Setup::default() };
    let breaker = make(setup);
    let mut calls = Vec::new();
    for _ in 0..20 {
        let (tell, work) = held();
        calls.push((tell, begin(breaker.as_ref(), work).await));
    }
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(25)).await;
        let (tell, work) = held();
        let call = begin(breaker.as_ref(), work).await;
        if call.is_finished() {
            return Ok(());
        }
        calls.push((tell, call));
    }
    Err("forty calls hang, and each next one is let through".to_owned())
}
