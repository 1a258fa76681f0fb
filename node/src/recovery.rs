//! Choosing the checkpoint and loading its snapshot: steps 2 and 3 of table 4.12. Nothing is written here.
//!
//! There is one marker, so there is one candidate: a checkpoint that replaces another takes the log below it
//! away, and then the older one could lead nowhere. A snapshot that is damaged therefore has no substitute,
//! and the node refuses to start instead of starting with less (DIS-20).
//!
//! Keeps: M-C16.

use aerodb_core::authority::{Authority, EpochStart};
use aerodb_core::decision::recovery::CheckpointFound;
use aerodb_core::hash::{ClusterId, PublicKey};
use aerodb_core::id::Boundary;
use aerodb_core::position::Position;
use aerodb_core::rules::RuleId;
use aerodb_ledger::checkpoint::Checkpoint;
use aerodb_ledger::disk::Disk;
use aerodb_ledger::snapshot::Manifest;
use aerodb_ledger::{Fault, SealedError};

use crate::directory::DataDir;
use crate::replay::ReplayError;
use crate::store::{Loader, Store, StoreWriter};

/// Why recovery cannot start from the checkpoint that is there.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointRefused {
    /// The marker cannot be read, or is damaged.
    #[error("{0} ({rule})", rule = rule_of_marker(.0))]
    Marker(SealedError),
    /// The marker is of another cluster or node.
    #[error("the checkpoint is of cluster {cluster} and of the node with key {owner}, this directory is of another ({rule})", rule = RuleId::St2)]
    Foreign {
        /// The cluster in it.
        cluster: ClusterId,
        /// The node's key in it.
        owner: PublicKey,
    },
    /// The checkpoint has seen a ledger that is not there.
    #[error("the checkpoint has seen ledger entry {seen}, which the authority ledger does not have ({rule})", rule = RuleId::Au14)]
    LedgerShort {
        /// The entry.
        seen: u64,
    },
    /// The snapshot that it names is missing, damaged or another one.
    #[error("the checkpoint at commit {at} names a snapshot that cannot be used, and nothing else has what it holds: {fault} ({rule}); put the original file back, or join under a new node id", rule = RuleId::Dis20)]
    Snapshot {
        /// The checkpoint's commit.
        at: Boundary,
        /// What is wrong with it.
        fault: Fault,
    },
    /// The WAL does not lead to it.
    #[error(transparent)]
    Wal(ReplayError),
}

/// A damaged marker has no substitute either (DIS-20); what the disk does not give is no damage.
const fn rule_of_marker(error: &SealedError) -> RuleId {
    match error {
        SealedError::Missing { .. } | SealedError::Damaged { .. } => RuleId::Dis20,
        SealedError::Disk(_) => RuleId::P3D9,
    }
}

/// The checkpoint to start from; `None` where none was ever taken.
///
/// # Errors
/// [`CheckpointRefused`] when there is one that cannot be used: it is never taken for none.
pub fn choose(
    disk: &dyn Disk,
    dir: &DataDir,
    owner: &PublicKey,
    authority: &Authority,
) -> Result<Option<Checkpoint>, CheckpointRefused> {
    let Some(marker) = Checkpoint::read(disk, dir.path()).map_err(CheckpointRefused::Marker)?
    else {
        return Ok(None);
    };
    if marker.cluster != *authority.cluster() || marker.owner != *owner {
        return Err(CheckpointRefused::Foreign { cluster: marker.cluster, owner: marker.owner });
    }
    if !authority.contains(&marker.ledger) {
        return Err(CheckpointRefused::LedgerShort { seen: marker.ledger.seq.get() });
    }
    let (start, at) = (marker.wal_start.position, marker.position);
    // Where the first epoch of a fork starts there is this one history, and none before.
    let parts = |first: &EpochStart| {
        let begins = first.start;
        let other = |it: &Position| it.boundary == begins.boundary && *it != begins;
        start.boundary < begins.boundary || other(&start) || other(&at)
    };
    if authority.epochs().first().is_some_and(parts) {
        let why = "the cluster was forked past it, or from another history".to_owned();
        return Err(CheckpointRefused::Wal(ReplayError::Parted { at: at.boundary, why }));
    }
    if start.boundary == at.boundary && start.chain != at.chain {
        let why = "it begins there with another chain".to_owned();
        return Err(CheckpointRefused::Wal(ReplayError::Parted { at: at.boundary, why }));
    }
    Ok(Some(marker))
}

/// A store that holds the snapshot which the checkpoint names, every byte of it verified.
///
/// # Errors
/// [`CheckpointRefused::Snapshot`]; what was loaded before the fault is dropped with it.
pub fn load(
    disk: &dyn Disk,
    dir: &DataDir,
    marker: &Checkpoint,
) -> Result<(StoreWriter, Manifest), CheckpointRefused> {
    let at = marker.position.boundary;
    let refused = |fault| CheckpointRefused::Snapshot { at, fault };
    let snapshot = marker.open_snapshot(disk, &dir.snapshots()).map_err(refused)?;
    let (writer, _) = Store::empty();
    let mut loader = Loader::new(writer);
    for version in snapshot.versions() {
        let version = version.map_err(refused)?;
        // The reader gives versions in the map's own order, or a fault.
        loader
            .push(version.key, version.commit, version.value)
            .unwrap_or_else(|error| panic!("a verified snapshot is out of order: {error}"));
    }
    let manifest = *snapshot.manifest();
    Ok((loader.finish(at, manifest.facts.oldest_retained), manifest))
}

/// What is told of the checkpoint.
#[must_use]
pub const fn found(marker: &Checkpoint, manifest: &Manifest) -> CheckpointFound {
    CheckpointFound {
        position: marker.position,
        snapshot: marker.snapshot,
        keys: manifest.keys,
        versions: manifest.versions,
        bytes: manifest.file_bytes(),
        oldest_retained: manifest.facts.oldest_retained,
        wal_from: marker.wal_start.position.boundary,
    }
}
