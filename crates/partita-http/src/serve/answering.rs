//! The body of an answer, which knows when it has been handed over.

use super::arrival::Arrival;
use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::OwnedSemaphorePermit;

/// One of the requests that are answered at once; vital ones may have none.
pub(super) type Place = Option<Arc<OwnedSemaphorePermit>>;

/// A response's body. Its end makes the connection wait for the next request, and gives its place back.
pub(super) struct AnswerBody {
    body: Body,
    arrival: Arrival,
    _place: Place,
}

impl AnswerBody {
    pub(super) fn new(body: Body, arrival: Arrival, place: Place) -> Self {
        Self { body, arrival, _place: place }
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.arrival.answered();
    }
}
