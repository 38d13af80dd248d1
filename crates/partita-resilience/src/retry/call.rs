//! Retries around a plain async call.

use super::core::{Core, Course, Hold, Next, answer};
use super::{RetryBuilder, RetrySnapshot};
use crate::budget::Budget;
use crate::deadline::{Attempt, Context};
use crate::verdict::Verdict;
use crate::{ByResult, Classify, Error, Name, Timing};
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

/// Makes a call again when it failed and another attempt may do better. Clones share one policy.
pub struct Retry<C = ByResult>(Arc<Shared<C>>);

struct Shared<C> {
    core: Core,
    classify: C,
}

impl Retry {
    /// Settings, at their defaults; `name` stands in events and snapshots.
    pub fn builder(name: impl Into<Name>) -> RetryBuilder {
        RetryBuilder::new(name.into())
    }
}

impl<C> Retry<C> {
    pub(super) fn new(core: Core, classify: C) -> Self {
        Self(Arc::new(Shared { core, classify }))
    }

    pub(super) fn timing(&self) -> &Timing {
        &self.0.core.timing
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.core.name
    }

    /// The budget that it takes from.
    pub fn budget(&self) -> Option<&Budget> {
        self.0.core.budget.as_ref()
    }

    /// Its settings in words.
    pub(crate) fn explain(&self) -> String {
        self.0.core.explain()
    }

    /// Where it stands.
    pub fn snapshot(&self) -> RetrySnapshot {
        self.0.core.snapshot()
    }

    /// Calls `work` until it ends well or no further attempt is allowed, in the current [`Context`].
    ///
    /// # Errors
    /// [`Error::Exhausted`] with the attempts made and the last error; the bare error where none was worth repeating.
    pub async fn call<T, E, F, Fut>(&self, mut work: F) -> Result<T, Error<E>>
    where
        C: Classify<T, E>,
        E: fmt::Debug,
        F: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let lifted = move |attempt| {
            let work = work(attempt);
            async move { work.await.map_err(Error::Inner) }
        };
        self.around(Context::current(), lifted).await
    }

    /// As [`Retry::call`] around another policy, whose refusals are not repeated, and in a context that is handed in.
    ///
    /// # Errors
    /// As [`Retry::call`].
    pub async fn around<T, E, F, Fut>(&self, mut context: Context, mut work: F) -> Result<T, Error<E>>
    where
        C: Classify<T, E>,
        E: fmt::Debug,
        F: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, Error<E>>>,
    {
        let (timing, mut now) = (self.timing(), None);
        let mut course = self.begin(&mut context, |timing| *now.insert(timing.nanos()));
        loop {
            let began = Attempt::begin(&context, || now.take().unwrap_or_else(|| timing.nanos()));
            let attempt = Attempt::at(&context, began);
            let result = pin!(context.scope_new(|| work(attempt))).await;
            let (place, delay) = match self.next(&mut course, &context, result.as_ref()) {
                Next::Return(None) => return result,
                Next::Return(stop) => return answer(&context, result, stop),
                Next::Again(place, delay) => (place, delay),
            };
            drop(result);
            self.timing().sleep(delay).await;
            course.again(&mut context, place);
        }
    }

    /// Takes up the first attempt of a call. `now` is the moment.
    #[inline(always)]
    pub(crate) fn begin(&self, context: &mut Context, now: impl FnOnce(&Timing) -> u64) -> Course<&Core> {
        Course::begin(&self.0.core, context, now)
    }

    #[inline(always)]
    pub(crate) fn next<T, E, H>(&self, course: &mut Course<H>, context: &Context, result: Result<&T, &Error<E>>) -> Next
    where
        C: Classify<T, E>,
        E: fmt::Debug,
        H: Hold,
    {
        let verdict = Verdict::of(&self.0.classify, result);
        if verdict == Verdict::Good {
            course.succeeded(context);
            return Next::Return(None);
        }
        match result {
            Err(error) => {
                if error.is_refusal() {
                    course.was_refused();
                }
                course.ended(context, verdict, error)
            }
            Ok(_) => course.ended(context, verdict, &verdict),
        }
    }
}

impl<C> Hold for Retry<C> {
    fn core(&self) -> &Core {
        &self.0.core
    }
}

impl<C> Clone for Retry<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> fmt::Debug for Retry<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Retry").field(&self.0.core.name).finish()
    }
}
