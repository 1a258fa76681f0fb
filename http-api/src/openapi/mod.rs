//! `/openapi.json`: every route with its parameters, bodies, answers and problem codes, as OpenAPI 3.1.
//!
//! Routes come from the table that the router is built from, codes from the table of codes, schemas from the
//! types that are read and sent, by way of the attributes that serde reads. What each operation takes and gives
//! is said in `operations`; a running node is held to it by a test.
//!
//! Keeps: OAPI-4, OAPI-6.

mod codes;
mod described;
mod document;
mod operations;
mod parameters;
mod schemas;

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

pub use document::document;

static WITH_FAILOVER: LazyLock<String> = LazyLock::new(|| text(&document(true)));
static WITHOUT_FAILOVER: LazyLock<String> = LazyLock::new(|| text(&document(false)));

fn text(document: &Value) -> String {
    format!("{document:#}\n")
}

/// The document of this node: without failover, the routes of promotion are not in it.
pub(crate) fn answer(failover: bool) -> Response {
    let text = if failover { &*WITH_FAILOVER } else { &*WITHOUT_FAILOVER };
    ([(header::CONTENT_TYPE, "application/json")], text.as_str()).into_response()
}
