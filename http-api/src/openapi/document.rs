//! The document as a whole.

use serde_json::{Map, Value, json};

use super::operations::describe;
use super::schemas::Schemas;
use crate::problem::ProblemBody;
use crate::route::{ROUTES, Route, Verb};
use crate::types::EventView;

/// The OpenAPI document; without failover, the routes of promotion are not in it.
#[must_use]
pub fn document(failover: bool) -> Value {
    let mut schemas = Schemas::new();
    let mut paths = Map::new();
    for route in ROUTES.iter().filter(|route| failover || !route.operation.promotes()) {
        let operation = operation(route, &mut schemas);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[method(route.verb)] = operation;
    }
    // Named by the stream of events and by every problem, and referred to by neither in a way of its own.
    let _ = (schemas.sent::<EventView>(), schemas.sent::<ProblemBody>());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "AeroDB",
            "summary": "A replicated key-value store with provable failover.",
            "description": "Inspection answers carry what was looked at beside what was seen; unknown is `null`. \
                Errors are problem details (RFC 9457) with a stable `code`. HEAD answers like GET, without a body. \
                Unknown fields and query parameters are refused.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "The node that serves this document." }],
        "paths": paths,
        "components": { "schemas": schemas.collected() },
    })
}

const fn method(verb: Verb) -> &'static str {
    match verb {
        Verb::Get => "get",
        Verb::Put => "put",
        Verb::Post => "post",
        Verb::Delete => "delete",
        Verb::Options => "options",
    }
}

fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let described = describe(route.operation, schemas);
    let mut operation = json!({
        "operationId": format!("{:?}", route.operation),
        "summary": route.summary,
        "responses": described.responses(),
    });
    if !described.parameters.is_empty() {
        operation["parameters"] = described.parameters.into();
    }
    if let Some((media_type, schema)) = described.body {
        operation["requestBody"] = json!({
            "required": true, "content": { media_type: { "schema": schema } },
        });
    }
    operation
}
