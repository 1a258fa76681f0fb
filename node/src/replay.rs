//! Replaying a WAL into a store: the same steps at start, for an offline look at a copy, and whatever
//! the configuration says (P3-RS5).

use std::collections::VecDeque;

use aerodb_core::authority::Authority;
use aerodb_core::id::Boundary;
use aerodb_core::position::{LedgerHead, Position};
use aerodb_core::wal::{EpochRuns, RawBatch};
use aerodb_ledger::crash::{self, Point};

use crate::store::StoreWriter;
use crate::wal::{Divergence, Received, Standing, prove};

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
    kept_back: Option<KeptBack>,
}

/// The last batches shown, as many as the last frame may hold.
#[derive(Debug, Default)]
struct KeptBack {
    batches: VecDeque<RawBatch>,
    bytes: usize,
    bytes_max: usize,
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
    /// The last frame, where it was kept back.
    pub unvalidated: Received,
}

impl<'a> Replay<'a> {
    /// Starts at the origin of the cluster's history.
    #[must_use]
    pub fn new(authority: &'a Authority, store: StoreWriter) -> Self {
        let tip = Position::origin(authority.cluster());
        let (received, epochs) = (Boundary::ORIGIN, EpochRuns::default());
        let standing = Standing { tip, received, epochs, frame: 0 };
        Self { authority, store, standing, stamp: None, rejected: None, kept_back: None }
    }

    /// Does not validate the last frame of the log, if it has at most so many bytes of batches: on a replica
    /// it may be received and nothing else (F-R2), and the pipeline takes it up.
    #[must_use]
    pub fn keeping_back(self, bytes_max: usize) -> Self {
        Self { kept_back: Some(KeptBack { bytes_max, ..KeptBack::default() }), ..self }
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
        match &mut self.kept_back {
            Some(kept) => {
                for due in kept.push(raw) {
                    self.prove(&due);
                }
            }
            None => self.prove(raw),
        }
        Ok(())
    }

    fn prove(&mut self, raw: &RawBatch) {
        if self.rejected.is_some() {
            return;
        }
        match prove(raw, &self.standing.tip, self.authority) {
            Ok(batch) => {
                self.standing.tip = batch.end();
                self.standing.epochs.push(&batch);
                for (id, commit) in batch.into_commits() {
                    self.store.apply(id, &commit);
                }
                crash::reached(Point::RecMidReplay);
            }
            Err(divergence) => self.rejected = Some(divergence),
        }
    }

    /// Whether the last batch taken breaks a rule, or one before it does.
    #[must_use]
    pub const fn is_rejecting(&self) -> bool {
        self.rejected.is_some()
    }

    /// What it came to. `last_frame` is where the history before the log's last frame ends.
    #[must_use]
    pub fn finish(mut self, last_frame: Option<Boundary>) -> Replayed {
        let mut unvalidated = Vec::new();
        for raw in self.kept_back.take().into_iter().flat_map(|kept| kept.batches) {
            let end = raw.claimed_range().map(|(_, last)| Boundary::from(last));
            if end > last_frame && self.rejected.is_none() {
                unvalidated.push(raw);
            } else {
                self.prove(&raw);
            }
        }
        let Self { store, standing, stamp, rejected, .. } = self;
        Replayed { store, standing, stamp, rejected, unvalidated: Received::found(unvalidated) }
    }
}

impl KeptBack {
    /// Takes the next batch; gives those that no last frame holds any more.
    fn push(&mut self, raw: &RawBatch) -> Vec<RawBatch> {
        self.bytes += raw.bytes().len();
        self.batches.push_back(raw.clone());
        let mut due = Vec::new();
        while self.bytes > self.bytes_max
            && let Some(oldest) = self.batches.pop_front()
        {
            self.bytes -= oldest.bytes().len();
            due.push(oldest);
        }
        due
    }
}
