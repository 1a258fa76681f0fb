//! Filling a store from a snapshot: versions in the order of the map instead of that of the commits.

use aerodb_core::id::{Boundary, CommitId};
use bytes::Bytes;

use super::garbage::{Chunk, Obsolete};
use super::version::{Version, VersionKey};
use super::writer::{CHUNK, StoreWriter};

/// A store that is being filled. Nobody reads it before [`Loader::finish`].
#[derive(Debug)]
pub struct Loader {
    writer: StoreWriter,
    newer: Option<VersionKey>,
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
        Self { writer, newer: None, hidden: Vec::new() }
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
        let place = VersionKey::new(Bytes::copy_from_slice(&key), commit);
        if self.newer.as_ref().is_some_and(|newer| *newer >= place) {
            return Err(OutOfOrder { commit });
        }
        let shared = &self.writer.store().shared;
        shared.counters.add_version(key.len(), value.as_ref().map_or(0, Bytes::len));
        match self.newer.as_ref().filter(|newer| newer.key() == place.key()) {
            Some(newer) => {
                self.hidden.push(Obsolete::Hidden { place: place.clone(), by: newer.commit() });
            }
            None => shared.counters.add_key(),
        }
        if value.is_none() {
            self.hidden.push(Obsolete::Tombstone { place: place.clone() });
        }
        let version = value
            .map_or(Version::Tombstone, |value| Version::Value(Bytes::copy_from_slice(&value)));
        shared.map.insert(place.clone(), version);
        self.newer = Some(place);
        Ok(())
    }

    /// The store holds everything through `applied`, and can be read from `oldest_retained` on.
    #[must_use]
    pub fn finish(mut self, applied: Boundary, oldest_retained: Boundary) -> StoreWriter {
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
