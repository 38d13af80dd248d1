//! The routes that belong to no service, as OpenAPI describes them: products, health, the audit, the console.

use crate::catalog::products_body;
use crate::openapi::{Answer, Operation, Parameter, Schemas, schema};
use serde_json::{Value, json};

pub(crate) fn describe() -> (Vec<Operation>, Schemas) {
    let mut operations = shop_wide();
    operations.extend(console());
    (operations, vec![("Products", products()), ("Audit", audit())])
}

fn shop_wide() -> Vec<Operation> {
    let get = |path, id, summary| Operation::get(path, "reading", id, summary);
    let checks = json!({"type": "object", "additionalProperties": {"type": "string"}});
    let ready = json!({
        "type": "object",
        "required": ["status", "checks"],
        "properties": {"status": {"const": "ok"}, "checks": checks},
    });
    let anything = json!({"type": "object", "required": ["openapi", "paths"]});
    vec![
        get("/", "getRoot", "Lead to the console").answers(Answer::redirect(303, "To `/console`.")),
        get("/openapi.json", "getDescription", "Describe every route").answers(Answer::json(
            200,
            "This document.",
            anything,
        )),
        get("/readyz", "getReadiness", "Whether orders are accepted")
            .text(
                "200 once orders are accepted and recovery has begun; 503 while opening, stopping or unable to write.",
            )
            .answers(Answer::json(200, "Orders are accepted.", ready)),
        get("/products", "listProducts", "What can be bought")
            .answers(Answer::json(200, "All products.", schema("Products")).example(products_body())),
        get("/audit", "audit", "Check every invariant now")
            .text("Joins orders with the ledgers of the other services. One audit runs at a time, few wait.")
            .answers(Answer::json(200, "What was found.", schema("Audit"))),
    ]
}

fn products() -> Value {
    let product = json!({
        "type": "object",
        "required": ["sku", "name", "price", "currency"],
        "properties": {
            "sku": {"type": "string"},
            "name": {"type": "string"},
            "price": {"type": "integer", "minimum": 1, "description": "Of one, in cents."},
            "currency": {"const": "EUR"},
        },
    });
    json!({
        "type": "object",
        "required": ["products"],
        "properties": {"products": {"type": "array", "minItems": 10, "items": product}},
    })
}

fn audit() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    let names = ["pending", "confirmed", "rejected", "cancelled", "parked"];
    let counts: serde_json::Map<_, _> = names.iter().map(|name| ((*name).to_owned(), count.clone())).collect();
    let invariant = json!({
        "type": "object",
        "required": ["id", "ok", "checked", "violations", "examples"],
        "properties": {
            "id": {"enum": ["SG1", "SG2", "EC1"]},
            "ok": {"type": "boolean"},
            "checked": count,
            "violations": count,
            "examples": {"type": "array", "items": {"type": "string"}},
        },
    });
    json!({
        "type": "object",
        "required": ["ok", "orders", "invariants"],
        "properties": {
            "ok": {"type": "boolean"},
            "orders": {"type": "object", "required": names, "properties": counts},
            "invariants": {"type": "array", "minItems": 3, "items": invariant},
        },
    })
}

fn console() -> Vec<Operation> {
    let get = |path, id, summary| {
        let operation = Operation::get(path, "console", id, summary);
        operation.answers(Answer::html(503, "The shop is opening, or the sagas cannot be read."))
    };
    let text = || json!({"type": "string"});
    let state = || {
        let words = json!({"enum": ["running", "waiting", "unwinding", "parked", "completed", "compensated"]});
        Parameter::query("state", "Only sagas in this state.", words)
    };
    let after = || {
        let cursor = json!({"type": "string", "pattern": "^([0-9a-f]{2}){8}([2-6][0-9a-e])*$"});
        Parameter::query("after", "Behind this place, as a link to older sagas has it.", cursor)
    };
    vec![
        get("/console", "getConsole", "All sagas, newest first")
            .takes(state())
            .takes(after())
            .answers(Answer::html(200, "The page."))
            .answers(Answer::html(400, "The state or the place means nothing.")),
        get("/console/", "getConsoleFolder", "Lead to the console").answers(Answer::redirect(308, "To `/console`.")),
        get("/console/sagas/{id}", "getSagaPage", "One saga, with its timeline")
            .takes(Parameter::path("id", "Id of the order.", text()))
            .answers(Answer::html(200, "The page."))
            .answers(Answer::html(404, "There is no such saga.")),
        get("/console/events", "followConsole", "What changes on a page, as server-sent events")
            .text("Never ends by itself. 64 streams at once.")
            .takes(Parameter::query("view", "Which page.", json!({"enum": ["overview", "saga"]})).required())
            .takes(Parameter::query("id", "Of the saga, for `view=saga`.", text()))
            .takes(state())
            .takes(after())
            .takes(Parameter::query("last", "As `Last-Event-ID`.", text()))
            .takes(Parameter::header("Last-Event-ID", "The last event that was seen.", text()))
            .answers(Answer::of(200, "The stream.", "text/event-stream", text()))
            .answers(Answer::html(400, "It is not said which page."))
            .answers(Answer::html(404, "There is no such saga.")),
        get("/console/assets/{name}", "getAsset", "Style, script and icon of the pages")
            .takes(Parameter::path("name", "Its name, with a hash of its content.", text()))
            .answers(Answer::of(200, "The style.", "text/css; charset=utf-8", text()))
            .answers(Answer::of(200, "The script.", "text/javascript; charset=utf-8", text()))
            .answers(Answer::of(200, "The icon.", "image/svg+xml", text()))
            .answers(Answer::html(404, "There is no such asset.")),
    ]
}
