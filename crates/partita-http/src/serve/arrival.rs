//! How a request arrives: when it began, and whether all of it was read.

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

/// What a connection is at; shared by its stream, its service and its bodies. Times are the clock's elapsed time.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    unread: bool,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Connected at; nothing was sent yet.
    New(Duration),
    /// A head is being sent since.
    Head(Duration),
    /// A request is being answered.
    Busy,
    /// Between two requests.
    Idle,
}

impl Arrival {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let state = State { phase: Phase::New(clock.elapsed()), unread: false };
        Self { clock, state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes came in.
    pub(super) fn bytes(&self) {
        let mut state = self.state();
        state.phase = match state.phase {
            Phase::New(since) => Phase::Head(since),
            Phase::Idle => Phase::Head(self.clock.elapsed()),
            same => same,
        };
    }

    /// A head is complete: when did its request begin?
    pub(super) fn head(&self) -> Duration {
        let mut state = self.state();
        let began = match state.phase {
            Phase::New(since) | Phase::Head(since) => since,
            Phase::Busy | Phase::Idle => self.clock.elapsed(),
        };
        *state = State { phase: Phase::Busy, unread: false };
        began
    }

    /// The request has its answer.
    pub(super) fn answered(&self) {
        self.state().phase = Phase::Idle;
    }

    /// Whether the peer may still be sending what nobody will read.
    pub(super) fn has_unread(&self) -> bool {
        let state = self.state();
        state.unread || matches!(state.phase, Phase::Head(_))
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
struct Late;

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
        assert_eq!(arrival.head(), Duration::ZERO);
        arrival.answered();
        assert!(!arrival.has_unread());
        clock.sleep(second).await;
        arrival.bytes();
        clock.sleep(second).await;
        arrival.bytes();
        assert_eq!(arrival.head(), 2 * second);
    }
}
