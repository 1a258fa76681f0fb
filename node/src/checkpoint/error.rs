//! Why no checkpoint was taken.

use aerodb_core::explain::Explanation;
use aerodb_core::id::Boundary;
use aerodb_ledger::Fault;
use aerodb_ledger::disk::DiskError;
use aerodb_ledger::snapshot::SnapshotError;

/// Why no checkpoint was taken, or why one that is recorded is not complete.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CheckpointError {
    /// What is acknowledged is unknown.
    #[error("what is acknowledged is unknown until a receipt covers the recovered tip")]
    Unknown,
    /// The node's role is one in which its log is not its own to cut.
    #[error(
        "a checkpoint is taken by the holder and by replicas; a sealed node keeps its log for its heir, a halted one as evidence"
    )]
    NotHere,
    /// There is nothing acknowledged past the origin.
    #[error("no commit is acknowledged yet")]
    Nothing,
    /// The acknowledged bound is not readable any more.
    #[error("commit {at}, the acknowledged bound, is not retained")]
    NotRetained {
        /// The bound.
        at: Boundary,
    },
    /// No batch ends at the acknowledged bound.
    #[error("no batch of the log ends at commit {at}, the acknowledged bound")]
    NoBatchEnd {
        /// The bound.
        at: Boundary,
    },
    /// A rule of its safety does not hold.
    #[error("it would not be safe: {}", .0.conclusion.reason.as_deref().unwrap_or("undetermined"))]
    Unsafe(Box<Explanation>),
    /// The node stops, or halted meanwhile.
    #[error("the node is stopping")]
    Stopping,
    /// The snapshot was not written.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The log refuses, or the disk failed.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl CheckpointError {
    /// Whether the disk failed: then the process must end (WAL-13).
    #[must_use]
    pub const fn is_disk(&self) -> bool {
        match self {
            Self::Disk(_)
            | Self::Snapshot(SnapshotError::Disk(_))
            | Self::Fault(Fault::Disk(_) | Fault::Poisoned { .. } | Fault::Corrupt { .. }) => true,
            Self::Unknown
            | Self::NotHere
            | Self::Nothing
            | Self::NotRetained { .. }
            | Self::NoBatchEnd { .. }
            | Self::Unsafe(_)
            | Self::Stopping
            | Self::Snapshot(
                SnapshotError::Exists { .. }
                | SnapshotError::Impossible { .. }
                | SnapshotError::NotNext { .. },
            )
            | Self::Fault(
                Fault::TooLarge { .. }
                | Fault::NotNext { .. }
                | Fault::Removed { .. }
                | Fault::NoSuchStart { .. }
                | Fault::Exists { .. },
            ) => false,
        }
    }

    /// Whether the disk is full: that ends this attempt and nothing else, as long as nothing but the snapshot
    /// was being written.
    #[must_use]
    pub fn is_no_space(&self) -> bool {
        match self {
            Self::Snapshot(SnapshotError::Disk(error)) => error.is_no_space(),
            Self::Disk(_)
            | Self::Unknown
            | Self::NotHere
            | Self::Nothing
            | Self::NotRetained { .. }
            | Self::NoBatchEnd { .. }
            | Self::Unsafe(_)
            | Self::Stopping
            | Self::Snapshot(_)
            | Self::Fault(_) => false,
        }
    }
}
