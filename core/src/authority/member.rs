//! The members of a cluster, and the durability that it insists on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hash::PublicKey;
use crate::id::{Address, NodeId};

/// One node as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    /// Its id, never reused once admitted.
    pub node_id: NodeId,
    /// The key that its signatures are checked with.
    pub public_key: PublicKey,
    /// Where people and other nodes reach it. A hint; no rule reads it.
    pub address: Address,
}

/// Whether a member that was admitted still is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Membership {
    /// It may pull, be named successor, be granted authority.
    Admitted,
    /// It may do nothing any more, and its id is spent.
    Removed,
}

/// What an acknowledged write is durable on.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// On the holder.
    Local,
    /// On the holder and on its successor.
    Paired,
}

impl Durability {
    /// The word used in configuration, JSON and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Paired => "paired",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_durability_has_one_word_everywhere_and_paired_is_more_than_local() {
        for (durability, word) in [(Durability::Local, "local"), (Durability::Paired, "paired")] {
            assert_eq!(durability.as_str(), word);
            assert_eq!(serde_json::to_value(durability).unwrap(), word);
        }
        assert!(Durability::Paired > Durability::Local);
    }
}
