//! Why nothing was set aside.

use aerodb_core::id::{Boundary, Epoch, NodeId};
use aerodb_core::rules::RuleId;
use aerodb_ledger::Fault;
use aerodb_ledger::disk::DiskError;
use aerodb_ledger::log::InvalidOptions;

use crate::directory::DirectoryError;
use crate::identity::{IdentityError, RetiredDirectory};
use crate::recovery::CheckpointRefused;
use crate::replay::ReplayError;

/// Why nothing was set aside.
#[derive(Debug, thiserror::Error)]
pub enum DiscardError {
    /// The directory or its lock.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The directory was given up for good: what lies in it stays as it is.
    #[error(transparent)]
    Retired(#[from] RetiredDirectory),
    /// A log is damaged or cannot be read or written.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The authority ledger lacks entries that the WAL has seen, or the WAL does not lead to the checkpoint.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The checkpoint cannot be used.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointRefused),
    /// The decision ledger refuses the entry.
    #[error("the decision ledger refuses the entry: {0}")]
    Record(String),
    /// The segments cannot be of that size.
    #[error(transparent)]
    Options(#[from] InvalidOptions),
    /// The authority ledger is not the one that the node halted over.
    #[error("the authority ledger does not have the entry that the failure names: {0}")]
    Ledger(String),
    /// The node holds the epoch by its own ledger: what it wrote in it is its history.
    #[error("COMMAND_REFUSED: {node} holds epoch {epoch} by its own ledger; only a node that a later grant deposed, or a replica, has a suffix to discard ({rule})", rule = RuleId::FV2)]
    Holder {
        /// The node.
        node: NodeId,
        /// The epoch.
        epoch: Epoch,
    },
    /// Everything in the WAL is validated history.
    #[error("COMMAND_REFUSED: the WAL ends where the validated history ends, at commit {end}; there is nothing to discard ({rule})", rule = RuleId::FV2)]
    Nothing {
        /// The end.
        end: Boundary,
    },
    /// The node is halted by something else too, which would be cleared with the rest.
    #[error(
        "HALTED: the node is halted by {rule} too, which no discarding undoes; keep its directory, audit it, and join under a new node id"
    )]
    OtherFailure {
        /// The rule.
        rule: RuleId,
    },
    /// The history below the grant's start is another one.
    #[error("COMMAND_REFUSED: the history here is another one at commit {at}, where the last grant starts; no suffix explains that, join under a new node id ({rule})", rule = RuleId::Ri3)]
    Parted {
        /// Where the grant starts.
        at: Boundary,
    },
}
