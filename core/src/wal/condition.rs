//! Compare-and-set: what a write may insist on, judged against the log's tip.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::id::CommitId;

/// What is expected of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expect {
    /// Its newest version is of this commit.
    Version(CommitId),
    /// It is absent.
    Absent,
    /// It is there.
    Present,
}

impl Expect {
    /// Whether it holds of a key whose newest version is of `found` (`None` when the key is absent).
    #[must_use]
    pub fn holds(self, found: Option<CommitId>) -> bool {
        match self {
            Self::Version(commit) => found == Some(commit),
            Self::Absent => found.is_none(),
            Self::Present => found.is_some(),
        }
    }
}

/// One condition of a write; all of them hold, or nothing is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// The key.
    pub key: Bytes,
    /// What is expected of it.
    pub expect: Expect,
}
