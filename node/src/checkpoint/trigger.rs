//! When the log has grown enough for a checkpoint: counted in bytes by the log's owner, never by time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::handle::CheckpointHandle;

/// Counts the log's bytes. It lives with the log's owner and costs a comparison with each append.
#[derive(Debug)]
pub struct Trigger {
    at_last: u64,
    /// How far the log may grow; the thread that takes checkpoints moves it with the size of the snapshot.
    bytes: Arc<AtomicU64>,
    handle: CheckpointHandle,
}

impl Trigger {
    /// Asks for a checkpoint whenever the log has grown by `bytes`.
    #[must_use]
    pub const fn new(bytes: Arc<AtomicU64>, handle: CheckpointHandle) -> Self {
        Self { at_last: 0, bytes, handle }
    }

    /// The log has so many bytes now. Asks once for each time that it has grown enough.
    pub fn grown_to(&mut self, used_bytes: u64) {
        if used_bytes - self.at_last >= self.bytes.load(Ordering::Relaxed) {
            self.at_last = used_bytes;
            self.handle.request();
        }
    }
}
