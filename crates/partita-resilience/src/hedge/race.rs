//! Several attempts at once, until one ends well.

use super::begin::Begin;
use super::core::Hold;
use super::course::{Course, Ends, Running};
use crate::deadline::{Attempt, Context, Scoped};
use crate::{Classify, Error, Reason};
use partita_time::Sleep;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context as Task, Poll};
use std::time::Duration;

/// The least time between two looks for room.
const LEAST_PAUSE: Duration = Duration::from_millis(1);

pin_project! {
    /// The attempts of one call. The first one lies inline, so that a call that is not hedged allocates nothing for it.
    #[must_use = "futures do nothing unless polled"]
    pub(super) struct Race<H, B, T, E>
    where
        H: Hold,
        B: Begin,
    {
        hold: H,
        begin: B,
        #[pin]
        first: Option<Scoped<B::Work>>,
        more: Vec<Running<B::Work>>,
        course: Course,
        sleep: Option<Sleep>,
        ends: Ends<T, E>,
    }

    impl<H, B, T, E> PinnedDrop for Race<H, B, T, E>
    where
        H: Hold,
        B: Begin,
    {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.course.dropped(this.hold.core(), this.first.is_some(), this.more);
        }
    }
}

/// Begins an attempt within its own context.
fn begin<B: Begin>(begin: &mut B, attempt: Attempt) -> Option<Scoped<B::Work>> {
    let context = attempt.context().clone();
    context.scope_some(|| begin.begin(attempt))
}

impl<H: Hold, B: Begin, T, E> Race<H, B, T, E> {
    pub(super) fn new(hold: H, context: Context, begin: B) -> Self {
        let (course, ends) = (Course::new(context), Ends::new());
        Self { hold, begin, first: None, more: Vec::new(), course, sleep: None, ends }
    }
}

impl<H, B, T, E> Future for Race<H, B, T, E>
where
    H: Hold,
    H::Classify: Classify<T, E>,
    B: Begin,
    B::Work: Future<Output = Result<T, Error<E>>>,
{
    type Output = Result<T, Error<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Task<'_>) -> Poll<Self::Output> {
        if self.course.begun == 0 {
            self.as_mut().begin_first();
        }
        loop {
            if let Some(end) = self.as_mut().poll_attempts(cx) {
                return Poll::Ready(end);
            }
            if self.as_mut().begin_owed() {
                continue;
            }
            if self.first.is_none() && self.more.is_empty() {
                return Poll::Ready(self.as_mut().fail());
            }
            if !self.as_mut().is_due(cx) || !(self.as_mut().put_off() || self.as_mut().begin_next()) {
                return Poll::Pending;
            }
        }
    }
}

impl<H, B, T, E> Race<H, B, T, E>
where
    H: Hold,
    H::Classify: Classify<T, E>,
    B: Begin,
    B::Work: Future<Output = Result<T, Error<E>>>,
{
    fn begin_first(self: Pin<&mut Self>) {
        let mut this = self.project();
        let core = this.hold.core();
        core.counts.calls.fetch_add(1, Ordering::Relaxed);
        this.course.deposit = Some(core.budget.deposit());
        let attempt = this.course.attempt(core);
        this.course.first_started = this.course.last_started;
        this.first.set(begin(this.begin, attempt));
    }

    /// Begins another attempt, if that may be.
    fn begin_next(self: Pin<&mut Self>) -> bool {
        let this = self.project();
        let core = this.hold.core();
        this.course.stopped |= !this.begin.has_next();
        if !this.course.may_begin(core) {
            return false;
        }
        let attempt = this.course.attempt(core);
        let Some(work) = begin(this.begin, attempt) else {
            this.course.begun -= 1;
            this.course.stopped = true;
            return false;
        };
        let started = this.course.last_started;
        this.more.push(Running { work: Box::pin(work), started });
        *this.sleep = None;
        true
    }

    /// Whether a due attempt waits for another delay, as too little room is left. One call says so once. An attempt in the
    /// place of a failed one needs no more room than that had.
    fn put_off(self: Pin<&mut Self>) -> bool {
        let this = self.project();
        let core = this.hold.core();
        if core.has_room() {
            return false;
        }
        let pause = core.delay(core.timing.now()).unwrap_or_default().max(LEAST_PAUSE);
        if !std::mem::replace(&mut this.course.crowded, true) {
            core.refuse(Reason::Saturated, Some(pause));
        }
        *this.sleep = Some(core.timing.sleep(pause));
        true
    }

    /// Begins an attempt for each one that failed; whether any was begun.
    fn begin_owed(mut self: Pin<&mut Self>) -> bool {
        let mut begun = false;
        while self.course.owed > 0 {
            self.as_mut().project().course.owed -= 1;
            begun |= self.as_mut().begin_next();
        }
        begun
    }

    /// Polls every attempt; when one wins, the others are dropped before this returns.
    fn poll_attempts(self: Pin<&mut Self>, cx: &mut Task<'_>) -> Option<Result<T, Error<E>>> {
        let mut this = self.project();
        let (core, judge) = (this.hold.core(), this.hold.judge());
        let mut over = None;
        if let Some(Poll::Ready(end)) = this.first.as_mut().as_pin_mut().map(|work| work.poll(cx)) {
            this.first.set(None);
            this.course.first_ended(core, &end);
            over = this.course.take(this.ends, (core, judge), this.course.first_started, end);
        }
        let mut at = 0;
        while at < this.more.len() && over.is_none() {
            let Poll::Ready(end) = this.more[at].work.as_mut().poll(cx) else {
                at += 1;
                continue;
            };
            let ended = this.more.remove(at);
            over = this.course.take(this.ends, (core, judge), ended.started, end);
            core.counts.won_by_hedge.fetch_add(u64::from(over.is_some()), Ordering::Relaxed);
        }
        if over.is_some() {
            this.course.over = true;
            this.course.dropped(core, this.first.is_some(), this.more);
            this.first.set(None);
            this.more.clear();
        }
        over
    }

    fn fail(self: Pin<&mut Self>) -> Result<T, Error<E>> {
        let this = self.project();
        this.course.over = true;
        this.hold.core().counts.failed.fetch_add(1, Ordering::Relaxed);
        this.ends.all_failed()
    }

    /// Whether the attempts under way have taken so long that another one is due.
    fn is_due(self: Pin<&mut Self>, cx: &mut Task<'_>) -> bool {
        let this = self.project();
        let core = this.hold.core();
        if this.course.stopped || this.course.begun > core.max_hedges {
            return false;
        }
        if this.sleep.is_none() {
            let now = core.timing.now();
            let Some(delay) = core.delay(now) else { return false };
            let spent = now.saturating_sub(this.course.last_started);
            let left = delay.saturating_sub(spent);
            if left.is_zero() {
                return true;
            }
            *this.sleep = Some(core.timing.sleep(left));
        }
        this.sleep.as_mut().is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready())
    }
}
