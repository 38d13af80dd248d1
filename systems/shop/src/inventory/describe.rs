//! The public route of inventory, as OpenAPI describes it.

use crate::openapi::{Answer, Operation, Parameter, Schemas, schema};
use partita::http::Slug;
use serde_json::json;

pub(crate) fn describe() -> (Vec<Operation>, Schemas) {
    let number = |text: &str| json!({"type": "integer", "minimum": 0, "description": text});
    let stock = json!({
        "type": "object",
        "required": ["sku", "on_hand", "reserved", "available"],
        "properties": {
            "sku": {"type": "string"},
            "on_hand": number("In the warehouse."),
            "reserved": number("Of these, promised to orders that have not ended."),
            "available": number("on_hand - reserved."),
        },
    });
    let example = json!({"sku": "desk-lamp", "on_hand": 999_998, "reserved": 2, "available": 999_996});
    let show = Operation::get("/inventory/{sku}", "reading", "getStock", "Stock of a product")
        .takes(Parameter::path("sku", "Which product.", json!({"type": "string"})).example("desk-lamp"))
        .answers(Answer::json(200, "Its stock.", schema("Stock")).example(example))
        .refuses(&[Slug::NotFound]);
    (vec![show], vec![("Stock", stock)])
}
