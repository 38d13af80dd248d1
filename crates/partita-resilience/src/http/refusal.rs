//! What a refusal is in HTTP.

use crate::{Error, PolicyKind, Reason, Rejected};
use http::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use std::time::Duration;

/// The response to a caller whose request a policy ended: 429 of a rate limit, 503 of any other refusal, 504 where time ran
/// out, 502 where the dependency itself failed; with a Retry-After where it is known when to come again. The text names the
/// kind of policy and its reason, and nothing that only concerns the server.
pub fn refusal<E>(error: &Error<E>) -> Response<String> {
    let (status, text) = say(error);
    let mut response = Response::new(text);
    *response.status_mut() = status;
    if let Some(wait) = error.retry_after() {
        put_retry_after(response.headers_mut(), wait);
    }
    response
}

fn say<E>(error: &Error<E>) -> (StatusCode, String) {
    match error {
        Error::Rejected(rejected) => (status(rejected), format!("{}: {}", rejected.policy, rejected.reason)),
        Error::TimedOut { which, .. } => (StatusCode::GATEWAY_TIMEOUT, format!("{which} ran out")),
        Error::Exhausted { last, .. } => say(last),
        Error::FallbackFailed { cause, .. } => say(cause),
        Error::AllHedgesFailed(errors) => errors.last().map_or_else(failed, say),
        Error::Inner(_) => failed(),
    }
}

fn failed() -> (StatusCode, String) {
    (StatusCode::BAD_GATEWAY, "a dependency failed".to_owned())
}

const fn status(rejected: &Rejected) -> StatusCode {
    match (rejected.policy, rejected.reason) {
        (PolicyKind::Deadline, _) | (_, Reason::DeadlinePassed) => StatusCode::GATEWAY_TIMEOUT,
        (PolicyKind::RateLimit, _) => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Says when to come again, in whole seconds (RFC 9110, 10.2.3), rounded up: whoever keeps to it does not come too early.
pub fn put_retry_after(headers: &mut HeaderMap, wait: Duration) {
    headers.insert(RETRY_AFTER, seconds(wait));
}

/// Whole seconds, rounded up.
pub(crate) fn seconds(time: Duration) -> HeaderValue {
    HeaderValue::from(time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limit;

    fn refused(policy: PolicyKind, wait: Option<u64>) -> Error<()> {
        let (reason, retry_after) = (Reason::LimitReached, wait.map(Duration::from_millis));
        Error::Rejected(Rejected { policy, name: "inner-db".into(), reason, retry_after })
    }

    fn answer(error: &Error<()>) -> (u16, Option<String>) {
        let response = refusal(error);
        assert!(!response.body().contains("inner-db"), "{}", response.body());
        let after = response.headers().get(RETRY_AFTER).map(|after| after.to_str().unwrap().to_owned());
        (response.status().as_u16(), after)
    }

    #[test]
    fn the_status_says_who_refused_and_retry_after_is_never_too_early() {
        let after = |text: &str| Some(text.to_owned());
        assert_eq!(answer(&refused(PolicyKind::RateLimit, Some(1_001))), (429, after("2")));
        assert_eq!(answer(&refused(PolicyKind::RateLimit, Some(2_000))), (429, after("2")));
        assert_eq!(answer(&refused(PolicyKind::Breaker, Some(1))), (503, after("1")));
        assert_eq!(answer(&refused(PolicyKind::Bulkhead, None)), (503, None));
        assert_eq!(answer(&refused(PolicyKind::Shed, None)), (503, None));
        assert_eq!(answer(&refused(PolicyKind::Deadline, None)), (504, None));
        let late = Error::TimedOut { after: Duration::from_secs(1), which: Limit::Deadline };
        assert_eq!(answer(&late), (504, None));
        assert_eq!(answer(&Error::Inner(())), (502, None));
    }

    #[test]
    fn what_ended_the_last_attempt_decides() {
        let last = Box::new(refused(PolicyKind::Breaker, Some(1_500)));
        assert_eq!(answer(&Error::Exhausted { attempts: 2, last }), (503, Some("2".to_owned())));
        let hedges = vec![Error::Inner(()), refused(PolicyKind::RateLimit, Some(10))];
        assert_eq!(answer(&Error::AllHedgesFailed(hedges)), (429, Some("1".to_owned())));
        assert_eq!(answer(&Error::AllHedgesFailed(vec![])), (502, None));
        let fallback = Box::new(Error::Inner(()));
        let cause = Box::new(refused(PolicyKind::Shed, None));
        assert_eq!(answer(&Error::FallbackFailed { cause, fallback }), (503, None));
    }

    #[test]
    fn no_time_left_is_a_504_whoever_says_so() {
        let policy = PolicyKind::Timeout;
        let late = Rejected { policy, name: "inner-db".into(), reason: Reason::DeadlinePassed, retry_after: None };
        assert_eq!(answer(&late.into()), (504, None));
    }
}
