//! Promotions: the request, the grant, and the attempts so far.

use aerodb_core::hash::Hash;
use aerodb_core::id::{Boundary, Epoch, NodeId, PromotionId, Reason, RequestId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::types::Evidence;

/// The body of `POST /v1/promotions`. There is no `force`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromoteRequest {
    /// The epoch that the operator believes to be in force.
    pub expected_epoch: Epoch,
    /// The node that is meant, so that a wrong address is noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica_id: Option<NodeId>,
    /// The operator's own name for the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    /// The digest of a dry run: if anything that the decision reads has moved, nothing happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_digest: Option<Hash>,
    /// What the node has not pulled and the decision rests on: at most one certificate, and at most 31 entries of
    /// the authority ledger in their order, adopted in the grant's own append or not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Vec<Evidence>>,
    /// Why.
    pub reason: Reason,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The grant is durable.
    Approved,
    /// It was not proven.
    Denied,
    /// The process ended before the decision did.
    Aborted,
}

/// An approved promotion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Promoted {
    /// The attempt; a dry run has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promotion_id: Option<PromotionId>,
    /// `approved`; a denial is a problem.
    pub outcome: Outcome,
    /// The new epoch.
    pub epoch: Epoch,
    /// Its holder.
    pub holder: NodeId,
    /// Where it starts: everything through here counts as acknowledged.
    pub start_commit: Boundary,
    /// The whole decision.
    pub explanation: Value,
    /// Whether nothing was done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// One attempt, as the ledgers tell it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PromotionView {
    /// The attempt.
    pub promotion_id: PromotionId,
    /// How it ended; `null` while it runs.
    pub outcome: Option<Outcome>,
    /// The epoch that was granted.
    pub epoch: Option<Epoch>,
    /// Its holder.
    pub holder: Option<NodeId>,
    /// Where it starts.
    pub start_commit: Option<Boundary>,
    /// The epoch that the request named.
    pub expected_epoch: Option<Epoch>,
    /// The operator's own name for the request.
    pub request_id: Option<RequestId>,
    /// Why.
    pub reason: Option<Reason>,
    /// Who asked.
    pub operator: Option<String>,
    /// The whole decision; `null` where none was made.
    pub explanation: Option<Value>,
}
