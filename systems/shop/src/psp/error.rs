//! The provider's own error form, `{error:{type,code,message}}`.

use super::model::Intent;
use super::view::View;
use partita::http::{Problem, Slug};
use serde::Serialize;

/// Why a request was refused: what the provider tells its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    kind: &'static str,
    code: &'static str,
    message: String,
    /// Seconds until the same request may be taken; only where nothing is known to have happened.
    pub(super) retry_after: Option<u32>,
}

#[derive(Serialize)]
pub(super) struct ErrorBody<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    r#type: &'a str,
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_intent: Option<View<'a>>,
}

impl Refusal {
    const fn new(status: u16, kind: &'static str, code: &'static str, message: String) -> Self {
        Self { status, kind, code, message, retry_after: None }
    }

    /// A parameter is not there.
    pub(super) fn missing(parameter: &str) -> Self {
        Self::invalid_request("parameter_missing", format!("Missing required parameter: {parameter}."))
    }

    /// A parameter has a wrong value; `wanted` says which would be right.
    pub(super) fn invalid(parameter: &str, wanted: &str) -> Self {
        Self::invalid_request("parameter_invalid", format!("Invalid {parameter}: it must be {wanted}."))
    }

    /// A parameter that the provider does not know.
    pub(super) fn unknown(parameter: &str) -> Self {
        Self::invalid_request("parameter_unknown", format!("Received unknown parameter: {parameter}."))
    }

    fn invalid_request(code: &'static str, message: String) -> Self {
        Self::new(400, "invalid_request_error", code, message)
    }

    /// The body or a header cannot be read.
    pub(super) fn unreadable(status: u16, message: String) -> Self {
        Self::new(status, "invalid_request_error", "parameter_invalid", message)
    }

    /// The intent's state does not allow it.
    pub(super) fn unexpected_state(intent: &Intent, wanted: &str) -> Self {
        let status = intent.status.as_str();
        let message = format!("This PaymentIntent could not be {wanted} because it has a status of {status}.");
        Self::invalid_request("payment_intent_unexpected_state", message)
    }

    /// No such intent.
    pub(super) fn no_such_intent(id: &str) -> Self {
        Self::new(404, "invalid_request_error", "resource_missing", format!("No such payment_intent: '{id}'."))
    }

    /// No such route.
    pub(super) fn no_such_route(method: &str, path: &str) -> Self {
        Self::new(
            404,
            "invalid_request_error",
            "resource_missing",
            format!("Unrecognized request URL ({method}: {path})."),
        )
    }

    /// The route does not take this method.
    pub(super) fn no_such_method(method: &str) -> Self {
        Self::new(405, "invalid_request_error", "method_not_allowed", format!("{method} is not allowed here."))
    }

    /// The key was used with other parameters.
    pub(super) fn key_reused() -> Self {
        let message =
            "Keys for idempotent requests can only be used with the same parameters they were first used with.";
        Self::new(400, "idempotency_error", "idempotency_error", message.to_owned())
    }

    /// The first request with this key still runs.
    pub(super) fn key_in_use() -> Self {
        let message = "The request with this idempotency key is still being processed; try again later.";
        Self::new(409, "idempotency_error", "idempotency_key_in_use", message.to_owned())
    }

    /// The provider cannot work at the moment; nothing happened.
    pub(super) fn unavailable() -> Self {
        Self::new(503, "api_error", "service_unavailable", "The provider is unavailable; try again later.".to_owned())
    }

    /// The same, and soon it can again.
    pub(super) fn put_off(self) -> Self {
        Self { retry_after: Some(1), ..self }
    }

    /// The provider failed; something may have happened.
    pub(super) fn failed() -> Self {
        Self::new(500, "api_error", "internal_error", "The provider failed; ask for the intent's state.".to_owned())
    }

    /// The card was declined.
    pub(super) fn declined() -> Self {
        Self::new(402, "card_error", "card_declined", "Your card was declined.".to_owned())
    }

    /// The body, with the intent that it is about.
    pub(super) fn body<'a>(&'a self, intent: Option<&'a Intent>) -> ErrorBody<'a> {
        let payment_intent = intent.map(View::of);
        ErrorBody { error: Inner { r#type: self.kind, code: self.code, message: &self.message, payment_intent } }
    }
}

impl From<Problem> for Refusal {
    /// What was refused before the provider heard of it, in its own form.
    fn from(problem: Problem) -> Self {
        match problem.slug() {
            Slug::Overloaded | Slug::NotReady => Self::unavailable().put_off(),
            slug if slug.status().is_server_error() => Self { status: slug.status().as_u16(), ..Self::failed() },
            slug => Self::unreadable(slug.status().as_u16(), problem.as_detail().to_owned()),
        }
    }
}

impl From<&partita::core::Error> for Refusal {
    fn from(error: &partita::core::Error) -> Self {
        match error.possible_effect() {
            partita::core::Effect::None if error.put_off().is_some() => Self::unavailable().put_off(),
            partita::core::Effect::None => Self::unavailable(),
            partita::core::Effect::Possible => Self::failed(),
        }
    }
}
