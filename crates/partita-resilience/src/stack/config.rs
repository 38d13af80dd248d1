//! What a dependency is called through.

use super::Stack;
use super::call::Parts;
use super::judge::Judge;
use crate::breaker::Breaker;
use crate::bulkhead::Bulkhead;
use crate::retry::{Retry, RetryBuilder};
use crate::timeout::{Timeout, TimeoutBuilder};
use crate::{BuildError, ByResult, Name, Timing};
use std::sync::Arc;
use std::time::Duration;

/// A list of policies, each at most once; [`Policy::build`] puts them in their order.
#[must_use]
#[derive(Debug)]
pub struct Policy<C = ByResult> {
    name: Name,
    timing: Timing,
    judge: Judge<C>,
    idempotent: bool,
    deadline: Option<Duration>,
    retry: Option<RetryBuilder>,
    breaker: Option<Breaker>,
    bulkhead: Option<Bulkhead>,
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
        Self {
            name: name.into(),
            timing: Timing::default(),
            judge: Judge(Arc::new(ByResult)),
            idempotent: false,
            deadline: None,
            retry: None,
            breaker: None,
            bulkhead: None,
            timeout: None,
            twice: None,
        }
    }
}

impl<C> Policy<C> {
    /// Judges how a call ended, for the breaker and the retry alike.
    pub fn classify<D>(self, classify: D) -> Policy<D> {
        Policy {
            name: self.name,
            timing: self.timing,
            judge: Judge(Arc::new(classify)),
            idempotent: self.idempotent,
            deadline: self.deadline,
            retry: self.retry,
            breaker: self.breaker,
            bulkhead: self.bulkhead,
            timeout: self.timeout,
            twice: self.twice,
        }
    }

    /// Reads time and draws here, in each policy that the stack makes itself; default [`Timing::system`].
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Making a call twice does no more than making it once. Without it, only calls whose
    /// [`Context`](crate::deadline::Context) says so, or carries a key, are repeated.
    pub const fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// The time of a whole call, all attempts and waits together. A sooner deadline of the caller holds.
    pub fn deadline(mut self, limit: Duration) -> Self {
        fill(&mut self.deadline, &mut self.twice, "deadline", limit);
        self
    }

    /// Retries. They stop while the stack's breaker is open.
    pub fn retry(mut self, retry: RetryBuilder) -> Self {
        fill(&mut self.retry, &mut self.twice, "retry", retry);
        self
    }

    /// A breaker; other stacks may share it.
    pub fn breaker(mut self, breaker: Breaker) -> Self {
        fill(&mut self.breaker, &mut self.twice, "breaker", breaker);
        self
    }

    /// A bulkhead; other stacks may share it.
    pub fn bulkhead(mut self, bulkhead: Bulkhead) -> Self {
        fill(&mut self.bulkhead, &mut self.twice, "bulkhead", bulkhead);
        self
    }

    /// The same limit of time for each attempt.
    pub fn attempt_timeout(self, limit: Duration) -> Self {
        let name = self.name.clone();
        self.timeout(Timeout::builder(name).fixed(limit))
    }

    /// A limit of time for each attempt that grows or follows what is observed.
    pub fn timeout(mut self, timeout: TimeoutBuilder) -> Self {
        fill(&mut self.timeout, &mut self.twice, "attempt_timeout", timeout);
        self
    }

    /// The stack.
    ///
    /// # Errors
    /// What can only be a mistake: a policy named twice, an attempt that is given more time than the whole call, a
    /// breaker whose window is shorter than two attempts, retries without end, and each policy's own.
    pub fn build(self) -> Result<Stack<C>, BuildError> {
        if let Some(option) = self.twice {
            let why = "is there twice; a stack has each policy once, and layers can be stacked by hand";
            return Err(BuildError::new(crate::Policy::Stack, option, why));
        }
        let timing = self.timing;
        let timeout = self.timeout.map(|timeout| timeout.timing(timing.clone()).build()).transpose()?;
        check_times(self.deadline, self.breaker.as_ref(), timeout.as_ref())?;
        let retry = match self.retry {
            Some(retry) => Some(build_retry(retry, &timing, self.breaker.as_ref(), self.deadline, &self.judge)?),
            None => None,
        };
        Ok(Stack::new(Parts {
            name: self.name,
            timing,
            judge: self.judge,
            idempotent: self.idempotent,
            deadline: self.deadline,
            retry,
            breaker: self.breaker,
            bulkhead: self.bulkhead,
            timeout,
        }))
    }
}

fn build_retry<C>(
    retry: RetryBuilder,
    timing: &Timing,
    breaker: Option<&Breaker>,
    deadline: Option<Duration>,
    judge: &Judge<C>,
) -> Result<Retry<Judge<C>>, BuildError> {
    let mut retry = retry.timing(timing.clone());
    if let Some(deadline) = deadline {
        retry = retry.deadline(deadline);
    }
    if let Some(breaker) = breaker.cloned() {
        retry = retry.gate(move || breaker.lets_retry());
    }
    retry.classify(judge.clone()).build()
}

/// The longest wait for one attempt must fit into the breaker's window twice, and into the deadline once.
fn check_times(
    deadline: Option<Duration>,
    breaker: Option<&Breaker>,
    timeout: Option<&Timeout>,
) -> Result<(), BuildError> {
    let Some(attempt) = timeout.map(|timeout| timeout.limit(1)) else { return Ok(()) };
    let refuse = |option, why| Err(BuildError::new(crate::Policy::Stack, option, why));
    if let Some(deadline) = deadline.filter(|deadline| *deadline < attempt) {
        let why = format!(
            "{} ms for an attempt never pass within a deadline of {} ms; shorten the one or lengthen the other",
            attempt.as_millis(),
            deadline.as_millis()
        );
        return refuse("attempt_timeout", why);
    }
    if let Some(window) = breaker.and_then(Breaker::window).filter(|window| *window < attempt * 2) {
        let why = format!(
            "a window of {} ms forgets calls before they time out after {} ms; make it at least twice as long",
            window.as_millis(),
            attempt.as_millis()
        );
        return refuse("breaker", why);
    }
    Ok(())
}
