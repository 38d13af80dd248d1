//! One connection: HTTP/1.1 by hyper, each request in a task of its own.

use super::answering::{AnswerBody, Place};
use super::arrival::Arrival;
use super::server::{Busy, Shared};
use super::stream::Stream;
use super::{ClockTimer, Gate, ServeLimits, head, refusal};
use crate::Problem;
use crate::run::run_apart;
use axum::body::Body;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use partita_time::{Host, timeout};
use std::fmt;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

const BUFFER_BYTES: usize = 64 << 10;

/// What all connections of a server have in common.
pub(super) struct Connections {
    host: Host,
    gate: Gate,
    builder: http1::Builder,
    limits: ServeLimits,
    places: Arc<Semaphore>,
}

/// Who came.
pub(super) struct Client {
    pub(super) tcp: TcpStream,
    pub(super) counted: Busy,
    /// It came while the server drained.
    pub(super) late: bool,
}

/// How serving a client came to its end.
enum End {
    /// As hyper says.
    Over(hyper::Result<()>),
    /// Another connection needs the room.
    NoRoom,
    /// The server stops.
    Closing,
}

impl Connections {
    pub(super) fn new(host: &Host, gate: Gate, limits: ServeLimits) -> Self {
        let mut builder = http1::Builder::new();
        builder.timer(ClockTimer::new(host)).header_read_timeout(limits.head_and_body);
        builder.max_headers(limits.headers).max_header_size(limits.head_bytes);
        builder.max_buf_size(BUFFER_BYTES.max(limits.head_bytes));
        let places = Arc::new(Semaphore::new(limits.requests.min(Semaphore::MAX_PERMITS)));
        Self { host: host.clone(), gate, builder, limits, places }
    }

    /// Serves one client until it leaves, others need its room, or the server stops. One that has not asked for anything when
    /// the server drains is late, and answered once.
    pub(super) async fn serve(&self, client: Client, arrival: &Arrival, shared: &Arc<Shared>) {
        let Client { tcp, mut counted, mut late } = client;
        // Without it small answers are late, not wrong.
        let _ = tcp.set_nodelay(true);
        let stream = Stream::new(tcp, arrival.clone(), self.host.clock.clone(), self.limits);
        let service = service_fn(|request| self.answer(request, arrival, shared));
        let mut connection = self.builder.serve_connection(TokioIo::new(stream), service);
        let end = tokio::select! {
            biased;
            ended = &mut connection => End::Over(ended),
            () = arrival.closed() => End::NoRoom,
            () = shared.ended(), if late => End::Closing,
            () = shared.draining(), if !late => {
                late = arrival.is_new();
                if late {
                    counted = Busy::late(shared);
                } else {
                    Pin::new(&mut connection).graceful_shutdown();
                }
                tokio::select! {
                    biased;
                    ended = &mut connection => End::Over(ended),
                    () = shared.closing(), if !late => End::Closing,
                    () = shared.ended() => End::Closing,
                }
            }
        };
        let mut stream = connection.into_parts().io.into_inner();
        match end {
            End::NoRoom if arrival.is_in_head() => stream.refuse_at_once(&refusal::no_room()),
            End::Over(Err(error)) if error.is_timeout() && arrival.is_in_head() => {
                let words = refusal::late(&self.limits);
                tokio::select! {
                    biased;
                    () = stream.refuse(&words) => {}
                    () = shared.closing() => {}
                }
            }
            End::Over(Err(error)) => tracing::debug!(%error, "a connection broke"),
            End::Over(Ok(())) | End::NoRoom | End::Closing => {}
        }
        drop(counted);
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        arrival: &Arrival,
        shared: &Arc<Shared>,
    ) -> Result<Response<AnswerBody>, HungUp> {
        let uri = request.uri().clone();
        let told = |problem: Problem| {
            let mut response = self.gate.refuse(uri.path(), problem);
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            Ok(response.map(|body| AnswerBody::new(body, arrival.clone(), None)))
        };
        let Some(began) = arrival.head() else { return told(refusal::no_room()) };
        if let Some(fault) = head::fault(request.version(), request.headers()) {
            return told(refusal::no_request(fault));
        }
        let Some(place) = self.place(uri.path()) else { return told(refusal::too_many(&self.limits)) };
        let deadline = began + self.limits.head_and_body;
        let request = request.map(|incoming| Body::new(arrival.body(incoming, deadline)));
        let guard = (Busy::request(shared), place.clone());
        let answer = run_apart(self.host.spawner.clone(), self.gate.router(), request, guard);
        match timeout(&*self.host.clock, self.limits.answer, answer).await {
            Ok(response) => {
                let mut response = response.ok_or(HungUp)?;
                if shared.is_draining() {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok(response.map(|body| AnswerBody::new(body, arrival.clone(), place)))
            }
            Err(_) => told(refusal::unanswered(&self.limits)),
        }
    }

    /// One of the requests that are answered at once, if there is one left or the path is vital.
    fn place(&self, path: &str) -> Option<Place> {
        match self.places.clone().try_acquire_owned() {
            Ok(place) => Some(Some(Arc::new(place))),
            Err(_) => self.limits.is_vital(path).then_some(None),
        }
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
