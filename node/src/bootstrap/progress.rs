//! How far a transfer has come, for people: nothing reads it to decide anything.

use std::sync::{Mutex, MutexGuard, PoisonError};

use aerodb_core::id::Boundary;
use aerodb_core::rules::RuleId;
use aerodb_http_api::stream::SNAPSHOT_CHUNK_BYTES;

/// One transfer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transfer {
    /// The commit of the snapshot and the bytes of its file; `None` until upstream has told.
    pub of: Option<(Boundary, u64)>,
    /// Bytes that are written here.
    pub bytes: u64,
    /// Why it ended without a snapshot in force.
    pub failure: Option<String>,
    /// The rule that ended it, if one did.
    pub rule: Option<RuleId>,
}

/// The last transfer of this process; `None` before the first.
#[derive(Debug, Default)]
pub struct Progress {
    transfer: Mutex<Option<Transfer>>,
}

impl Transfer {
    /// Chunks that have arrived.
    #[must_use]
    pub const fn chunks(&self) -> u64 {
        self.bytes.div_ceil(SNAPSHOT_CHUNK_BYTES as u64)
    }

    /// Chunks of the whole file.
    #[must_use]
    pub fn chunks_total(&self) -> Option<u64> {
        self.of.map(|(_, bytes)| bytes.div_ceil(SNAPSHOT_CHUNK_BYTES as u64))
    }
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, Option<Transfer>> {
        // A panic stops the process, so a poisoned lock is never seen.
        self.transfer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last transfer.
    #[must_use]
    pub fn get(&self) -> Option<Transfer> {
        self.lock().clone()
    }

    /// A transfer begins.
    pub fn begin(&self) {
        *self.lock() = Some(Transfer::default());
    }

    /// So much has arrived.
    pub fn arrived(&self, cut: Boundary, total: u64, bytes: u64) {
        if let Some(transfer) = &mut *self.lock() {
            transfer.of = Some((cut, total));
            transfer.bytes = bytes;
        }
    }

    /// It ended without a snapshot in force.
    pub fn ended(&self, failure: String, rule: Option<RuleId>) {
        if let Some(transfer) = &mut *self.lock() {
            transfer.failure = Some(failure);
            transfer.rule = rule;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_arrived_is_counted_in_bytes_and_in_chunks() {
        let progress = Progress::default();
        assert_eq!(progress.get(), None);
        progress.begin();
        let total = 2 * SNAPSHOT_CHUNK_BYTES as u64 + 1;
        progress.arrived(Boundary::new(9), total, SNAPSHOT_CHUNK_BYTES as u64);
        let transfer = progress.get().unwrap();
        assert_eq!((transfer.chunks(), transfer.chunks_total()), (1, Some(3)));
        progress.ended("cut".to_owned(), None);
        assert_eq!(progress.get().unwrap().failure.as_deref(), Some("cut"));
    }
}
