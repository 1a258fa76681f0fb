//! The floor of the store on the disk: recorded before anything below it is pruned, honoured at the start.
//!
//! MVG-3 asks for a record of each removal in the WAL. The floor is such a record of all removals below it, in a file
//! of its own: the WAL is the history that all nodes share, and what a node retains of it is its own affair. Recovery
//! collects nothing of its own accord: it hides what the record says is gone.
//!
//! Keeps: MVF-7, MVG-3, M-W21, M-W22.

use std::path::PathBuf;
use std::sync::Arc;

use aerodb_core::hash::{ClusterId, PublicKey};
use aerodb_core::id::Boundary;
use aerodb_core::rules::RuleId;
use aerodb_ledger::crash::{self, Point};
use aerodb_ledger::disk::{Disk, DiskError};
use aerodb_ledger::retention::Retention;
use aerodb_ledger::{Fault, SealedError};

use crate::directory::DataDir;
use crate::replay::Replayed;
use crate::supervisor::SupervisorHandle;
use crate::view::Identity;
use crate::wal::WalFailure;

/// Why the recorded floor cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RetentionRefused {
    /// The file cannot be read, or is damaged.
    #[error("{0} ({rule})", rule = RuleId::FRc2)]
    File(#[from] SealedError),
    /// The file is of another cluster or node.
    #[error("the retention file is of cluster {cluster} and of the node with key {owner}, this directory is of another ({rule})", rule = RuleId::St2)]
    Foreign {
        /// The cluster in it.
        cluster: ClusterId,
        /// The node's key in it.
        owner: PublicKey,
    },
    /// The history ends below what it says was acknowledged.
    #[error("everything through commit {floor} was acknowledged when versions below it were pruned, and the WAL ends at {received} ({rule})", rule = RuleId::R3)]
    Ahead {
        /// The floor.
        floor: Boundary,
        /// Where the durable history ends.
        received: Boundary,
    },
}

/// The floor that was recorded; `None` where nothing was ever pruned.
///
/// # Errors
/// [`RetentionRefused`] when there is one that cannot be used: it is never taken for none.
pub fn recorded(
    disk: &dyn Disk,
    dir: &DataDir,
    cluster: &ClusterId,
    owner: &PublicKey,
) -> Result<Option<Boundary>, RetentionRefused> {
    let Some(found) = Retention::read(disk, dir.path())? else { return Ok(None) };
    if found.cluster != *cluster || found.owner != *owner {
        return Err(RetentionRefused::Foreign { cluster: found.cluster, owner: found.owner });
    }
    Ok(Some(found.oldest_retained))
}

/// What was pruned stays so, although the WAL brings it back: it lies below the floor that was recorded first.
///
/// # Errors
/// [`RetentionRefused::Ahead`].
pub fn honour(replayed: &mut Replayed, floor: Option<Boundary>) -> Result<(), RetentionRefused> {
    let Some(floor) = floor else { return Ok(()) };
    let received = replayed.standing.received;
    if received < floor {
        return Err(RetentionRefused::Ahead { floor, received });
    }
    replayed.store.retain_from(floor);
    Ok(())
}

/// What makes floors durable, for the pruner.
#[derive(Debug)]
pub struct FloorRecord {
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// The data directory.
    pub data: PathBuf,
    /// Whose floor it is.
    pub identity: Identity,
    /// The highest floor that is durable.
    pub durable: Boundary,
    /// Who is told when the disk fails.
    pub supervisor: SupervisorHandle,
}

impl FloorRecord {
    /// Makes a floor durable; `false` when it is not. A full disk keeps versions, and nothing else; every other
    /// failure of the disk ends the process (WAL-13).
    pub fn record(&mut self, floor: Boundary) -> bool {
        if floor <= self.durable {
            return true;
        }
        crash::reached(Point::GcBeforeRecord);
        let retention = Retention {
            cluster: self.identity.cluster,
            owner: self.identity.public_key,
            oldest_retained: floor,
        };
        match retention.write(&*self.disk, &self.data) {
            Ok(_durable) => {
                self.durable = floor;
                true
            }
            Err(error) => {
                self.failed(error);
                false
            }
        }
    }

    fn failed(&self, error: DiskError) {
        if error.is_no_space() {
            tracing::warn!(%error, "nothing is pruned: what is retained cannot be recorded");
        } else {
            self.supervisor.wal_failed(WalFailure::Fault(Fault::Disk(error)));
        }
    }
}
