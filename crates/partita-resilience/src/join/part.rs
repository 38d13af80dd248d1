//! The parts of a join.

use super::core::{Core, Counts};
use partita_time::Sleep;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

/// A part of a join: a [`Critical`] or an [`Optional`] call. `E` is the error of the whole.
pub trait Part<E> {
    /// What it yields.
    type Value;

    /// Its value, or the error that ends the whole.
    fn poll_part(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Self::Value, E>>;
}

/// A call whose failure is the failure of the whole.
pub const fn critical<F>(call: F) -> Critical<F> {
    Critical { call }
}

pin_project! {
    /// A call whose failure is the failure of the whole.
    #[derive(Debug)]
    #[must_use = "it is called by the join"]
    pub struct Critical<F> {
        #[pin]
        call: F,
    }
}

impl<F, T, E> Part<E> for Critical<F>
where
    F: Future<Output = Result<T, E>>,
{
    type Value = T;

    fn poll_part(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        self.project().call.poll(cx)
    }
}

pin_project! {
    /// A call that the answer can do without; it ends when its timeout does.
    #[must_use = "it is called by the join"]
    pub struct Optional<F, D> {
        #[pin]
        call: Option<F>,
        default: Option<D>,
        timeout: Duration,
        limit: Option<Sleep>,
        core: Arc<Core>,
        counts: Arc<Counts>,
    }
}

impl<F, D> Optional<F, D> {
    pub(super) const fn new(core: Arc<Core>, counts: Arc<Counts>, timeout: Duration, call: F, default: D) -> Self {
        Self { call: Some(call), default: Some(default), timeout, limit: None, core, counts }
    }
}

impl<F, D, T, E, Own> Part<E> for Optional<F, D>
where
    F: Future<Output = Result<T, Own>>,
    D: FnOnce() -> T,
{
    type Value = T;

    fn poll_part(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        let mut this = self.project();
        match this.call.as_mut().as_pin_mut().map(|call| call.poll(cx)) {
            Some(Poll::Ready(Ok(value))) => {
                this.call.set(None);
                this.counts.answered.fetch_add(1, Ordering::Relaxed);
                return Poll::Ready(Ok(value));
            }
            Some(Poll::Ready(Err(_))) => this.core.failed(this.counts),
            Some(Poll::Pending) => {
                let limit = this.limit.get_or_insert_with(|| this.core.timing.sleep(*this.timeout));
                std::task::ready!(limit.as_mut().poll(cx));
                this.core.timed_out(this.counts, *this.timeout);
            }
            None => return Poll::Pending,
        }
        this.call.set(None);
        this.default.take().map_or(Poll::Pending, |default| Poll::Ready(Ok(default())))
    }
}

impl<F, D> fmt::Debug for Optional<F, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Optional(within {:?})", self.timeout)
    }
}
