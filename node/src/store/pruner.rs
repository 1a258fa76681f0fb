//! Pruning: taking versions out that no read can show any more, on a thread of its own.
//!
//! Why a thread, and not some work with each batch: every removal is a search, as dear as an insert, and
//! the writer stands between an fsync and its acknowledgement. The thread sleeps until the writer has
//! handed over a thousand hidden versions, or a view that held the floor back is closed; no clock is
//! looked at. A version that may go therefore stays for at most a thousand further ones.

use std::fmt;

use aerodb_core::id::Boundary;
use aerodb_ledger::crash::{self, Point};

use super::garbage::Obsolete;
use super::reader::Store;

/// What the pruner works with.
pub struct Pruner {
    /// The store.
    pub store: Store,
    /// How many commits below the acknowledged bound stay readable.
    pub retain_commits: u64,
    /// The acknowledged bound now; `None` while unknown.
    pub acknowledged: Box<dyn Fn() -> Option<Boundary> + Send>,
}

impl fmt::Debug for Pruner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pruner")
            .field("retain_commits", &self.retain_commits)
            .finish_non_exhaustive()
    }
}

impl Pruner {
    /// Prunes until the store's last writer is gone.
    pub fn run(self) {
        while self.store.shared.garbage.wait() {
            self.prune();
        }
    }

    /// Prunes if there is a reason to look: the same as [`Pruner::run`] does, for whoever carries all parts of a
    /// node on one thread. Whether there was one.
    pub fn step(&self) -> bool {
        let news = self.store.shared.garbage.has_news();
        if news {
            self.prune();
        }
        news
    }

    fn prune(&self) {
        self.store.prune((self.acknowledged)(), self.retain_commits);
    }
}

impl Store {
    /// Raises the floor as far as retention and the open views allow, and takes out every version that was
    /// handed over and lies hidden below it. Gives how many.
    pub fn prune(&self, acknowledged: Option<Boundary>, retain_commits: u64) -> u64 {
        let floor = self.shared.views.raise(acknowledged, retain_commits);
        crash::reached(Point::GcBeforeRemove);
        let mut collected = 0;
        loop {
            let due = self.shared.garbage.take(floor);
            if due.is_empty() {
                return collected;
            }
            for obsolete in &due {
                self.collect(obsolete);
                collected += 1;
                crash::reached(Point::GcMidRemove);
            }
        }
    }

    /// The floor was raised before, and no view can be opened below it: nobody can miss the version.
    fn collect(&self, obsolete: &Obsolete) {
        if let Some(removed) = self.shared.map.remove(&obsolete.place) {
            let value = removed.value().value().map_or(0, bytes::Bytes::len);
            self.shared.counters.remove_version(removed.key().key().len(), value);
        }
    }
}

#[cfg(test)]
mod tests;
