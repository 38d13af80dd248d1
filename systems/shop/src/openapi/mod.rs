//! The public surface as one OpenAPI 3.1 document, `GET /openapi.json`: each service describes its own routes, beside their
//! handlers, and a test holds the whole to the router.

mod answer;
mod operation;

use crate::{app, inventory, loyalty, ordering, psp};
pub(crate) use answer::Answer;
use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
pub(crate) use operation::{Operation, Parameter};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// Schemas that several operations share, by name.
pub(crate) type Schemas = Vec<(&'static str, Value)>;

/// Refers to a shared schema.
pub(crate) fn schema(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// `GET /openapi.json`.
#[allow(clippy::unused_async, reason = "axum handlers are async")]
pub(crate) async fn show() -> impl IntoResponse {
    static TEXT: LazyLock<String> = LazyLock::new(|| document().to_string());
    ([(CONTENT_TYPE, "application/json")], TEXT.as_str())
}

/// The whole document.
pub fn document() -> Value {
    let services = [app::describe(), ordering::describe(), inventory::describe(), loyalty::describe(), psp::describe()];
    let mut paths = Map::new();
    let mut schemas = Map::from_iter([("Problem".to_owned(), problem())]);
    for (operations, shared) in services {
        schemas.extend(shared.into_iter().map(|(name, schema)| (name.to_owned(), schema)));
        for operation in operations {
            let path = paths.entry(operation.path()).or_insert_with(|| json!({}));
            path[operation.method()] = operation.to_value();
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Shop",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT"},
            "description": "Takes an order and never loses it. Times are RFC 3339 in UTC with milliseconds; money is \
                integers in euro cents; ids are opaque. Ignore members that you do not know.",
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": "orders", "description": "Placing, reading and cancelling."},
            {"name": "reading", "description": "Products, stock, points, and whether all is well."},
            {"name": "provider", "description": "The payment provider simulator, with errors of its own form."},
            {"name": "console", "description": "The operator's pages."},
        ],
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

/// RFC 9457, with the members that some problems add.
fn problem() -> Value {
    let wrong = json!({
        "type": "object",
        "required": ["pointer", "detail"],
        "properties": {
            "pointer": {"type": "string", "description": "Which field, as a JSON pointer in a URI fragment."},
            "detail": {"type": "string"},
        },
    });
    json!({
        "type": "object",
        "description": "Why a request was refused (RFC 9457).",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string", "pattern": "^/problems/[a-z-]+$"},
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string"},
            "errors": {"type": "array", "items": wrong, "description": "Everything that is wrong with an order."},
            "checks": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Every `$ref` below a value.
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_shared_schema_is_there_and_used() {
        let document = document();
        let mut used = BTreeSet::new();
        references(&document, &mut used);
        let there = document["components"]["schemas"].as_object().unwrap().keys();
        assert_eq!(used, there.map(|name| format!("#/components/schemas/{name}")).collect());
    }

    #[test]
    fn operations_have_ids_of_their_own_and_describe_each_parameter_of_their_path() {
        let document = document();
        let mut ids = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for operation in operations.as_object().unwrap().values() {
                assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{operation}");
                let given = operation["parameters"].as_array().into_iter().flatten();
                let given = given.filter(|one| one["in"] == "path").map(|one| one["name"].as_str().unwrap());
                let named = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
                assert_eq!(given.collect::<Vec<_>>(), named.collect::<Vec<_>>(), "{path}");
            }
        }
    }
}
