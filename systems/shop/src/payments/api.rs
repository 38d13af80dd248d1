//! HTTP of the payments service; reached by other services only.

use super::model::{CapturePlan, Intent, State as Payment, plan_capture, plan_void, summary};
use super::provider::{Authorize, Failure, Provider};
use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::routing::{get, post};
use http::HeaderMap;
use partita::http::{AsJson, IdempotencyKey, Problem, Slug, fallback, read_body, require_json};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const MAX_BODY: usize = 64 * 1024;

type Answer<T> = Result<AsJson<T>, Problem>;

#[derive(Deserialize)]
struct OfOrder {
    order_id: String,
}

#[derive(Deserialize)]
struct Capture {
    order_id: String,
    /// The intent that was authorized, where the caller knows it.
    intent_id: Option<String>,
}

/// The answer to an authorization or a capture.
#[derive(Serialize)]
struct Paid {
    intent_id: String,
    status: super::model::Status,
}

/// The answer to a void.
#[derive(Serialize)]
struct Voided {
    canceled: Vec<String>,
}

/// The answer to a probe.
#[derive(Serialize)]
struct Authorization {
    state: Payment,
    intent_id: Option<String>,
    intents: Vec<Intent>,
}

pub(super) fn routes(provider: Provider) -> Router {
    let routes = Router::new()
        .route("/authorize", post(authorize))
        .route("/capture", post(capture))
        .route("/void", post(void))
        .route("/authorization", get(authorization))
        .with_state(provider);
    fallback(routes)
}

async fn authorize(State(provider): State<Provider>, headers: HeaderMap, body: Body) -> Answer<Paid> {
    let (key, wanted): (String, Authorize) = read(&headers, body).await?;
    let intent = provider.create(&key, &wanted).await?;
    if !intent.holds_money() {
        return Err(Failure::Upstream("the provider has not authorized the payment yet".to_owned()).into());
    }
    Ok(paid(intent.id, intent.status))
}

async fn capture(State(provider): State<Provider>, headers: HeaderMap, body: Body) -> Answer<Paid> {
    let (key, Capture { order_id, intent_id }) = read(&headers, body).await?;
    if let Some(id) = intent_id {
        match provider.capture(&key, &id).await {
            // What became of it stands among the order's intents.
            Err(Failure::Moved) => {}
            captured => return captured.map(|intent| paid(intent.id, intent.status)).map_err(Problem::from),
        }
    }
    let id = match plan_capture(&provider.of_order(&order_id).await?) {
        CapturePlan::Capture(id) => id,
        CapturePlan::Done(id) => return Ok(paid(id, super::model::Status::Succeeded)),
        CapturePlan::Refuse => return Err(Failure::Declined.into()),
        CapturePlan::Wait => return Err(still_processing()),
        CapturePlan::Missing => {
            return Err(Problem::new(Slug::NotFound).detail("the provider knows of no payment for this order"));
        }
        CapturePlan::Ambiguous => {
            return Err(
                Problem::new(Slug::CannotCancel).detail("the provider holds more than one payment for this order")
            );
        }
    };
    let intent = provider.capture(&key, &id).await?;
    Ok(paid(intent.id, intent.status))
}

/// Cancels every intent that can be canceled, whatever it says of the others, then answers the first failure. A provider that
/// says nothing is asked no further: the caller has the time for one such call.
async fn void(State(provider): State<Provider>, headers: HeaderMap, body: Body) -> Answer<Voided> {
    let (key, OfOrder { order_id }) = read(&headers, body).await?;
    let plan = plan_void(&provider.of_order(&order_id).await.map_err(put_off)?);
    let (mut canceled, mut failure) = (vec![], None);
    for id in plan.cancel {
        match provider.cancel(&format!("{key}/undo"), &id).await {
            Ok(intent) => canceled.push(intent.id),
            Err(silent @ (Failure::Timeout | Failure::Unreachable(_))) => return Err(put_off(silent)),
            Err(failed) => failure = failure.or(Some(failed)),
        }
    }
    if let Some(failure) = failure {
        return Err(failure.into());
    }
    if plan.wait {
        return Err(still_processing());
    }
    if plan.captured {
        return Err(Problem::new(Slug::CannotCancel).detail("the payment was captured; a void cannot give it back"));
    }
    Ok(AsJson(Voided { canceled }))
}

/// A void waits for a provider that cannot be reached or says nothing: only its answers are tries.
fn put_off(failure: Failure) -> Problem {
    match failure {
        Failure::Unreachable(_) | Failure::Timeout => Failure::PutOff(1).into(),
        answered => answered.into(),
    }
}

async fn authorization(State(provider): State<Provider>, Query(query): Query<OfOrder>) -> Answer<Authorization> {
    let intents = provider.of_order(&query.order_id).await?;
    let (state, decisive) = summary(&intents);
    let intent_id = decisive.map(|intent| intent.id.clone());
    Ok(AsJson(Authorization { state, intent_id, intents }))
}

const fn paid(intent_id: String, status: super::model::Status) -> AsJson<Paid> {
    AsJson(Paid { intent_id, status })
}

fn still_processing() -> Problem {
    Problem::new(Slug::KeyInFlight)
        .detail("the provider still works on a payment of this order; try again later")
        .retry_after(1)
}

async fn read<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<(String, T), Problem> {
    require_json(headers)?;
    let body = read_body(headers, body, MAX_BODY).await?;
    let key = IdempotencyKey::from_headers(headers)?.as_str().to_owned();
    let wanted = serde_json::from_slice(&body);
    Ok((key, wanted.map_err(|error| Problem::new(Slug::BadRequest).detail(error.to_string()))?))
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Declined => Self::new(Slug::Refused)
                .detail("the provider declined the payment")
                .member("reason", "payment_declined".into()),
            Failure::KeyReused => {
                Self::new(Slug::KeyReused).detail("the provider knows this key with other parameters")
            }
            Failure::Wrong(message) => Self::new(Slug::BadRequest).detail(message),
            Failure::PutOff(secs) => {
                Self::new(Slug::Overloaded).detail("the provider takes nothing now").retry_after(secs)
            }
            Failure::Timeout => Self::new(Slug::Timeout).detail("the provider did not answer in time"),
            Failure::InFlight => Self::new(Slug::Upstream).detail("the provider still works on this request"),
            Failure::Moved => Self::new(Slug::Upstream).detail("the payment is in another state by now"),
            Failure::Unreachable(detail) | Failure::Upstream(detail) => Self::new(Slug::Upstream).detail(detail),
        }
    }
}
