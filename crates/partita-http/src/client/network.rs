//! Calls over TCP, HTTP/1.1 with connections kept.

use super::{Transport, no_reply, whole};
use crate::serve::{ClockTimer, SpawnerExecutor};
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper_util::client::legacy;
use hyper_util::rt::TokioIo;
use partita_core::{Effect, Error, ErrorKind, Result};
use partita_time::{BoxFuture, Clock, Host, timeout};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;

const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// Shorter than servers keep an idle connection, so that few calls meet one that is just being closed.
const IDLE_LIMIT: Duration = Duration::from_secs(5);
const IDLE_CONNECTIONS: usize = 256;

#[derive(Clone, Debug)]
pub(super) struct Network {
    client: legacy::Client<Connector, Full<Bytes>>,
    base: String,
}

impl Network {
    pub(super) fn new(base_url: &str, host: &Host) -> Result<Self> {
        let uri = Uri::try_from(base_url).ok().filter(|uri| uri.scheme_str() == Some("http") && uri.query().is_none());
        if uri.and_then(|uri| uri.host().map(str::len)).unwrap_or(0) == 0 {
            let error = Error::new(ErrorKind::Invalid, "not the URL of a server, such as http://127.0.0.1:8080");
            return Err(error.with("url", base_url));
        }
        let client = legacy::Client::builder(SpawnerExecutor::new(host))
            .pool_timer(ClockTimer::new(host))
            .pool_idle_timeout(IDLE_LIMIT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build(Connector { clock: host.clock.clone() });
        Ok(Self { client, base: base_url.trim_end_matches('/').to_owned() })
    }

    async fn send(self, mut request: Request<Bytes>) -> Result<Response<Bytes>> {
        let absolute = format!("{}{}", self.base, request.uri());
        let malformed = |error| Error::new(ErrorKind::Invalid, "the path of a call is malformed").because(error);
        *request.uri_mut() = Uri::try_from(absolute).map_err(malformed)?;
        let response = self.client.request(request.map(Full::new)).await.map_err(|error| lost(error, &self.base))?;
        let (parts, body) = response.into_parts();
        Ok(Response::from_parts(parts, whole(body).await?))
    }
}

impl Transport for Network {
    fn call(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>>> {
        Box::pin(self.clone().send(request))
    }
}

fn lost(error: legacy::Error, base: &str) -> Error {
    if error.is_connect() {
        let refused = Error::new(ErrorKind::Unavailable, "no connection").effect(Effect::None);
        return refused.with("server", base).because(error);
    }
    no_reply().with("server", base).because(error)
}

/// Makes connections by the host's clock, so that hyper's own timers stay out.
#[derive(Clone, Debug)]
struct Connector {
    clock: Arc<dyn Clock>,
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<TokioIo<TcpStream>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        let clock = self.clock.clone();
        Box::pin(async move {
            let name = server.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
            let connecting = TcpStream::connect((name, server.port_u16().unwrap_or(80)));
            let stream = timeout(&*clock, CONNECT_LIMIT, connecting).await.map_err(|_| io::ErrorKind::TimedOut)??;
            stream.set_nodelay(true)?;
            Ok(TokioIo::new(stream))
        })
    }
}
