//! What happened on a node, as `/v1/events` tells it.

use aerodb_core::id::{NodeId, Reason};
use aerodb_core::rules::RuleId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::types::Outcome;

/// One event: a transition of one machine under the name that it has for observers. No time, no random id:
/// the order is the number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventView {
    /// Its place in the journal; one order for all machines, from 1 at the start of the process.
    pub seq: u64,
    /// Its name, for example `replication.promotion.requested`.
    pub name: String,
    /// The node on which it happened.
    pub node_id: NodeId,
    /// The machine.
    pub machine: String,
    /// The state before.
    pub from: String,
    /// The state entered.
    pub to: String,
    /// What happened to the machine.
    pub cause: String,
    /// The row of the machine's table that was taken.
    pub row: String,
    /// The rules that the row keeps.
    pub rules: Vec<RuleId>,
    /// What the state entered carries; `null` for nothing.
    pub data: Value,
    /// In an event of a promotion: the replica that was asked to be promoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_replica_id: Option<NodeId>,
    /// In an attempt: the holder of the epoch that the request would end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_primary_id: Option<NodeId>,
    /// In an attempt: the operator's reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// When an attempt is over: how it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Of an attempt that a crash cut short: the last state that the ledgers know of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_known_state: Option<String>,
    /// In a denial: the first rule that did not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_invariant: Option<RuleId>,
    /// In a denial: what that rule says. In a rejection: what stood against looking at the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// In a promotion that took effect: the new holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_primary_id: Option<NodeId>,
}
