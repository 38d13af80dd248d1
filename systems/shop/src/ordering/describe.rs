//! The public routes of ordering, as OpenAPI describes them.

use super::model::{MAX_LINES, MAX_QUANTITY, METHODS};
use crate::catalog::catalog;
use crate::openapi::{Answer, Operation, Parameter, Schemas, schema};
use partita::http::Slug;
use serde_json::{Value, json};

const ID: &str = "0199e2a4-5f00-7c3e-b1a8-2f6d0c9b7e41";
const STATUSES: [&str; 4] = ["PENDING", "CONFIRMED", "REJECTED", "CANCELLED"];
const REASONS: [&str; 6] =
    ["out_of_stock", "payment_declined", "payment_unavailable", "deadline", "cancelled_by_customer", "needs_operator"];

pub(crate) fn describe() -> (Vec<Operation>, Schemas) {
    let schemas = vec![
        ("NewOrder", new_order()),
        ("Accepted", accepted()),
        ("Order", order()),
        ("Line", line()),
        ("TimelineEntry", entry()),
        ("Cancelling", cancelling()),
    ];
    (vec![place(), show(), cancel()], schemas)
}

fn id() -> Parameter {
    Parameter::path("id", "Id of the order.", json!({"type": "string"})).example(ID)
}

fn retry_after() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn place() -> Operation {
    let example = json!({
        "customer_id": "ada",
        "items": [{"sku": "desk-lamp", "quantity": 1}],
        "payment_method": "pm_ok",
    });
    let reply = json!({"order_id": ID, "status": "PENDING", "total": 7_900, "currency": "EUR"});
    let accepted = Answer::json(202, "Order, key and saga start are durable.", schema("Accepted"))
        .example(reply)
        .header("Location", "The order.", json!({"type": "string", "pattern": "^/orders/"}))
        .header("Retry-After", "Seconds until it is worth looking.", retry_after())
        .header("Idempotent-Replayed", "Present when this is the first answer again.", json!({"const": "true"}));
    let key = "Names this order, for at least 24 h. Same key and same body (equal as JSON, numbers as written): the first \
               answer again. Another body: 422 `key-reused`.";
    Operation::post("/orders", "orders", "placeOrder", "Place an order")
        .text(
            "Checked in this order: media type (415), size (413), key (400), JSON object (400), the key's earlier use, \
             fields (422, all at once), room (503). A refusal leaves the key unused. Numbers are integers as written: \
             `2.0` is refused. A member given twice is refused.",
        )
        .takes(Parameter::idempotency_key(key).required())
        .body(true, &schema("NewOrder"), &example)
        .answers(accepted)
        .refuses(&[Slug::UnsupportedMediaType, Slug::TooLarge, Slug::KeyMissing])
        .refuses(&[Slug::KeyInFlight, Slug::KeyReused, Slug::InvalidOrder])
}

fn show() -> Operation {
    let prefer = "`wait=N` holds the answer until the order ends or needs an operator, N seconds at most (30). Anything \
                  malformed is ignored.";
    let found = Answer::json(200, "The order as it stands.", schema("Order")).header(
        "Retry-After",
        "While it is PENDING.",
        retry_after(),
    );
    Operation::get("/orders/{id}", "orders", "getOrder", "Show an order")
        .text("The final status never changes; whoever reads it finds stock, points and payment in their end state.")
        .takes(id())
        .takes(Parameter::header("Prefer", prefer, json!({"type": "string"})).example("wait=1"))
        .answers(found)
        .refuses(&[Slug::NotFound])
}

fn cancel() -> Operation {
    Operation::post("/orders/{id}/cancel", "orders", "cancelOrder", "Cancel an order")
        .text("202 is a promise: it ends CANCELLED, or is parked on the way, and never CONFIRMED.")
        .takes(id())
        .answers(Answer::json(202, "It ends CANCELLED.", schema("Cancelling")))
        .refuses(&[Slug::NotFound, Slug::CannotCancel])
}

fn new_order() -> Value {
    let skus: Vec<&str> = catalog().iter().map(|product| product.sku).collect();
    let once = |sku: &&str| {
        let same = json!({"type": "object", "required": ["sku"], "properties": {"sku": {"const": sku}}});
        json!({"contains": same, "minContains": 0, "maxContains": 1})
    };
    let line = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["sku", "quantity"],
        "properties": {
            "sku": {"enum": skus, "description": "In one line only."},
            "quantity": {"type": "integer", "minimum": 1, "maximum": MAX_QUANTITY},
        },
    });
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["customer_id", "items", "payment_method"],
        "properties": {
            "customer_id": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9_.-]+$"},
            "items": {
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_LINES,
                "items": line,
                "allOf": skus.iter().map(once).collect::<Vec<_>>(),
            },
            "payment_method": {"enum": METHODS, "description": "How the provider simulator shall behave."},
        },
    })
}

fn accepted() -> Value {
    json!({
        "type": "object",
        "required": ["order_id", "status", "total", "currency"],
        "properties": {
            "order_id": {"type": "string"},
            "status": {"const": "PENDING"},
            "total": {"type": "integer", "minimum": 1, "description": "In cents."},
            "currency": {"const": "EUR"},
        },
    })
}

fn cancelling() -> Value {
    json!({
        "type": "object",
        "required": ["order_id", "status"],
        "properties": {"order_id": {"type": "string"}, "status": {"enum": STATUSES}},
    })
}

fn order() -> Value {
    let moment = json!({"type": "string", "format": "date-time"});
    json!({
        "type": "object",
        "required": ["order_id", "customer_id", "status", "reason", "items", "total", "currency", "created_at", "ended_at",
            "timeline"],
        "properties": {
            "order_id": {"type": "string"},
            "customer_id": {"type": "string"},
            "status": {"enum": STATUSES},
            "reason": {"anyOf": [{"type": "null"}, {"enum": REASONS}]},
            "items": {"type": "array", "minItems": 1, "items": schema("Line")},
            "total": {"type": "integer", "minimum": 1, "description": "In cents."},
            "currency": {"const": "EUR"},
            "created_at": moment,
            "ended_at": {"anyOf": [{"type": "null"}, moment]},
            "timeline": {"type": "array", "items": schema("TimelineEntry"), "description": "Oldest first."},
        },
    })
}

fn line() -> Value {
    json!({
        "type": "object",
        "required": ["sku", "quantity", "unit_price"],
        "properties": {
            "sku": {"type": "string"},
            "quantity": {"type": "integer", "minimum": 1},
            "unit_price": {"type": "integer", "minimum": 1, "description": "In cents, when it was accepted."},
        },
    })
}

fn entry() -> Value {
    let events = [
        "saga.started",
        "step.started",
        "step.done",
        "step.rejected",
        "step.unknown",
        "step.retried",
        "cancel.requested",
        "unwind.started",
        "step.undone",
        "undo.failed",
        "saga.parked",
        "saga.recovered",
        "saga.ended",
    ];
    json!({
        "type": "object",
        "required": ["at", "step", "event", "attempt", "detail"],
        "properties": {
            "at": {"type": "string", "format": "date-time"},
            "step": {"type": ["string", "null"]},
            "event": {"enum": events},
            "attempt": {"type": ["integer", "null"], "minimum": 1},
            "detail": {"type": ["string", "null"]},
        },
    })
}
