//! The stages of a replica. Each has one owner, which alone holds its cursor, and takes only what the stage
//! before it made, so that unvalidated bytes cannot reach the store:
//!
//! 1. [`Receiver`] makes [`Received`]: framed and in order, appended and fsynced; nothing interpreted
//! 2. [`Validator`] makes [`Validated`]: checksum, continuity, chain, epoch and ledger stamp proven
//! 3. [`Applier`] makes [`Applied`]: in the store; seen once the acknowledged bound passes it
//!
//! Invariant: `applied <= validated <= received`, and a frame is appended only after the one before it was
//! applied. So of a log that is found, all but the last frame was validated by the process before; the last
//! frame may not have been, and goes through stages 2 and 3 again ([`Owner::take_up`]): what is received and
//! not validated is on the disk and survives the process, without a mark that would cost an fsync of its own.
//!
//! A received frame is fsynced once, in the log where it stays. Validated bytes get no second fsync: that
//! they are valid follows from them. The stages hand over by value on the log's own thread: a hand-over
//! between threads takes about as long as the fsync of a small batch, and a paired write waits for both.
//!
//! A crash between 1 and 2 leaves bytes that the next start validates; between 2 and 3 the WAL is
//! replayed.
//!
//! Keeps: P5-I2, P5-I5, A-1, F-V1, F-V2, M-R05, M-R06, M-R07, M-R13, M-R14, M-R15.

mod applier;
mod cursors;
mod receiver;
mod validator;

pub use applier::{Applied, Applier};
pub use cursors::Cursors;
pub use receiver::{Received, Receiver};
pub use validator::{Validated, Validator};

use std::sync::Arc;

use aerodb_core::authority::Authority;
use aerodb_core::decision::tenure::Bounds;
use aerodb_core::id::{Boundary, NodeId};
use aerodb_core::machine::{Gate, Pipeline, PipelineEvent, Segment, SegmentEvent};
use aerodb_core::position::Position;
use aerodb_core::wal::{BatchError, Divergence};
use bytes::Bytes;

use crate::journal::Cell;
use crate::wal::owner::Owner;

/// What one pull brought.
#[derive(Debug)]
pub struct Pulled {
    /// Batches, back to back.
    pub batches: Bytes,
    /// The acknowledged bound as upstream told it.
    pub told: Option<Boundary>,
    /// This node's authority ledger, which already holds what the same pull brought of it.
    pub authority: Arc<Authority>,
}

/// Why a pull's bytes were not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveError {
    /// The node is not a replica.
    #[error("the node is not a replica now")]
    NotReplica,
    /// The transfer was cut; it was dropped, and the next pull asks again (F-R1).
    #[error("the transfer was cut: {0}")]
    Cut(BatchError),
    /// The first batch is stamped with a ledger entry that has not come yet. It waits where it came from: a
    /// log never holds a stamp that the ledger beside it does not, or a cut ledger could not be told (AU-14).
    #[error("a batch is stamped with ledger entry {seq}, this ledger ends at {head}")]
    LedgerBehind {
        /// The stamp.
        seq: u64,
        /// This ledger's end.
        head: u64,
    },
    /// It breaks a rule: the node halts.
    #[error("{0}")]
    Diverged(Divergence),
    /// The disk failed: the process must end.
    #[error("{0}")]
    Disk(String),
}

impl ReceiveError {
    /// Whether it halts the node or ends the process.
    #[must_use]
    pub const fn is_failure(&self) -> bool {
        match self {
            Self::NotReplica | Self::Cut(_) | Self::LedgerBehind { .. } => false,
            Self::Diverged(_) | Self::Disk(_) => true,
        }
    }
}

/// What the stages need to know of their node.
#[derive(Debug)]
pub struct Stages {
    /// This node.
    pub node: NodeId,
    /// The pipeline's machine.
    pub machine: Arc<Cell<Pipeline>>,
}

impl Owner {
    /// Takes what a pull brought through all stages.
    pub(super) fn receive(&mut self, pulled: Pulled) -> Result<Position, ReceiveError> {
        let Pulled { batches, told, authority } = pulled;
        let framed = self.receiver.frame(batches, &authority)?;
        if !framed.is_empty() {
            let segment = Cell::<Segment>::default();
            self.step(&PipelineEvent::BytesArrived);
            let received = self.receiver.persist(framed)?;
            segment.must_step(&self.journal, &SegmentEvent::Persisted);
            self.step(&PipelineEvent::Persisted);
            self.prove_and_apply(&segment, received, &authority)?;
        }
        self.publish(&authority, told);
        Ok(self.validator.tip())
    }

    /// Takes up what an earlier process received and may not have validated.
    pub(super) fn take_up(
        &mut self,
        found: Received,
        authority: &Authority,
    ) -> Result<(), ReceiveError> {
        self.prove_and_apply(&Cell::starting(Segment::Received), found, authority)?;
        // Nobody is pulled from yet.
        self.step(&PipelineEvent::TransportLost);
        self.publish(authority, None);
        Ok(())
    }

    fn prove_and_apply(
        &mut self,
        segment: &Cell<Segment>,
        received: Received,
        authority: &Authority,
    ) -> Result<(), ReceiveError> {
        let validated = self.validator.validate(received, authority).map_err(|divergence| {
            segment.must_step(&self.journal, &SegmentEvent::Failed { rule: divergence.rule() });
            ReceiveError::Diverged(divergence)
        })?;
        segment.must_step(&self.journal, &SegmentEvent::Proven);
        self.step(&PipelineEvent::Proven);
        let Applied { .. } = self.applier.apply(validated, []);
        segment.must_step(&self.journal, &SegmentEvent::Installed);
        self.step(&PipelineEvent::Applied);
        Ok(())
    }

    fn step(&self, event: &PipelineEvent) {
        self.stages.machine.must_step(&self.journal, event);
    }

    /// Lets the applied commits be seen as far as they are acknowledged.
    fn publish(&self, authority: &Authority, told: Option<Boundary>) {
        let applied = self.applier.end();
        self.acks.follow(Bounds::of_replica(authority, &self.stages.node, applied, told));
        self.step(&PipelineEvent::GateJudged(Gate::ReadSafe));
    }
}
