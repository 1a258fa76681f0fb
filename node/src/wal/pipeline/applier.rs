//! Applier: proven batches go into the store, whole.
//!
//! Keeps: F-A1, F-A2, RA-5.

use std::sync::Arc;

use aerodb_core::id::Boundary;
use aerodb_ledger::crash::{self, Point};

use super::{Cursors, Validated};
use crate::store::{Place, StoreWriter};

/// Everything through here is in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// The applied end, the end of a batch.
    pub end: Boundary,
}

/// The owner of the store's writing side and of the applied end.
#[derive(Debug)]
pub struct Applier {
    /// The store's writing side.
    pub store: StoreWriter,
    end: Boundary,
    cursors: Arc<Cursors>,
}

impl Applier {
    /// An applier over a store that holds everything through `end`.
    #[must_use]
    pub const fn new(store: StoreWriter, end: Boundary, cursors: Arc<Cursors>) -> Self {
        Self { store, end, cursors }
    }

    /// The applied end.
    #[must_use]
    pub const fn end(&self) -> Boundary {
        self.end
    }

    /// Puts the batches into the store. Nobody sees any of it before the acknowledged bound passes it, so
    /// a batch that is half-way in is not visible (F-A1). `places` are those of the first commits, as far as they
    /// were looked for.
    pub(in crate::wal) fn apply(
        &mut self,
        validated: Validated,
        places: impl IntoIterator<Item = Place>,
    ) -> Applied {
        crash::reached(Point::ApplyBefore);
        let mut places = places.into_iter();
        for batch in validated.into_batches() {
            let end = batch.end().boundary;
            for (id, commit) in batch.into_commits() {
                self.store.apply_at(id, commit, places.next().unwrap_or_default());
                crash::reached(Point::ApplyMid);
            }
            self.end = end;
        }
        crash::reached(Point::ApplyBeforeMeta);
        self.cursors.applied(self.end);
        Applied { end: self.end }
    }
}
