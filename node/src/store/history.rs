//! A key and its versions.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aerodb_core::id::{Boundary, CommitId};
use bytes::Bytes;

use super::version::{Version, VersionInfo};

/// So many versions of one key are copied out at once: no reader keeps the writer from a key for longer.
const PAGE: usize = 64;

/// A version and the commit that made it.
pub(super) type Dated = (CommitId, Version);

/// The versions of one key. Most keys have one, which lies here and not in an allocation of its own.
#[derive(Debug, Default)]
pub(super) struct Versions {
    newest: Option<Dated>,
    /// Those that it hides, oldest first.
    older: VecDeque<Dated>,
}

impl Versions {
    /// Adds a version newer than all that are there.
    fn push(&mut self, commit: CommitId, version: Version) {
        if let Some(hidden) = self.newest.replace((commit, version)) {
            if self.older.is_empty() {
                self.older.reserve_exact(1);
            }
            self.older.push_back(hidden);
        }
    }

    /// Takes the oldest out if it is the version of this commit.
    fn pop(&mut self, commit: CommitId) -> Option<Version> {
        let Some((oldest, _)) = self.older.front() else {
            let (_, version) = self.newest.take_if(|(newest, _)| *newest == commit)?;
            return Some(version);
        };
        if *oldest != commit {
            return None;
        }
        let (_, version) = self.older.pop_front()?;
        if self.older.is_empty() {
            self.older = VecDeque::new();
        }
        Some(version)
    }

    /// The versions that the view covers, newest first.
    fn covered(&self, at: Boundary) -> impl Iterator<Item = &Dated> {
        let newest = self.newest.as_ref().filter(|(commit, _)| at.covers(*commit));
        let older = match newest {
            Some(_) => self.older.len(),
            None => self.older.partition_point(|(commit, _)| at.covers(*commit)),
        };
        newest.into_iter().chain(self.older.range(..older).rev())
    }
}

impl FromIterator<Dated> for Versions {
    /// Commits ascending.
    fn from_iter<I: IntoIterator<Item = Dated>>(ascending: I) -> Self {
        let mut versions = Self::default();
        ascending.into_iter().for_each(|(commit, version)| versions.push(commit, version));
        versions
    }
}

/// A key and its versions, of which there is at least one until the last is pruned. Then it has ended: nothing is
/// added to it any more, and the key has a new history when it comes back.
#[derive(Debug)]
pub(super) struct History {
    key: Box<[u8]>,
    /// Held for as long as one search and one copy take.
    versions: Mutex<Versions>,
}

/// The version that a newer one hides.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hidden {
    /// The commit that made it.
    pub(super) commit: CommitId,
    /// How many bytes of value it has.
    pub(super) bytes: usize,
}

/// The oldest version, taken out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Removed {
    /// How many bytes of value it had.
    pub(super) bytes: usize,
    /// Whether it was the last one.
    pub(super) ended: bool,
}

impl History {
    /// The history of a key with these versions, one at least.
    pub(super) fn new(key: &[u8], versions: Versions) -> Self {
        Self { key: key.into(), versions: Mutex::new(versions) }
    }

    /// The key.
    pub(super) const fn key(&self) -> &[u8] {
        &self.key
    }

    fn lock(&self) -> MutexGuard<'_, Versions> {
        // A panic stops the process, so a poisoned lock is never seen.
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the version of a commit that comes after all that are there, and gives the one that it hides; the
    /// version itself where the history has ended.
    pub(super) fn add(&self, commit: CommitId, version: Version) -> Result<Hidden, Version> {
        let mut versions = self.lock();
        let Some((newest, value)) = &versions.newest else { return Err(version) };
        let hidden = Hidden { commit: *newest, bytes: value.bytes() };
        versions.push(commit, version);
        Ok(hidden)
    }

    /// The version with the largest commit id that the view covers (MVV-1).
    pub(super) fn visible(&self, at: Boundary) -> Option<Dated> {
        self.lock().covered(at).next().cloned()
    }

    /// At most `limit` versions at or below the view, newest first.
    pub(super) fn newest_first(&self, at: Boundary, limit: usize) -> Vec<VersionInfo> {
        let (versions, mut infos) = (self.lock(), Vec::new());
        let newest_first = versions.covered(at).take(limit);
        infos.extend(newest_first.map(|(commit, version)| VersionInfo::new(*commit, version)));
        infos
    }

    /// The versions at or below `at` down to the one that is visible at `needs`, newest first; that one is left out
    /// where it is a tombstone, which says what nothing says as well.
    pub(super) fn retained(
        self: Arc<Self>,
        at: Boundary,
        needs: Boundary,
    ) -> impl Iterator<Item = (Bytes, CommitId, Option<Bytes>)> {
        let key = Bytes::copy_from_slice(&self.key);
        let mut upto = Some(at);
        let pages = std::iter::from_fn(move || {
            let mut page = self.page(upto?);
            // What is older than the first that `needs` covers cannot be read there or above.
            let last = page.iter().position(|(commit, _)| needs.covers(*commit));
            upto = page.last().map(|(commit, _)| Boundary::new(commit.get() - 1));
            if let Some(last) = last {
                let absent = page[last].1 == Version::Tombstone;
                page.truncate(last + usize::from(!absent));
                upto = None;
            }
            Some(page)
        });
        pages.flatten().map(move |(commit, version)| (key.clone(), commit, version.into()))
    }

    /// At most [`PAGE`] of the versions at or below `upto`, newest first.
    fn page(&self, upto: Boundary) -> Vec<Dated> {
        self.lock().covered(upto).take(PAGE).cloned().collect()
    }

    /// Takes the version of this commit out, if it is still there: the oldest one, since what is older went before.
    pub(super) fn remove(&self, commit: CommitId) -> Option<Removed> {
        let mut versions = self.lock();
        let bytes = versions.pop(commit)?.bytes();
        Some(Removed { bytes, ended: versions.newest.is_none() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> CommitId {
        CommitId::new(number).unwrap()
    }

    fn value(number: u64) -> Version {
        Version::Value(Bytes::from(number.to_string()))
    }

    /// Versions of the commits 1 to `last`.
    fn history(last: u64) -> Arc<History> {
        let versions = (1..=last).map(|number| (id(number), value(number))).collect();
        Arc::new(History::new(b"key", versions))
    }

    fn commits(history: &Arc<History>, at: u64, needs: u64) -> Vec<u64> {
        let retained = Arc::clone(history).retained(Boundary::new(at), Boundary::new(needs));
        retained.map(|(_, commit, _)| commit.get()).collect()
    }

    #[test]
    fn what_is_retained_is_found_across_pages_and_ends_with_what_the_floor_shows() {
        let last = 3 * PAGE as u64;
        let history = history(last);
        for (at, needs) in [(last, 0), (last, 1), (last, last), (last - 1, 64), (65, 2), (64, 64)] {
            let expected: Vec<_> = (needs.max(1)..=at).rev().collect();
            assert_eq!(commits(&history, at, needs), expected, "{needs} to {at}");
        }
        assert_eq!(commits(&history, 0, 0), [0; 0]);
    }

    #[test]
    fn a_tombstone_that_the_floor_shows_is_left_out_and_so_is_what_it_hides() {
        let versions = [(id(1), value(1)), (id(3), Version::Tombstone), (id(5), value(5))];
        let history = Arc::new(History::new(b"key", versions.into_iter().collect()));
        assert_eq!(commits(&history, 9, 2), [5, 3, 1]);
        assert_eq!(commits(&history, 9, 3), [5]);
        assert_eq!(commits(&history, 4, 4), [0; 0]);
    }

    #[test]
    fn versions_go_oldest_first_and_with_the_last_one_the_history_ends() {
        let history = history(3);
        assert_eq!(history.remove(id(2)), None, "it is not the oldest");
        for number in 1..=3 {
            let removed = history.remove(id(number));
            assert_eq!(removed, Some(Removed { bytes: 1, ended: number == 3 }));
            assert_eq!(history.remove(id(number)), None);
        }
        assert_eq!(
            history.add(id(4), value(4)),
            Err(value(4)),
            "nothing is added to what has ended"
        );
        assert_eq!(history.visible(Boundary::new(9)), None);
    }

    #[test]
    fn what_a_new_version_hides_is_the_newest_before_it() {
        let history = history(1);
        assert_eq!(history.add(id(12), value(12)), Ok(Hidden { commit: id(1), bytes: 1 }));
        assert_eq!(
            history.add(id(13), Version::Tombstone),
            Ok(Hidden { commit: id(12), bytes: 2 })
        );
        let seen = |at| history.visible(Boundary::new(at)).map(|(commit, _)| commit.get());
        assert_eq!([0, 1, 11, 12, 13].map(seen), [None, Some(1), Some(1), Some(12), Some(13)]);
    }
}
