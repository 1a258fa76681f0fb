//! `POST /v1/txn`: several changes under one commit id.

use aerodb_core::id::CommitId;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::types::Encoding;

/// What a key must be for the transaction to be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TxnCondition {
    /// The key.
    pub key: String,
    /// The commit of its version; `null`, which must be written, when it must have no value.
    #[serde(deserialize_with = "required")]
    pub commit_id: Option<CommitId>,
}

/// Without this a missing field would read as `null`, and a forgotten condition as "must be absent".
fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<CommitId>, D::Error> {
    Option::deserialize(deserializer)
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TxnOp {
    /// The key has this value from here on.
    Put {
        /// The key.
        key: String,
        /// The value, as `encoding` says.
        value: String,
        /// How the value is written; `utf8` by default.
        #[serde(default)]
        encoding: Encoding,
    },
    /// The key is absent from here on.
    Delete {
        /// The key.
        key: String,
    },
}

/// The body of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TxnRequest {
    /// All must hold.
    #[serde(default)]
    pub conditions: Vec<TxnCondition>,
    /// The changes, in order; at least one.
    pub ops: Vec<TxnOp>,
}
