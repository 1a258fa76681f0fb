//! Operator interventions on a replica.

use aerodb_core::id::{Address, Reason, RequestId, Seq};
use aerodb_core::rules::RuleId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The body of `POST /v1/replication/follow`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FollowRequest {
    /// The node to pull from.
    pub upstream: Address,
    /// Why.
    pub reason: Reason,
    /// The operator's own name for the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
}

/// The body of `POST /v1/replication/resume`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumeRequest {
    /// The rule of the failure that is latched first, on a halted node: it is cleared if its cause is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<RuleId>,
    /// With `failure`: the node to pull from instead, where the failure is that upstream is of another cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Address>,
    /// Why.
    pub reason: Reason,
    /// The operator's own name for the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
}

/// The body of `POST /v1/replication/bootstrap`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BootstrapRequest {
    /// Why.
    pub reason: Reason,
    /// The operator's own name for the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
}

/// An intervention that was recorded and begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Intervened {
    /// Its place in the decision ledger.
    pub seq: Seq,
    /// The node that is pulled from now.
    pub upstream: Address,
}
