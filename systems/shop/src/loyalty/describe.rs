//! The public route of loyalty, as OpenAPI describes it.

use crate::openapi::{Answer, Operation, Parameter, Schemas, schema};
use partita::http::Slug;
use serde_json::json;

pub(crate) fn describe() -> (Vec<Operation>, Schemas) {
    let number = |text: &str| json!({"type": "integer", "minimum": 0, "description": text});
    let points = json!({
        "type": "object",
        "required": ["customer_id", "balance", "held"],
        "properties": {
            "customer_id": {"type": "string"},
            "balance": number("Awarded by confirmed orders: one for each whole euro."),
            "held": number("Of orders that have not ended."),
        },
    });
    let example = json!({"customer_id": "ada", "balance": 79, "held": 0});
    let show = Operation::get("/customers/{id}/points", "reading", "getPoints", "Points of a customer")
        .text("A customer who was never seen has none: 200 with zeros.")
        .takes(Parameter::path("id", "Which customer.", json!({"type": "string"})).example("ada"))
        .answers(Answer::json(200, "The points.", schema("Points")).example(example))
        .refuses(&[Slug::NotFound]);
    (vec![show], vec![("Points", points)])
}
