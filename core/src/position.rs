//! Where a history ends, and where a ledger ends.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hash::{Chain, ClusterId, Hash};
use crate::id::{Boundary, Seq};

/// A place in the history together with the digest of all that leads to it. It is always a batch
/// end (DESIGN section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Position {
    /// Everything through this commit.
    #[serde(rename = "commit_id")]
    pub boundary: Boundary,
    /// The chain at that commit.
    pub chain: Chain,
}

impl Position {
    /// The start of a cluster's history. Its chain derives from the cluster id, so the histories of
    /// two clusters never have a place in common.
    #[must_use]
    pub fn origin(cluster: &ClusterId) -> Self {
        let chain = Hash::of("aerodb 2026 history origin", &[cluster.as_bytes()]);
        Self { boundary: Boundary::ORIGIN, chain: Chain(chain.0) }
    }

    /// The start of the history of a cluster that was forked off another one at a place in that one's.
    #[must_use]
    pub fn forked(cluster: &ClusterId, at: &Self) -> Self {
        let parts: [&[u8]; 3] =
            [cluster.as_bytes(), &at.boundary.get().to_le_bytes(), at.chain.as_bytes()];
        let chain = Hash::of("aerodb 2026 history fork", &parts);
        Self { boundary: at.boundary, chain: Chain(chain.0) }
    }
}

/// The last entry of an authority ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerHead {
    /// Its sequence number.
    pub seq: Seq,
    /// Its hash.
    pub hash: Hash,
}
