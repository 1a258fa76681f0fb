//! Walking a range of keys in one view.

use std::ops::Bound;

use aerodb_core::id::Boundary;
use crossbeam_skiplist::SkipMap;
use crossbeam_skiplist::map::{Entry, Range};

use super::range::ScanRange;
use super::version::{Version, VersionKey};

/// The map that everything here stands on.
pub(super) type VersionMap = SkipMap<VersionKey, Version>;

type Places = (Bound<VersionKey>, Bound<VersionKey>);

/// So many versions are passed over one by one before the walk searches for the next place anew: a
/// search costs about as much as so many steps, and a key may have a million versions.
const STEPS_MAX: u32 = 16;

/// The visible values of a range, in key order, all in one view (MVV-1, MVV-2). Commits that are
/// applied meanwhile lie above the view and are passed over.
pub(super) struct Visible<'a> {
    map: &'a VersionMap,
    at: Boundary,
    end: Bound<VersionKey>,
    walk: Range<'a, VersionKey, Places, VersionKey, Version>,
    /// The last version that was found visible: older ones of its key are hidden by it.
    decided: Option<Entry<'a, VersionKey, Version>>,
    steps: u32,
}

impl<'a> Visible<'a> {
    /// Starts at the beginning of the range.
    pub(super) fn new(map: &'a VersionMap, range: &ScanRange, at: Boundary) -> Self {
        let (start, end) = range.places();
        let walk = map.range((start, end.clone()));
        Self { map, at, end, walk, decided: None, steps: 0 }
    }

    fn hidden_by_newer(&self, place: &VersionKey) -> bool {
        self.decided.as_ref().is_some_and(|newer| newer.key().key() == place.key())
    }

    /// Passes over a version that is not visible: past the key when it is decided, otherwise on to
    /// the key's versions within the view.
    fn pass_over(&mut self, place: &VersionKey, hidden: bool) {
        self.steps += 1;
        if self.steps < STEPS_MAX {
            return;
        }
        let key = place.key().clone();
        let onward = match VersionKey::first_at(key.clone(), self.at) {
            Some(first) if !hidden => Bound::Included(first),
            Some(_) | None => Bound::Excluded(VersionKey::last_of(key)),
        };
        self.walk = self.map.range((onward, self.end.clone()));
        self.steps = 0;
    }
}

impl<'a> Iterator for Visible<'a> {
    type Item = Entry<'a, VersionKey, Version>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let entry = self.walk.next()?;
            let hidden = self.hidden_by_newer(entry.key());
            if hidden || !self.at.covers(entry.key().commit()) {
                self.pass_over(entry.key(), hidden);
                continue;
            }
            self.steps = 0;
            self.decided = Some(entry.clone());
            if entry.value().value().is_some() {
                return Some(entry);
            }
        }
    }
}
