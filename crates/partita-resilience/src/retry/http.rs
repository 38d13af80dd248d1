//! Which answers of an HTTP server pass by themselves.

use super::{Io, Repeat};
use crate::deadline::Context;
use crate::{Classify, Outcome, Timing};
use http::header::{HeaderMap, HeaderName, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use partita_time::Timestamp;
use std::time::{Duration, UNIX_EPOCH};

/// Carries the key by which a server knows a repetition.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Judges HTTP answers: 408 and 5xx are failures, as is 429, with the server's Retry-After where a 429, 502 or 503 gives
/// one; other 4xx are the caller's own mistake and ignored. Of the failures, 408, 429, 502, 503 and 504 may pass: a 500 or
/// any other 5xx is a fault that another attempt would meet again, so that it opens a breaker and is not retried. Errors of
/// the transport are failures that may pass.
#[derive(Clone, Debug, Default)]
pub struct Http(Timing);

impl Http {
    /// Reads the wall clock of `timing`, to which a Retry-After with a date is compared.
    pub const fn new(timing: Timing) -> Self {
        Self(timing)
    }

    /// What a status and its headers say.
    pub fn outcome(&self, status: StatusCode, headers: &HeaderMap) -> Outcome {
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY => {
                match retry_after(headers, self.0.clock().now()) {
                    None if status == StatusCode::BAD_GATEWAY => Outcome::Failure,
                    retry_after => Outcome::Overloaded { retry_after },
                }
            }
            status if status == StatusCode::REQUEST_TIMEOUT || status.is_server_error() => Outcome::Failure,
            status if status.is_client_error() => Outcome::Ignored,
            _ => Outcome::Success,
        }
    }

    /// Whether another attempt may do better after a failure of this status.
    fn status_may_pass(status: StatusCode) -> bool {
        !status.is_server_error()
            || matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
    }
}

impl<B, E> Classify<Response<B>, E> for Http {
    fn classify(&self, result: Result<&Response<B>, &E>) -> Outcome {
        result.map_or(Outcome::Failure, |response| self.outcome(response.status(), response.headers()))
    }

    fn may_pass(&self, result: Result<&Response<B>, &E>) -> bool {
        result.is_err() || result.is_ok_and(|response| Self::status_may_pass(response.status()))
    }
}

impl Io {
    /// As [`Http`], with the errors of the transport judged by their kind.
    pub const fn http(timing: Timing) -> HttpOverIo {
        HttpOverIo(Http::new(timing))
    }
}

/// [`Http`] for answers, [`Io`] for errors.
#[derive(Clone, Debug, Default)]
pub struct HttpOverIo(Http);

impl<B> Classify<Response<B>, std::io::Error> for HttpOverIo {
    fn classify(&self, result: Result<&Response<B>, &std::io::Error>) -> Outcome {
        match result {
            Ok(response) => self.0.outcome(response.status(), response.headers()),
            Err(error) => Io::outcome(error),
        }
    }

    fn may_pass(&self, result: Result<&Response<B>, &std::io::Error>) -> bool {
        self.0.may_pass(result)
    }
}

/// The wait that a Retry-After asks for, from `now`: seconds, or an HTTP date (RFC 9110, 10.2.3). Zero for a date that has
/// passed, None for anything else.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::from(u32::MAX))));
    }
    let since_1970 = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::default().plus(since_1970).since(now))
}

/// Requests are cloned, with a body that can be; those with an idempotent method (RFC 9110, 9.2.2) or an
/// `Idempotency-Key` may be made twice.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByMethod;

impl<B: Clone> Repeat<Request<B>> for ByMethod {
    fn repeat(&self, request: &Request<B>) -> Option<Request<B>> {
        Some(request.clone())
    }

    fn context(&self, request: &Request<B>, context: Context) -> Context {
        let key = request.headers().get(IDEMPOTENCY_KEY).and_then(|key| key.to_str().ok());
        let key = key.map(str::trim).filter(|key| !key.is_empty());
        let context = key.map_or_else(|| context.clone(), |key| context.clone().key(key));
        let idempotent = [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE];
        if idempotent.contains(request.method()) { context.idempotent() } else { context }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use partita_time::ManualClock;

    /// 2026-11-21T08:00:00Z.
    const NOW: Timestamp = Timestamp::from_millis(1_795_248_000_000);

    fn headers(retry_after: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, retry_after.parse().unwrap());
        headers
    }

    fn outcome(status: u16) -> Outcome {
        let http = Http::new(Timing::manual(&ManualClock::anchored(NOW), 1));
        http.outcome(StatusCode::from_u16(status).unwrap(), &HeaderMap::new())
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date() {
        assert_eq!(retry_after(&headers("120"), NOW), Some(Duration::from_secs(120)));
        assert_eq!(retry_after(&headers("Sat, 21 Nov 2026 08:00:30 GMT"), NOW), Some(Duration::from_secs(30)));
        assert_eq!(retry_after(&headers("Saturday, 21-Nov-26 08:00:30 GMT"), NOW), Some(Duration::from_secs(30)));
        assert_eq!(retry_after(&headers("Sat, 21 Nov 2026 07:00:00 GMT"), NOW), Some(Duration::ZERO));
        assert_eq!([retry_after(&headers("soon"), NOW), retry_after(&headers("-1"), NOW)], [None; 2]);
        assert_eq!(retry_after(&HeaderMap::new(), NOW), None);
    }

    #[test]
    fn statuses_that_pass_by_themselves_are_failures_and_the_callers_mistakes_are_ignored() {
        let failed = |status| matches!(outcome(status), Outcome::Failure | Outcome::Overloaded { .. });
        let may_pass = |status| {
            let answer = Response::builder().status(status).body(()).unwrap();
            Http::default().may_pass(Ok::<_, &()>(&answer)) && Io::http(Timing::default()).may_pass(Ok(&answer))
        };
        assert!([408, 429, 502, 503, 504].into_iter().all(|status| failed(status) && may_pass(status)));
        assert!([500, 501, 505, 507].into_iter().all(|status| failed(status) && !may_pass(status)));
        assert!([400, 401, 403, 404, 409, 422].into_iter().all(|status| outcome(status) == Outcome::Ignored));
        assert!([200, 204, 304].into_iter().all(|status| outcome(status) == Outcome::Success));
    }

    #[test]
    fn an_overloaded_servers_word_on_when_is_kept() {
        let http = Http::new(Timing::manual(&ManualClock::anchored(NOW), 1));
        let overloaded = |wait: Option<u64>| Outcome::Overloaded { retry_after: wait.map(Duration::from_secs) };
        for status in [StatusCode::TOO_MANY_REQUESTS, StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE] {
            assert_eq!(http.outcome(status, &headers("7")), overloaded(Some(7)), "{status}");
        }
        assert_eq!([outcome(429), outcome(503), outcome(502)], [overloaded(None), overloaded(None), Outcome::Failure]);
        assert_eq!(http.outcome(StatusCode::GATEWAY_TIMEOUT, &headers("7")), Outcome::Failure);
    }

    #[test]
    fn an_error_of_the_transport_is_a_failure_that_may_pass() {
        let (http, cut) = (Http::default(), std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        let failed: Result<&Response<()>, _> = Err(&cut);
        assert_eq!((http.classify(failed), http.may_pass(failed)), (Outcome::Failure, true));
        let (http, denied) = (Io::http(Timing::default()), std::io::ErrorKind::PermissionDenied.into());
        assert_eq!((http.classify(failed), http.may_pass(failed)), (Outcome::Failure, true));
        assert_eq!(http.classify(Err::<&Response<()>, _>(&denied)), Outcome::Ignored);
    }

    #[test]
    fn the_method_or_a_key_says_whether_a_request_may_be_made_twice() {
        let may = |request: &Request<()>| ByMethod.context(request, Context::new()).may_repeat();
        let by_method = |method: &str| may(&Request::builder().method(method).body(()).unwrap());
        assert!(["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"].into_iter().all(by_method));
        assert!(!["POST", "PATCH", "CONNECT", "LOCK"].into_iter().any(by_method));
        let keyed = Request::post("/").header("Idempotency-Key", "k-1").body(()).unwrap();
        assert!(may(&keyed));
        assert_eq!(ByMethod.context(&keyed, Context::new()).idempotency_key(), Some("k-1"));
        let empty = Request::post("/").header("Idempotency-Key", " ").body(()).unwrap();
        assert!(!may(&empty), "no key to know it by");
    }
}
