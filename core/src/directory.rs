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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dir4_a_retired_directory_says_what_to_start_instead() {
        let to = DirectoryId { device: 1, inode: 2 };
        assert_eq!(
            Retired::Relocated { to }.way_forward(),
            "another directory was given its node's identity by aerodb relocate; start that one"
        );
        assert_eq!(
            Retired::Forked { cluster: ClusterId([1; 32]) }.way_forward(),
            "a new cluster was founded from it by aerodb fork; start that one's directory"
        );
    }
}
