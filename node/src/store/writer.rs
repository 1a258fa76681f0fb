//! The one way to change the store.
//!
//! Keeps: MVI-4.

use std::collections::HashSet;
use std::iter;
use std::sync::Arc;

use aerodb_core::id::{Boundary, CommitId};
use aerodb_core::wal::{Commit, Op};
use bytes::Bytes;

use super::garbage::{Chunk, Obsolete, Reason};
use super::history::{Hidden, History, Versions};
use super::place::Place;
use super::reader::Store;
use super::version::Version;

/// So many hidden versions are handed over for pruning at once.
pub(super) const CHUNK: usize = 1024;

/// As soon as the hidden versions have this many bytes they are handed over, however few they are.
const CHUNK_BYTES: usize = 4 << 20;

/// The right to apply commits. There is one for each store, and it is not `Clone`.
#[derive(Debug)]
pub struct StoreWriter {
    store: Store,
    applied: Boundary,
    hidden: Chunk,
    hidden_bytes: usize,
}

impl StoreWriter {
    pub(super) fn new(store: Store) -> Self {
        Self { store, applied: Boundary::ORIGIN, hidden: Chunk::new(), hidden_bytes: 0 }
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
    pub fn apply(&mut self, commit_id: CommitId, commit: Commit) {
        self.apply_at(commit_id, commit, Place::default());
    }

    /// The same; `place` is that of the key, where the commit changes one and it was looked for before.
    ///
    /// # Panics
    /// As [`StoreWriter::apply`].
    pub fn apply_at(&mut self, commit_id: CommitId, Commit { mut ops }: Commit, mut place: Place) {
        assert!(
            !self.applied.covers(commit_id),
            "commit {commit_id} applied after {}",
            self.applied
        );
        if ops.len() > 1 {
            place = Place::default();
            ops.reverse();
            let mut changed = HashSet::with_capacity(ops.len());
            ops.retain(|op| changed.insert(op.key().clone()));
        }
        ops.into_iter().for_each(|op| self.apply_op(commit_id, op, std::mem::take(&mut place)));
        self.applied = commit_id.into();
    }

    /// The store was filled from a snapshot of everything through this commit.
    pub(super) fn loaded(mut self, applied: Boundary) -> Self {
        self.applied = applied;
        self
    }

    fn apply_op(&mut self, commit_id: CommitId, op: Op, place: Place) {
        let (key, value) = match op {
            Op::Put { key, value } => (key, Some(value)),
            Op::Delete { key } => (key, None),
        };
        self.add(commit_id, &key, Version::of(value), place);
    }

    /// Adds one version, and has what it hides, and itself if it is a tombstone, pruned in time.
    fn add(&mut self, commit: CommitId, key: &Bytes, version: Version, place: Place) {
        let is_tombstone = version == Version::Tombstone;
        self.store.shared.counters.add_version(key.len(), version.bytes());
        let (history, hidden) = self.place_version(commit, key, version, place);
        let tombstone = is_tombstone.then(|| Arc::clone(&history));
        if let Some(hidden) = hidden {
            self.prune_later(history, key, hidden, Reason::Hidden { by: commit });
        }
        if let Some(history) = tombstone {
            self.prune_later(history, key, Hidden { commit, bytes: 0 }, Reason::Tombstone);
        }
        if self.hidden.len() >= CHUNK || self.hidden_bytes >= CHUNK_BYTES {
            self.hand_over();
        }
    }

    /// Adds the version to the key's history, which begins with it where the key has none; gives what it hides.
    fn place_version(
        &self,
        commit: CommitId,
        key: &Bytes,
        mut version: Version,
        Place(found_before): Place,
    ) -> (Arc<History>, Option<Hidden>) {
        let keys = &self.store.shared.keys;
        debug_assert!(found_before.as_ref().is_none_or(|history| history.key() == key));
        // What was found before may have ended, and another have begun since.
        let now = iter::once_with(|| keys.find(key));
        for history in iter::once(found_before).chain(now).flatten() {
            match history.add(commit, version) {
                Ok(hidden) => return (history, Some(hidden)),
                Err(not_added) => {
                    keys.remove(&history);
                    version = not_added;
                }
            }
        }
        (self.begin(key, commit, version), None)
    }

    /// The first version of a key that has none.
    fn begin(&self, key: &Bytes, commit: CommitId, version: Version) -> Arc<History> {
        let versions = Versions::from_iter([(commit, version)]);
        let history = Arc::new(History::new(key, versions));
        let shared = &self.store.shared;
        shared.keys.insert(&history);
        shared.counters.add_key();
        history
    }

    fn prune_later(&mut self, history: Arc<History>, key: &Bytes, it: Hidden, reason: Reason) {
        self.hidden.push_back(Obsolete { history, commit: it.commit, reason });
        self.hidden_bytes += key.len() + it.bytes;
    }

    /// Nothing below this commit can be read from here on, if it could until now; what of it is there is handed
    /// over for pruning (MVF-7).
    pub fn retain_from(&mut self, oldest_retained: Boundary) {
        self.store.shared.views.begin_at(oldest_retained.max(self.store.oldest_retained()));
        self.hand_over();
    }

    /// Hands over what was hidden since the last time.
    pub(super) fn hand_over(&mut self) {
        self.hidden_bytes = 0;
        let full = std::mem::replace(&mut self.hidden, Chunk::with_capacity(CHUNK));
        self.store.shared.garbage.hand_over(full);
    }
}

impl Drop for StoreWriter {
    /// Nothing is hidden any more.
    fn drop(&mut self) {
        self.store.shared.garbage.stop();
    }
}
