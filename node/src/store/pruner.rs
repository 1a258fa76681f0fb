//! Pruning: taking versions out that no read can show any more, on a thread of its own.
//!
//! Why a thread, and not some work with each batch: every removal looks at memory that nobody has looked at for long,
//! and the writer stands between an fsync and its acknowledgement. For the same reason it gives the processor up after
//! every few of them. The thread sleeps until the writer has
//! handed over a thousand hidden versions, or a view that held the floor back is closed; no clock is
//! looked at. A version that may go therefore stays for at most a thousand further ones, and until the floor
//! can go up by an eighth of what is retained: each time it does it is made durable first (MVG-3), with two
//! fsyncs beside those of the writes.

use std::fmt;
use std::thread;

use aerodb_core::id::Boundary;
use aerodb_ledger::crash::{self, Point};

use super::garbage::Obsolete;
use super::reader::{Shared, Store};

/// After so many removals whoever waits for the processor gets it first: otherwise it would be kept for
/// as long as the scheduler lets it, 3 ms and more, and a write that has just become durable would wait for that.
const GIVES_WAY_AFTER: usize = 64;

/// What the pruner works with.
pub struct Pruner {
    /// The store.
    pub store: Store,
    /// How many commits below the acknowledged bound stay readable.
    pub retain_commits: u64,
    /// The acknowledged bound now; `None` while unknown.
    pub acknowledged: Box<dyn Fn() -> Option<Boundary> + Send>,
    /// Makes a floor durable; `false` when it is not, and then nothing goes.
    pub record: Box<dyn FnMut(Boundary) -> bool + Send>,
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
    pub fn run(mut self) {
        while self.store.shared.garbage.wait() {
            self.prune();
        }
    }

    /// Prunes if there is a reason to look: the same as [`Pruner::run`] does, for whoever carries all parts of a
    /// node on one thread. Whether there was one.
    pub fn step(&mut self) -> bool {
        let news = self.store.shared.garbage.has_news();
        if news {
            self.prune();
        }
        news
    }

    fn prune(&mut self) {
        let step = (self.retain_commits / 8).max(1);
        let floor = self.store.oldest_retained().get();
        let record = &mut self.record;
        self.store.prune((self.acknowledged)(), self.retain_commits, &mut |next| {
            next.get() - floor >= step && record(next)
        });
    }
}

impl Store {
    /// Raises the floor as far as retention and the open views allow, once that is recorded, and takes out every
    /// version that was handed over and may go below it. Gives how many.
    ///
    /// 1. a crash before the record: nothing is gone (M-W21)
    /// 2. after it: nothing below the floor is shown again, however much of it was gone (M-W22)
    pub fn prune(
        &self,
        acknowledged: Option<Boundary>,
        retain_commits: u64,
        record: &mut dyn FnMut(Boundary) -> bool,
    ) -> u64 {
        let next = self.shared.views.next(acknowledged, retain_commits);
        if next > self.oldest_retained() && record(next) {
            crash::reached(Point::GcAfterRecord);
            self.shared.views.raise(next);
        }
        let floor = self.oldest_retained();
        let mut collected = 0;
        loop {
            let due = self.shared.garbage.take(floor);
            if due.is_empty() {
                return collected;
            }
            for (number, obsolete) in due.iter().enumerate() {
                if number % GIVES_WAY_AFTER == 0 {
                    thread::yield_now();
                }
                collected += u64::from(self.collect(obsolete));
                crash::reached(Point::GcMidRemove);
            }
        }
    }

    /// The floor was raised before, and no view can be opened below it: nobody can miss the version. Gives
    /// whether it was still there; what is hidden may have gone as a tombstone.
    fn collect(&self, obsolete: &Obsolete) -> bool {
        let Shared { keys, counters, .. } = &*self.shared;
        let history = &obsolete.history;
        let Some(removed) = history.remove(obsolete.commit) else { return false };
        counters.remove_version(history.key().len(), removed.bytes);
        if removed.ended {
            keys.remove(history);
            counters.remove_key();
        }
        true
    }
}

#[cfg(test)]
mod tests;
