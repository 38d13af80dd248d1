//! One connection: HTTP/1.1 by hyper, each request in a task of its own.

use super::arrival::Arrival;
use super::server::{Busy, Shared};
use super::stream::Stream;
use super::{ClockTimer, Gate};
use crate::run::run_apart;
use axum::body::Body;
use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use partita_time::Host;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

const MAX_HEADERS: usize = 100;
const MAX_HEAD_BYTES: usize = 16 << 10;
const BUFFER_BYTES: usize = 64 << 10;

/// What all connections of a server have in common.
pub(super) struct Connections {
    host: Host,
    gate: Gate,
    builder: http1::Builder,
    limit: Duration,
}

impl Connections {
    pub(super) fn new(host: &Host, gate: Gate, limit: Duration) -> Self {
        let mut builder = http1::Builder::new();
        builder.timer(ClockTimer::new(host)).header_read_timeout(limit);
        builder.max_headers(MAX_HEADERS).max_header_size(MAX_HEAD_BYTES).max_buf_size(BUFFER_BYTES);
        Self { host: host.clone(), gate, builder, limit }
    }

    /// Serves one client until it leaves, or the server stops.
    pub(super) async fn serve(&self, tcp: TcpStream, shared: &Arc<Shared>) {
        // Without it small answers are late, not wrong.
        let _ = tcp.set_nodelay(true);
        let arrival = Arrival::new(self.host.clock.clone());
        let stream = Stream::new(tcp, arrival.clone(), self.host.clock.clone());
        let service = service_fn(|request| self.answer(request, &arrival, shared));
        let mut connection = pin!(self.builder.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            biased;
            ended = connection.as_mut() => Some(ended),
            () = shared.stopping() => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    biased;
                    ended = connection.as_mut() => ended,
                    () = shared.closing() => Ok(()),
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection broke");
        }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        arrival: &Arrival,
        shared: &Arc<Shared>,
    ) -> Result<Response, HungUp> {
        let deadline = arrival.head() + self.limit;
        let request = request.map(|incoming| Body::new(arrival.body(incoming, deadline)));
        let response = run_apart(self.host.spawner.clone(), self.gate.router(), request, Busy::request(shared)).await;
        arrival.answered();
        response.ok_or(HungUp)
    }
}

/// The service gave no answer: hyper closes the connection without a byte.
#[derive(Debug)]
struct HungUp;

impl fmt::Display for HungUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the handler hung up")
    }
}

impl std::error::Error for HungUp {}
