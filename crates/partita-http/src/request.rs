//! Reading a request: its body, its media type, its key, its patience.

use crate::serve::Late;
use crate::{Problem, Slug};
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::Body as _;
use http_body_util::BodyExt;
use std::error::Error as _;
use std::time::Duration;

/// Reads a body of at most `limit` bytes, and stops reading where it is longer.
///
/// # Errors
/// `unsupported-media-type` when it is encoded, for instance by gzip; `too-large` by what `Content-Length` says or by what
/// arrives; `request-timeout` when it does not arrive in the time that the server gives it; `bad-request` when it breaks off.
pub async fn read_body(headers: &HeaderMap, mut body: Body, limit: usize) -> Result<Bytes, Problem> {
    require_plain(headers)?;
    let too_large = || Problem::new(Slug::TooLarge).detail(format!("the body is over {limit} bytes"));
    let over =
        |bytes: u64| usize::try_from(bytes).is_ok_and(|bytes| bytes <= limit).then_some(()).ok_or_else(too_large);
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    over(announced.unwrap_or(0).max(body.size_hint().lower()))?;
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| not_whole(&error))?.into_data() else { continue };
        if read.len() + data.len() > limit {
            return Err(too_large());
        }
        read.extend_from_slice(&data);
    }
    Ok(read.freeze())
}

fn not_whole(error: &axum::Error) -> Problem {
    let late = std::iter::successors(error.source(), |cause| (*cause).source()).any(|cause| cause.is::<Late>());
    let slug = if late { Slug::RequestTimeout } else { Slug::BadRequest };
    Problem::new(slug).detail(format!("the body did not arrive whole: {error}"))
}

/// Refuses an encoded body with the header that says what would be taken (RFC 9110, section 15.5.16).
fn require_plain(headers: &HeaderMap) -> Result<(), Problem> {
    let plain = |value: &HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().all(plain) {
        return Ok(());
    }
    let detail = "bodies are not decoded here: send it as it is, without Content-Encoding";
    let identity = HeaderValue::from_static("identity");
    Err(Problem::new(Slug::UnsupportedMediaType).detail(detail).header(ACCEPT_ENCODING, identity))
}

/// Lets only `application/json` pass, with or without parameters.
///
/// # Errors
/// `unsupported-media-type`, also when there is no `Content-Type`, or more than one.
pub fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    if is_media_type(headers, "application/json") { Ok(()) } else { Err(Problem::new(Slug::UnsupportedMediaType)) }
}

/// Whether the one `Content-Type` is this one, whatever its case and parameters.
pub(crate) fn is_media_type(headers: &HeaderMap, expected: &str) -> bool {
    let mut given = headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (given.next(), given.next()) else { return false };
    let essence = only.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(expected)
}

/// The header of a request's key.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The name that a client gave its request, so that sending it again does not do it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Characters at most.
    const LONGEST: usize = 255;

    /// Reads the one `Idempotency-Key`.
    ///
    /// # Errors
    /// `key-missing` when there is none or more than one, or when it is not 1 to 255 visible ASCII characters.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, Problem> {
        let missing = |detail: &str| Problem::new(Slug::KeyMissing).detail(detail);
        let mut given = headers.get_all(&IDEMPOTENCY_KEY).iter();
        let Some(only) = given.next() else { return Err(Problem::new(Slug::KeyMissing)) };
        if given.next().is_some() {
            return Err(missing("there is more than one Idempotency-Key"));
        }
        let visible = |key: &&str| key.bytes().all(|byte| matches!(byte, 0x21..=0x7e));
        match std::str::from_utf8(only.as_bytes()).ok().filter(visible) {
            Some(key) if (1..=Self::LONGEST).contains(&key.len()) => Ok(Self(key.to_owned())),
            _ => Err(missing("the Idempotency-Key must be 1 to 255 visible ASCII characters")),
        }
    }

    /// The key as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How long a client is willing to wait: `Prefer: wait=N`, N in seconds (RFC 7240, section 4.3), at most 30 s.
///
/// Only the first `wait` counts, as the RFC asks; a malformed one is ignored.
pub fn prefer_wait(headers: &HeaderMap) -> Option<Duration> {
    let lines = headers.get_all("prefer").iter().filter_map(|line| line.to_str().ok());
    let seconds = lines.flat_map(preferences).find_map(|preference| {
        let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
        name.trim().eq_ignore_ascii_case("wait").then(|| value.trim())
    })?;
    if seconds.is_empty() || !seconds.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(Duration::from_secs(seconds.parse().unwrap_or(u64::MAX).min(30)))
}

/// The preferences of one line, without their parameters. Commas and semicolons within quotes separate nothing.
fn preferences(line: &str) -> impl Iterator<Item = &str> {
    outside_quotes(line, ',').map(|preference| outside_quotes(preference, ';').next().unwrap_or_default().trim())
}

fn outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c: char| {
        let literal = escaped;
        escaped = quoted && !literal && c == '\\';
        if c == '"' && !literal {
            quoted = !quoted;
        }
        c == separator && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        let value = |value: &&str| (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        let mut map = HeaderMap::new();
        for (name, value) in values.iter().map(value) {
            map.append(name, value);
        }
        map
    }

    #[test]
    fn a_key_is_one_header_of_visible_ascii() {
        let key = |values: &[&str]| IdempotencyKey::from_headers(&headers("idempotency-key", values));
        let longest = "k".repeat(255);
        for good in ["a", "!~", "\"quoted\"", "a,b", longest.as_str()] {
            assert_eq!(key(&[good]).unwrap().as_str(), good);
        }
        let too_long = "k".repeat(256);
        for bad in [&[][..], &[""], &["a", "a"], &["a b"], &["ä"], &["a\tb"], &[too_long.as_str()]] {
            assert_eq!(key(bad).unwrap_err().slug(), Slug::KeyMissing, "{bad:?}");
        }
    }

    #[test]
    fn json_may_have_parameters_and_any_case() {
        let check = |values: &[&str]| require_json(&headers("content-type", values)).map_err(|problem| problem.slug());
        for good in
            ["application/json", "application/json; charset=utf-8", "Application/JSON;x=y", "application/json ;x"]
        {
            assert_eq!(check(&[good]), Ok(()), "{good}");
        }
        for bad in [&[][..], &["text/plain"], &["application/jsonp"], &["application/json", "text/plain"], &["json"]] {
            assert_eq!(check(bad), Err(Slug::UnsupportedMediaType), "{bad:?}");
        }
    }

    #[test]
    fn the_first_wait_counts_wherever_it_stands() {
        let wait = |values: &[&str]| prefer_wait(&headers("prefer", values)).map(|wait| wait.as_secs());
        let good: [(&[&str], u64); 10] = [
            (&["wait=5"], 5),
            (&["Wait = 5"], 5),
            (&["respond-async, wait=7"], 7),
            (&["respond-async", "wait=8; x=1"], 8),
            (&["a=\"x, wait=1\", wait=9"], 9),
            (&["a=\"x\\\", wait=1\", wait=6"], 6),
            (&["wait=31"], 30),
            (&["wait=99999999999999999999999"], 30),
            (&["wait=0"], 0),
            (&["wait=3, wait=4"], 3),
        ];
        for (values, seconds) in good {
            assert_eq!(wait(values), Some(seconds), "{values:?}");
        }
        for bad in ["wait", "wait=", "wait=-1", "wait=1.5", "wait=x", "wait=\"5\"", "waiting=5", "wait=abc, wait=5", ""]
        {
            assert_eq!(wait(&[bad]), None, "{bad}");
        }
        assert_eq!(wait(&[]), None);
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_by_what_it_says_and_by_what_arrives() {
        let none = HeaderMap::new();
        assert_eq!(read_body(&none, Body::from("12345"), 5).await.unwrap(), "12345");
        assert_eq!(read_body(&none, Body::from("123456"), 5).await.unwrap_err().slug(), Slug::TooLarge);
        let announced = headers("content-length", &["6"]);
        assert_eq!(read_body(&announced, Body::from("1"), 5).await.unwrap_err().slug(), Slug::TooLarge);
        let endless = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>("12"));
        assert_eq!(read_body(&none, Body::from_stream(endless), 5).await.unwrap_err().slug(), Slug::TooLarge);
    }

    #[tokio::test]
    async fn an_encoded_body_is_refused_before_anybody_takes_it_for_json() {
        for encoded in [&["gzip"][..], &["br"], &["identity, gzip"], &["identity", "gzip"]] {
            let given = headers("content-encoding", encoded);
            let problem = read_body(&given, Body::from("1"), 5).await.unwrap_err();
            assert_eq!(problem.slug(), Slug::UnsupportedMediaType, "{encoded:?}");
        }
        assert_eq!(read_body(&headers("content-encoding", &["Identity"]), Body::from("1"), 5).await.unwrap(), "1");
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_a_bad_request() {
        let broken = futures_util::stream::iter([Ok("12"), Err(std::io::Error::other("reset"))]);
        let problem = read_body(&HeaderMap::new(), Body::from_stream(broken), 5).await.unwrap_err();
        assert_eq!(problem.slug(), Slug::BadRequest);
    }
}
