//! A request in the making.

use super::{Client, Reply};
use crate::request::IDEMPOTENCY_KEY;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use partita_core::{Effect, Error, ErrorKind, Result};
use partita_time::timeout;
use serde::Serialize;
use std::time::Duration;

/// A request in the making; [`Call::send`] sends it.
#[derive(Debug)]
#[must_use = "a call does nothing until it is sent"]
pub struct Call {
    client: Client,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    limit: Duration,
    fault: Option<Error>,
}

impl Call {
    pub(super) fn new(client: Client, method: Method, path: &str) -> Self {
        let limit = Duration::from_secs(30);
        Self {
            client,
            method,
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            limit,
            fault: None,
        }
    }

    /// Sets the `Idempotency-Key`.
    pub fn key(self, key: &str) -> Self {
        self.with_header(IDEMPOTENCY_KEY, key)
    }

    /// Sets a header.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        match HeaderName::try_from(name) {
            Ok(header) => return self.with_header(header, value),
            Err(_) => self.fault = Some(malformed("a header").with("header", name)),
        }
        self
    }

    fn with_header(mut self, header: HeaderName, value: &str) -> Self {
        match HeaderValue::try_from(value) {
            Ok(value) => {
                self.headers.insert(header, value);
            }
            Err(_) => self.fault = Some(malformed("a header").with("header", &header)),
        }
        self
    }

    /// Sets the body, as JSON.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(json) => self.body = json.into(),
            Err(error) => self.fault = Some(malformed("the body").because(error)),
        }
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self
    }

    /// How long to wait for the whole reply; 30 s unless set.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Sends it once and waits for the whole reply, whatever its status.
    ///
    /// # Errors
    /// See [`Client`]; a status is none, [`Reply::into_success`] makes it one.
    pub async fn send(mut self) -> Result<Reply> {
        let limit = self.limit;
        let request = self.request().map_err(|error| self.named(error))?;
        let answer = timeout(&*self.client.clock, limit, self.client.transport.call(request)).await;
        let late = |_| {
            Error::new(ErrorKind::Timeout, "no reply in time").effect(Effect::Possible).with("ms", limit.as_millis())
        };
        let response = answer.map_err(late).flatten().map_err(|error| self.named(error))?;
        let (parts, body) = response.into_parts();
        Ok(Reply { status: parts.status, headers: parts.headers, body })
    }

    fn named(&self, error: Error) -> Error {
        error.with("call", format_args!("{} {}", self.method, self.path))
    }

    fn request(&mut self) -> Result<Request<Bytes>> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let uri =
            Uri::try_from(self.path.as_str()).ok().filter(|uri| uri.scheme().is_none() && self.path.starts_with('/'));
        let mut request = Request::new(std::mem::take(&mut self.body));
        *request.uri_mut() = uri.ok_or_else(|| malformed("the path"))?;
        *request.method_mut() = self.method.clone();
        *request.headers_mut() = std::mem::take(&mut self.headers);
        Ok(request)
    }
}

fn malformed(what: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("{what} of a call is malformed"))
}
