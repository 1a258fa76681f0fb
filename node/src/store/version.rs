//! What a key has at a commit, and the order in which versions lie in the map.

use std::cmp::Reverse;

use aerodb_core::id::{Boundary, CommitId};
use bytes::Bytes;

/// What one commit made of one key. It never changes (MVI-1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// The key has this value.
    Value(Bytes),
    /// The key is absent.
    Tombstone,
}

impl Version {
    /// The value; `None` for a tombstone.
    #[must_use]
    pub const fn value(&self) -> Option<&Bytes> {
        match self {
            Self::Value(value) => Some(value),
            Self::Tombstone => None,
        }
    }
}

/// One version as the read explanation shows it: that it exists, without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionInfo {
    /// The commit that made it.
    pub commit_id: CommitId,
    /// Whether it says that the key is absent.
    pub tombstone: bool,
    /// Length of the value in bytes; 0 for a tombstone.
    pub bytes: usize,
}

impl VersionInfo {
    /// What is told about this version.
    pub(super) fn new(commit_id: CommitId, version: &Version) -> Self {
        let value = version.value();
        Self { commit_id, tombstone: value.is_none(), bytes: value.map_or(0, Bytes::len) }
    }
}

/// The place of a version in the map: keys ascending, and within a key the newest commit first, so
/// that the version visible at a view is the first one at or after (key, view).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct VersionKey {
    key: Bytes,
    commit: Reverse<CommitId>,
}

/// Sorts before every other commit of its key.
const NEWEST: CommitId = CommitId::new(u64::MAX).unwrap();

impl VersionKey {
    /// The place of the key's version of this commit.
    pub(super) const fn new(key: Bytes, commit: CommitId) -> Self {
        Self { key, commit: Reverse(commit) }
    }

    /// At or before every version of the key.
    pub(super) const fn first_of(key: Bytes) -> Self {
        Self::new(key, NEWEST)
    }

    /// At or after every version of the key.
    pub(super) const fn last_of(key: Bytes) -> Self {
        Self::new(key, CommitId::FIRST)
    }

    /// At or before every version of the key that the view covers; `None` when it covers no commit.
    pub(super) fn first_at(key: Bytes, at: Boundary) -> Option<Self> {
        CommitId::new(at.get()).map(|newest| Self::new(key, newest))
    }

    /// The key.
    pub(super) const fn key(&self) -> &Bytes {
        &self.key
    }

    /// The commit that made the version.
    pub(super) const fn commit(&self) -> CommitId {
        self.commit.0
    }
}
