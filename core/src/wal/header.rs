//! What a batch says of itself.

use crate::hash::Chain;
use crate::id::{Boundary, CommitId, Epoch};
use crate::position::{LedgerHead, Position};

/// What a batch says of itself, proven by its content. Only [`RawBatch::decode`](super::RawBatch::decode),
/// [`RawBatch::check`](super::RawBatch::check) and [`Batch::form`](super::Batch::form) make one, so it always has `last = first + commits - 1` and the chain that the content
/// gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    pub(super) epoch: Epoch,
    pub(super) first: CommitId,
    pub(super) last: CommitId,
    pub(super) stamp: LedgerHead,
    pub(super) before: Chain,
    pub(super) after: Chain,
}

impl AsRef<Self> for BatchHeader {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl BatchHeader {
    /// The epoch that the batch was written in.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Its first commit.
    #[must_use]
    pub const fn first(&self) -> CommitId {
        self.first
    }

    /// Its last commit.
    #[must_use]
    pub const fn last(&self) -> CommitId {
        self.last
    }

    /// The authority ledger's head that was durable when the batch was formed.
    #[must_use]
    pub const fn stamp(&self) -> LedgerHead {
        self.stamp
    }

    /// The chain that it continues.
    #[must_use]
    pub const fn before(&self) -> Chain {
        self.before
    }

    /// The place in the history where it ends.
    #[must_use]
    pub fn end(&self) -> Position {
        Position { boundary: Boundary::from(self.last), chain: self.after }
    }
}
