//! What an operator can do about a refusal: never a dead end (DESIGN section 7).

use serde::Serialize;

use crate::id::NodeId;
use crate::rules::RuleId;

/// One action that could change the answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Remedy {
    /// The failed rule that it speaks to.
    pub rule: RuleId,
    /// What it does, in a few words.
    pub action: &'static str,
    /// The node to ask; `null` when it is the one that refused or any.
    pub node_id: Option<NodeId>,
    /// HTTP method.
    pub method: &'static str,
    /// HTTP path.
    pub path: &'static str,
    /// HTTP body, `null` for none; `reason` is the operator's to fill in.
    pub body: Option<serde_json::Value>,
}
