//! The entries of a ledger in memory.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use aerodb_core::id::Seq;
use bytes::Bytes;

/// One entry of a ledger, with the bytes that are on the disk and are shipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<E> {
    /// What the bytes say.
    pub entry: Arc<E>,
    /// The bytes.
    pub bytes: Bytes,
}

/// A live view of a ledger's durable entries; cheap to clone.
#[derive(Debug)]
pub struct Entries<E>(Arc<RwLock<Vec<Stored<E>>>>);

impl<E> Clone for Entries<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E: Clone> Entries<E> {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// Adds entries that are durable.
    pub(crate) fn extend(&self, entries: impl IntoIterator<Item = Stored<E>>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).extend(entries);
    }

    fn read(&self) -> RwLockReadGuard<'_, Vec<Stored<E>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are; also the sequence number of the last.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.read().is_empty()
    }

    /// The entry at `seq`.
    #[must_use]
    pub fn entry(&self, seq: Seq) -> Option<Stored<E>> {
        let at = usize::try_from(seq.get() - 1).ok()?;
        self.read().get(at).map(Stored::share)
    }

    /// At most `limit` entries after `seq`, from the first one for `None`.
    #[must_use]
    pub fn after(&self, seq: Option<Seq>, limit: usize) -> Vec<Stored<E>> {
        let from = seq.map_or(0, |seq| usize::try_from(seq.get()).unwrap_or(usize::MAX));
        self.read().iter().skip(from).take(limit).map(Stored::share).collect()
    }
}

impl<E> Stored<E> {
    fn share(&self) -> Self {
        Self { entry: Arc::clone(&self.entry), bytes: self.bytes.clone() }
    }
}
