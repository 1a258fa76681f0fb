//! `/history`: the epochs so far.

use aerodb_core::id::{Boundary, Epoch, NodeId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryEntry {
    /// The epoch.
    pub epoch: Epoch,
    /// Where it starts; its first commit is the next one.
    pub start_commit_id: Boundary,
    /// What its grant stands on: `genesis`, `relinquishment`, `designation` or `decline`.
    pub basis: String,
    /// Its holder.
    pub holder: NodeId,
}
