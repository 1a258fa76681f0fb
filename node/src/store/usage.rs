//! How much the store holds, counted as it grows.

use std::sync::atomic::{AtomicU64, Ordering};

/// What one version takes beyond its key and value, in bytes: its node in the map (two `Bytes`
/// handles, the commit id, a tower of two links on average) and the allocator's own share. An
/// estimate, for the memory bound (MEM-1), on the high side: 115 to 142 were measured as resident
/// memory with glibc on x86-64, 125 with the allocator of the shipped binary, and a value takes 32 more when a
/// reader first shares it.
pub(super) const VERSION_OVERHEAD_BYTES: u64 = 176;

/// How much the store holds, in versions of any commit, visible or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Keys that have at least one version, a tombstone included.
    pub keys: u64,
    /// Versions, tombstones included.
    pub versions: u64,
    /// Bytes of keys (once each) and values, plus an estimated overhead for each version.
    pub bytes: u64,
}

/// The running totals. Only the writer adds; a reader may see one of a commit's versions counted
/// and the next not yet, so the totals are for bounds and display, never for a decision on data.
#[derive(Debug, Default)]
pub(super) struct Counters {
    keys: AtomicU64,
    versions: AtomicU64,
    bytes: AtomicU64,
}

impl Counters {
    /// Counts one key that had no version before.
    pub(super) fn add_key(&self, key_bytes: usize) {
        self.keys.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(key_bytes as u64, Ordering::Relaxed);
    }

    /// Counts one version with so many bytes of value.
    pub(super) fn add_version(&self, value_bytes: usize) {
        self.versions.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(value_bytes as u64 + VERSION_OVERHEAD_BYTES, Ordering::Relaxed);
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
