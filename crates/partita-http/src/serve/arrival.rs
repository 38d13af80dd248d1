//! Where a connection stands: since when it is waited for, when its request began, and whether all of it was read.

use axum::BoxError;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use partita_time::{Clock, Sleep};
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Notify;

/// What a connection is at; shared by its stream, its service and its bodies. Times are the clock's elapsed time.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
    closed: Arc<Notify>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// The peer may still be sending a body that nobody reads.
    unread: bool,
    /// A response was given to hyper and may not be written yet.
    unsent: bool,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Connected at; nothing was sent yet.
    New(Duration),
    /// A head is being sent since.
    Head(Duration),
    /// A request is being answered.
    Busy,
    /// Between two requests, since.
    Idle(Duration),
    /// Others need its room.
    Closed { in_head: bool },
}

impl Arrival {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let state = State { phase: Phase::New(clock.elapsed()), unread: false, unsent: false };
        Self { clock, state: Arc::new(Mutex::new(state)), closed: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes came in.
    pub(super) fn bytes(&self) {
        let mut state = self.state();
        state.phase = match state.phase {
            Phase::New(since) => Phase::Head(since),
            Phase::Idle(_) => Phase::Head(self.clock.elapsed()),
            same => same,
        };
    }

    /// A head is complete: when did its request begin? Nothing once the connection was closed for others.
    pub(super) fn head(&self) -> Option<Duration> {
        let mut state = self.state();
        let began = match state.phase {
            Phase::New(since) | Phase::Head(since) => since,
            Phase::Busy | Phase::Idle(_) => self.clock.elapsed(),
            Phase::Closed { .. } => return None,
        };
        *state = State { phase: Phase::Busy, unread: false, unsent: true };
        Some(began)
    }

    /// The request has its answer, down to the last byte of its body.
    pub(super) fn answered(&self) {
        let now = self.clock.elapsed();
        self.state().phase = Phase::Idle(now);
    }

    /// Everything that hyper had to write is written.
    pub(super) fn flushed(&self) {
        let mut state = self.state();
        state.unsent &= matches!(state.phase, Phase::Busy);
    }

    /// Whether what hyper writes now is a refusal of its own: it answers nothing that a handler was asked.
    pub(super) fn is_refused(&self) -> bool {
        let state = self.state();
        matches!(state.phase, Phase::Head(_)) && !state.unsent
    }

    /// Whether the peer may still be sending what nobody will read.
    pub(super) fn has_unread(&self) -> bool {
        let unread = self.state().unread;
        unread || self.is_in_head()
    }

    /// Whether a head has begun and not ended.
    pub(super) fn is_in_head(&self) -> bool {
        matches!(self.state().phase, Phase::Head(_) | Phase::Closed { in_head: true })
    }

    /// Whether nothing was sent on it yet.
    pub(super) fn is_new(&self) -> bool {
        matches!(self.state().phase, Phase::New(_))
    }

    /// Since when the server waits for this connection, if it does.
    pub(super) fn waiting_since(&self) -> Option<Duration> {
        match self.state().phase {
            Phase::New(since) | Phase::Head(since) | Phase::Idle(since) => Some(since),
            Phase::Busy | Phase::Closed { .. } => None,
        }
    }

    /// Closes the connection, unless a request is being answered.
    pub(super) fn close(&self) {
        let mut state = self.state();
        let in_head = matches!(state.phase, Phase::Head(_));
        if !matches!(state.phase, Phase::Busy) {
            state.phase = Phase::Closed { in_head };
            self.closed.notify_one();
        }
    }

    /// Waits until the connection was closed for others.
    pub(super) async fn closed(&self) {
        self.closed.notified().await;
    }

    /// Gives a body until `deadline` to arrive.
    pub(super) fn body(&self, incoming: Incoming, deadline: Duration) -> ArrivingBody {
        ArrivingBody { incoming, arrival: self.clone(), deadline, alarm: None, broken: false }
    }
}

/// A request's body with a deadline.
pub(super) struct ArrivingBody {
    incoming: Incoming,
    arrival: Arrival,
    deadline: Duration,
    /// Set only once the body keeps its reader waiting; most never do.
    alarm: Option<Sleep>,
    broken: bool,
}

impl Body for ArrivingBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.broken {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(cx) {
            self.broken = matches!(frame, Some(Err(_)));
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let alarm = self.alarm.take();
        let clock = &self.arrival.clock;
        let mut alarm = alarm.unwrap_or_else(|| clock.sleep(self.deadline.saturating_sub(clock.elapsed())));
        if alarm.as_mut().poll(cx).is_ready() {
            self.broken = true;
            return Poll::Ready(Some(Err(Box::new(Late))));
        }
        self.alarm = Some(alarm);
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.broken || self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for ArrivingBody {
    fn drop(&mut self) {
        if !self.incoming.is_end_stream() {
            self.arrival.state().unread = true;
        }
    }
}

/// The body took too long.
#[derive(Debug)]
pub(crate) struct Late;

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it took longer than this server waits for a request")
    }
}

impl std::error::Error for Late {}

#[cfg(test)]
mod tests {
    use super::*;
    use partita_time::{Timestamp, TokioClock};

    #[tokio::test(start_paused = true)]
    async fn the_first_request_begins_with_its_connection_and_later_ones_with_their_first_byte() {
        let clock = Arc::new(TokioClock::anchored(Timestamp::default()));
        let second = Duration::from_secs(1);
        let arrival = Arrival::new(clock.clone());
        clock.sleep(second).await;
        arrival.bytes();
        assert!(arrival.has_unread(), "a head that nobody answered yet");
        assert_eq!(arrival.head(), Some(Duration::ZERO));
        arrival.answered();
        assert!(!arrival.has_unread());
        clock.sleep(second).await;
        arrival.bytes();
        clock.sleep(second).await;
        arrival.bytes();
        assert_eq!(arrival.head(), Some(2 * second));
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_is_written_between_answers_is_hypers_own() {
        let arrival = Arrival::new(Arc::new(TokioClock::anchored(Timestamp::default())));
        arrival.bytes();
        assert!(arrival.is_refused());
        arrival.head();
        assert!(!arrival.is_refused());
        arrival.answered();
        arrival.bytes();
        assert!(!arrival.is_refused(), "the last answer may not be written yet");
        arrival.flushed();
        assert!(arrival.is_refused());
    }
}
