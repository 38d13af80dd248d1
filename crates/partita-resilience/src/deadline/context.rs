//! What is known of a call on its way.

use crate::Timing;
use pin_project_lite::pin_project;
use std::cell::Cell;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

thread_local! {
    /// That of the future that is being polled, without its key: a thread that ends need not forget it.
    static CURRENT: Current = const { Current { deadline: Cell::new(NEVER), mark: Cell::new(Mark::FIRST) } };
    /// The key of that.
    static KEY: Cell<Option<Arc<str>>> = const { Cell::new(None) };
}

/// The deadline of a call without one.
pub(crate) const NEVER: u64 = u64::MAX;

/// A [`Context`], word by word: they change places at every poll, and a copy of the whole would stall on the stores of its
/// parts.
struct Current {
    deadline: Cell<u64>,
    mark: Cell<Mark>,
}

/// The attempt's number, whether the call is idempotent, and whether it has a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark(u64);

impl Mark {
    const FIRST: Self = Self(1);
    const IDEMPOTENT: u64 = 1 << 32;
    const KEYED: u64 = 1 << 33;

    #[allow(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
    const fn attempt(self) -> u32 {
        self.0 as u32
    }

    const fn with_attempt(self, attempt: u32) -> Self {
        Self(self.0 & !(u32::MAX as u64) | attempt as u64)
    }

    const fn has(self, bit: u64) -> bool {
        self.0 & bit != 0
    }
}

/// What is known of a call on its way: until when, which attempt, and whether it may be made twice.
///
/// It is a plain value: hand it on where that is easy. Where a signature stands between, [`Context::scope`] makes it the
/// current one while a future is polled, whatever runtime polls it, and policies beneath find it by
/// [`Context::current`]. A spawned task starts without one; hand it over there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// In nanoseconds of the clock.
    deadline: u64,
    mark: Mark,
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
        Self { deadline: NEVER, mark: Mark::FIRST, key: None }
    }

    /// That of the future that is being polled; [`Context::new`] outside of any.
    #[inline]
    pub fn current() -> Self {
        let mut context = Self::new();
        context.read(None);
        context
    }

    /// Becomes the given one, or else the current one.
    #[inline(always)]
    pub(crate) fn read(&mut self, given: Option<&Self>) {
        match given {
            Some(given) => self.clone_from(given),
            None => CURRENT.with(|current| {
                (self.deadline, self.mark) = (current.deadline.get(), current.mark.get());
                if self.mark.has(Mark::KEYED) {
                    self.read_key();
                }
            }),
        }
    }

    #[inline(never)]
    fn read_key(&mut self) {
        self.key = exchange_key(None);
        exchange_key(self.key.clone());
    }

    /// Ends at `moment`, as time since the clock of the policies was made, unless it ends sooner already.
    #[must_use]
    pub fn until(mut self, moment: Duration) -> Self {
        self.end_at(nanos(moment));
        self
    }

    /// [`Context::until`], in place; in nanoseconds.
    #[inline(always)]
    pub(crate) fn end_at(&mut self, moment: u64) {
        self.deadline = self.deadline.min(moment.min(NEVER - 1));
    }

    /// [`Context::deadline`] in nanoseconds; [`NEVER`] without one.
    #[inline(always)]
    pub(crate) const fn ends(&self) -> u64 {
        self.deadline
    }

    /// Ends after `limit` from now, unless it ends sooner already.
    #[must_use]
    pub fn within(self, timing: &Timing, limit: Duration) -> Self {
        self.until(timing.now().saturating_add(limit))
    }

    /// For work that goes on without the caller.
    pub(crate) const fn without_deadline(mut self) -> Self {
        self.deadline = NEVER;
        self
    }

    /// Is attempt number `attempt`; the first is 1.
    #[must_use]
    pub const fn attempt(mut self, attempt: u32) -> Self {
        self.set_attempt(attempt);
        self
    }

    /// [`Context::attempt`], in place.
    #[inline]
    pub(crate) const fn set_attempt(&mut self, attempt: u32) {
        self.mark = self.mark.with_attempt(attempt);
    }

    /// Making the call twice does no more than making it once.
    #[must_use]
    pub const fn idempotent(mut self) -> Self {
        self.set_idempotent();
        self
    }

    /// [`Context::idempotent`], in place.
    #[inline]
    pub(crate) const fn set_idempotent(&mut self) {
        self.mark = Mark(self.mark.0 | Mark::IDEMPOTENT);
    }

    /// Carries a key by which the other side knows a repetition, which makes it one that may be made twice.
    #[must_use]
    pub fn key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.key = Some(key.into());
        self.mark = Mark(self.mark.0 | Mark::KEYED);
        self
    }

    /// When it ends, as time since the clock of the policies was made.
    pub const fn deadline(&self) -> Option<Duration> {
        if self.deadline == NEVER { None } else { Some(Duration::from_nanos(self.deadline)) }
    }

    /// The time left; zero when none is.
    pub fn left(&self, timing: &Timing) -> Option<Duration> {
        self.deadline().map(|moment| moment.saturating_sub(timing.now()))
    }

    /// The attempt's number.
    pub const fn number(&self) -> u32 {
        self.mark.attempt()
    }

    /// The key by which the other side knows a repetition.
    pub fn idempotency_key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Whether it may be made twice: it is idempotent or carries a key.
    pub const fn may_repeat(&self) -> bool {
        self.mark.has(Mark::IDEMPOTENT | Mark::KEYED)
    }

    /// Makes this the current one while `work` is polled.
    pub const fn scope<F: Future>(self, work: F) -> Scoped<F> {
        Scoped { context: self, work }
    }

    /// As [`Context::scope`], and while the future is made too: a service may look for its context when it is called.
    pub fn scope_with<F: Future>(self, work: impl FnOnce() -> F) -> Scoped<F> {
        let work = self.during(work);
        Scoped { context: self, work }
    }

    /// As [`Context::scope_with`], for work that may not be there.
    pub(crate) fn scope_some<F: Future>(self, work: impl FnOnce() -> Option<F>) -> Option<Scoped<F>> {
        let work = self.during(work)?;
        Some(Scoped { context: self, work })
    }

    /// As [`Context::scope`], for work that is made where it stays, at the first poll.
    pub(crate) const fn scope_new<F: Future, M: FnOnce() -> F>(&self, make: M) -> ScopedNew<'_, M, F> {
        ScopedNew { context: self, make: Some(make), work: None }
    }

    /// Makes this the current one meanwhile.
    #[inline(always)]
    pub(crate) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut turn = Turn::of(self);
        let done = work();
        turn.end();
        // In line instead of in its drop, which is for a panic.
        mem::forget(turn);
        done
    }
}

pin_project! {
    /// A future with a [`Context`] of its own.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Scoped<F> {
        context: Context,
        #[pin]
        work: F,
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.context.during(|| this.work.poll(cx))
    }
}

pin_project! {
    /// [`Scoped`], for work that is made at the first poll.
    #[must_use = "futures do nothing unless polled"]
    pub(crate) struct ScopedNew<'a, M, F> {
        context: &'a Context,
        make: Option<M>,
        #[pin]
        work: Option<F>,
    }
}

impl<M: FnOnce() -> F, F: Future> Future for ScopedNew<'_, M, F> {
    type Output = F::Output;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        this.context.during(|| {
            if let Some(make) = this.make.take() {
                this.work.set(Some(make()));
            }
            this.work.as_pin_mut().map_or(Poll::Pending, |work| work.poll(cx))
        })
    }
}

/// The time in which a context is the current one. Holds the one from before.
struct Turn {
    deadline: u64,
    mark: Mark,
    key: Option<Arc<str>>,
    /// Whether either has a key.
    keyed: bool,
}

impl Turn {
    #[inline(always)]
    fn of(context: &Context) -> Self {
        let (deadline, mark) =
            CURRENT.with(|current| (current.deadline.replace(context.deadline), current.mark.replace(context.mark)));
        let keyed = Mark(mark.0 | context.mark.0).has(Mark::KEYED);
        let key = if keyed { exchange_key(context.key.clone()) } else { None };
        Self { deadline, mark, key, keyed }
    }

    #[inline(always)]
    fn end(&mut self) {
        CURRENT.with(|current| {
            current.deadline.set(self.deadline);
            current.mark.set(self.mark);
        });
        if self.keyed {
            exchange_key(self.key.take());
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.end();
    }
}

/// A thread that ends has no current key any more; the work then sees none.
#[inline(never)]
fn exchange_key(key: Option<Arc<str>>) -> Option<Arc<str>> {
    KEY.try_with(|current| current.replace(key)).unwrap_or_default()
}

/// Nanoseconds of a time; one that is longer than 584 years is as long as that.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "compared before")]
pub(crate) const fn nanos(moment: Duration) -> u64 {
    let nanos = moment.as_nanos();
    if nanos < NEVER as u128 { nanos as u64 } else { NEVER - 1 }
}

/// One attempt, as the work is told of it.
#[derive(Clone, Debug)]
pub struct Attempt {
    context: Context,
    /// When it began, in nanoseconds of the clock; 0 where there is no deadline.
    began: u64,
}

impl Attempt {
    /// Begins now.
    pub(crate) fn new(context: Context, timing: &Timing) -> Self {
        let began = Self::begin(&context, || timing.nanos());
        Self { context, began }
    }

    /// Began at a moment that [`Attempt::begin`] gave.
    #[inline(always)]
    pub(crate) fn at(context: &Context, began: u64) -> Self {
        Self { context: context.clone(), began }
    }

    /// When an attempt begins: `now`, where that matters.
    #[inline(always)]
    pub(crate) fn begin(context: &Context, now: impl FnOnce() -> u64) -> u64 {
        if context.deadline == NEVER { 0 } else { now() }
    }

    /// When it began.
    pub(crate) const fn began(&self) -> u64 {
        self.began
    }

    /// Its number; the first is 1.
    pub const fn number(&self) -> u32 {
        self.context.number()
    }

    /// The time left when it began.
    pub fn deadline_left(&self) -> Option<Duration> {
        self.context.deadline().map(|moment| moment.saturating_sub(Duration::from_nanos(self.began)))
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
