//! `/v1/authority`: who may write, and whether this node does.

use aerodb_core::authority::Durability;
use aerodb_core::id::{Epoch, NodeId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::types::Refusal;

/// Whether the holder still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthorityStatus {
    /// The holder may write.
    Held,
    /// It has ended its epoch in the successor's favour.
    Relinquished,
}

/// How far the succession has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuccessorState {
    /// Named by the ledger.
    Designated,
    /// Named, and a receipt of it covers the designation.
    Effective,
    /// Released, and not yet proven to know it.
    Releasing,
}

/// The heir of the current epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SuccessorData {
    /// The node.
    pub node_id: NodeId,
    /// How far the succession has come.
    pub state: SuccessorState,
    /// Whether a receipt covers the designation; `null` where this node cannot know.
    pub effective: Option<bool>,
}

/// Who may write, as this node's ledger says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuthorityData {
    /// The current epoch.
    pub epoch: Option<Epoch>,
    /// Its holder.
    pub holder: Option<NodeId>,
    /// Whether the holder still holds.
    pub status: Option<AuthorityStatus>,
    /// The heir, if there is one.
    pub successor: Option<SuccessorData>,
    /// What an acknowledged write is durable on now.
    pub durability: Option<Durability>,
    /// Whether this node would admit a write now.
    pub writable_here: bool,
    /// Why not; `null` when it would.
    pub refusal: Option<Refusal>,
}
