//! What a dependency is called through.

use super::Stack;
use super::call::Parts;
use super::check::Times;
use super::judge::Judge;
use super::second::Answered;
use crate::adaptive::Adaptive;
use crate::breaker::{Breaker, State};
use crate::bulkhead::Bulkhead;
use crate::cache::Cache;
use crate::coalesce::Coalesce;
use crate::deadline::{Counts, NEVER, nanos};
use crate::fallback::FallbackBuilder;
use crate::hedge::{Hedge, HedgeBuilder};
use crate::limiter::Limiter;
use crate::retry::{Retry, RetryBuilder};
use crate::timeout::{Timeout, TimeoutBuilder};
use crate::{BuildError, ByResult, Name, Timing};
use std::sync::Arc;
use std::time::Duration;

/// A list of policies, each at most once; [`Policy::build`] puts them in their order. `S` is what shares answers among
/// callers: nothing, [`Coalesce`] or [`Cache`]. `F` is what answers for calls that end badly: nothing, or a fallback.
#[must_use]
#[derive(Debug)]
pub struct Policy<C = ByResult, S = (), F = ()> {
    listed: Listed,
    judge: Judge<C>,
    share: S,
    fallback: F,
}

/// What does not depend on the types of a call.
#[derive(Debug)]
struct Listed {
    name: Name,
    timing: Timing,
    idempotent: bool,
    deadline: Option<Duration>,
    limiter: Option<Limiter>,
    retry: Option<RetryBuilder>,
    hedge: Option<HedgeBuilder>,
    breaker: Option<Breaker>,
    bulkhead: Option<Bulkhead>,
    adaptive: Option<Adaptive>,
    timeout: Option<TimeoutBuilder>,
    twice: Option<&'static str>,
}

/// Fills a place, or remembers that it was filled twice.
fn fill<T>(place: &mut Option<T>, twice: &mut Option<&'static str>, what: &'static str, value: T) {
    if place.replace(value).is_some() {
        twice.get_or_insert(what);
    }
}

impl Policy {
    /// No policy yet, for the dependency of this name. `Err` counts as a failure; [`Policy::classify`] says otherwise.
    pub fn new(name: impl Into<Name>) -> Self {
        let listed = Listed {
            name: name.into(),
            timing: Timing::default(),
            idempotent: false,
            deadline: None,
            limiter: None,
            retry: None,
            hedge: None,
            breaker: None,
            bulkhead: None,
            adaptive: None,
            timeout: None,
            twice: None,
        };
        Self { listed, judge: Judge(Arc::new(ByResult)), share: (), fallback: () }
    }
}

impl<C, F> Policy<C, (), F> {
    /// Callers of one key at the same time share one call: [`Stack::call_keyed`].
    pub fn coalesce<K, T, E>(self, coalesce: Coalesce<K, T, E>) -> Policy<C, Coalesce<K, T, E>, F> {
        Policy { listed: self.listed, judge: self.judge, share: coalesce, fallback: self.fallback }
    }

    /// Answers are kept, and stale ones serve while the dependency fails: [`Stack::call_keyed`].
    pub fn cache<K, T, D>(self, cache: Cache<K, T, D>) -> Policy<C, Cache<K, T, D>, F> {
        Policy { listed: self.listed, judge: self.judge, share: cache, fallback: self.fallback }
    }
}

impl<C, S> Policy<C, S> {
    /// Each call brings a second answer for when it ends badly: [`Stack::call_or`], [`Stack::call_keyed_or`].
    pub fn fallback(self, fallback: FallbackBuilder) -> Policy<C, S, FallbackBuilder> {
        Policy { listed: self.listed, judge: self.judge, share: self.share, fallback }
    }

    /// The stack.
    ///
    /// # Errors
    /// What can only be a mistake: a policy named twice, a bulkhead and an adaptive limit together, an attempt that may be
    /// given more time than the whole call, a breaker whose window is shorter than two of the longest attempts or that has a
    /// call timeout of its own, hedges of calls that were not said to be idempotent, retries without end, and each policy's own.
    pub fn build(self) -> Result<Stack<C, S>, BuildError> {
        let (parts, ()) = self.parts()?;
        Ok(Stack::new(parts, ()))
    }
}

impl<C, S> Policy<C, S, FallbackBuilder> {
    /// The stack, whose calls bring a second answer.
    ///
    /// # Errors
    /// As without a fallback.
    pub fn build(self) -> Result<Stack<C, S, Answered<C>>, BuildError> {
        let (parts, fallback) = self.parts()?;
        let fallback = fallback.timing(parts.timing.clone()).classify(parts.judge.clone()).build();
        Ok(Stack::new(parts, Answered(fallback)))
    }
}

impl<C, S, F> Policy<C, S, F> {
    /// Judges how a call ended, for every policy of the stack alike, but a cache with a judgement of its own.
    pub fn classify<D>(self, classify: D) -> Policy<D, S, F> {
        let Self { listed, share, fallback, .. } = self;
        Policy { listed, judge: Judge(Arc::new(classify)), share, fallback }
    }

    /// Reads time and draws here, in each policy that the stack makes itself; default [`Timing::system`].
    pub fn timing(mut self, timing: Timing) -> Self {
        self.listed.timing = timing;
        self
    }

    /// Making a call twice does no more than making it once. Without it, only calls whose
    /// [`Context`](crate::deadline::Context) says so, or carries a key, are repeated.
    pub fn idempotent(mut self) -> Self {
        self.listed.idempotent = true;
        self
    }

    /// The time of a whole call, all attempts and waits together. A sooner deadline of the caller holds.
    pub fn deadline(mut self, limit: Duration) -> Self {
        fill(&mut self.listed.deadline, &mut self.listed.twice, "deadline", limit);
        self
    }

    /// A rate limit for whole calls, whatever their attempts; other stacks may share it.
    pub fn rate_limit(mut self, limiter: Limiter) -> Self {
        fill(&mut self.listed.limiter, &mut self.listed.twice, "rate_limit", limiter);
        self
    }

    /// Retries. They stop while the stack's breaker is open.
    pub fn retry(mut self, retry: RetryBuilder) -> Self {
        fill(&mut self.listed.retry, &mut self.listed.twice, "retry", retry);
        self
    }

    /// Hedges. None is begun unless the stack's breaker is closed, and a fifth of the places in its bulkhead or under its
    /// adaptive limit are free.
    pub fn hedge(mut self, hedge: HedgeBuilder) -> Self {
        fill(&mut self.listed.hedge, &mut self.listed.twice, "hedge", hedge);
        self
    }

    /// A breaker; other stacks may share it.
    pub fn breaker(mut self, breaker: Breaker) -> Self {
        fill(&mut self.listed.breaker, &mut self.listed.twice, "breaker", breaker);
        self
    }

    /// A bulkhead; other stacks may share it. In its place may stand [`Policy::adaptive_limit`].
    pub fn bulkhead(mut self, bulkhead: Bulkhead) -> Self {
        fill(&mut self.listed.bulkhead, &mut self.listed.twice, "bulkhead", bulkhead);
        self
    }

    /// A limit on calls at once that finds itself, instead of a bulkhead; other stacks may share it. It learns from the calls
    /// by the stack's own judgement.
    pub fn adaptive_limit(mut self, adaptive: Adaptive) -> Self {
        fill(&mut self.listed.adaptive, &mut self.listed.twice, "adaptive_limit", adaptive);
        self
    }

    /// The same limit of time for each attempt.
    pub fn attempt_timeout(self, limit: Duration) -> Self {
        let name = self.listed.name.clone();
        self.timeout(Timeout::builder(name).fixed(limit))
    }

    /// A limit of time for each attempt that grows or follows what is observed.
    pub fn timeout(mut self, timeout: TimeoutBuilder) -> Self {
        fill(&mut self.listed.timeout, &mut self.listed.twice, "attempt_timeout", timeout);
        self
    }

    /// What is listed, checked and built, and the fallback to build yet.
    fn parts(self) -> Result<(Parts<C, S>, F), BuildError> {
        let Self { listed, judge, share, fallback } = self;
        listed.check()?;
        let timeout = listed.timeout.map(|timeout| timeout.timing(listed.timing.clone()).build()).transpose()?;
        Times {
            deadline: listed.deadline.into_iter().chain(listed.retry.as_ref().and_then(RetryBuilder::limit)).min(),
            window: listed.breaker.as_ref().and_then(Breaker::window),
            attempts: listed.retry.as_ref().map_or(Some(1), RetryBuilder::attempts),
            hedges: listed.hedge.as_ref().map_or(0, HedgeBuilder::hedges),
        }
        .check(timeout.as_ref())?;
        let repeats = Repeats {
            timing: &listed.timing,
            breaker: listed.breaker.as_ref(),
            bulkhead: listed.bulkhead.as_ref(),
            adaptive: listed.adaptive.as_ref(),
            deadline: listed.deadline,
            idempotent: listed.idempotent,
            judge: &judge,
        };
        let retry = listed.retry.map(|retry| repeats.retry(retry)).transpose()?;
        let hedge = listed.hedge.map(|hedge| repeats.hedge(hedge)).transpose()?;
        let parts = Parts {
            name: listed.name,
            timing: listed.timing,
            judge,
            share,
            idempotent: listed.idempotent,
            deadline: listed.deadline.map_or(NEVER, nanos),
            times: Counts::default(),
            limiter: listed.limiter,
            retry,
            hedge,
            breaker: listed.breaker,
            bulkhead: listed.bulkhead,
            adaptive: listed.adaptive,
            timeout,
        };
        Ok((parts, fallback))
    }
}

impl Listed {
    /// What is listed fits together.
    fn check(&self) -> Result<(), BuildError> {
        let refuse = |option, why| Err(BuildError::new(crate::PolicyKind::Stack, option, why));
        if let Some(option) = self.twice {
            return refuse(option, "is there twice; a stack has each policy once, and layers can be stacked by hand");
        }
        if self.bulkhead.is_some() && self.adaptive.is_some() {
            let why = "stands beside a bulkhead: the lower of two limits on calls at once hides from the other what the \
                       dependency can take, and both would refuse; keep the bulkhead where the number is known, else this";
            return refuse("adaptive_limit", why);
        }
        if self.breaker.as_ref().is_some_and(Breaker::limits_calls) {
            let why = "has a `call_timeout`, which is for a breaker that is used alone and which no stack keeps; leave it \
                       out, and set the stack's `attempt_timeout`";
            return refuse("breaker", why);
        }
        Ok(())
    }
}

/// What policies that repeat a call must know of the stack.
struct Repeats<'a, C> {
    timing: &'a Timing,
    breaker: Option<&'a Breaker>,
    bulkhead: Option<&'a Bulkhead>,
    adaptive: Option<&'a Adaptive>,
    deadline: Option<Duration>,
    idempotent: bool,
    judge: &'a Judge<C>,
}

impl<C> Repeats<'_, C> {
    fn retry(&self, retry: RetryBuilder) -> Result<Retry<Judge<C>>, BuildError> {
        let mut retry = retry.timing(self.timing.clone());
        if let Some(deadline) = self.deadline {
            retry = retry.deadline_at_most(deadline);
        }
        if let Some(breaker) = self.breaker.cloned() {
            retry = retry.gate(move || breaker.lets_retry());
        }
        retry.classify(self.judge.clone()).build()
    }

    fn hedge(&self, hedge: HedgeBuilder) -> Result<Hedge<Judge<C>>, BuildError> {
        let mut hedge = hedge.timing(self.timing.clone());
        if self.idempotent {
            hedge = hedge.idempotent(true);
        }
        if let Some(breaker) = self.breaker.cloned() {
            hedge = hedge.gate(move || breaker.state() == State::Closed);
        }
        if let Some(bulkhead) = self.bulkhead.cloned() {
            hedge = hedge.room(move || bulkhead.places());
        }
        if let Some(adaptive) = self.adaptive.cloned() {
            hedge = hedge.room(move || adaptive.places());
        }
        hedge.classify(self.judge.clone()).build()
    }
}
