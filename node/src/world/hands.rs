//! Who carries the parts of a node.

use aerodb_ledger::crash::{self, Point};

/// How the parts of a node come to run beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hands {
    /// Each part has a thread, and requests have a runtime of several.
    Threads,
    /// One thread carries all parts, step by step, in the order that it chooses; see
    /// [`crate::serve::Stepwise`]. Where a part waits for another, it carries that one on itself.
    One,
}

impl Hands {
    /// Does blocking work between two awaits; the runtime gives its other tasks to another thread.
    pub fn blocking<T>(self, work: impl FnOnce() -> T) -> T {
        match self {
            Self::Threads => tokio::task::block_in_place(work),
            Self::One => work(),
        }
    }

    /// Comes to a named place within a request. A connection belongs to one thread, so where a test lets the
    /// process stand there, everybody else on that thread would stand with it: they are served by another one.
    pub fn reached(self, point: Point) {
        if crash::stands_at(point) {
            self.blocking(|| crash::reached(point));
        } else {
            crash::reached(point);
        }
    }

    /// Does long work beside everything else. `None` when the node is stopping.
    pub async fn beside<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        match self {
            Self::Threads => tokio::task::spawn_blocking(work).await.ok(),
            Self::One => Some(work()),
        }
    }
}
