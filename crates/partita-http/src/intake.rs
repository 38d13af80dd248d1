//! Idempotency keys of a public route: the first answer is kept with the key, in the commit of what was asked for.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode};
use partita_core::{Expect, Put, Record, Result, Space};
use partita_time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const SPACE: &str = "keys";

/// Remembers requests by their key: same key and same request, same answer; same key and another request, refused.
///
/// Commit the [`Put`] together with the effect. Where it conflicts, [`Intake::decide`] on the record that was found.
#[derive(Clone, Copy, Debug)]
pub struct Intake;

/// An answer as it was first given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredReply {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

/// What to do with a request whose key is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is the same request: answer with this, `into_response(true)`.
    Replay(StoredReply),
    /// It is another request: refuse it.
    KeyReused,
}

#[derive(Deserialize)]
struct Kept {
    fingerprint: String,
    reply: StoredReply,
}

/// [`Kept`], as it is written.
#[derive(Serialize)]
struct Keeping<'a> {
    fingerprint: &'a str,
    reply: &'a StoredReply,
}

impl Intake {
    /// The space to declare when the store is opened.
    pub fn space() -> Space {
        Space::named(SPACE)
    }

    /// Marks a key as used, with the answer. `fingerprint` stands for the request ([`crate::Json::fingerprint`]); from
    /// `now + keep` on the record may be pruned.
    ///
    /// # Errors
    /// Those of writing JSON.
    pub fn put(key: &str, fingerprint: &str, reply: &StoredReply, now: Timestamp, keep: Duration) -> Result<Put> {
        let value = serde_json::to_string(&Keeping { fingerprint, reply })?;
        Ok(Put::value(SPACE, key, Expect::Absent, value).keep_until(now.plus(keep)))
    }

    /// Compares a request with the one that used its key first.
    ///
    /// # Errors
    /// `Corrupt` when the record cannot be read.
    pub fn decide(record: &Record, fingerprint: &str) -> Result<Decision> {
        let kept: Kept = serde_json::from_str(&record.value)?;
        Ok(if kept.fingerprint == fingerprint { Decision::Replay(kept.reply) } else { Decision::KeyReused })
    }
}

impl StoredReply {
    /// As a response; `replayed` adds `Idempotent-Replayed: true`.
    pub fn into_response(self, replayed: bool) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Body::from(self.body)).into_response();
        let stored = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in stored.chain(replayed.then_some(("idempotent-replayed", "true"))) {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use partita_core::Write;

    fn reply() -> StoredReply {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = vec![header("location", "/orders/1"), header("content-type", "application/json")];
        StoredReply { status: 202, headers, body: r#"{"order_id":"1"}"#.into() }
    }

    fn record() -> Record {
        let put = Intake::put("k", "f", &reply(), Timestamp::from_millis(5), Duration::from_secs(1)).unwrap();
        let Write::Value { value, keep_until, .. } = put.write else { unreachable!() };
        assert_eq!((put.expect, keep_until), (Expect::Absent, Some(Timestamp::from_millis(1_005))));
        Record { key: put.key, revision: 1, value, due: None }
    }

    #[test]
    fn the_same_request_gets_the_first_answer_and_another_one_is_refused() {
        assert_eq!(Intake::decide(&record(), "f").unwrap(), Decision::Replay(reply()));
        assert_eq!(Intake::decide(&record(), "g").unwrap(), Decision::KeyReused);
    }

    #[tokio::test]
    async fn only_a_replay_says_that_it_is_one() {
        for replayed in [false, true] {
            let response = reply().into_response(replayed);
            assert_eq!(
                (response.status().as_u16(), &response.headers()["location"]),
                (202, &HeaderValue::from_static("/orders/1"))
            );
            assert_eq!(response.headers().get("idempotent-replayed").is_some_and(|value| value == "true"), replayed);
            assert_eq!(response.headers().get_all("content-type").iter().count(), 1);
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), r#"{"order_id":"1"}"#);
        }
    }
}
