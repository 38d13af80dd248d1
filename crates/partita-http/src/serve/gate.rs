//! A router that can be swapped while it serves.

use crate::{Problem, Slug};
use axum::Router;
use std::sync::{Arc, PoisonError, RwLock};

/// Stands before the router of a server: answers `not-ready` until one is set, so that a process can listen before its
/// stores are open, and again while it stops. Clones share it.
#[derive(Clone, Debug)]
pub struct Gate(Arc<RwLock<Router>>);

impl Gate {
    /// A gate that answers everything with the problem `not-ready`.
    pub fn new() -> Self {
        Self::from(not_ready())
    }

    /// Lets requests through to a router from now on. Those in flight end where they began.
    pub fn set(&self, router: Router) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = router;
    }

    /// The router that is set at the moment.
    pub fn router(&self) -> Router {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Router> for Gate {
    fn from(router: Router) -> Self {
        Self(Arc::new(RwLock::new(router)))
    }
}

fn not_ready() -> Router {
    Router::new().fallback(async || Problem::new(Slug::NotReady).retry_after(1))
}
