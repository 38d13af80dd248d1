//! A body that holds something until it ends.

use crate::breaker::OwnedPermit;
use crate::stack::Permits;
use crate::{Outcome, adaptive, bulkhead, shed};
use http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// What a body can hold.
pub trait Finish {
    /// Gives it back, with how the call ended.
    fn finish(self, outcome: Outcome);
}

impl Finish for bulkhead::Permit {
    fn finish(self, outcome: Outcome) {
        Self::finish(self, outcome);
    }
}

impl Finish for adaptive::Permit {
    fn finish(self, outcome: Outcome) {
        Self::finish(self, outcome);
    }
}

impl Finish for OwnedPermit {
    fn finish(self, outcome: Outcome) {
        match outcome {
            // Its drop knows a panic from a caller who went away.
            Outcome::Cancelled => drop(self),
            outcome => self.record(outcome),
        }
    }
}

impl Finish for shed::Permit {
    fn finish(self, _: Outcome) {
        drop(self);
    }
}

impl Finish for Permits {
    fn finish(self, outcome: Outcome) {
        Self::finish(self, outcome);
    }
}

/// A permit, and how the call is counted when it is given back.
#[derive(Debug)]
pub(super) struct Held<P: Finish> {
    permit: Option<P>,
    ends: Outcome,
    /// How a call ends whose body ends well.
    whole: Outcome,
}

impl<P: Finish> Held<P> {
    /// `ends` is how a call ends whose holder is dropped.
    pub(super) const fn new(permit: P, ends: Outcome) -> Self {
        Self { permit: Some(permit), ends, whole: ends }
    }

    pub(super) fn finish(mut self, outcome: Outcome) {
        self.ends = outcome;
    }

    /// Lasts as long as `body` now, of a call whose head was judged so.
    pub(super) fn on<B: Body>(mut self, body: B, head: Outcome) -> HeldBody<B, P> {
        (self.ends, self.whole) = (head, head);
        self.during(body)
    }

    /// Lasts as long as `body` now, whose end decides: it is a success only if it is read to its end.
    pub(super) fn until_end_of<B: Body>(mut self, body: B) -> HeldBody<B, P> {
        (self.ends, self.whole) = (Outcome::Cancelled, Outcome::Success);
        self.during(body)
    }

    fn during<B: Body>(self, body: B) -> HeldBody<B, P> {
        if body.is_end_stream() {
            self.whole();
            return HeldBody::free(body);
        }
        HeldBody { body, held: Some(self) }
    }

    fn whole(mut self) {
        self.ends = self.whole;
    }

    fn failed(mut self) {
        if self.whole == Outcome::Success {
            self.ends = Outcome::Failure;
        }
    }
}

impl<P: Finish> Drop for Held<P> {
    fn drop(&mut self) {
        self.permit.take().into_iter().for_each(|permit| permit.finish(self.ends));
    }
}

pin_project! {
    /// A body with a permit, which it gives back with its last frame, at an error, or when it is dropped itself. The call
    /// then ended as its head was judged, but one whose body fails is no success; to a breaker's own layer one whose body
    /// is dropped is none either, but cancelled.
    #[derive(Debug)]
    pub struct HeldBody<B, P: Finish> {
        #[pin]
        body: B,
        held: Option<Held<P>>,
    }
}

impl<B: Body, P: Finish> HeldBody<B, P> {
    /// `body`, which holds nothing yet.
    pub(super) const fn free(body: B) -> Self {
        Self { body, held: None }
    }

    /// `body` with the permit of a call whose head was judged so. A body that is empty to begin with holds nothing.
    pub fn new(body: B, permit: P, head: Outcome) -> Self {
        Held::new(permit, head).on(body, head)
    }

    /// Holds `permit` from now on.
    pub(super) fn hold(&mut self, permit: P, head: Outcome) {
        let held = Held::new(permit, head);
        self.held = (!self.body.is_end_stream()).then_some(held);
    }
}

impl<B, P: Finish> HeldBody<B, P> {
    /// Holds nothing any more; the call ended as its head was judged.
    pub(super) fn give_back(&mut self) {
        self.held = None;
    }
}

/// Holds nothing.
impl<B: Body + Default, P: Finish> Default for HeldBody<B, P> {
    fn default() -> Self {
        Self::free(B::default())
    }
}

/// A response whose body holds `permit`; its head is a success.
pub fn hold<B: Body, P: Finish>(response: Response<B>, permit: P) -> Response<HeldBody<B, P>> {
    response.map(|body| HeldBody::new(body, permit, Outcome::Success))
}

impl<B: Body, P: Finish> Body for HeldBody<B, P> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.body.as_mut().poll_frame(cx));
        let bad = matches!(frame, Some(Err(_)));
        if bad || frame.is_none() || this.body.is_end_stream() {
            let held = this.held.take().into_iter();
            held.for_each(if bad { Held::failed } else { Held::whole });
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
