//! A router that can be swapped while it serves.

use crate::{Problem, Slug};
use axum::Router;
use axum::response::{IntoResponse, Response};
use std::sync::{Arc, PoisonError, RwLock};

/// How a server writes what it refuses itself once it has read a head (too much at once, no answer in time), by the path that
/// was asked for. What is no head is refused as a problem.
pub type Wording = fn(path: &str, problem: Problem) -> Response;

/// Stands before the router of a server: answers `not-ready` until one is set, so that a process can listen before its
/// stores are open, and again while it stops. Clones share it.
#[derive(Clone, Debug)]
pub struct Gate {
    router: Arc<RwLock<Router>>,
    wording: Wording,
}

impl Gate {
    /// A gate that answers everything with the problem `not-ready`.
    pub fn new() -> Self {
        Self::from(not_ready())
    }

    /// Lets requests through to a router from now on. Those in flight end where they began.
    pub fn set(&self, router: Router) {
        *self.router.write().unwrap_or_else(PoisonError::into_inner) = router;
    }

    /// What the server refuses itself is written so from now on, instead of as a problem.
    #[must_use]
    pub fn worded(self, wording: Wording) -> Self {
        Self { wording, ..self }
    }

    pub(super) fn refuse(&self, path: &str, problem: Problem) -> Response {
        (self.wording)(path, problem)
    }

    /// The router that is set at the moment.
    pub fn router(&self) -> Router {
        self.router.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Router> for Gate {
    fn from(router: Router) -> Self {
        Self { router: Arc::new(RwLock::new(router)), wording: |_, problem| problem.into_response() }
    }
}

fn not_ready() -> Router {
    Router::new().fallback(async || Problem::new(Slug::NotReady).retry_after(1))
}
