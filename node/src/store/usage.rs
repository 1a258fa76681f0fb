//! How much the store holds, counted as it grows.

use std::sync::atomic::{AtomicU64, Ordering};

/// What one version takes beyond its key and value, in bytes: commit id and handle of the value in the history of its
/// key, its place among the hidden versions once there is a newer one, the allocator's own share; and of a key's
/// first version the history itself and its places by hash and in order. An estimate, for the memory bound (MEM-1), on
/// the high side: `cargo bench -p aerodb-node --bench checkpoint` reports what is resident.
pub(super) const VERSION_OVERHEAD_BYTES: u64 = 240;

/// How much the store holds, in versions of any commit, visible or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Keys that have at least one version, a tombstone that is not pruned yet included.
    pub keys: u64,
    /// Versions, tombstones included.
    pub versions: u64,
    /// Bytes of the keys and values of all versions, plus an estimated overhead for each version.
    pub bytes: u64,
}

/// The running totals. A reader may see one of a commit's versions counted and the next not yet, so the totals are for bounds and display, never for a decision on data.
#[derive(Debug, Default)]
pub(super) struct Counters {
    keys: AtomicU64,
    versions: AtomicU64,
    bytes: AtomicU64,
}

impl Counters {
    /// Counts one key that had no version before.
    pub(super) fn add_key(&self) {
        self.keys.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one key out again: its last version, a tombstone, went.
    pub(super) fn remove_key(&self) {
        self.keys.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts one version with so many bytes of key and value.
    pub(super) fn add_version(&self, key_bytes: usize, value_bytes: usize) {
        self.versions.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(weight(key_bytes, value_bytes), Ordering::Relaxed);
    }

    /// Counts one version out again.
    pub(super) fn remove_version(&self, key_bytes: usize, value_bytes: usize) {
        self.versions.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(weight(key_bytes, value_bytes), Ordering::Relaxed);
    }

    /// The totals now.
    pub(super) fn read(&self) -> Usage {
        Usage {
            keys: self.keys.load(Ordering::Relaxed),
            versions: self.versions.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}

const fn weight(key_bytes: usize, value_bytes: usize) -> u64 {
    (key_bytes + value_bytes) as u64 + VERSION_OVERHEAD_BYTES
}
