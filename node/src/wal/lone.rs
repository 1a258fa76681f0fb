//! Whether a writer is alone: no other write is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the writes that are under way. It only chooses the thread of an append, so the count needs no
/// order among other memory.
#[derive(Debug, Default)]
pub(super) struct Lone(AtomicUsize);

/// One write that is under way.
#[derive(Debug)]
pub struct UnderWay(Arc<Lone>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Lone {
    /// A write is under way until what this gives is dropped.
    pub(super) fn enter(self: &Arc<Self>) -> UnderWay {
        self.0.fetch_add(1, Ordering::Relaxed);
        UnderWay(Arc::clone(self))
    }

    /// Whether the one write that is under way is the asker's.
    pub(super) fn is_alone(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_is_alone_without_another_write() {
        let lone = Arc::new(Lone::default());
        let first = lone.enter();
        assert!(lone.is_alone());
        let second = lone.enter();
        assert!(!lone.is_alone());
        drop(second);
        assert!(lone.is_alone());
        drop(first);
    }
}
