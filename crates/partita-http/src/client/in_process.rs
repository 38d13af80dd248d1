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
use tokio::sync::oneshot;

#[derive(Clone, Debug)]
pub(super) struct InProcess {
    router: Router,
    spawner: Arc<dyn Spawner>,
}

impl InProcess {
    pub(super) fn new(router: Router, host: &Host) -> Self {
        Self { router, spawner: host.spawner.clone() }
    }
}

impl Transport for InProcess {
    fn call(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>>> {
        let Self { router, spawner } = self.clone();
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            let work = run_apart(spawner.clone(), router, request.map(Body::from), ());
            // A task of the callee's process: when that ends, so does the call.
            spawner.spawn(Box::pin(async move { drop(reply.send(work.await)) }));
            let response = answer.await.ok().flatten().ok_or_else(no_reply)?;
            let (parts, body) = response.into_parts();
            Ok(Response::from_parts(parts, whole(body).await?))
        })
    }
}
