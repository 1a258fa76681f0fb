//! `/v1/replication`: how far this node has come, and who pulls from it.

use aerodb_core::id::{Address, Boundary, Epoch, NodeId, Seq};
use aerodb_core::position::Position;
use aerodb_core::rules::RuleId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The side that a node is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplicationRole {
    /// It has or had the authority to write.
    Primary,
    /// It follows.
    Replica,
}

/// How far a bootstrap from a snapshot has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BootstrapState {
    /// None was begun.
    NotStarted,
    /// One is running.
    InProgress,
    /// It is done.
    Complete,
}

/// The bootstrap under way, or the last one of this process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BootstrapData {
    /// The machine's state, for example `Transferring`.
    pub state: String,
    /// The commit that the snapshot was taken at; `null` until upstream has said so.
    pub cut_commit_id: Option<Boundary>,
    /// Bytes that have arrived.
    pub bytes_received: u64,
    /// Bytes of the file; `null` until upstream has said so.
    pub bytes_total: Option<u64>,
    /// Chunks that have arrived.
    pub chunks_received: u64,
    /// Chunks of the file; `null` until upstream has said so.
    pub chunks_total: Option<u64>,
    /// The rule that ended it, if one did.
    pub rule: Option<RuleId>,
    /// What ended it, if it ended without a snapshot in force.
    pub failure: Option<String>,
}

/// Whether reads are safe here now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReadSafety {
    /// They are served.
    Safe,
    /// They are refused.
    Unsafe,
}

/// A node that pulls from this one, or did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PeerData {
    /// The node.
    pub node_id: NodeId,
    /// Whether it is connected now.
    pub attached: bool,
    /// The last commit that it said is durable there.
    pub receipt_commit_id: Option<Boundary>,
    /// The last ledger entry that it said is durable there.
    pub ledger_seq: Option<Seq>,
}

/// The state of replication on this node. Offsets are places in the history (commit ids), which mean the
/// same on every node; byte offsets are local and stand in `/v1/wal`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplicationData {
    /// The side that it is on.
    pub role: Option<ReplicationRole>,
    /// The pipeline's state, on a replica.
    pub replica_state: Option<String>,
    /// The commit that a replica's reads show.
    pub replica_commit_id: Option<Boundary>,
    /// The holder's last commit, as far as known here.
    pub primary_commit_id: Option<Boundary>,
    /// Durable, nothing interpreted.
    pub wal_received_offset: Option<Boundary>,
    /// Checksum, continuity, chain and epoch proven.
    pub wal_validated_offset: Option<Boundary>,
    /// In the store. `applied <= validated <= received`.
    pub wal_applied_offset: Option<Boundary>,
    /// The end of the validated history, with its chain.
    pub wal_prefix: Option<Position>,
    /// How far a bootstrap has come.
    pub snapshot_bootstrap_state: BootstrapState,
    /// Whether upstream no longer has the history that this replica needs next: only a bootstrap helps.
    pub bootstrap_required: bool,
    /// The bootstrap under way, or the last one of this process.
    pub bootstrap: Option<BootstrapData>,
    /// Whether reads are safe.
    pub read_safety: ReadSafety,
    /// The rule or code that stands against them.
    pub blocking_reason: Option<String>,
    /// The current epoch by the ledger.
    pub authority_epoch: Option<Epoch>,
    /// Its holder.
    pub authority_holder: Option<NodeId>,
    /// Commits that the holder is known to have and this node has not applied.
    pub lag: Option<u64>,
    /// Where this node pulls from.
    pub upstream: Option<Address>,
    /// Who pulls from this node.
    pub peers: Vec<PeerData>,
}
