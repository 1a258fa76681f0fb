//! The read views that are open, and the floor below which none can be opened (MVG-1).
//!
//! Invariant: `floor <= needs` of every open view. Opening a view and raising the floor take the same
//! lock, so a view is either seen by the raise or refused by it.
//!
//! Keeps: MVI-3, MVV-2.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aerodb_core::decision::retention::{NextFloor, RetentionFacts};
use aerodb_core::id::Boundary;
use serde::Serialize;

use super::reader::Store;

/// Who opened a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewSource {
    /// A read that was asked for.
    User,
    /// A snapshot in the making.
    Internal,
    /// The digest of what recovery came to.
    Recovery,
}

/// The views open at one commit for one purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenViews {
    /// What they show.
    pub at: Boundary,
    /// Who opened them.
    pub source: ViewSource,
    /// How many.
    pub count: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    needs: Boundary,
    at: Boundary,
    source: ViewSource,
}

#[derive(Debug, Default)]
struct Open {
    views: BTreeMap<Place, u64>,
    /// Whether the floor would be higher without the views.
    held_back: bool,
}

impl Open {
    /// The lowest commit that a view needs.
    fn lowest(&self) -> Option<Boundary> {
        self.views.first_key_value().map(|(place, _)| place.needs)
    }
}

/// The floor and the views above it.
#[derive(Debug, Default)]
pub(super) struct Views {
    open: Mutex<Open>,
    /// Written under the lock.
    floor: AtomicU64,
}

impl Views {
    fn lock(&self) -> MutexGuard<'_, Open> {
        // A panic stops the process, so a poisoned lock is never seen.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lowest commit that can be read.
    pub(super) fn floor(&self) -> Boundary {
        Boundary::new(self.floor.load(Ordering::Acquire))
    }

    /// The floor of a store that was loaded.
    pub(super) fn begin_at(&self, floor: Boundary) {
        let _open = self.lock();
        self.floor.store(floor.get(), Ordering::Release);
    }

    /// How far the facts allow the floor to go now.
    pub(super) fn next(&self, acknowledged: Option<Boundary>, retain_commits: u64) -> Boundary {
        let mut open = self.lock();
        let lowest_view = open.lowest();
        let facts =
            RetentionFacts { acknowledged, retain_commits, lowest_view, floor: self.floor() };
        let NextFloor { floor, held_back } = facts.next_floor();
        open.held_back = held_back;
        floor
    }

    /// Raises the floor to here, or to what views that were opened meanwhile need.
    pub(super) fn raise(&self, floor: Boundary) {
        let mut open = self.lock();
        let allowed = open.lowest().map_or(floor, |view| floor.min(view));
        open.held_back |= allowed < floor;
        self.floor.store(allowed.max(self.floor()).get(), Ordering::Release);
    }

    fn enter(&self, at: Boundary, source: ViewSource, from_floor: bool) -> Option<Place> {
        let mut open = self.lock();
        let floor = self.floor();
        if at < floor {
            return None;
        }
        let place = Place { needs: if from_floor { floor } else { at }, at, source };
        *open.views.entry(place).or_default() += 1;
        Some(place)
    }

    /// Gives whether the view was the last one that held the floor back.
    fn leave(&self, place: Place) -> bool {
        let mut open = self.lock();
        if let Some(count) = open.views.get_mut(&place) {
            *count -= 1;
            if *count == 0 {
                open.views.remove(&place);
            }
        }
        let lower =
            open.views.first_key_value().is_none_or(|(lowest, _)| lowest.needs > place.needs);
        lower && std::mem::take(&mut open.held_back)
    }

    /// Whether the floor would be higher without the open views.
    #[cfg(test)]
    pub(super) fn is_held_back(&self) -> bool {
        self.lock().held_back
    }

    /// Every open view, lowest first.
    pub(super) fn list(&self) -> Vec<OpenViews> {
        let open = self.lock();
        let shown = |(place, count): (&Place, &u64)| OpenViews {
            at: place.at,
            source: place.source,
            count: *count,
        };
        open.views.iter().map(shown).collect()
    }
}

/// A view that is open: until it is dropped, nothing that it needs is pruned.
#[derive(Debug)]
pub struct ReadView {
    store: Store,
    place: Place,
}

impl ReadView {
    /// What it shows.
    #[must_use]
    pub const fn at(&self) -> Boundary {
        self.place.at
    }

    /// The lowest commit that can be read while it is open.
    #[must_use]
    pub const fn needs(&self) -> Boundary {
        self.place.needs
    }

    /// The store.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }
}

impl Drop for ReadView {
    fn drop(&mut self) {
        if self.store.shared.views.leave(self.place) {
            self.store.shared.garbage.look();
        }
    }
}

impl Store {
    /// Opens a view at a commit. `None` when not every version that it needs is retained any more.
    #[must_use]
    pub fn view(&self, at: Boundary, source: ViewSource) -> Option<ReadView> {
        let place = self.shared.views.enter(at, source, false)?;
        Some(ReadView { store: self.clone(), place })
    }

    /// Opens a view at a commit that keeps everything readable that is readable now: for a snapshot, which
    /// holds what the store retains. `None` as for [`Store::view`].
    #[must_use]
    pub fn view_with_history(&self, at: Boundary, source: ViewSource) -> Option<ReadView> {
        let place = self.shared.views.enter(at, source, true)?;
        Some(ReadView { store: self.clone(), place })
    }

    /// The views that are open now.
    #[must_use]
    pub fn views(&self) -> Vec<OpenViews> {
        self.shared.views.list()
    }

    /// The lowest commit that a view can be opened at.
    #[must_use]
    pub fn oldest_retained(&self) -> Boundary {
        self.shared.views.floor()
    }
}
