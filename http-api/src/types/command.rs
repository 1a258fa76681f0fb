//! Authority commands: what an operator asks of the holder.

use aerodb_core::authority::SignedDecline;
use aerodb_core::hash::PublicKey;
use aerodb_core::id::{Address, Epoch, NodeId, Reason, RequestId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::types::{Evidence, LedgerEntryView};

/// The body of `POST /v1/members`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdmitRequest {
    /// The node, whose id was never used before.
    pub node_id: NodeId,
    /// Its key.
    pub public_key: PublicKey,
    /// Where it is reached.
    pub address: Address,
    /// Why.
    pub reason: Reason,
}

/// The body of `POST /v1/authority/designate`, `/release` and `/relinquish`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandBody {
    /// The node that it is about. A release may leave it out: there is only one to release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<NodeId>,
    /// The epoch that the operator believes to be in force.
    pub expected_epoch: Epoch,
    /// The operator's own name for the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    /// The decline of the node that is released; with a release only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Vec<Evidence>>,
    /// Why.
    pub reason: Reason,
}

/// Which command, with the node that it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthorityAction {
    /// Name the heir of the current epoch.
    Designate(NodeId),
    /// Take the heir's title back; `None` means the heir in force, whoever it is.
    Release(Option<NodeId>),
    /// End the obligation towards a node that has declined; a release that brings the proof along.
    EndObligation(SignedDecline),
    /// End the epoch in a node's favour.
    Relinquish(NodeId),
}

/// A command as the node gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityCommand {
    /// What is asked.
    pub action: AuthorityAction,
    /// The epoch that the operator believes to be in force.
    pub expected_epoch: Epoch,
    /// The operator's own name for the request.
    pub request_id: Option<RequestId>,
    /// Why.
    pub reason: Reason,
}

/// A command that was carried out. `covered: false` is answered 202: the entry is durable here, and
/// nothing may be built on it until the obliged node has it too (DESIGN 3.2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommandDone {
    /// The entry that it appended.
    #[serde(flatten)]
    pub entry: LedgerEntryView,
    /// Whether the entry is covered.
    pub covered: bool,
}
