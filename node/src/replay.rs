//! Replaying a WAL into a store: the same steps at start, for an offline look at a copy, and whatever
//! the configuration says (P3-RS5).
//!
//! After a checkpoint the WAL may begin before the checkpoint's own commit, at the start of a segment. What
//! lies up to that commit is proven like the rest, so that the chain leads to exactly the place that the
//! snapshot holds, and is not applied again (DIS-21).
//!
//! Keeps: P3-RS2, P3-RS5, F-P2, WAL-12.

use std::collections::VecDeque;

use aerodb_core::authority::Authority;
use aerodb_core::decision::recovery::ReplayRange;
use aerodb_core::id::{Boundary, CommitId};
use aerodb_core::position::{LedgerHead, Position};
use aerodb_core::rules::RuleId;
use aerodb_core::wal::{Batch, Divergence, EpochRuns, RawBatch, prove};
use aerodb_ledger::checkpoint::Checkpoint;
use aerodb_ledger::crash::{self, Point};

use crate::store::StoreWriter;
use crate::wal::{Received, Standing};

/// What ends a replay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The authority ledger ends before an entry that the WAL has seen.
    #[error("the WAL has seen ledger entry {seen}, the authority ledger ends at {head} (AU-14)")]
    LedgerShort {
        /// The stamp in the WAL.
        seen: u64,
        /// The ledger's end.
        head: u64,
    },
    /// The WAL does not lead to the place that the checkpoint's snapshot holds.
    #[error("the WAL that is kept does not lead to commit {at}, where the checkpoint was taken: {why} ({rule})", rule = RuleId::Mvs2)]
    Parted {
        /// The checkpoint's commit.
        at: Boundary,
        /// What is wrong.
        why: String,
    },
}

/// A replay in progress.
#[derive(Debug)]
pub struct Replay<'a> {
    authority: &'a Authority,
    store: StoreWriter,
    /// The end of what the snapshot holds.
    base: Position,
    standing: Standing,
    applied: Option<ReplayRange>,
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
    /// What was applied.
    pub applied: Option<ReplayRange>,
    /// The last ledger stamp seen.
    pub stamp: Option<LedgerHead>,
    /// Why the bytes past the validated end are not validated, when there are such.
    pub rejected: Option<Divergence>,
    /// The last frame, where it was kept back.
    pub unvalidated: Received,
}

impl<'a> Replay<'a> {
    /// Starts at the origin of the cluster's history, or where the checkpoint keeps the WAL from. The store
    /// then holds the checkpoint's snapshot, unless nobody is going to look at it.
    #[must_use]
    pub fn new(
        authority: &'a Authority,
        store: StoreWriter,
        checkpoint: Option<&Checkpoint>,
    ) -> Self {
        let origin = Position::origin(authority.cluster());
        let tip = checkpoint.map_or(origin, |marker| marker.wal_start.position);
        let base = checkpoint.map_or(origin, |marker| marker.position);
        let last = checkpoint.and_then(|marker| {
            Some((marker.epoch, CommitId::new(marker.position.boundary.get())?))
        });
        let epochs = last
            .map_or_else(EpochRuns::default, |(epoch, last)| EpochRuns::ending_with(epoch, last));
        let standing = Standing { tip, received: tip.boundary, epochs, frame: 0, failed: false };
        let stamp = checkpoint.map(|marker| marker.ledger);
        Self {
            authority,
            store,
            base,
            standing,
            applied: None,
            stamp,
            rejected: None,
            kept_back: None,
        }
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
    /// [`ReplayError`].
    pub fn take(&mut self, raw: &RawBatch) -> Result<(), ReplayError> {
        if let Some(stamp) = raw.claimed_stamp() {
            if !self.authority.reaches(&stamp) {
                let head = self.authority.head().seq;
                return Err(ReplayError::LedgerShort { seen: stamp.seq.get(), head: head.get() });
            }
            self.stamp = later(self.stamp, stamp);
        }
        if let Some((_, last)) = raw.claimed_range() {
            self.standing.received = Boundary::from(last);
        }
        let due = match &mut self.kept_back {
            Some(kept) => kept.push(raw),
            None => return self.prove(raw),
        };
        due.iter().try_for_each(|raw| self.prove(raw))
    }

    fn prove(&mut self, raw: &RawBatch) -> Result<(), ReplayError> {
        if self.rejected.is_some() {
            return Ok(());
        }
        match prove(raw, &self.standing.tip, self.authority) {
            Ok(batch) => self.proven(batch),
            Err(divergence) if self.standing.tip.boundary < self.base.boundary => {
                Err(self.parted(divergence.to_string()))
            }
            Err(divergence) => {
                self.rejected = Some(divergence);
                Ok(())
            }
        }
    }

    fn proven(&mut self, batch: Batch) -> Result<(), ReplayError> {
        let before = self.standing.tip.boundary;
        self.standing.tip = batch.end();
        let (tip, base) = (self.standing.tip, self.base);
        if tip.boundary < base.boundary {
            return Ok(());
        }
        if before < base.boundary {
            return if tip == base { Ok(()) } else { Err(self.parted("another place".to_owned())) };
        }
        self.standing.epochs.push(&batch);
        let first = self.applied.map_or(batch.first(), |range| range.first);
        self.applied = Some(ReplayRange { first, last: batch.last() });
        for (id, commit) in batch.into_commits() {
            self.store.apply(id, commit);
        }
        crash::reached(Point::RecMidReplay);
        Ok(())
    }

    fn parted(&self, why: String) -> ReplayError {
        ReplayError::Parted { at: self.base.boundary, why }
    }

    /// Whether the last batch taken breaks a rule, or one before it does.
    #[must_use]
    pub const fn is_rejecting(&self) -> bool {
        self.rejected.is_some()
    }

    /// What it came to. `last_frame` is where the history before the log's last frame ends.
    ///
    /// # Errors
    /// [`ReplayError::Parted`] when the WAL ends before the place that the checkpoint holds.
    pub fn finish(mut self, last_frame: Option<Boundary>) -> Result<Replayed, ReplayError> {
        let proven_to = last_frame.max(Some(self.base.boundary));
        let mut unvalidated = Vec::new();
        for raw in self.kept_back.take().into_iter().flat_map(|kept| kept.batches) {
            let end = raw.claimed_range().map(|(_, last)| Boundary::from(last));
            if end > proven_to && self.rejected.is_none() {
                unvalidated.push(raw);
            } else {
                self.prove(&raw)?;
            }
        }
        if self.standing.tip.boundary < self.base.boundary {
            return Err(self.parted(format!("it ends at commit {}", self.standing.tip.boundary)));
        }
        let Self { store, standing, applied, stamp, rejected, .. } = self;
        let unvalidated = Received::found(unvalidated);
        Ok(Replayed { store, standing, applied, stamp, rejected, unvalidated })
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

/// The later of two places in one ledger: stamps go up within a history, and the head that a checkpoint
/// names may be past those of the batches before it.
fn later(seen: Option<LedgerHead>, stamp: LedgerHead) -> Option<LedgerHead> {
    seen.filter(|seen| seen.seq > stamp.seq).or(Some(stamp))
}
