//! `/v1/snapshots`: what observes one commit, in memory and on the disk.

use aerodb_core::hash::Hash;
use aerodb_core::id::Boundary;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// For whom a view is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotSource {
    /// A read that was asked for.
    User,
    /// A checkpoint in the making.
    Internal,
    /// What recovery came to.
    Recovery,
}

/// The read views that are open at one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActiveSnapshot {
    /// The commit that they observe.
    pub commit_id: Boundary,
    /// For whom they are open.
    pub source: SnapshotSource,
    /// How many.
    pub count: u64,
}

/// A snapshot on the disk that a checkpoint names, or that one named and somebody still pulls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotFile {
    /// Whether recovery would start from it.
    pub in_force: bool,
    /// Everything through this commit is in it.
    pub commit_id: Boundary,
    /// The hash of its manifest.
    pub manifest: Hash,
    /// Bytes of the file.
    pub bytes: u64,
    /// Keys in it, absent ones that are still remembered among them.
    pub keys: u64,
    /// Versions in it.
    pub versions: u64,
    /// The lowest commit that can be read from it.
    pub oldest_retained_commit_id: Boundary,
    /// How many replicas pull it now.
    pub pulled_by: u64,
}

/// What observes one commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotsData {
    /// Read views in memory, lowest commit first.
    pub active: Vec<ActiveSnapshot>,
    /// Snapshots on the disk, lowest commit first: the one in force, and older ones that are still pulled.
    pub files: Vec<SnapshotFile>,
}
