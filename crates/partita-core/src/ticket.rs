//! The answer to a submitted commit.

use crate::{Commit, Error, ErrorKind, Receipt, Result};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Resolves to the receipt of a commit. Dropping it withdraws nothing.
#[derive(Debug)]
#[must_use = "a commit is durable once its ticket has resolved to a receipt"]
pub struct Ticket(State);

#[derive(Debug)]
enum State {
    Refused(Option<Error>),
    Waiting(Arc<Mutex<Slot>>),
}

/// The store's end of a [`Ticket`]. Dropped without an answer, it says that the store went away.
#[derive(Debug)]
pub struct Reply(Arc<Mutex<Slot>>);

/// What both ends share.
#[derive(Debug, Default)]
struct Slot {
    answer: Option<Result<Receipt>>,
    waker: Option<Waker>,
    /// Whom this caller wakes when it is awake itself.
    others: Option<Asleep>,
    /// What it had handed in, for it to free: memory goes back cheapest to the thread that it came from.
    spent: Option<Arc<Commit>>,
    is_answered: bool,
}

/// Callers that have their answers and are not awake yet: the first caller that looks wakes them all, which on its own thread
/// costs a tenth of what it costs another one. Whoever holds this wakes those who still sleep when it is dropped.
#[derive(Debug)]
pub struct Asleep(Arc<Mutex<Vec<Waker>>>);

impl Reply {
    /// Answers; nobody may be listening any more.
    pub fn send(self, answer: Result<Receipt>) {
        let waker = put(&self.0, answer, None);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Answers many callers, gives each its commit back to free it, and wakes one of them, who wakes the others. Keep what is
    /// returned for a moment only.
    #[must_use = "dropped at once, it wakes each caller by itself"]
    pub fn send_all(answers: impl IntoIterator<Item = (Self, Arc<Commit>, Result<Receipt>)>) -> Asleep {
        let mut first: Option<(Arc<Mutex<Slot>>, Waker)> = None;
        let mut others = vec![];
        for (reply, commit, answer) in answers {
            let Some(waker) = put(&reply.0, answer, Some(commit)) else { continue };
            if first.is_none() {
                first = Some((reply.0.clone(), waker));
            } else {
                others.push(waker);
            }
        }
        let asleep = Asleep(Arc::new(Mutex::new(others)));
        if let Some((slot, waker)) = first {
            lock(&slot).others = Some(Asleep(asleep.0.clone()));
            waker.wake();
        }
        asleep
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        let unanswered = !lock(&self.0).is_answered;
        let waker = if unanswered { put(&self.0, Err(closed()), None) } else { None };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Asleep {
    fn wake(&self) {
        let wakers = std::mem::take(&mut *lock(&self.0));
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Asleep {
    fn drop(&mut self) {
        self.wake();
    }
}

impl Ticket {
    /// A ticket and the end that answers it.
    pub fn pair() -> (Reply, Self) {
        let slot = Arc::<Mutex<Slot>>::default();
        (Reply(slot.clone()), Self(State::Waiting(slot)))
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
        let slot = match &mut self.0 {
            State::Refused(error) => return Poll::Ready(Err(error.take().unwrap_or_else(closed))),
            State::Waiting(slot) => slot,
        };
        let (answer, others, spent) = {
            let mut slot = lock(slot);
            match slot.answer.take() {
                Some(answer) => (answer, slot.others.take(), slot.spent.take()),
                None if slot.is_answered => (Err(closed()), None, None),
                None => {
                    match &mut slot.waker {
                        Some(waker) => waker.clone_from(cx.waker()),
                        empty => *empty = Some(cx.waker().clone()),
                    }
                    return Poll::Pending;
                }
            }
        };
        drop(others);
        drop(spent);
        Poll::Ready(answer)
    }
}

/// Leaves an answer; who is to be woken for it.
fn put(slot: &Mutex<Slot>, answer: Result<Receipt>, spent: Option<Arc<Commit>>) -> Option<Waker> {
    let mut slot = lock(slot);
    (slot.answer, slot.spent, slot.is_answered) = (Some(answer), spent, true);
    slot.waker.take()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the store went away before it answered a commit")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// A ticket that was asked once, its reply, and how often its caller was woken.
    fn waiting() -> (Reply, Ticket, Arc<Counted>) {
        let ((reply, mut ticket), counted) = (Ticket::pair(), Arc::<Counted>::default());
        assert!(look(&mut ticket, &counted.clone().into()).is_pending());
        (reply, ticket, counted)
    }

    fn look(ticket: &mut Ticket, waker: &Waker) -> Poll<Result<Receipt>> {
        Pin::new(ticket).poll(&mut Context::from_waker(waker))
    }

    fn answer(ticket: &mut Ticket) -> Result<Receipt> {
        match look(ticket, Waker::noop()) {
            Poll::Ready(answer) => answer,
            Poll::Pending => panic!("no answer yet"),
        }
    }

    fn woken(counted: &[Arc<Counted>]) -> Vec<usize> {
        counted.iter().map(|one| one.0.load(Ordering::SeqCst)).collect()
    }

    fn three() -> (Asleep, Vec<Ticket>, Vec<Arc<Counted>>) {
        let (mut answers, mut tickets, mut counted) = (vec![], vec![], vec![]);
        for transaction in 1..=3 {
            let (reply, ticket, count) = waiting();
            answers.push((reply, Arc::default(), Ok(Receipt { transaction, ..Receipt::default() })));
            tickets.push(ticket);
            counted.push(count);
        }
        (Reply::send_all(answers), tickets, counted)
    }

    #[test]
    fn the_first_caller_wakes_the_others_once_each() {
        let (asleep, mut tickets, counted) = three();
        assert_eq!(woken(&counted), [1, 0, 0]);
        let of = |ticket: &mut Ticket| answer(ticket).unwrap().transaction;
        assert_eq!(of(&mut tickets[0]), 1);
        assert_eq!(woken(&counted), [1, 1, 1]);
        drop(asleep);
        assert_eq!((woken(&counted), of(&mut tickets[1]), of(&mut tickets[2])), (vec![1, 1, 1], 2, 3));
    }

    #[test]
    fn callers_whose_first_one_does_not_look_or_goes_away_are_woken_nevertheless() {
        let (asleep, tickets, counted) = three();
        drop(asleep);
        assert_eq!(woken(&counted), [1, 1, 1]);
        drop(tickets);
        let (_asleep, tickets, counted) = three();
        drop(tickets);
        assert_eq!(woken(&counted), [1, 1, 1]);
    }

    #[test]
    fn an_end_that_is_dropped_says_so_and_an_answer_is_given_once() {
        let (reply, mut ticket, counted) = waiting();
        drop(reply);
        assert_eq!(woken(&[counted]), [1]);
        let kind = |ticket: &mut Ticket| answer(ticket).unwrap_err().kind();
        assert_eq!((kind(&mut ticket), kind(&mut ticket)), (ErrorKind::Closed, ErrorKind::Closed));
    }
}
