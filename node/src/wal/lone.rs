//! Whether a writer is alone: nothing else is asked of the node while its write is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::task::yield_now;

/// Counts what is under way. It only chooses the thread of an append, so its counts need no order among
/// other memory.
#[derive(Debug, Default)]
pub(super) struct Lone {
    writes: AtomicUsize,
    reads: AtomicU64,
    reads_before: AtomicU64,
}

/// One write that is under way.
#[derive(Debug)]
pub struct UnderWay(Arc<Lone>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.writes.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Lone {
    /// A write is under way until what this gives is dropped.
    pub(super) fn enter(self: &Arc<Self>) -> UnderWay {
        self.writes.fetch_add(1, Ordering::Relaxed);
        UnderWay(Arc::clone(self))
    }

    /// A read was served.
    pub(super) fn note_read(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the one write that is under way is the asker's, no other comes out of the requests that have
    /// arrived by now, and nothing was read since the question was last asked.
    pub(super) async fn is_alone(&self) -> bool {
        if self.writes.load(Ordering::Relaxed) > 1 {
            return false;
        }
        // Whatever else has arrived gets its turn first.
        yield_now().await;
        let reads = self.reads.load(Ordering::Relaxed);
        let quiet = self.reads_before.swap(reads, Ordering::Relaxed) == reads;
        quiet && self.writes.load(Ordering::Relaxed) == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_writer_is_alone_without_another_write_and_without_a_read_in_between() {
        let lone = Arc::new(Lone::default());
        let first = lone.enter();
        assert!(lone.is_alone().await);
        let second = lone.enter();
        assert!(!lone.is_alone().await);
        drop(second);
        lone.note_read();
        assert!(!lone.is_alone().await, "a read came in between");
        assert!(lone.is_alone().await);
        drop(first);
    }

    #[tokio::test]
    async fn a_request_that_has_arrived_already_counts() {
        let lone = Arc::new(Lone::default());
        let _first = lone.enter();
        let other = Arc::clone(&lone);
        let arrived = tokio::spawn(async move { std::mem::forget(other.enter()) });
        assert!(!lone.is_alone().await);
        arrived.await.unwrap();
    }
}
