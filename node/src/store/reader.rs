//! What a reader can ask.

use std::sync::Arc;

use aerodb_core::hash::Hash;
use aerodb_core::id::{Boundary, CommitId};
use bytes::Bytes;

use super::digest::StateDigest;
use super::garbage::Garbage;
use super::history::History;
use super::keys::Keys;
use super::range::ScanRange;
use super::usage::{Counters, Usage};
use super::version::{Version, VersionInfo};
use super::views::{ReadView, Views};
use super::writer::StoreWriter;

/// A scan ends with the item that brings its keys and values to this many bytes, so that no page can
/// exhaust the memory, whatever its limit.
pub(super) const SCAN_BYTES_MAX: usize = 8 << 20;

/// A visible key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The key.
    pub key: Bytes,
    /// Its value.
    pub value: Bytes,
    /// The commit that gave it this value.
    pub commit_id: CommitId,
}

/// A reader's handle on the store; clones share one store. Reads and the
/// writer wait for each other no longer than one search, or one copy of a few versions of a key, takes (MVI-3). Values are shared with the store, not copied.
#[derive(Clone)]
pub struct Store {
    pub(super) shared: Arc<Shared>,
}

/// What all handles share.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) keys: Keys,
    pub(super) counters: Counters,
    pub(super) views: Views,
    pub(super) garbage: Garbage,
}

impl std::fmt::Debug for Store {
    /// How much there is; the content is left out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("usage", &self.usage()).finish_non_exhaustive()
    }
}

impl Store {
    /// An empty store: the one writer that it will ever have, and a first reader.
    #[must_use]
    pub fn empty() -> (StoreWriter, Self) {
        let store = Self { shared: Arc::default() };
        (StoreWriter::new(store.clone()), store)
    }

    /// The value of the key at the view and the commit that gave it: the version with the largest
    /// commit id that the view covers (MVV-1). `None` when there is none or it is a tombstone.
    #[must_use]
    pub fn get(&self, key: &[u8], at: Boundary) -> Option<(CommitId, Bytes)> {
        let (commit_id, version) = self.newest(key, at)?;
        match version {
            Version::Value(value) => Some((commit_id, value)),
            Version::Tombstone => None,
        }
    }

    /// The newest version that was applied, published or not: what a condition is judged against in
    /// the WAL writer. Never shown to a reader.
    #[must_use]
    pub fn latest(&self, key: &[u8]) -> Option<(CommitId, Version)> {
        self.newest(key, Boundary::new(u64::MAX))
    }

    fn newest(&self, key: &[u8], at: Boundary) -> Option<(CommitId, Version)> {
        self.shared.keys.find(key)?.visible(at)
    }

    /// At most `limit` versions of the key at or below the view, newest first: the first one is visible.
    #[must_use]
    pub fn versions(&self, key: &[u8], at: Boundary, limit: usize) -> Vec<VersionInfo> {
        let found = self.shared.keys.find(key);
        found.map_or_else(Vec::new, |history| history.newest_first(at, limit))
    }

    /// The first `limit` visible keys of the range in key order, all in one view (MVV-2), or fewer if they
    /// are large (8 MiB), and whether there are more.
    #[must_use]
    pub fn scan(&self, range: &ScanRange, at: Boundary, limit: usize) -> (Vec<Item>, bool) {
        let mut visible = self.visible(range, at);
        let (mut items, mut bytes) = (Vec::new(), 0);
        while items.len() < limit && bytes < SCAN_BYTES_MAX {
            let Some(item) = visible.next() else { return (items, false) };
            bytes += item.key.len() + item.value.len();
            items.push(item);
        }
        (items, visible.next().is_some())
    }

    /// BLAKE3 over every visible key, its commit id and value, in key order. Equal histories give
    /// equal digests at equal views, whatever came after and on any node (RI-4). Reads everything.
    #[must_use]
    pub fn state_digest(&self, at: Boundary) -> Hash {
        let mut digest = StateDigest::new();
        for item in self.visible(&ScanRange::ALL, at) {
            digest.row(&item.key, item.commit_id, &item.value);
        }
        digest.finish()
    }

    /// Every version that the view needs, keys ascending and of each key the newest first: those that can be
    /// read at some commit from its floor up to it. Equal histories with equal floors give equal ones,
    /// whatever was pruned meanwhile.
    pub fn retained<'a>(
        &'a self,
        view: &'a ReadView,
    ) -> impl Iterator<Item = (Bytes, CommitId, Option<Bytes>)> + 'a {
        let all = self.shared.keys.range(&ScanRange::ALL);
        all.flat_map(|history| History::retained(history, view.at(), view.needs()))
    }

    /// How much the store holds. Reads three counters.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.shared.counters.read()
    }

    fn visible<'a>(
        &'a self,
        range: &'a ScanRange,
        at: Boundary,
    ) -> impl Iterator<Item = Item> + 'a {
        self.shared.keys.range(range).filter_map(move |history| {
            let (commit_id, version) = history.visible(at)?;
            let key = Bytes::copy_from_slice(history.key());
            Some(Item { key, value: Option::from(version)?, commit_id })
        })
    }
}
