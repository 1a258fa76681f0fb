//! The handlers: read the request, ask the port, say the answer. Nothing is decided here.

pub(crate) mod command;
pub(crate) mod discard;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod health;
pub(crate) mod inspect;
pub(crate) mod kv;
pub(crate) mod ledger;
pub(crate) mod metrics;
pub(crate) mod openapi;
pub(crate) mod promotion;
pub(crate) mod rules;
pub(crate) mod scan;
pub(crate) mod statecharts;
pub(crate) mod stream;
pub(crate) mod txn;
mod view_headers;
