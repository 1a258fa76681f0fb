//! Why a command on a stopped node's directory came to nothing.

use aerodb_ledger::disk::DiskError;
use aerodb_ledger::snapshot::SnapshotError;
use aerodb_ledger::{AppendError, Fault};

use crate::config::ConfigError;
use crate::directory::DirectoryError;
use crate::identity::IdentityError;
use crate::open::StartError;
use crate::recovery::CheckpointRefused;
use crate::replay::ReplayError;
use crate::retention::RetentionRefused;

/// Why there is no answer. After a disk error it is unknown whether what was asked is durable; asked again, the
/// command finds out.
#[derive(Debug, thiserror::Error)]
pub enum StoppedError {
    /// The directory or its lock.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A log is damaged or cannot be read or written.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The authority ledger lacks entries that the WAL has seen.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The checkpoint cannot be used.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointRefused),
    /// The recorded floor of the store cannot be used.
    #[error(transparent)]
    Retention(#[from] RetentionRefused),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A snapshot could not be written.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The node would not start either.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A ledger refuses the entry.
    #[error("the ledger refuses the entry: {0}")]
    Record(String),
}

impl<R: std::fmt::Display> From<AppendError<R>> for StoppedError {
    fn from(error: AppendError<R>) -> Self {
        match error {
            AppendError::Fault(fault) => Self::Fault(fault),
            AppendError::Rejected(rejected) => Self::Record(rejected.to_string()),
        }
    }
}
