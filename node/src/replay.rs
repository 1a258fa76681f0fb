//! Replaying a WAL into a store: the same steps at start, for an offline look at a copy, and whatever
//! the configuration says (P3-RS5).

use aerodb_core::authority::Authority;
use aerodb_core::id::Boundary;
use aerodb_core::position::{LedgerHead, Position};
use aerodb_core::wal::{EpochRuns, RawBatch};

use crate::store::StoreWriter;
use crate::wal::{Divergence, Standing, prove};

/// What ends a replay: the authority ledger ends before an entry that the WAL has seen (AU-14).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the WAL has seen ledger entry {seen}, the authority ledger ends at {head} (AU-14)")]
pub struct LedgerShort {
    /// The stamp in the WAL.
    pub seen: u64,
    /// The ledger's end.
    pub head: u64,
}

/// A replay in progress.
#[derive(Debug)]
pub struct Replay<'a> {
    authority: &'a Authority,
    store: StoreWriter,
    standing: Standing,
    stamp: Option<LedgerHead>,
    rejected: Option<Divergence>,
}

/// What a replay came to.
#[derive(Debug)]
pub struct Replayed {
    /// The store's writing side, holding everything that was validated.
    pub store: StoreWriter,
    /// Where the history ends.
    pub standing: Standing,
    /// The last ledger stamp seen.
    pub stamp: Option<LedgerHead>,
    /// Why the bytes past the validated end are not validated, when there are such.
    pub rejected: Option<Divergence>,
}

impl<'a> Replay<'a> {
    /// Starts at the origin of the cluster's history.
    #[must_use]
    pub fn new(authority: &'a Authority, store: StoreWriter) -> Self {
        let tip = Position::origin(authority.cluster());
        let (received, epochs) = (Boundary::ORIGIN, EpochRuns::default());
        let standing = Standing { tip, received, epochs, frame: 0 };
        Self { authority, store, standing, stamp: None, rejected: None }
    }

    /// Takes the next batch. From the first one that breaks a rule on, everything counts as received and
    /// not validated.
    ///
    /// # Errors
    /// [`LedgerShort`].
    pub fn take(&mut self, raw: &RawBatch) -> Result<(), LedgerShort> {
        if let Some(stamp) = raw.claimed_stamp() {
            let head = self.authority.head().seq;
            if stamp.seq > head {
                return Err(LedgerShort { seen: stamp.seq.get(), head: head.get() });
            }
            self.stamp = Some(stamp);
        }
        if let Some((_, last)) = raw.claimed_range() {
            self.standing.received = Boundary::from(last);
        }
        if self.rejected.is_some() {
            return Ok(());
        }
        match prove(raw, &self.standing.tip, self.authority) {
            Ok(batch) => {
                self.standing.tip = batch.end();
                self.standing.epochs.push(&batch);
                for (id, commit) in batch.into_commits() {
                    self.store.apply(id, &commit);
                }
            }
            Err(divergence) => self.rejected = Some(divergence),
        }
        Ok(())
    }

    /// Whether the last batch taken breaks a rule, or one before it does.
    #[must_use]
    pub const fn is_rejecting(&self) -> bool {
        self.rejected.is_some()
    }

    /// What it came to.
    #[must_use]
    pub fn finish(self) -> Replayed {
        let Self { store, standing, stamp, rejected, .. } = self;
        Replayed { store, standing, stamp, rejected }
    }
}
