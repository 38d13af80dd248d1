//! What is known of a call on its way.

use crate::Timing;
use pin_project_lite::pin_project;
use std::cell::RefCell;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

thread_local! {
    static CURRENT: RefCell<Option<Context>> = const { RefCell::new(None) };
}

/// What is known of a call on its way: until when, which attempt, and whether it may be made twice.
///
/// It is a plain value: hand it on where that is easy. Where a signature stands between, [`Context::scope`] makes it the
/// current one while a future is polled, whatever runtime polls it, and policies beneath find it by
/// [`Context::current`]. A spawned task starts without one; hand it over there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    deadline: Option<Duration>,
    attempt: u32,
    idempotent: bool,
    key: Option<Arc<str>>,
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

impl Context {
    /// No deadline, the first attempt, not to be made twice.
    pub const fn new() -> Self {
        Self { deadline: None, attempt: 1, idempotent: false, key: None }
    }

    /// That of the future that is being polled; [`Context::new`] outside of any.
    pub fn current() -> Self {
        CURRENT.try_with(|current| current.borrow().clone()).ok().flatten().unwrap_or_default()
    }

    /// Ends at `moment`, as time since the clock of the policies was made, unless it ends sooner already.
    #[must_use]
    pub fn until(mut self, moment: Duration) -> Self {
        self.deadline = Some(self.deadline.map_or(moment, |sooner| sooner.min(moment)));
        self
    }

    /// Ends after `limit` from now, unless it ends sooner already.
    #[must_use]
    pub fn within(self, timing: &Timing, limit: Duration) -> Self {
        self.until(timing.now().saturating_add(limit))
    }

    /// Is attempt number `attempt`; the first is 1.
    #[must_use]
    pub const fn attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// Making the call twice does no more than making it once.
    #[must_use]
    pub const fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Carries a key by which the other side knows a repetition, which makes it one that may be made twice.
    #[must_use]
    pub fn key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// When it ends, as time since the clock of the policies was made.
    pub const fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// The time left; zero when none is.
    pub fn left(&self, timing: &Timing) -> Option<Duration> {
        self.deadline.map(|moment| moment.saturating_sub(timing.now()))
    }

    /// The attempt's number.
    pub const fn number(&self) -> u32 {
        self.attempt
    }

    /// The key by which the other side knows a repetition.
    pub fn idempotency_key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Whether it may be made twice: it is idempotent or carries a key.
    pub const fn may_repeat(&self) -> bool {
        self.idempotent || self.key.is_some()
    }

    /// Makes this the current one while `work` is polled.
    pub const fn scope<F: Future>(self, work: F) -> Scoped<F> {
        Scoped { context: Some(self), work }
    }

    /// As [`Context::scope`], and while the future is made too: a service may look for its context when it is called.
    pub fn scope_with<F: Future>(self, work: impl FnOnce() -> F) -> Scoped<F> {
        let mut context = Some(self);
        let turn = Turn::enter(&mut context);
        let work = work();
        drop(turn);
        Scoped { context, work }
    }

    /// As [`Context::scope_with`], for work that may not be there.
    pub(crate) fn scope_some<F: Future>(self, work: impl FnOnce() -> Option<F>) -> Option<Scoped<F>> {
        let mut context = Some(self);
        let turn = Turn::enter(&mut context);
        let work = work();
        drop(turn);
        work.map(|work| Scoped { context, work })
    }
}

pin_project! {
    /// A future with a [`Context`] of its own.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Scoped<F> {
        context: Option<Context>,
        #[pin]
        work: F,
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _turn = Turn::enter(this.context);
        this.work.poll(cx)
    }
}

/// Exchanges the current context while it lives; a panic exchanges back too.
struct Turn<'a>(&'a mut Option<Context>);

impl<'a> Turn<'a> {
    fn enter(slot: &'a mut Option<Context>) -> Self {
        exchange(slot);
        Self(slot)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        exchange(self.0);
    }
}

fn exchange(slot: &mut Option<Context>) {
    // A thread that ends has no current context any more; the work then sees none.
    let _ = CURRENT.try_with(|current| mem::swap(&mut *current.borrow_mut(), slot));
}

/// One attempt, as the work is told of it.
#[derive(Clone, Debug)]
pub struct Attempt {
    context: Context,
    left: Option<Duration>,
}

impl Attempt {
    pub(crate) fn new(context: Context, timing: &Timing) -> Self {
        let left = context.left(timing);
        Self { context, left }
    }

    /// Its number; the first is 1.
    pub const fn number(&self) -> u32 {
        self.context.attempt
    }

    /// The time left when it began.
    pub const fn deadline_left(&self) -> Option<Duration> {
        self.left
    }

    /// The key by which the other side knows a repetition: the same in each attempt.
    pub fn idempotency_key(&self) -> Option<&str> {
        self.context.idempotency_key()
    }

    /// All that is known of the call.
    pub const fn context(&self) -> &Context {
        &self.context
    }
}
