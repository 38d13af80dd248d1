//! Tasks that live and die with their process.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::JoinSet;

/// A future on the heap.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Runs tasks in the background.
pub trait Spawner: Send + Sync + fmt::Debug + 'static {
    /// Starts a task. After the group was ended the task is dropped unrun.
    fn spawn(&self, task: BoxFuture<'static, ()>);
}

/// The tokio runtime on which a caller runs: what it spawns lives as long as the runtime.
#[derive(Clone, Debug)]
pub struct Runtime(tokio::runtime::Handle);

impl Runtime {
    /// That of the calling task; None outside of any.
    pub fn current() -> Option<Self> {
        tokio::runtime::Handle::try_current().ok().map(Self)
    }
}

impl Spawner for Runtime {
    #[allow(clippy::disallowed_methods, reason = "the ban points here for tasks that belong to no group")]
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        drop(self.0.spawn(task));
    }
}

/// The tasks of one process, real or simulated. Clones share the group.
#[derive(Clone, Default)]
pub struct TaskGroup(Arc<Mutex<Tasks>>);

#[derive(Default)]
struct Tasks {
    set: JoinSet<()>,
    ended: bool,
}

impl TaskGroup {
    /// An empty group.
    pub fn new() -> Self {
        Self::default()
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends every task where it stands and waits until the last one is dropped: what a crash does to memory.
    pub async fn end(&self) {
        let mut set = {
            let mut tasks = self.tasks();
            tasks.ended = true;
            std::mem::take(&mut tasks.set)
        };
        set.shutdown().await;
    }
}

impl Spawner for TaskGroup {
    #[allow(clippy::disallowed_methods, reason = "this is the place that the ban points to")]
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        let mut tasks = self.tasks();
        if tasks.ended {
            return;
        }
        while tasks.set.try_join_next().is_some() {}
        tasks.set.spawn(task);
    }
}

impl fmt::Debug for TaskGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TaskGroup")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    struct Flag(Arc<AtomicBool>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    #[tokio::test]
    async fn ending_a_group_drops_what_runs_and_refuses_what_comes_later() {
        let group = TaskGroup::new();
        let dropped = Arc::new(AtomicBool::new(false));
        let flag = Flag(dropped.clone());
        group.spawn(Box::pin(async move {
            let _held = flag;
            std::future::pending::<()>().await;
        }));
        tokio::task::yield_now().await;
        group.end().await;
        assert!(dropped.load(Ordering::SeqCst));

        let late = Arc::new(AtomicBool::new(false));
        let flag = Flag(late.clone());
        group.spawn(Box::pin(async move { drop(flag) }));
        assert!(late.load(Ordering::SeqCst), "a late task is dropped at once");
    }
}
