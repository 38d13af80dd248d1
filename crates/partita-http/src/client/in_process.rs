//! Calls to a router of the same process.

use super::{Transport, no_reply, whole};
use crate::run::run_apart;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use partita_core::Result;
use partita_time::{BoxFuture, Host, Spawner};
use std::sync::Arc;
use tokio::sync::watch;

#[derive(Clone, Debug)]
pub(super) struct InProcess {
    router: Router,
    spawner: Arc<dyn Spawner>,
    /// Closed when the callee's process ends.
    alive: watch::Receiver<()>,
}

impl InProcess {
    pub(super) fn new(router: Router, host: &Host) -> Self {
        let (life, alive) = watch::channel(());
        // A task of the callee's process: it goes when the process does, or nobody can call any more.
        host.spawner.spawn(Box::pin(async move { life.closed().await }));
        Self { router, spawner: host.spawner.clone(), alive }
    }
}

impl Transport for InProcess {
    fn call(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>>> {
        let Self { router, spawner, mut alive } = self.clone();
        Box::pin(async move {
            let work = run_apart(spawner, router, request.map(Body::from), ());
            let answer = tokio::select! {
                biased;
                _ = alive.changed() => None,
                answer = work => answer,
            };
            let (parts, body) = answer.ok_or_else(no_reply)?.into_parts();
            Ok(Response::from_parts(parts, whole(body).await?))
        })
    }
}
