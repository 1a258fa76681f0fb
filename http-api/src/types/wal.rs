//! `/v1/wal`: the log on this node's disk, raw.

use aerodb_core::id::{Boundary, CommitId};
use aerodb_core::position::Position;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::types::CommitRange;

/// One segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WalFile {
    /// Its file name.
    pub name: String,
    /// The first commit in it.
    pub first_commit_id: Option<CommitId>,
    /// Its size in bytes.
    pub bytes: u64,
}

/// The state of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WalData {
    /// The segments, oldest first.
    pub files: Vec<WalFile>,
    /// The end of the history in it, with its chain.
    pub tip: Option<Position>,
    /// Where the next append goes, in bytes in the last segment.
    pub append_offset: Option<u64>,
    /// Everything before it has been fsynced, in bytes in the last segment.
    pub last_durable_offset: Option<u64>,
    /// `verified`: every byte was checked when it was last read. `unvalidated`: what lies past `validated` was not
    /// yet. `damaged`: it was, and is not what it says.
    pub checksum_status: String,
    /// The last commit that a checkpoint let go of; `null` when none was.
    pub truncation_point: Option<Boundary>,
    /// On a replica: durable, nothing interpreted.
    pub received: Option<Boundary>,
    /// On a replica: proven.
    pub validated: Option<Boundary>,
    /// On a replica: in the store.
    pub applied: Option<Boundary>,
    /// Gaps in what was offered, latched; each is the range that was missing. The log itself never has one.
    pub gaps: Vec<CommitRange>,
    /// Failures that stand against the log; each names its rule.
    pub failures: Vec<Value>,
}
