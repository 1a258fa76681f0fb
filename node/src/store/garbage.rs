//! Versions that will go, in the order of the floors at which they may: those that a newer one of their key
//! hides, and tombstones.
//!
//! The writer gathers them in a chunk of its own and hands a full one over, so that it takes this lock once
//! for a thousand of them and never waits for the pruning itself.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use aerodb_core::id::{Boundary, CommitId};
use aerodb_core::machine::{Machine as _, Version, VersionEvent};

use super::history::History;

/// A version that will go. What is older of its key stands before it in the queue, and has gone by then.
#[derive(Debug, Clone)]
pub(super) struct Obsolete {
    /// Its key's.
    pub(super) history: Arc<History>,
    /// The commit that made it.
    pub(super) commit: CommitId,
    /// Why.
    pub(super) reason: Reason,
}

/// Why a version will go.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reason {
    /// It is not the newest of its key.
    Hidden {
        /// The commit that made the newer one.
        by: CommitId,
    },
    /// It is a tombstone, the newest of its key or not.
    Tombstone,
}

impl Obsolete {
    /// Where it stands in the queue: by the commit that the floor must reach, and a tombstone behind what it
    /// hides.
    pub(super) const fn order(&self) -> (CommitId, bool) {
        match self.reason {
            Reason::Hidden { by } => (by, false),
            Reason::Tombstone => (self.commit, true),
        }
    }

    /// Whether no read at or above the floor can miss it (machine 4.13).
    pub(super) fn is_reclaimable(&self, floor: Boundary) -> bool {
        let version = match self.reason {
            Reason::Hidden { by } => Version::Obsolete { by },
            Reason::Tombstone => Version::Tombstone { at: self.commit },
        };
        version.transition(&VersionEvent::FloorAt(floor)).is_ok()
    }
}

/// What the writer hands over at once.
pub(super) type Chunk = VecDeque<Obsolete>;

#[derive(Debug, Default)]
struct Heap {
    chunks: VecDeque<Chunk>,
    /// Whether something has happened since the pruner last looked.
    news: bool,
    stopped: bool,
}

/// What waits to be pruned.
#[derive(Debug, Default)]
pub(super) struct Garbage {
    heap: Mutex<Heap>,
    changed: Condvar,
}

impl Garbage {
    fn lock(&self) -> MutexGuard<'_, Heap> {
        // A panic stops the process, so a poisoned lock is never seen.
        self.heap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over a chunk; what is in it stands behind everything handed over before.
    pub(super) fn hand_over(&self, chunk: Chunk) {
        let mut heap = self.lock();
        heap.chunks.push_back(chunk);
        heap.news = true;
        self.changed.notify_one();
    }

    /// Has the pruner look again although nothing was handed over.
    pub(super) fn look(&self) {
        self.lock().news = true;
        self.changed.notify_one();
    }

    /// Lets whoever waits go.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Waits until there is something to look at; `false` when there never will be.
    pub(super) fn wait(&self) -> bool {
        let mut heap = self.lock();
        while !heap.news && !heap.stopped {
            heap = self.changed.wait(heap).unwrap_or_else(PoisonError::into_inner);
        }
        heap.news = false;
        !heap.stopped
    }

    /// Whether there is something to look at that nobody has looked at yet.
    pub(super) fn has_news(&self) -> bool {
        std::mem::take(&mut self.lock().news)
    }

    /// Takes out the next versions that the floor allows to go, a chunk at most; empty when there are none.
    pub(super) fn take(&self, floor: Boundary) -> Chunk {
        let mut heap = self.lock();
        let Some(first) = heap.chunks.front_mut() else { return Chunk::new() };
        let due = first.iter().take_while(|obsolete| obsolete.is_reclaimable(floor)).count();
        if due < first.len() {
            return first.drain(..due).collect();
        }
        heap.chunks.pop_front().unwrap_or_default()
    }
}
