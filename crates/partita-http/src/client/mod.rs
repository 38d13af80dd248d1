//! One client for services in this process and behind an address.

mod call;
mod in_process;
mod network;
mod reply;

use bytes::Bytes;
pub use call::Call;
use http::Method;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use partita_core::{Effect, Error, ErrorKind, Result};
use partita_time::{BoxFuture, Clock, Host};
pub use reply::{ProblemBody, Reply};
use std::fmt::Debug;
use std::sync::Arc;

/// Bytes of a reply's body at most.
const REPLY_LIMIT: usize = 4 << 20;

/// Carries a request to where it is answered.
///
/// Rules of an implementer: nothing happens before the future is first polled. An error says by [`Error::possible_effect`]
/// whether the request may have arrived; any status is a reply, not an error. Dropping the future must not end the work of
/// a callee that has the request.
pub trait Transport: Send + Sync + Debug + 'static {
    /// Sends one request, whose URI is a path, and waits for the whole reply.
    fn call(&self, request: http::Request<Bytes>) -> BoxFuture<'static, Result<http::Response<Bytes>>>;
}

/// Calls one service. Clones share its connections.
///
/// A failed [`Call::send`] is one of:
///
/// | what happened | kind | again | effect |
/// |---|---|---|---|
/// | no connection | `Unavailable` | later | none |
/// | the connection was lost, or ended without a reply | `Unavailable` | later | possible |
/// | the time ran out | `Timeout` | later | possible |
/// | the reply is over 4 MiB | `TooLarge` | never | possible |
/// | the call itself is malformed | `Invalid` | never | none |
#[derive(Clone, Debug)]
pub struct Client {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
}

impl Client {
    /// Calls a router of this process. As over the network, a caller that gives up or is dropped never cancels the callee:
    /// its work goes on in a task of its own. When the process of `host` ends, so does each call, without a reply.
    pub fn in_process(router: axum::Router, host: &Host) -> Self {
        Self::over(Arc::new(in_process::InProcess::new(router, host)), host)
    }

    /// Calls a server, such as `http://127.0.0.1:8080`. Connections are kept and shared; one that cannot be made within 2 s
    /// counts as refused.
    ///
    /// # Errors
    /// `Invalid` when it is no `http://` URL.
    pub fn network(base_url: &str, host: &Host) -> Result<Self> {
        Ok(Self::over(Arc::new(network::Network::new(base_url, host)?), host))
    }

    /// Calls through a transport of the caller's own; tests put faults there.
    pub fn over(transport: Arc<dyn Transport>, host: &Host) -> Self {
        Self { transport, clock: host.clock.clone() }
    }

    /// What carries the calls, for wrapping.
    pub fn transport(&self) -> Arc<dyn Transport> {
        self.transport.clone()
    }

    /// Starts a GET of a path, which begins with `/` and may have a query.
    pub fn get(&self, path: &str) -> Call {
        Call::new(self.clone(), Method::GET, path)
    }

    /// Starts a POST to a path, which begins with `/` and may have a query.
    pub fn post(&self, path: &str) -> Call {
        Call::new(self.clone(), Method::POST, path)
    }
}

/// The request may have arrived, and nothing came back.
fn no_reply() -> Error {
    Error::new(ErrorKind::Unavailable, "the connection ended without a reply").effect(Effect::Possible)
}

/// Reads a reply's body up to the limit.
async fn whole<B>(body: B) -> Result<Bytes>
where
    B: http_body::Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match Limited::new(body, REPLY_LIMIT).collect().await {
        Ok(read) => Ok(read.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Error::new(ErrorKind::TooLarge, "the reply is over its limit")
                .with("limit", REPLY_LIMIT)
                .effect(Effect::Possible))
        }
        Err(error) => {
            let lost = Error::new(ErrorKind::Unavailable, "the connection was lost within the reply");
            Err(lost.effect(Effect::Possible).because(error))
        }
    }
}
