//! The provider's routes, as OpenAPI describes them.

use super::model::Method;
use crate::openapi::{Answer, Operation, Parameter, Schemas, schema};
use serde_json::{Value, json};

const INTENTS: &str = "/psp/v1/payment_intents";
pub(crate) fn describe() -> (Vec<Operation>, Schemas) {
    let operations = vec![create(), list(), retrieve(), capture(), cancel()];
    (operations, vec![("PaymentIntent", intent()), ("PaymentIntents", intents()), ("PaymentError", error())])
}

/// What every route of the provider may answer.
fn refusing(operation: Operation) -> Operation {
    let refusals = [
        (
            400,
            "A parameter is missing, wrong or unknown, the key was used otherwise, or the intent's state forbids it.",
        ),
        (500, "The provider failed; ask for the intent's state."),
        (503, "The provider is unavailable; nothing happened."),
    ];
    refusals.into_iter().fold(operation, |operation, (status, text)| refused(operation, status, text))
}

fn refused(operation: Operation, status: u16, text: &'static str) -> Operation {
    operation.answers(Answer::json(status, text, schema("PaymentError")))
}

/// What a route that changes something takes and answers besides.
fn changing(operation: Operation) -> Operation {
    let key = "Names the request, for 24 h. Same parameters: the first answer again. Other parameters: 400.";
    let done = Answer::json(200, "The intent.", schema("PaymentIntent")).header(
        "Idempotent-Replayed",
        "Present when this is the first answer again.",
        json!({"const": "true"}),
    );
    let operation = refusing(operation.takes(Parameter::idempotency_key(key)).answers(done));
    let refusals = [
        (402, "The card was declined."),
        (408, "The body took too long to arrive."),
        (409, "The first request with this key is still being answered."),
        (413, "The body is over 64 KiB."),
        (415, "The body is encoded."),
    ];
    refusals.into_iter().fold(operation, |operation, (status, text)| refused(operation, status, text))
}

fn of_intent(operation: Operation) -> Operation {
    let id = Parameter::path("id", "Id of the intent.", json!({"type": "string"}));
    refused(operation.takes(id), 404, "There is no such intent.")
}

fn create() -> Operation {
    let text = json!({"type": "string", "minLength": 1, "maxLength": 500});
    let new = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["amount", "currency", "payment_method", "capture_method", "confirm"],
        "properties": {
            "amount": {"type": "integer", "minimum": 1, "maximum": i64::MAX, "description": "In cents."},
            "currency": {"type": "string", "pattern": "^[Ee][Uu][Rr]$"},
            "payment_method": {"enum": Method::ALL, "description": "How the provider shall behave."},
            "capture_method": {"const": "manual"},
            "confirm": {"const": true},
            "metadata": {
                "type": ["object", "null"],
                "maxProperties": 50,
                "propertyNames": {"maxLength": 40},
                "additionalProperties": text,
            },
        },
    });
    let example = json!({
        "amount": 7_900, "currency": "EUR", "payment_method": "pm_ok", "capture_method": "manual", "confirm": true,
        "metadata": {"order_id": "0199e2a4-5f00-7c3e-b1a8-2f6d0c9b7e41"},
    });
    let operation = Operation::post(INTENTS, "provider", "createIntent", "Make a payment intent and authorize it")
        .text("`pm_slow` answers after 5 s; a reply that is lost never comes: the connection ends after 30 s.")
        .body(true, &new, &example);
    changing(operation)
}

fn list() -> Operation {
    let operation = Operation::get(INTENTS, "provider", "listIntents", "Intents of an order")
        .takes(Parameter::query("order_id", "The order.", json!({"type": "string"})).required())
        .takes(Parameter::query("starting_after", "The last intent of the list before.", json!({"type": "string"})))
        .answers(Answer::json(
            200,
            "Oldest first; with `has_more` only the first of them, a megabyte or so.",
            schema("PaymentIntents"),
        ));
    refused(refusing(operation), 404, "The order has no such intent to go on behind.")
}

fn retrieve() -> Operation {
    let operation = Operation::get("/psp/v1/payment_intents/{id}", "provider", "getIntent", "One payment intent")
        .answers(Answer::json(200, "The intent.", schema("PaymentIntent")));
    refusing(of_intent(operation))
}

fn capture() -> Operation {
    let nothing = json!({"type": "object", "maxProperties": 0});
    let path = "/psp/v1/payment_intents/{id}/capture";
    let operation = Operation::post(path, "provider", "captureIntent", "Take the money");
    changing(of_intent(operation.body(false, &nothing, &json!({}))))
}

fn cancel() -> Operation {
    let why = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {"cancellation_reason": {"type": ["string", "null"]}},
    });
    let path = "/psp/v1/payment_intents/{id}/cancel";
    let operation = Operation::post(path, "provider", "cancelIntent", "Give up the hold");
    changing(of_intent(operation.body(false, &why, &json!({"cancellation_reason": "requested_by_customer"}))))
}

fn intent() -> Value {
    let statuses = ["requires_payment_method", "processing", "requires_capture", "succeeded", "canceled"];
    let cents = json!({"type": "integer", "minimum": 0});
    let last_error = json!({
        "type": "object",
        "required": ["type", "code"],
        "properties": {"type": {"const": "card_error"}, "code": {"const": "card_declined"}},
    });
    json!({
        "type": "object",
        "required": ["id", "order_id", "status", "amount", "amount_received", "amount_refunded", "currency",
            "payment_method", "capture_method", "metadata", "created_at", "last_payment_error"],
        "properties": {
            "id": {"type": "string", "pattern": "^pi_"},
            "object": {"const": "payment_intent"},
            "order_id": {"type": ["string", "null"]},
            "status": {"enum": statuses},
            "amount": cents,
            "amount_received": cents,
            "amount_refunded": cents,
            "currency": {"const": "eur"},
            "payment_method": {"enum": Method::ALL},
            "capture_method": {"const": "manual"},
            "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
            "created_at": {"type": "string", "format": "date-time"},
            "last_payment_error": {"anyOf": [{"type": "null"}, last_error]},
        },
    })
}

fn intents() -> Value {
    json!({
        "type": "object",
        "required": ["object", "data", "has_more"],
        "properties": {
            "object": {"const": "list"},
            "data": {"type": "array", "items": schema("PaymentIntent")},
            "has_more": {"type": "boolean"},
        },
    })
}

fn error() -> Value {
    let kinds = ["invalid_request_error", "idempotency_error", "card_error", "api_error"];
    let inner = json!({
        "type": "object",
        "required": ["type", "code", "message"],
        "properties": {
            "type": {"enum": kinds},
            "code": {"type": "string"},
            "message": {"type": "string"},
            "payment_intent": schema("PaymentIntent"),
        },
    });
    json!({"type": "object", "required": ["error"], "properties": {"error": inner}})
}
