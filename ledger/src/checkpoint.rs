//! `checkpoint`: the durable marker that names a snapshot, and from where the WAL is kept because of it.
//!
//! Order (DIS-18): snapshot durable, marker durable, and only then are segments removed. So whatever a
//! crash leaves, the marker that is there names a snapshot and a WAL that continues it:
//!
//! 1. before the marker: the old marker and the whole WAL
//! 2. after the marker: the new one; segments before its start may or may not be there, and are removed
//!
//! Keeps: P3-K1, P3-K2, CKP-5, M-C15.

use std::path::Path;

use aerodb_core::hash::{ClusterId, Hash, PublicKey};
use aerodb_core::id::Epoch;
use aerodb_core::position::{LedgerHead, Position};
use serde::{Deserialize, Serialize};

use crate::disk::{Disk, DiskError};
use crate::durable::Durable;
use crate::fault::{Damage, Fault};
use crate::log::{LogStart, Witness};
use crate::sealed::{Sealed, SealedError, read_sealed, write_sealed};
use crate::snapshot::{SnapshotReader, path_of};

/// The place from which the WAL is kept: the start of one of its segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalStart {
    /// The segment.
    pub segment: u64,
    /// The sequence number of its first frame.
    pub frame_seq: u64,
    /// Where the history before it ends.
    pub position: Position,
}

impl WalStart {
    const fn of_log(&self) -> LogStart {
        let record = self.position.boundary.get();
        LogStart { segment: self.segment, frame_seq: self.frame_seq, record }
    }
}

/// The content of the marker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node that took it: a checkpoint is local (DIS-27).
    pub owner: PublicKey,
    /// The end of the history that the snapshot holds.
    pub position: Position,
    /// The epoch of the last commit in it.
    pub epoch: Epoch,
    /// The authority ledger at that moment.
    pub ledger: LedgerHead,
    /// The place of the current designation: a grant on that basis asks for its chain, which the WAL may no
    /// longer hold.
    pub designation: Option<Position>,
    /// The hash of the snapshot's manifest.
    pub snapshot: Hash,
    /// From where the WAL is kept; at or before `position`.
    pub wal_start: WalStart,
}

impl Sealed for Checkpoint {
    const FORMAT: &'static str = "aerodb checkpoint 1";
    const NAME: &'static str = "checkpoint";

    fn check(&self) -> Result<(), &'static str> {
        let start = &self.wal_start;
        if !start.of_log().is_possible() {
            return Err("no WAL begins where it says");
        }
        if start.position.boundary > self.position.boundary {
            return Err("the WAL that it keeps begins past its own commit");
        }
        Ok(())
    }
}

impl Checkpoint {
    /// Puts the marker in the place of the one before it, if there is one.
    ///
    /// # Errors
    /// [`DiskError`]; whether the old or the new one is in force is known after a restart.
    pub fn write(self, disk: &dyn Disk, data: &Path) -> Result<Durable<Self>, DiskError> {
        write_sealed(disk, data, self)
    }

    /// Opens the snapshot that the marker names, in the directory of snapshots. It is the one that was named;
    /// its versions verify themselves as they are read, see [`SnapshotReader::streaming`].
    ///
    /// # Errors
    /// [`Fault::Corrupt`] when it is not there, damaged, or another one (CKP-4); [`Fault::Disk`].
    pub fn open_snapshot(&self, disk: &dyn Disk, dir: &Path) -> Result<SnapshotReader, Fault> {
        let path = path_of(dir, self.position.boundary);
        let corrupt = |what| Fault::corrupt(&path, 0, Damage::Snapshot { what });
        let reader = match SnapshotReader::streaming(disk, &path) {
            Err(Fault::Disk(error)) if error.is_not_found() => {
                return Err(corrupt("the checkpoint names it, and it is not there"));
            }
            opened => opened?,
        };
        let manifest = reader.manifest();
        let facts = &manifest.facts;
        let same = manifest.hash() == self.snapshot
            && facts.cluster == self.cluster
            && facts.position == self.position
            && facts.epoch == self.epoch;
        if same { Ok(reader) } else { Err(corrupt("the checkpoint names another one")) }
    }

    /// The places of the history whose chains it keeps, whatever the WAL still holds.
    pub fn known_places(&self) -> impl Iterator<Item = Position> + use<> {
        let own = [self.wal_start.position, self.position];
        own.into_iter().chain(self.designation)
    }

    /// The marker in a data directory; `None` where none was ever written.
    ///
    /// # Errors
    /// [`SealedError`]; a damaged marker is never taken for none.
    pub fn read(disk: &dyn Disk, data: &Path) -> Result<Option<Self>, SealedError> {
        match read_sealed(disk, data) {
            Err(SealedError::Missing { .. }) => Ok(None),
            read => read.map(Some),
        }
    }
}

/// Where the log begins: where the checkpoint says, or at the origin.
pub(crate) fn log_start(checkpoint: Option<&Checkpoint>) -> LogStart {
    checkpoint.map_or(LogStart::ORIGIN, |marker| marker.wal_start.of_log())
}

/// What is known to have been durable, and what the checkpoint covers.
pub(crate) fn witness_with(witness: Witness, checkpoint: Option<&Checkpoint>) -> Witness {
    let covered = checkpoint.map(|marker| marker.position.boundary.get());
    Witness { record: witness.record.max(covered), ..witness }
}
