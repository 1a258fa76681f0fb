//! The stages of a replica: receiver, validator, applier. Each takes only what the one before it made, so
//! that unvalidated bytes cannot reach the store:
//!
//! 1. received: framed and in order, appended and fsynced; nothing interpreted
//! 2. validated: checksum, continuity, chain, epoch and ledger stamp proven
//! 3. applied: in the store; seen once the acknowledged bound passes it
//!
//! A crash between 1 and 2 leaves bytes that the next start validates; between 2 and 3 the WAL is
//! replayed.

use std::sync::Arc;

use aerodb_core::authority::Authority;
use aerodb_core::decision::acknowledge::replica_bound;
use aerodb_core::id::{Boundary, NodeId};
use aerodb_core::machine::{Gate, Pipeline, PipelineEvent, Segment, SegmentEvent};
use aerodb_core::position::{LedgerHead, Position};
use aerodb_core::rules::RuleId;
use aerodb_core::wal::{Batch, BatchError, Discontinuity, RawBatch, check_continuity};
use bytes::Bytes;

use crate::journal::Cell;
use crate::wal::Bounds;
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

/// A difference between this history and what upstream sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Divergence {
    /// It does not continue this history.
    #[error(transparent)]
    Discontinuity(#[from] Discontinuity),
    /// The bytes are not what they say (F-V1).
    #[error(transparent)]
    Damaged(BatchError),
    /// Its stamp is not in this node's ledger though the ledger reaches that far.
    #[error("the batch was written under ledger entry {stamp:?}, which this ledger does not have")]
    Stamp {
        /// The stamp.
        stamp: LedgerHead,
    },
    /// The next batch offered does not start where the received bytes end.
    #[error("the bytes received end at {received}, the batch offered starts at {offered:?}")]
    Order {
        /// The end of what was received.
        received: Boundary,
        /// The first commit offered; `None` when it is no range.
        offered: Option<u64>,
    },
}

impl Divergence {
    /// The rule that is broken.
    #[must_use]
    pub const fn rule(&self) -> RuleId {
        match self {
            Self::Discontinuity(discontinuity) => discontinuity.rule(),
            Self::Damaged(_) => RuleId::FV1,
            Self::Stamp { .. } => RuleId::Ri3,
            Self::Order { .. } => RuleId::FV2,
        }
    }
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
    /// A batch is stamped with a ledger entry that has not come yet; it was dropped.
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

/// Durable, in order, nothing interpreted.
struct Received(Vec<RawBatch>);

/// Proven to continue the history.
struct Validated(Vec<Batch>);

impl Owner {
    /// Takes what a pull brought through all stages.
    pub(super) fn receive(&mut self, pulled: Pulled) -> Result<Position, ReceiveError> {
        let framed = self.frame(pulled.batches, &pulled.authority)?;
        if !framed.is_empty() {
            let segment = Cell::<Segment>::default();
            self.step(&PipelineEvent::BytesArrived);
            let received = self.persist(framed)?;
            segment.must_step(&self.journal, &SegmentEvent::Persisted);
            self.step(&PipelineEvent::Persisted);
            let validated = self.validate(received, &pulled.authority).map_err(|divergence| {
                segment.must_step(&self.journal, &SegmentEvent::Failed { rule: divergence.rule() });
                ReceiveError::Diverged(divergence)
            })?;
            segment.must_step(&self.journal, &SegmentEvent::Proven);
            self.step(&PipelineEvent::Proven);
            self.apply(validated);
            segment.must_step(&self.journal, &SegmentEvent::Installed);
            self.step(&PipelineEvent::Applied);
        }
        self.publish(&pulled.authority, pulled.told);
        Ok(self.tip)
    }

    fn step(&self, event: &PipelineEvent) {
        self.stages.machine.must_step(&self.journal, event);
    }

    /// Receiver: framing and order only (P5-ST2).
    fn frame(
        &self,
        mut bytes: Bytes,
        authority: &Authority,
    ) -> Result<Vec<RawBatch>, ReceiveError> {
        let (mut raws, mut end) = (Vec::new(), self.received);
        while !bytes.is_empty() {
            let raw = RawBatch::split_first(&mut bytes).map_err(|error| match error {
                BatchError::Cut { .. } => ReceiveError::Cut(error),
                BatchError::Checksum { .. }
                | BatchError::Chain { .. }
                | BatchError::Format { .. }
                | BatchError::Malformed { .. } => {
                    ReceiveError::Diverged(Divergence::Damaged(error))
                }
            })?;
            let range = raw.claimed_range();
            match range {
                Some((first, last)) if end.next_commit() == Some(first) => {
                    end = Boundary::from(last)
                }
                Some(_) | None => {
                    let offered = range.map(|(first, _)| first.get());
                    return Err(ReceiveError::Diverged(Divergence::Order {
                        received: end,
                        offered,
                    }));
                }
            }
            let head = authority.head().seq;
            match raw.claimed_stamp() {
                Some(stamp) if stamp.seq > head => {
                    return Err(ReceiveError::LedgerBehind {
                        seq: stamp.seq.get(),
                        head: head.get(),
                    });
                }
                Some(_) | None => raws.push(raw),
            }
        }
        Ok(raws)
    }

    fn persist(&mut self, raws: Vec<RawBatch>) -> Result<Received, ReceiveError> {
        self.append(&raws).map_err(|fault| ReceiveError::Disk(fault.to_string()))?;
        if let Some((_, last)) = raws.last().and_then(RawBatch::claimed_range) {
            self.received = Boundary::from(last);
        }
        Ok(Received(raws))
    }

    fn validate(&self, received: Received, authority: &Authority) -> Result<Validated, Divergence> {
        let mut tip = self.tip;
        let mut validated = Vec::with_capacity(received.0.len());
        for raw in &received.0 {
            let batch = prove(raw, &tip, authority)?;
            tip = batch.end();
            validated.push(batch);
        }
        Ok(Validated(validated))
    }

    fn apply(&mut self, validated: Validated) {
        validated.0.into_iter().for_each(|batch| self.install(batch));
    }

    /// Lets the applied commits be seen as far as they are acknowledged.
    fn publish(&self, authority: &Authority, told: Option<Boundary>) {
        let applied = self.tip.boundary;
        let acknowledged = replica_bound(authority, &self.stages.node, applied, told);
        let covered = Some(authority.head().seq);
        self.acks.follow(Bounds { durable: applied, acknowledged: Some(acknowledged), covered });
        self.step(&PipelineEvent::GateJudged(Gate::ReadSafe));
    }
}

/// Validator: whether received bytes continue the history that ends at `tip`. Recovery uses the same
/// function.
///
/// # Errors
/// [`Divergence`] naming the rule that they break.
pub fn prove(raw: &RawBatch, tip: &Position, authority: &Authority) -> Result<Batch, Divergence> {
    let batch = raw.decode().map_err(Divergence::Damaged)?;
    check_continuity(tip, &batch, |commit| authority.epoch_at(commit))?;
    let stamp = batch.stamp();
    if authority.contains(&stamp) { Ok(batch) } else { Err(Divergence::Stamp { stamp }) }
}
