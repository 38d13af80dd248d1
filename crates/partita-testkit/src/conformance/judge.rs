//! Running rules: each on a fresh medium, a runtime of its own, and for a limited time.

use super::rig::Rig;
use super::{Backend, Objection, Verdict};
use futures_util::future::LocalBoxFuture;
use partita_time::{Clock, TokioClock, timeout};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// A store that lets a caller wait so long has lost an answer.
const LIMIT: Duration = Duration::from_secs(120);

/// A sentence of the pages, and the code that holds a store to it.
#[derive(Clone, Copy)]
pub struct Rule {
    /// The group that it belongs to.
    pub page: &'static str,
    /// The sentence.
    pub name: &'static str,
    /// What it runs on.
    pub runtime: Runtime,
    /// Looks at a backend.
    pub run: for<'a> fn(&'a Rig<'a>) -> LocalBoxFuture<'a, Verdict>,
}

/// What a rule runs on; time is never paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// Two worker threads.
    Threads,
    /// The current thread, for rules that must not be overtaken between two calls.
    OneThread,
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.page, self.name)
    }
}

impl Runtime {
    fn build(self) -> std::io::Result<tokio::runtime::Runtime> {
        match self {
            Self::Threads => tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build(),
            Self::OneThread => tokio::runtime::Builder::new_current_thread().enable_all().build(),
        }
    }
}

/// All rules.
pub fn rules() -> Vec<Rule> {
    crate::each_conformance_rule! { [crate::conformance_table] () }
}

/// Holds a backend to one rule. A panic and a wait without end are objections too.
///
/// # Errors
/// What the rule objects to.
pub fn judge<B: Backend>(rule: &Rule, fresh: impl Fn() -> B + Sync) -> Verdict {
    let fresh = || -> Arc<dyn Backend> { Arc::new(fresh()) };
    let runtime = rule.runtime.build().map_err(|error| Objection::broken(format!("no runtime: {error}")))?;
    let run = || {
        runtime.block_on(async {
            let rig = Rig::new(&fresh);
            let clock: &dyn Clock = &TokioClock::system();
            let verdict = timeout(clock, LIMIT, (rule.run)(&rig)).await;
            verdict.unwrap_or_else(|_| Err(Objection::broken(format!("no end after {LIMIT:?}"))))
        })
    };
    let verdict = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(Objection::broken("a panic")));
    runtime.shutdown_background();
    verdict
}

/// Holds a backend to one rule, as a test.
///
/// # Panics
/// With what the rule objects to.
#[allow(clippy::print_stderr, reason = "a skipped rule says so in the output of its test")]
pub fn assert_rule<B: Backend>(rule: &Rule, fresh: impl Fn() -> B + Sync) {
    match judge(rule, fresh) {
        Ok(()) => {}
        Err(skipped @ Objection::Skipped(_)) => eprintln!("{rule:?} {skipped}"),
        Err(objection) => panic!("{rule:?}: {objection}"),
    }
}
