//! A remedy as it stands on the wire.

use aerodb_core::explain::Remedy;
use aerodb_core::id::NodeId;
use aerodb_core::rules::RuleId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One action that could change the answer (DESIGN section 7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RemedyView {
    /// The failed rule that it speaks to.
    pub rule: RuleId,
    /// What it does, in a few words.
    pub action: String,
    /// The node to ask; `null` when it is the one that refused or any.
    pub node_id: Option<NodeId>,
    /// HTTP method.
    pub method: String,
    /// HTTP path.
    pub path: String,
    /// HTTP body, `null` for none; `reason` is the operator's to fill in.
    pub body: Option<Value>,
}

impl From<Remedy> for RemedyView {
    fn from(remedy: Remedy) -> Self {
        let Remedy { rule, action, node_id, method, path, body } = remedy;
        let (action, method, path) = (action.to_owned(), method.to_owned(), path.to_owned());
        Self { rule, action, node_id, method, path, body }
    }
}
