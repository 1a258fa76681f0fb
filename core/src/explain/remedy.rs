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
    /// HTTP method, or [`Remedy::BY_HAND`] for a command line where the node's directory is.
    pub method: &'static str,
    /// HTTP path, or that command line.
    pub path: &'static str,
    /// HTTP body, `null` for none; `reason` is the operator's to fill in.
    pub body: Option<serde_json::Value>,
}

impl Remedy {
    /// The method of what is done on a stopped node's directory, which no request can do.
    pub const BY_HAND: &'static str = "CLI";

    /// A command to run where the node's directory is; words in capitals are the operator's to fill in.
    #[must_use]
    pub fn by_hand(
        rule: RuleId,
        action: &'static str,
        node: &NodeId,
        command: &'static str,
    ) -> Self {
        let node_id = Some(node.clone());
        Self { rule, action, node_id, method: Self::BY_HAND, path: command, body: None }
    }

    /// A look at what stands against it.
    #[must_use]
    pub const fn look(
        rule: RuleId,
        action: &'static str,
        node_id: Option<NodeId>,
        path: &'static str,
    ) -> Self {
        Self { rule, action, node_id, method: "GET", path, body: None }
    }
}
