//! What tells one data directory from another, and what ends one (ST-2).

use serde::{Deserialize, Serialize};

use crate::hash::ClusterId;

/// The file system's identity of a directory: a copy has another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryId {
    /// The file system.
    pub device: u64,
    /// The directory in it.
    pub inode: u64,
}

/// Why a directory is never started again. What lies in it stays, for audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retired {
    /// Another directory has its node's identity.
    Relocated {
        /// That one.
        to: DirectoryId,
    },
    /// A cluster was founded from what it holds.
    Forked {
        /// That one.
        cluster: ClusterId,
    },
}

impl Retired {
    /// What an operator does instead of starting it.
    #[must_use]
    pub const fn way_forward(&self) -> &'static str {
        match self {
            Self::Relocated { .. } => {
                "another directory was given its node's identity by aerodb relocate; start that one"
            }
            Self::Forked { .. } => {
                "a new cluster was founded from it by aerodb fork; start that one's directory"
            }
        }
    }
}
