//! Polls futures by hand, in the order in which they were woken.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

type Task<T> = Pin<Box<dyn Future<Output = T>>>;

/// Futures by name.
pub(crate) struct Executor<T> {
    tasks: BTreeMap<String, Task<T>>,
    woken: Arc<Woken>,
}

#[derive(Default)]
struct Woken(Mutex<VecDeque<String>>);

struct Bell {
    id: String,
    woken: Arc<Woken>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.woken.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.id.clone());
    }
}

impl<T> Executor<T> {
    pub(crate) fn new() -> Self {
        Self { tasks: BTreeMap::new(), woken: Arc::default() }
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        self.tasks.contains_key(id)
    }

    pub(crate) fn add(&mut self, id: &str, task: impl Future<Output = T> + 'static) {
        self.tasks.insert(id.to_owned(), Box::pin(task));
    }

    /// Drops a future where it stands.
    pub(crate) fn remove(&mut self, id: &str) {
        self.tasks.remove(id);
    }

    /// Polls one future now; what it ended with.
    pub(crate) fn poll(&mut self, id: &str) -> Option<T> {
        let task = self.tasks.get_mut(id)?;
        let waker = Waker::from(Arc::new(Bell { id: id.to_owned(), woken: Arc::clone(&self.woken) }));
        match task.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(end) => {
                self.tasks.remove(id);
                Some(end)
            }
            Poll::Pending => None,
        }
    }

    /// The next name that was woken.
    pub(crate) fn next_woken(&self) -> Option<String> {
        self.woken.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}
