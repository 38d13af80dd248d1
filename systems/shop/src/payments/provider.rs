//! Calls to the provider, and what each answer means to us.

use super::model::Intent;
use partita::core::{Error, ErrorKind, Result};
use partita::http::{Client, Reply};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long one call may take; afterwards its outcome is unknown.
const ATTEMPT: Duration = Duration::from_secs(2);
const INTENTS: &str = "/psp/v1/payment_intents";
/// An order has one intent, or a few.
const MOST_INTENTS: usize = 10_000;

/// What to authorize.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Authorize {
    pub(super) order_id: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) payment_method: String,
}

/// Why the provider did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It refused, definitely: the card was declined.
    Declined,
    /// The first request with this key still runs.
    InFlight,
    /// The intent is in another state by now: look again.
    Moved,
    /// The key was used with other parameters.
    KeyReused,
    /// It says that the request is wrong.
    Wrong(String),
    /// It takes nothing now, and says in how many seconds it may.
    PutOff(u32),
    /// It did not answer in time; there may be an effect.
    Timeout,
    /// It cannot be reached, or the connection ended without an answer; there may be an effect.
    Unreachable(String),
    /// It answered that it cannot, or not understandably; there may be an effect.
    Upstream(String),
}

/// A create, as the provider wants it.
#[derive(Serialize)]
struct Create<'a> {
    amount: i64,
    currency: &'a str,
    payment_method: &'a str,
    capture_method: &'static str,
    confirm: bool,
    metadata: Metadata<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    order_id: &'a str,
}

#[derive(Deserialize)]
struct List {
    data: Vec<Intent>,
    #[serde(default)]
    has_more: bool,
}

#[derive(Deserialize)]
struct ErrorBody {
    error: Detail,
}

#[derive(Deserialize, Default)]
struct Detail {
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// The provider as this service calls it.
#[derive(Clone, Debug)]
pub(super) struct Provider {
    client: Client,
}

impl Provider {
    pub(super) const fn new(client: Client) -> Self {
        Self { client }
    }

    /// Makes and authorizes an intent.
    pub(super) async fn create(&self, key: &str, wanted: &Authorize) -> Result<Intent, Failure> {
        let Authorize { order_id, amount, currency, payment_method } = wanted;
        let (capture_method, confirm, metadata) = ("manual", true, Metadata { order_id });
        let body = Create { amount: *amount, currency, payment_method, capture_method, confirm, metadata };
        let call = self.client.post(INTENTS).key(key).json(&body).timeout(ATTEMPT);
        understood(call.send().await)
    }

    /// Takes the money of an intent.
    pub(super) async fn capture(&self, key: &str, id: &str) -> Result<Intent, Failure> {
        let call = self.client.post(&format!("{INTENTS}/{id}/capture")).key(key).timeout(ATTEMPT);
        understood(call.send().await)
    }

    /// Gives up the hold of an intent.
    pub(super) async fn cancel(&self, key: &str, id: &str) -> Result<Intent, Failure> {
        let call = self.client.post(&format!("{INTENTS}/{id}/cancel")).key(key).timeout(ATTEMPT);
        understood(call.send().await)
    }

    /// All intents of an order, oldest first.
    pub(super) async fn of_order(&self, order_id: &str) -> Result<Vec<Intent>, Failure> {
        let query = format!("{INTENTS}?order_id={}", percent_encoded(order_id));
        let (mut intents, mut behind): (Vec<Intent>, _) = (vec![], String::new());
        while intents.len() < MOST_INTENTS {
            let call = self.client.get(&format!("{query}{behind}")).timeout(ATTEMPT);
            let List { data, has_more } = understood(call.send().await)?;
            if data.is_empty() && has_more {
                return Err(Failure::Upstream("the provider lists nothing, and more behind it".to_owned()));
            }
            intents.extend(data);
            match intents.last().filter(|_| has_more) {
                Some(last) => behind = format!("&starting_after={}", percent_encoded(&last.id)),
                None => return Ok(intents),
            }
        }
        Err(Failure::Upstream(format!("the provider lists more than {MOST_INTENTS} payments of one order")))
    }
}

fn understood<T: serde::de::DeserializeOwned>(reply: Result<Reply>) -> Result<T, Failure> {
    let reply = reply.map_err(|error| lost(&error))?;
    if reply.is_success() {
        return reply.json().map_err(|error| Failure::Upstream(error.to_string()));
    }
    if let Some(wait) = reply.retry_after() {
        return Err(Failure::PutOff(u32::try_from(wait.as_secs()).unwrap_or(u32::MAX)));
    }
    let detail = reply.json::<ErrorBody>().map(|body| body.error).unwrap_or_default();
    Err(refused(reply.status.as_u16(), detail))
}

fn lost(error: &Error) -> Failure {
    match error.kind() {
        ErrorKind::Timeout => Failure::Timeout,
        _ => Failure::Unreachable(error.to_string()),
    }
}

/// Only answers that are named here are definite; everything else may have had an effect.
fn refused(status: u16, detail: Detail) -> Failure {
    let Detail { r#type: kind, code, message } = detail;
    match (status, kind.as_str(), code.as_str()) {
        (402, _, "card_declined") => Failure::Declined,
        (409, _, _) => Failure::InFlight,
        (400, _, "payment_intent_unexpected_state") => Failure::Moved,
        (400, "idempotency_error", _) => Failure::KeyReused,
        (400, _, "parameter_missing" | "parameter_invalid" | "parameter_unknown") => Failure::Wrong(message),
        _ => Failure::Upstream(format!("the provider answered {status} {code}")),
    }
}

/// A query value: everything but unreserved characters (RFC 3986, 2.3) is escaped.
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}
