//! The WAL, checked batch by batch.

use std::path::Path;

use aerodb_core::authority::Authority;
use aerodb_core::id::{Boundary, Epoch};
use aerodb_core::position::{LedgerHead, Position};
use aerodb_core::rules::RuleId;
use aerodb_core::wal::{BatchError, BatchHeader, Discontinuity, RawBatch, check_continuity};

use crate::checkpoint::Checkpoint;
use crate::disk::Disk;
use crate::fault::OpenError;
use crate::log::{Recovery, Witness};
use crate::verify::completeness::by_own_entry;
use crate::verify::{Completeness, FaultReport, Integrity, Known, VerifiedAuthority, WalReport};
use crate::wal::{PlacedBatch, scan_placed};

/// Checks a WAL: every frame, every batch, the chain from the origin or where the checkpoint says, and, when the authority ledger
/// could be read, the epoch of every place.
#[must_use]
pub fn verify_wal(
    disk: &dyn Disk,
    dir: &Path,
    known: &Known<'_>,
    ledger: &VerifiedAuthority,
    checkpoint: Option<&Checkpoint>,
) -> WalReport {
    let authority = ledger.authority.as_deref();
    let end = checkpoint.map(|marker| marker.wal_start.position);
    let mut walk = Walk { authority, end, batches: 0, last_stamp: None };
    let (owner, witness) = (known.owner, Witness::default());
    let mut step = |placed| walk.step(&placed);
    let scanned = scan_placed(disk, dir, owner, checkpoint, witness, &mut step);
    let (integrity, recovery) = match scanned {
        Ok(recovery) => (Integrity::Ok, Some(recovery)),
        Err(OpenError::Fault(fault)) => (Integrity::Fault(FaultReport::from(&fault)), None),
        Err(OpenError::Refused(fault)) => (Integrity::Fault(fault), None),
    };
    let completeness = match &recovery {
        Some(recovery) => walk.completeness(recovery, known, ledger.named),
        None => Completeness::Unknown,
    };
    WalReport {
        integrity,
        completeness,
        recovery,
        end: walk.end,
        batches: walk.batches,
        last_stamp: walk.last_stamp,
        epochs_checked: authority.is_some(),
    }
}

/// Why a batch of a WAL is not genuine.
#[derive(Debug, thiserror::Error)]
enum NotGenuine {
    #[error(transparent)]
    Batch(#[from] BatchError),
    #[error(transparent)]
    Continuity(#[from] Discontinuity),
}

impl NotGenuine {
    const fn rule(&self) -> RuleId {
        match self {
            Self::Batch(_) => RuleId::FV1,
            Self::Continuity(found) => found.rule(),
        }
    }
}

/// A walk over the batches of a WAL.
struct Walk<'a> {
    authority: Option<&'a Authority>,
    end: Option<Position>,
    batches: u64,
    last_stamp: Option<LedgerHead>,
}

impl Walk<'_> {
    fn step(&mut self, placed: &PlacedBatch) -> Result<(), FaultReport> {
        let raw = &placed.raw;
        let batch = self.check(raw).map_err(|error| {
            let number = raw.claimed_range().map_or(0, |(first, _)| first.get());
            let what = format!("the batch that claims commit {number}: {error}");
            FaultReport::of_batch(&placed.place, error.rule(), what)
        })?;
        self.end = Some(batch.end());
        self.batches += 1;
        self.last_stamp = Some(batch.stamp());
        Ok(())
    }

    fn check(&self, raw: &RawBatch) -> Result<BatchHeader, NotGenuine> {
        let batch = raw.check()?;
        let origin = self.authority.map(|authority| Position::origin(authority.cluster()));
        match (self.end.or(origin), self.authority) {
            (Some(tip), Some(authority)) => {
                check_continuity(&tip, &batch, |commit| authority.epoch_at(commit))?;
            }
            // Without the ledger the batch's own epoch stands in: number and chain are still checked.
            (Some(tip), None) => {
                let epoch: Epoch = batch.epoch();
                check_continuity(&tip, &batch, |_| epoch)?;
            }
            (None, _) => {}
        }
        Ok(batch)
    }

    fn completeness(
        &self,
        recovery: &Recovery,
        known: &Known<'_>,
        named: Boundary,
    ) -> Completeness {
        let by_stamp = Completeness::by_stamp(recovery, known.stamps.map(|stamps| stamps.wal));
        let last = self.end.map_or(Boundary::ORIGIN, |end| end.boundary);
        match by_own_entry(last, named) {
            None if named == Boundary::ORIGIN => by_stamp,
            found => by_stamp.and(found),
        }
    }
}
