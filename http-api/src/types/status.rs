//! `/v1/status`: the node at a glance.

use aerodb_core::authority::Durability;
use aerodb_core::hash::Hash;
use aerodb_core::id::{Address, Boundary, ClusterName, NodeId};
use aerodb_core::machine::RoleName;
use aerodb_core::rules::RuleId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::code::Code;
use crate::types::AuthorityData;

/// Where the process is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// It starts.
    Booting,
    /// It rebuilds its state from its own disk.
    Recovering,
    /// It runs, in whatever role.
    Running,
    /// It ends.
    Stopping,
}

/// Three ends of the history here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tips {
    /// The last commit in the log: no higher one was ever issued here.
    pub wal_tip: Option<Boundary>,
    /// Everything through this commit is fsynced in the log. A commit is issued by the fsync that covers it, so
    /// this is never below `wal_tip`.
    pub wal_durable: Option<Boundary>,
    /// The acknowledged bound: nothing above it is shown.
    pub acknowledged: Option<Boundary>,
    /// The last commit in the store.
    pub applied: Option<Boundary>,
}

/// What is switched on here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnabledData {
    /// Whether there is anybody to replicate to or from: another member, or an upstream.
    pub replication: bool,
    /// Whether this node can be promoted, by its configuration.
    pub failover: bool,
    /// Whether one fsync can cover several commits, by its configuration.
    pub group_commit: bool,
}

/// Whether reads are safe here now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadSafetyData {
    /// Whether a read would be served.
    pub safe: bool,
    /// The code that it would be answered with instead.
    pub code: Option<Code>,
    /// The rule behind it.
    pub rule: Option<RuleId>,
}

/// Why the node has stopped itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HaltData {
    /// The rule that was broken.
    pub rule: RuleId,
    /// The values that disagreed.
    pub evidence: Value,
}

/// How much the store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoreData {
    /// Keys with at least one version.
    pub keys: u64,
    /// Versions, tombstones among them.
    pub versions: u64,
    /// Memory that they take, in bytes.
    pub bytes: u64,
    /// The configured bound, in bytes.
    pub bytes_max: u64,
}

/// The digest that the status is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DigestRequest {
    /// The commit that it is wanted of; `None` is the newest that may be shown.
    pub at: Option<Boundary>,
}

/// BLAKE3 over every key that one read view shows, with commit and value: equal on every node at the same
/// commit. Both are `null` while reads are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateDigest {
    /// The read view.
    pub commit_id: Option<Boundary>,
    /// The digest.
    pub digest: Option<Hash>,
}

/// The node at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatusData {
    /// The node.
    pub node_id: NodeId,
    /// The cluster's label.
    pub cluster_name: Option<ClusterName>,
    /// Where the process is in its life.
    pub lifecycle: Lifecycle,
    /// The role.
    pub role: RoleName,
    /// Who may write.
    pub authority: AuthorityData,
    /// Three ends of the history here.
    pub tips: Tips,
    /// What an acknowledged write is durable on now.
    pub durability: Option<Durability>,
    /// Whether a write would be admitted here now.
    pub writable: bool,
    /// Whether a read would be served here now.
    pub read_safety: ReadSafetyData,
    /// What is switched on here.
    pub enabled: EnabledData,
    /// Why the node has stopped itself; `null` when it has not.
    pub halt: Option<HaltData>,
    /// How much the store holds.
    pub store: StoreData,
    /// Where this node pulls from.
    pub upstream: Option<Address>,
    /// Whether upstream no longer has the history that this replica needs next: only a bootstrap helps.
    pub bootstrap_required: bool,
    /// The digest of what reads show; only with `?digest=true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_digest: Option<StateDigest>,
}
