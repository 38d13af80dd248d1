//! Limits of time as layers that hold until bodies end.

use super::LimitedBody;
use super::limited::Limited;
use crate::deadline::{Context, Deadline};
use crate::layered::{PolicyLayer, Serve, take_ready};
use crate::timeout::Timeout;
use crate::{Error, ErrorShape, Rejected};
use http::Response;
use http_body::Body;
use partita_time::BoxFuture;
use tower_service::Service;

/// A policy whose limit of time holds until the response body ends.
#[derive(Clone, Debug)]
pub struct LimitBody<P>(P);

impl Timeout {
    /// A tower layer whose limit holds until the response body ends: it then fails with [`Error::TimedOut`]. What is
    /// observed, and makes an adaptive limit, are whole calls too.
    pub fn body_layer(&self) -> PolicyLayer<LimitBody<Self>> {
        PolicyLayer::new(LimitBody(self.clone()))
    }
}

impl Deadline {
    /// As [`Deadline::layer`], with a deadline that holds until the response body ends: it then fails with
    /// [`Error::TimedOut`]. Around a stack whose own limits end with the head, this is the limit of whole calls.
    pub fn body_layer(&self) -> PolicyLayer<LimitBody<Self>> {
        PolicyLayer::new(LimitBody(self.clone()))
    }
}

/// A policy that sets a limit to each call.
pub trait Limits: Clone + Send + Sync + 'static {
    /// Gives a call its limit.
    ///
    /// # Errors
    /// No time is left for it.
    fn limit(&self, context: Context) -> Result<Limiting, Rejected>;
}

/// A call that has time.
#[derive(Debug)]
pub struct Limiting {
    context: Context,
    limited: Limited,
}

impl Limits for Timeout {
    fn limit(&self, context: Context) -> Result<Limiting, Rejected> {
        let (started, limit) = self.begin(&context)?;
        Ok(Limiting { limited: Limited::new(self.watch(), started, limit), context })
    }
}

impl Limits for Deadline {
    fn limit(&self, context: Context) -> Result<Limiting, Rejected> {
        let (context, started, limit) = self.begin(context)?;
        Ok(Limiting { limited: Limited::new(self.watch(), started, limit), context })
    }
}

impl<P, S, Q, B, M> Serve<S, Q, M> for LimitBody<P>
where
    P: Limits,
    S: Service<Q, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    Q: Send + 'static,
    B: Body,
    M: ErrorShape<S::Error>,
{
    type Response = Response<LimitedBody<B>>;
    type Future = BoxFuture<'static, Result<Self::Response, Error<M::Inner>>>;

    fn serve(&self, inner: &mut S, request: Q) -> Self::Future {
        let (mut ready, limiting) = (take_ready(inner), self.0.limit(Context::current()));
        Box::pin(async move {
            let Limiting { context, limited } = limiting?;
            limited.head::<_, _, M>(context.scope_with(|| ready.call(request))).await
        })
    }
}
