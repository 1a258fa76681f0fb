//! The running node, as the thread that takes checkpoints sees it.

use std::sync::Arc;

use aerodb_core::machine::RoleName;
use aerodb_ledger::checkpoint::Checkpoint;
use aerodb_ledger::wal::Removal;
use aerodb_ledger::{Durable, Fault};

use super::error::CheckpointError;
use super::handle::Moment;
use super::taker::Cut;
use crate::shared::Shared;
use crate::supervisor::SupervisorHandle;
use crate::wal::WalFailure;

/// The running node.
#[derive(Debug)]
pub struct Running {
    /// Its shared parts.
    pub shared: Arc<Shared>,
    /// The way to its supervisor.
    pub supervisor: SupervisorHandle,
}

/// What a checkpoint would be taken at now; `None` in a role whose log is not its own to cut: a sealed node
/// keeps it for its heir, a halted one as evidence.
#[must_use]
pub fn cut(shared: &Shared) -> Option<Cut> {
    let view = shared.view.load();
    match view.role.role_name() {
        RoleName::PrimaryActive | RoleName::ReplicaActive => Some(Cut {
            acknowledged: shared.acks.bounds().acknowledged,
            authority: Arc::clone(&view.authority),
        }),
        RoleName::PrimarySealed | RoleName::Uninitialized | RoleName::ReplicationHalted => None,
    }
}

impl Moment for Running {
    fn cut(&self) -> Option<Cut> {
        cut(&self.shared)
    }

    fn let_go(&self, marker: &Durable<Checkpoint>) -> Result<Removal, CheckpointError> {
        let removal = self.shared.owner.let_go(marker.clone()).ok_or(CheckpointError::Stopping)?;
        Ok(removal?)
    }

    fn failed(&self, error: &CheckpointError) {
        let fault = match error {
            CheckpointError::Fault(fault) => fault.clone(),
            CheckpointError::Disk(error)
            | CheckpointError::Snapshot(aerodb_ledger::snapshot::SnapshotError::Disk(error)) => {
                Fault::Disk(error.clone())
            }
            CheckpointError::Unknown
            | CheckpointError::NotHere
            | CheckpointError::Nothing
            | CheckpointError::NotRetained { .. }
            | CheckpointError::NoBatchEnd { .. }
            | CheckpointError::Unsafe(_)
            | CheckpointError::Stopping
            | CheckpointError::Snapshot(_) => return,
        };
        self.supervisor.wal_failed(WalFailure::Fault(fault));
    }
}
