//! `/v1/checkpoints`: from where this node recovers, raw.

use aerodb_core::hash::Hash;
use aerodb_core::id::{Boundary, CommitId, Epoch, Reason};
use aerodb_core::position::{LedgerHead, Position};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The body of `POST /v1/checkpoints`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckpointRequest {
    /// Why; recorded in the decision ledger, and read by no rule.
    pub reason: Reason,
}

/// Commits from one to another, both of them in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommitRange {
    /// The first one.
    pub first_commit_id: CommitId,
    /// The last one.
    pub last_commit_id: CommitId,
}

/// A checkpoint that is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckpointView {
    /// Everything through this commit is in its snapshot.
    pub commit_id: Boundary,
    /// The history that it holds, with its chain.
    pub position: Position,
    /// The epoch of the last commit in it.
    pub epoch: Epoch,
    /// The authority ledger when it was taken.
    pub ledger: LedgerHead,
    /// The place of the designation that was in force; `null` when there was none below it.
    pub designation: Option<Position>,
    /// The hash of the snapshot's manifest.
    pub snapshot: Hash,
    /// Bytes of the snapshot.
    pub snapshot_bytes: u64,
    /// Keys in it, absent ones that are still remembered among them.
    pub keys: u64,
    /// Versions in it.
    pub versions: u64,
    /// The lowest commit that can be read after a recovery from it.
    pub oldest_retained_commit_id: Boundary,
    /// `durable`: snapshot and marker were fsynced before it was in force.
    pub durability: String,
    /// The part of the log that it stands for.
    pub wal_covered: Option<CommitRange>,
    /// Where the log that is kept begins: everything past this place is in it.
    pub wal_kept_from: Position,
}

/// The state of checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckpointsData {
    /// The last one that was completed; `null` where none ever was.
    pub last_completed: Option<CheckpointView>,
    /// The commit of the one that is being taken.
    pub pending_commit_id: Option<Boundary>,
    /// How far that one is, as its machine says: `Tentative`, `Written`, `SnapshotDurable`, `Recorded`, `Truncating`.
    pub pending_state: Option<String>,
    /// Why the last attempt in this process came to nothing; `null` when it did not, or there was none.
    pub aborted: Option<String>,
    /// The next one is taken when the log has grown by so many bytes since the last.
    pub wal_bytes_between: u64,
}

/// What became of a request for a checkpoint. `complete: false` is answered 202: it goes on without the
/// caller, and `GET /v1/checkpoints` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckpointTaken {
    /// Whether it was over when the caller's deadline passed.
    pub complete: bool,
    /// The checkpoint in force; `null` while it goes on.
    pub checkpoint: Option<CheckpointView>,
    /// Whether it was there already, because nothing was acknowledged since.
    pub unchanged: bool,
    /// Segments of the log that were removed.
    pub segments_removed: u64,
    /// Older snapshots, and what attempts had left, that were removed.
    pub snapshots_removed: u64,
}
