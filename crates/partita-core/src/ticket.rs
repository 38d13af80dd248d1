//! The answer to a submitted commit.

use crate::{Error, ErrorKind, Receipt, Result};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::oneshot;

/// Resolves to the receipt of a commit. Dropping it withdraws nothing.
#[derive(Debug)]
#[must_use = "a commit is durable once its ticket has resolved to a receipt"]
pub struct Ticket(State);

#[derive(Debug)]
enum State {
    Refused(Option<Error>),
    Waiting(oneshot::Receiver<Result<Receipt>>),
}

/// The store's end of a [`Ticket`].
#[derive(Debug)]
pub struct Reply(oneshot::Sender<Result<Receipt>>);

impl Reply {
    /// Answers; nobody may be listening any more.
    pub fn send(self, answer: Result<Receipt>) {
        let _ = self.0.send(answer);
    }
}

impl Ticket {
    /// A ticket and the end that answers it.
    pub fn pair() -> (Reply, Self) {
        let (send, receive) = oneshot::channel();
        (Reply(send), Self(State::Waiting(receive)))
    }

    /// A ticket of a commit that was not enqueued.
    pub fn refused(error: Error) -> Self {
        Self(State::Refused(Some(error)))
    }

    /// Whether the commit was refused before it was enqueued; the ticket then resolves at once.
    pub fn is_refused(&self) -> bool {
        matches!(self.0, State::Refused(_))
    }
}

impl Future for Ticket {
    type Output = Result<Receipt>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Refused(error) => Poll::Ready(Err(error.take().unwrap_or_else(closed))),
            State::Waiting(receive) => {
                Pin::new(receive).poll(cx).map(|answer| answer.unwrap_or_else(|_| Err(closed())))
            }
        }
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the store went away before it answered a commit")
}
