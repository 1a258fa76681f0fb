//! How far the stages have come, for those who look on.

use std::sync::atomic::{AtomicU64, Ordering};

use aerodb_core::decision::promotion::Progress;
use aerodb_core::id::Boundary;

/// The validated and the applied end. The received end is that of the log, which its readers share.
///
/// Each cursor is stored after the one that it may not pass, and read before it: whatever is seen of them
/// together is in order.
#[derive(Debug)]
pub struct Cursors {
    validated: AtomicU64,
    applied: AtomicU64,
}

impl Cursors {
    /// Both stages have come to `end`.
    #[must_use]
    pub const fn new(end: Boundary) -> Self {
        Self { validated: AtomicU64::new(end.get()), applied: AtomicU64::new(end.get()) }
    }

    pub(super) fn validated(&self, end: Boundary) {
        self.validated.store(end.get(), Ordering::Release);
    }

    pub(super) fn applied(&self, end: Boundary) {
        self.applied.store(end.get(), Ordering::Release);
    }

    /// All three cursors; `received` gives that of the log.
    pub fn progress(&self, received: impl FnOnce() -> Boundary) -> Progress {
        let applied = Boundary::new(self.applied.load(Ordering::Acquire));
        let validated = Boundary::new(self.validated.load(Ordering::Acquire));
        Progress { received: received(), validated, applied }
    }
}
