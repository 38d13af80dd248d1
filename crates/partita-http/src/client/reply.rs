//! What a service answered.

use crate::problem::{PROBLEM_JSON, TYPE_PREFIX};
use crate::request::is_media_type;
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use partita_core::{Again, Effect, Error, ErrorKind, Result};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::time::Duration;

/// A whole reply.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, at most 4 MiB.
    pub body: Bytes,
}

/// A problem (RFC 9457) as a client reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct ProblemBody {
    /// `type`, without `/problems/` where it begins so.
    pub slug: String,
    /// The kind of problem in words.
    pub title: String,
    /// The status, also here.
    pub status: u16,
    /// What was wrong this time; empty when it was not said.
    pub detail: String,
    /// All other members.
    pub members: Map<String, Value>,
}

impl Reply {
    /// Decodes the body.
    ///
    /// # Errors
    /// `Corrupt` when it is not JSON of that shape: trying again cannot help, and what was asked may have been done.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| Error::from(error).with("status", self.status.as_u16()))
    }

    /// The problem that it carries, if it is one.
    pub fn problem(&self) -> Option<ProblemBody> {
        if !is_media_type(&self.headers, PROBLEM_JSON) {
            return None;
        }
        let mut members: Map<String, Value> = serde_json::from_slice(&self.body).ok()?;
        let mut text = |name: &str| match members.remove(name) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        let kind = text("type");
        let (title, detail) = (text("title"), text("detail"));
        let slug = kind.strip_prefix(TYPE_PREFIX).unwrap_or(&kind).to_owned();
        members.remove("status");
        Some(ProblemBody { slug, title, status: self.status.as_u16(), detail, members })
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        self.status.is_success()
    }

    /// Itself when the status is 2xx.
    ///
    /// # Errors
    /// Any other status, with `status`, `slug` and `detail` to look at. 408, 425, 429, 5xx but 501, and the problem
    /// `key-in-flight` may be tried again and may have had an effect. All others never succeed as they are; 400, 401, 403,
    /// 404, 405, 413, 414, 415, 422 and 431 certainly had no effect. 429 and 503 with `Retry-After` in seconds were put off
    /// ([`Error::put_off`]).
    pub fn into_success(self) -> Result<Self> {
        if self.is_success() { Ok(self) } else { Err(self.refusal()) }
    }

    /// When to come again, of an answer that only says that it cannot be now: 429 or 503 with `Retry-After` in seconds.
    pub fn retry_after(&self) -> Option<Duration> {
        let is_put_off = matches!(self.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        let value = self.headers.get(RETRY_AFTER).filter(|_| is_put_off)?.to_str().ok()?;
        value.parse().ok().map(Duration::from_secs)
    }

    fn refusal(&self) -> Error {
        let problem = self.problem();
        let slug = problem.as_ref().map_or("", |problem| problem.slug.as_str());
        let (kind, again, effect) = meaning(self.status.as_u16(), slug);
        let mut error =
            Error::new(kind, "the service refused").again(again).effect(effect).with("status", self.status.as_u16());
        if let Some(wait) = self.retry_after() {
            error = error.retry_after(wait);
        }
        if let Some(problem) = &problem {
            error = error.with("slug", &problem.slug).with("detail", &problem.detail);
        }
        error
    }
}

fn meaning(status: u16, slug: &str) -> (ErrorKind, Again, Effect) {
    match status {
        501 => (ErrorKind::Unavailable, Again::Never, Effect::Possible),
        408 | 425 | 429 | 500..=599 => (ErrorKind::Unavailable, Again::Later, Effect::Possible),
        _ if slug == "key-in-flight" => (ErrorKind::Unavailable, Again::Later, Effect::Possible),
        404 => (ErrorKind::NotFound, Again::Never, Effect::None),
        413 => (ErrorKind::TooLarge, Again::Never, Effect::None),
        400 | 401 | 403 | 405 | 414 | 415 | 422 | 431 => (ErrorKind::Invalid, Again::Never, Effect::None),
        _ => (ErrorKind::Invalid, Again::Never, Effect::Possible),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Problem, Slug};
    use axum::response::IntoResponse;
    use http_body_util::BodyExt;

    async fn reply(response: impl IntoResponse) -> Reply {
        let (parts, body) = response.into_response().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply { status: parts.status, headers: parts.headers, body }
    }

    #[tokio::test]
    async fn a_problem_is_read_back_as_it_was_written() {
        let sent = Problem::new(Slug::Refused).detail("out of stock").member("reason", "out_of_stock".into());
        let problem = reply(sent).await.problem().unwrap();
        assert_eq!((problem.slug.as_str(), problem.status, problem.detail.as_str()), ("refused", 422, "out of stock"));
        assert_eq!(problem.title, "Refused");
        assert_eq!(problem.members.into_iter().collect::<Vec<_>>(), [("reason".to_owned(), "out_of_stock".into())]);
        assert_eq!(reply("{}").await.problem(), None);
    }

    #[tokio::test]
    async fn statuses_say_whether_to_try_again_and_whether_it_may_have_happened() {
        let later = [408, 425, 429, 500, 502, 503, 504];
        let never_none = [400, 401, 403, 404, 405, 413, 414, 415, 422, 431];
        let never_possible = [302, 402, 409, 410, 501];
        let all = [
            (&later[..], Again::Later, Effect::Possible),
            (&never_none[..], Again::Never, Effect::None),
            (&never_possible[..], Again::Never, Effect::Possible),
        ];
        for (statuses, again, effect) in all {
            for status in statuses {
                let error = reply(StatusCode::from_u16(*status).unwrap()).await.into_success().unwrap_err();
                assert_eq!((error.may_try_again(), error.possible_effect()), (again, effect), "{status}");
            }
        }
        assert!(reply(StatusCode::ACCEPTED).await.into_success().is_ok());
    }

    #[tokio::test]
    async fn who_asks_to_come_again_has_put_it_off() {
        let wait = |secs| Some(Duration::from_secs(secs));
        for (slug, secs, put_off) in [
            (Slug::StorageFull, Some(1), wait(1)),
            (Slug::Overloaded, Some(7), wait(7)),
            (Slug::Overloaded, None, None),
            (Slug::KeyInFlight, Some(1), None),
            (Slug::Upstream, Some(1), None),
        ] {
            let problem = Problem::new(slug);
            let answer = reply(secs.into_iter().fold(problem, Problem::retry_after)).await;
            assert_eq!(answer.into_success().unwrap_err().put_off(), put_off, "{slug:?}");
        }
        let date = [(RETRY_AFTER, "Wed, 21 Oct 2015 07:28:00 GMT")];
        let answer = reply((StatusCode::SERVICE_UNAVAILABLE, date)).await;
        assert_eq!(answer.into_success().unwrap_err().put_off(), None, "a date is not read");
    }

    #[tokio::test]
    async fn a_key_in_flight_may_be_tried_again_though_it_is_a_409() {
        let error = reply(Problem::new(Slug::KeyInFlight)).await.into_success().unwrap_err();
        assert_eq!(error.may_try_again(), Again::Later);
        assert!(error.to_string().contains("slug: key-in-flight"), "{error}");
    }
}
