//! Every key with its history: by hash for whoever knows the key, in order for whoever walks a range.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::hash::{BuildHasher as _, RandomState};
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use crossbeam_skiplist::SkipSet;
use hashbrown::HashTable;

use super::history::History;
use super::range::ScanRange;

/// So many tables share the keys: each grows by itself, and none is ever so large that whoever adds a key would
/// wait for long.
const TABLES: usize = 256;

/// A history and the hash of its key, which stays with it for the table to grow without a look at keys.
#[derive(Debug)]
struct Hashed {
    hash: u64,
    history: Arc<History>,
}

/// The histories by the hashes of their keys, which are seeded anew in each store: nobody can choose keys that fall
/// together. A lock is held for one search; the writer takes it whole for keys that come and go alone.
#[derive(Debug)]
struct ByHash {
    hasher: RandomState,
    tables: Box<[RwLock<HashTable<Hashed>>]>,
}

impl Default for ByHash {
    fn default() -> Self {
        let tables = (0..TABLES).map(|_| RwLock::default()).collect();
        Self { hasher: RandomState::new(), tables }
    }
}

impl ByHash {
    /// The hash of a key, and the table that it belongs to. A table finds its places by the lowest bits of the hash
    /// and by the seven highest.
    fn place(&self, key: &[u8]) -> (u64, &RwLock<HashTable<Hashed>>) {
        let hash = self.hasher.hash_one(key);
        (hash, &self.tables[(hash >> 48) as usize % TABLES])
    }

    fn find(&self, key: &[u8]) -> Option<Arc<History>> {
        let (hash, table) = self.place(key);
        // A panic stops the process, so a poisoned lock is never seen.
        let table = table.read().unwrap_or_else(PoisonError::into_inner);
        let found = table.find(hash, |it| it.hash == hash && it.history.key() == key)?;
        Some(Arc::clone(&found.history))
    }

    fn insert(&self, history: Arc<History>) {
        let (hash, table) = self.place(history.key());
        let mut table = table.write().unwrap_or_else(PoisonError::into_inner);
        table.insert_unique(hash, Hashed { hash, history }, |it| it.hash);
    }

    fn remove(&self, history: &Arc<History>) {
        let (hash, table) = self.place(history.key());
        let mut table = table.write().unwrap_or_else(PoisonError::into_inner);
        if let Ok(found) = table.find_entry(hash, |it| Arc::ptr_eq(&it.history, history)) {
            found.remove();
        }
    }
}

/// A history in the order of keys.
#[derive(Debug)]
struct Entry(Arc<History>);

impl Borrow<[u8]> for Entry {
    fn borrow(&self) -> &[u8] {
        self.0.key()
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.0.key() == other.0.key()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.key().cmp(other.0.key())
    }
}

/// The histories. Invariant: of each key at most one that has not ended, and it is found both ways once
/// [`Keys::insert`] has returned.
#[derive(Debug, Default)]
pub(super) struct Keys {
    by_hash: ByHash,
    in_order: SkipSet<Entry>,
}

impl Keys {
    /// The key's history; it may have ended.
    pub(super) fn find(&self, key: &[u8]) -> Option<Arc<History>> {
        self.by_hash.find(key)
    }

    /// Adds the history of a key that has none.
    pub(super) fn insert(&self, history: &Arc<History>) {
        self.in_order.insert(Entry(Arc::clone(history)));
        self.by_hash.insert(Arc::clone(history));
    }

    /// Takes out a history that has ended, if it is still there; one that came after it under the same key stays.
    pub(super) fn remove(&self, ended: &Arc<History>) {
        self.by_hash.remove(ended);
        let found = self.in_order.get(ended.key());
        if let Some(entry) = found.filter(|entry| Arc::ptr_eq(&entry.value().0, ended)) {
            entry.remove();
        }
    }

    /// The histories of the range in key order. Those that are added or taken out meanwhile may be found or not.
    pub(super) fn range<'a>(
        &'a self,
        range: &'a ScanRange,
    ) -> impl Iterator<Item = Arc<History>> + 'a {
        let bytes = |bound: &'a Bound<Bytes>| bound.as_ref().map(|key| &key[..]);
        let bounds = (bytes(&range.start), bytes(&range.end));
        self.in_order.range::<[u8], _>(bounds).map(|entry| Arc::clone(&entry.value().0))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use aerodb_core::id::CommitId;

    use super::super::version::Version;
    use super::*;

    fn history(key: &[u8]) -> Arc<History> {
        let first = (CommitId::FIRST, Version::Tombstone);
        Arc::new(History::new(key, [first].into_iter().collect()))
    }

    fn in_order(keys: &Keys) -> Vec<Arc<History>> {
        keys.range(&ScanRange::ALL).collect()
    }

    #[test]
    fn every_key_is_found_by_hash_and_in_order() {
        let keys = Keys::default();
        let names: HashSet<Vec<u8>> =
            (0..2000_u32).map(|n| (n * n).to_be_bytes()[..2 + n as usize % 3].to_vec()).collect();
        names.iter().for_each(|name| keys.insert(&history(name)));
        assert!(names.iter().all(|name| keys.find(name).is_some_and(|it| it.key() == name)));
        assert!(keys.find(b"another").is_none());
        let found: Vec<_> = in_order(&keys).iter().map(|it| it.key().to_vec()).collect();
        assert!(found.is_sorted());
        assert_eq!(found.len(), names.len());
    }

    /// The writer finds that a history has ended before the pruner has taken it out.
    #[test]
    fn a_history_that_came_after_one_that_has_ended_stays_when_that_is_taken_out() {
        let (keys, ended, next) = (Keys::default(), history(b"key"), history(b"key"));
        keys.insert(&ended);
        keys.remove(&ended);
        keys.insert(&next);
        keys.remove(&ended);
        assert!(keys.find(b"key").is_some_and(|found| Arc::ptr_eq(&found, &next)));
        assert!(matches!(&in_order(&keys)[..], [only] if Arc::ptr_eq(only, &next)));
        keys.remove(&next);
        assert!(keys.find(b"key").is_none() && in_order(&keys).is_empty());
    }
}
