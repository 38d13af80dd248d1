//! Problem details for HTTP APIs (RFC 9457): the one form in which a JSON route refuses.

use crate::{FieldErrors, Slug};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use partita_core::{Error, ErrorKind};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::fmt;

/// Media type of a problem.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";
/// What `type` starts with.
pub(crate) const TYPE_PREFIX: &str = "/problems/";

/// A refusal: `{type,title,status,detail}` and members of its own, as `application/problem+json`.
///
/// ```
/// use partita_http::{Problem, Slug};
/// let problem = Problem::new(Slug::Overloaded).detail("10,000 orders are unfinished").retry_after(1);
/// assert_eq!(problem.status(), 503);
/// ```
#[must_use]
pub struct Problem(Box<Inner>);

struct Inner {
    slug: Slug,
    detail: Option<String>,
    members: Vec<(&'static str, Value)>,
    headers: HeaderMap,
}

impl Problem {
    /// A problem with the detail that goes with its slug.
    pub fn new(slug: Slug) -> Self {
        Self(Box::new(Inner { slug, detail: None, members: vec![], headers: HeaderMap::new() }))
    }

    /// Wrong fields, all of them at once.
    pub fn invalid(slug: Slug, errors: &FieldErrors) -> Self {
        let named = errors.named().iter();
        let named = named.map(|error| serde_json::json!({"pointer": error.pointer, "detail": error.detail}));
        Self::new(slug).detail(errors.summary()).member("errors", named.collect())
    }

    /// What is wrong this time.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds a member beside `type`, `title`, `status` and `detail`.
    pub fn member(mut self, name: &'static str, value: Value) -> Self {
        self.0.members.push((name, value));
        self
    }

    /// Adds a header to the response.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// Adds `Retry-After`, in seconds.
    pub fn retry_after(self, secs: u32) -> Self {
        self.header(RETRY_AFTER, HeaderValue::from(secs))
    }

    /// What kind of problem it is.
    pub fn slug(&self) -> Slug {
        self.0.slug
    }

    /// What is wrong this time, in words.
    pub fn as_detail(&self) -> &str {
        self.0.detail.as_deref().unwrap_or(self.0.slug.standing_detail())
    }

    /// The response's status.
    pub fn status(&self) -> StatusCode {
        self.0.slug.status()
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let slug = self.0.slug;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &format!("{TYPE_PREFIX}{}", slug.as_str()))?;
        map.serialize_entry("title", slug.title())?;
        map.serialize_entry("status", &slug.status().as_u16())?;
        map.serialize_entry("detail", self.as_detail())?;
        for (name, value) in &self.0.members {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Problem {}", serde_json::to_string(self).unwrap_or_default())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.extend(self.0.headers);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        response
    }
}

impl From<Error> for Problem {
    /// A failure that no handler mapped to an answer of its own. Callers learn its kind; the log gets the text.
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::Io => {
                tracing::error!(%error, "the storage failed");
                Self::new(Slug::StorageFull)
                    .detail("the storage failed; the log says why; try again later")
                    .retry_after(1)
            }
            ErrorKind::StorageFull => Self::new(Slug::StorageFull).retry_after(1),
            ErrorKind::Busy => Self::new(Slug::Overloaded).retry_after(1),
            ErrorKind::Closed => Self::new(Slug::NotReady).retry_after(1),
            kind => {
                tracing::error!(%error, ?kind, "a request failed");
                Self::new(Slug::Internal).detail(format!("the service failed ({kind:?}); its log says more"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    async fn shown(problem: Problem) -> (Response<()>, String) {
        let (parts, body) = problem.into_response().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (Response::from_parts(parts, ()), String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_problem_reads_type_title_status_detail_and_then_its_own_members() {
        let problem =
            Problem::new(Slug::NotReady).detail("opening").retry_after(1).member("checks", serde_json::json!({}));
        let (head, body) = shown(problem).await;
        assert_eq!(head.status(), 503);
        assert_eq!(head.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(head.headers()[RETRY_AFTER], "1");
        let expected =
            r#"{"type":"/problems/not-ready","title":"Not ready","status":503,"detail":"opening","checks":{}}"#;
        assert_eq!(body, expected);
    }

    #[tokio::test]
    async fn wrong_fields_are_listed_with_their_pointers() {
        let mut errors = FieldErrors::default();
        ["#/items/0/sku", "#/x"].into_iter().for_each(|pointer| errors.push(pointer, "wrong"));
        let (head, body) = shown(Problem::invalid(Slug::InvalidOrder, &errors)).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(head.status(), 422);
        assert_eq!(body["errors"][0], serde_json::json!({"pointer": "#/items/0/sku", "detail": "wrong"}));
        assert_eq!(body["errors"].as_array().map(Vec::len), Some(2));
    }

    #[tokio::test]
    async fn errors_of_the_store_keep_their_secrets() {
        for (kind, status) in [(ErrorKind::Corrupt, 500), (ErrorKind::Io, 503)] {
            let (head, body) = shown(Problem::from(Error::new(kind, "/home/someone/ordering.db"))).await;
            assert_eq!(head.status(), status);
            assert!(!body.contains("someone"), "{body}");
        }
        for (kind, slug) in [
            (ErrorKind::StorageFull, Slug::StorageFull),
            (ErrorKind::Busy, Slug::Overloaded),
            (ErrorKind::Closed, Slug::NotReady),
        ] {
            assert_eq!(Problem::from(Error::new(kind, "x")).slug(), slug);
        }
    }
}
