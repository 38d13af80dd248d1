//! What goes on in the background of calls, polled by hand too.

use crate::harness::poll;
use partita_time::{BoxFuture, Spawner};
use std::fmt;
use std::sync::{Arc, Mutex};

/// Tasks that the harness polls after the calls, and drops. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Tasks(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>);

impl Tasks {
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Polls each of them; none may hold the list meanwhile, for a task may spawn another.
    pub(crate) fn poll(&self) {
        let mut tasks = self.take();
        tasks.retain_mut(|task| poll(task.as_mut()).is_pending());
        self.0.lock().unwrap().append(&mut tasks);
    }

    /// Drops them.
    pub(crate) fn end(&self) {
        drop(self.take());
    }

    fn take(&self) -> Vec<BoxFuture<'static, ()>> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Spawner for Tasks {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.lock().unwrap().push(task);
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tasks")
    }
}
