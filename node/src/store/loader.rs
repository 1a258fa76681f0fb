//! Filling a store from a snapshot: versions in the order of the map instead of that of the commits.

use std::collections::VecDeque;
use std::sync::Arc;

use aerodb_core::id::{Boundary, CommitId};
use bytes::Bytes;

use super::garbage::{Chunk, Obsolete, Reason};
use super::history::{Dated, History};
use super::version::Version;
use super::writer::{CHUNK, StoreWriter};

/// A store that is being filled. Nobody reads it before [`Loader::finish`].
#[derive(Debug)]
pub struct Loader {
    writer: StoreWriter,
    key: Bytes,
    /// What came of this key so far; empty before the first.
    versions: VecDeque<Dated>,
    hidden: Vec<Obsolete>,
}

/// A version that does not come after the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the version of commit {commit} does not follow the one before it")]
pub struct OutOfOrder {
    /// The commit of the version.
    pub commit: CommitId,
}

impl Loader {
    /// Fills this writer's store, which must be empty.
    #[must_use]
    pub const fn new(writer: StoreWriter) -> Self {
        Self { writer, key: Bytes::new(), versions: VecDeque::new(), hidden: Vec::new() }
    }

    /// Adds a version: keys ascending, and of each key the newest first.
    ///
    /// # Errors
    /// [`OutOfOrder`].
    pub fn push(
        &mut self,
        key: Bytes,
        commit: CommitId,
        value: Option<Bytes>,
    ) -> Result<(), OutOfOrder> {
        if let Some((newer, _)) = self.versions.front() {
            if key < self.key || (key == self.key && commit >= *newer) {
                return Err(OutOfOrder { commit });
            }
            if key != self.key {
                self.end_key();
            }
        }
        if self.versions.is_empty() {
            self.key = key.clone();
        }
        let version = Version::of(value);
        self.writer.store().shared.counters.add_version(key.len(), version.bytes());
        self.versions.push_front((commit, version));
        Ok(())
    }

    /// All versions of the key are there.
    fn end_key(&mut self) {
        let mut reasons = Vec::new();
        let mut newer = self.versions.iter().skip(1);
        for (commit, version) in &self.versions {
            let by = newer.next().map(|(by, _)| Reason::Hidden { by: *by });
            let tombstone = version.value().is_none().then_some(Reason::Tombstone);
            reasons.extend(by.into_iter().chain(tombstone).map(|reason| (*commit, reason)));
        }
        let history = Arc::new(History::new(&self.key, self.versions.drain(..).collect()));
        let hidden = reasons.into_iter().map(|(commit, reason)| Obsolete {
            history: Arc::clone(&history),
            commit,
            reason,
        });
        self.hidden.extend(hidden);
        let shared = &self.writer.store().shared;
        shared.counters.add_key();
        shared.keys.insert(&history);
    }

    /// The store holds everything through `applied`, and can be read from `oldest_retained` on.
    #[must_use]
    pub fn finish(mut self, applied: Boundary, oldest_retained: Boundary) -> StoreWriter {
        if !self.versions.is_empty() {
            self.end_key();
        }
        self.hidden.sort_by_key(Obsolete::order);
        let shared = &self.writer.store().shared;
        shared.views.begin_at(oldest_retained);
        let mut hidden = self.hidden.into_iter();
        loop {
            let chunk: Chunk = hidden.by_ref().take(CHUNK).collect();
            if chunk.is_empty() {
                break;
            }
            shared.garbage.hand_over(chunk);
        }
        self.writer.loaded(applied)
    }
}
