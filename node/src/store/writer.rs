//! The one way to change the store.

use aerodb_core::id::{Boundary, CommitId};
use aerodb_core::wal::{Commit, Op};
use bytes::Bytes;

use super::reader::Store;
use super::version::{Version, VersionKey};

/// The right to apply commits. There is one for each store, and it is not `Clone`.
#[derive(Debug)]
pub struct StoreWriter {
    store: Store,
    applied: Boundary,
}

impl StoreWriter {
    pub(super) const fn new(store: Store) -> Self {
        Self { store, applied: Boundary::ORIGIN }
    }

    /// The store as readers see it.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Everything through this commit has been applied.
    #[must_use]
    pub const fn applied(&self) -> Boundary {
        self.applied
    }

    /// Adds the versions that a commit makes. Nothing becomes visible: that is for the caller, who
    /// publishes a boundary that covers the commit, after this returns (MVI-4). Deleting an absent key
    /// adds a tombstone too, so that equal histories give equal stores. Of several changes to one key
    /// in one commit the last counts.
    ///
    /// # Panics
    /// When the commit does not come after all that was applied before: a version that readers may
    /// already see would change (MVI-1, MVI-5).
    pub fn apply(&mut self, commit_id: CommitId, commit: &Commit) {
        assert!(
            !self.applied.covers(commit_id),
            "commit {commit_id} applied after {}",
            self.applied
        );
        for op in commit.ops.iter().rev() {
            match op {
                Op::Put { key, value } => self.add(commit_id, key, Some(value)),
                Op::Delete { key } => self.add(commit_id, key, None),
            }
        }
        self.applied = commit_id.into();
    }

    /// Adds one version, unless a later change of the same commit already has.
    ///
    /// Key and value are copied: they may be slices of a request body or a 4 MiB pull buffer, which a
    /// shared handle would keep in memory whole and uncounted. The copy is small beside the fsync of
    /// the same bytes. All versions of a key share one copy of it.
    fn add(&self, commit_id: CommitId, key: &Bytes, value: Option<&Bytes>) {
        let shared = &self.store.shared;
        let newest = shared.map.range(VersionKey::first_of(key.clone())..).next();
        let newest = newest.filter(|entry| entry.key().key() == key);
        if newest.as_ref().is_some_and(|entry| entry.key().commit() == commit_id) {
            return;
        }
        let key = newest.map_or_else(
            || {
                shared.counters.add_key(key.len());
                Bytes::copy_from_slice(key)
            },
            |entry| entry.key().key().clone(),
        );
        shared.counters.add_version(value.map_or(0, Bytes::len));
        let version =
            value.map_or(Version::Tombstone, |value| Version::Value(Bytes::copy_from_slice(value)));
        shared.map.insert(VersionKey::new(key, commit_id), version);
    }
}
