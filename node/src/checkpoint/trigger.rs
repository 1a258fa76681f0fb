//! When the log has grown enough for a checkpoint: counted in bytes by the log's owner, never by time.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::handle::CheckpointHandle;

/// Counts the log's bytes. It lives with the log's owner and costs a comparison with each append.
#[derive(Debug)]
pub struct Trigger {
    at_last: u64,
    handle: CheckpointHandle,
}

impl Trigger {
    /// Asks for a checkpoint whenever the log has grown as far as the handle says.
    #[must_use]
    pub const fn new(handle: CheckpointHandle) -> Self {
        Self { at_last: 0, handle }
    }

    /// Never asks, for a log that is not served.
    #[must_use]
    pub fn never() -> Self {
        Self::new(CheckpointHandle::channel(Arc::new(AtomicU64::new(u64::MAX))).0)
    }

    /// The log has so many bytes now. Asks once for each time that it has grown enough.
    pub fn grown_to(&mut self, used_bytes: u64) {
        if used_bytes - self.at_last >= self.handle.bytes_between() {
            self.at_last = used_bytes;
            self.handle.request();
        }
    }
}
