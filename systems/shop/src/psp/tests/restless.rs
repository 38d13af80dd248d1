//! A store whose reads take a while, so that requests meet in the middle of each other; and that loses an answer when told.

use partita::core::{Commit, Effect, Error, ErrorKind, Read, Receipt, Record, Store};
use partita::time::Entropy;
use partita_testkit::Intercept;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Gives way to other tasks a seeded number of times before each `get`.
#[derive(Debug)]
pub(super) struct Restless {
    pub(super) inner: Arc<dyn Store>,
    pub(super) entropy: Entropy,
    /// The next commit is applied, and nobody learns it.
    pub(super) loses: AtomicBool,
}

impl Intercept for Restless {
    fn store(&self) -> &dyn Store {
        &*self.inner
    }

    fn commit(&self, commit: Commit) -> Read<'_, Receipt> {
        Box::pin(async move {
            let answer = self.inner.commit(commit).await;
            if self.loses.swap(false, Ordering::Relaxed) {
                return Err(Error::new(ErrorKind::Io, "nobody knows").effect(Effect::Possible));
            }
            answer
        })
    }

    fn get<'a>(&'a self, space: &'static str, key: &'a str) -> Read<'a, Option<Record>> {
        let pauses = self.entropy.below(8);
        Box::pin(async move {
            for _ in 0..pauses {
                tokio::task::yield_now().await;
            }
            self.inner.get(space, key).await
        })
    }
}
