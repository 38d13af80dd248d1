//! The answer of one piece of work, on its way from a thread to its caller.

use crate::sync::{Mutex, PoisonError, lock};
use std::sync::Condvar;
use std::task::{Context, Poll, Waker};
use std::thread;

/// Where a thread leaves the answer, a panic's payload included.
#[derive(Debug)]
pub(super) struct Task<T> {
    answer: Mutex<Answer<T>>,
    came: Condvar,
}

#[derive(Debug)]
struct Answer<T> {
    value: Option<thread::Result<T>>,
    waker: Option<Waker>,
}

impl<T> Task<T> {
    pub(super) const fn new() -> Self {
        Self { answer: Mutex::new(Answer { value: None, waker: None }), came: Condvar::new() }
    }

    pub(super) fn complete(&self, value: thread::Result<T>) {
        let waker = {
            let mut answer = lock(&self.answer);
            answer.value = Some(value);
            answer.waker.take()
        };
        self.came.notify_all();
        waker.into_iter().for_each(Waker::wake);
    }

    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<thread::Result<T>> {
        let mut answer = lock(&self.answer);
        match answer.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                answer.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Blocks until the answer is there.
    pub(super) fn wait(&self) -> thread::Result<T> {
        let mut answer = lock(&self.answer);
        loop {
            if let Some(value) = answer.value.take() {
                return value;
            }
            answer = self.came.wait(answer).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
