//! `/v1/mvcc`: versions and read views, raw.

use aerodb_core::id::Boundary;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The read views that are open now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ActiveSnapshots {
    /// How many.
    pub count: u64,
    /// The commit that each shows.
    pub commit_ids: Vec<Boundary>,
}

/// The state of the multi-version store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MvccData {
    /// The lowest commit that a read view can still be taken at.
    pub oldest_retained_commit_id: Option<Boundary>,
    /// The highest commit that is applied.
    pub latest_commit_id: Option<Boundary>,
    /// The read views that are open now.
    pub active_snapshots: ActiveSnapshots,
    /// Versions that no view at or above it can show may be pruned.
    pub gc_watermark: Option<Boundary>,
    /// On a replica: the commit that its reads show.
    pub replica_commit_id: Option<Boundary>,
    /// Whether reads are refused now.
    pub reads_blocked: bool,
}
