//! Receiver: a pull's bytes become durable in the log; nothing but their framing is looked at (P5-ST2).
//!
//! Keeps: F-R1, F-R2, P5-ST2, RA-3, M-R09, M-R11.

use aerodb_core::authority::Authority;
use aerodb_core::id::Boundary;
use aerodb_core::position::Position;
use aerodb_core::wal::{BatchError, Discontinuity, Divergence, RawBatch};
use aerodb_ledger::crash::{self, Point};
use aerodb_ledger::wal::Wal;
use aerodb_ledger::{Durable, Fault};
use bytes::Bytes;

use super::ReceiveError;
use crate::checkpoint::Trigger;

/// Batches that are durable, in order, and nothing else. Only this module makes them.
#[derive(Debug)]
pub struct Received(Vec<RawBatch>);

impl Received {
    /// What an opening of the log has shown past the validated history: an open log is durable.
    #[must_use]
    pub const fn found(batches: Vec<RawBatch>) -> Self {
        Self(batches)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_batches(self) -> Vec<RawBatch> {
        self.0
    }
}

/// The owner of the log and of its durable end.
#[derive(Debug)]
pub struct Receiver {
    /// The log.
    pub wal: Wal,
    end: Boundary,
    trigger: Trigger,
}

impl Receiver {
    /// A receiver that goes on after `end`, where the log ends, and tells the trigger of its growth.
    #[must_use]
    pub const fn new(wal: Wal, end: Boundary, trigger: Trigger) -> Self {
        Self { wal, end, trigger }
    }

    /// The durable end of what was received.
    #[must_use]
    pub const fn end(&self) -> Boundary {
        self.end
    }

    /// Splits a transfer into batches that follow each other and the log's end, as far as this ledger
    /// knows their stamps.
    pub(super) fn frame(
        &self,
        mut bytes: Bytes,
        authority: &Authority,
    ) -> Result<Vec<RawBatch>, ReceiveError> {
        let (mut raws, mut end) = (Vec::new(), self.end);
        while !bytes.is_empty() {
            let raw = RawBatch::split_first(&mut bytes).map_err(unframed)?;
            end = follow(end, &raw)?;
            if raws.is_empty() {
                self.check_continues(&raw)?;
            }
            match raw.claimed_stamp() {
                Some(stamp) if !authority.reaches(&stamp) && raws.is_empty() => {
                    // Bytes that are not what they say name no ledger entry.
                    raw.decode()
                        .map_err(|error| ReceiveError::Diverged(Divergence::Damaged(error)))?;
                    let (seq, head) = (stamp.seq.get(), authority.head().seq.get());
                    return Err(ReceiveError::LedgerBehind { seq, head });
                }
                Some(stamp) if !authority.reaches(&stamp) => break,
                Some(_) | None => raws.push(raw),
            }
        }
        if !raws.is_empty() {
            crash::reached(Point::RecvMidReceive);
        }
        Ok(raws)
    }

    /// The first batch after a snapshot continues it exactly, or not a byte of it is kept (F-S3): a log that
    /// begins with another history could not be opened again, and nobody could say why the node has stopped.
    fn check_continues(&self, raw: &RawBatch) -> Result<(), ReceiveError> {
        let (Some(place), Some((at, _))) = (self.wal.must_continue(), raw.claimed_range()) else {
            return Ok(());
        };
        let (tip, found) = (place.chain, raw.claimed_chains().0);
        if found == tip {
            return Ok(());
        }
        let other = Discontinuity::Chain { at, tip, found };
        Err(ReceiveError::Diverged(Divergence::Discontinuity(other)))
    }

    /// Makes the batches durable with one append and one fsync.
    pub(super) fn persist(&mut self, raws: Vec<RawBatch>) -> Result<Received, ReceiveError> {
        let end = self.append(&raws).map_err(|fault| ReceiveError::Disk(fault.to_string()))?;
        self.end = end.boundary;
        crash::reached(Point::RecvAfterFsync);
        Ok(Received(raws))
    }

    /// The one way into the log.
    pub(in crate::wal) fn append(&mut self, raws: &[RawBatch]) -> Result<Durable<Position>, Fault> {
        let end = self.wal.append(raws)?;
        self.end = end.boundary;
        self.trigger.grown_to(self.wal.used_bytes());
        Ok(end)
    }
}

fn unframed(error: BatchError) -> ReceiveError {
    match error {
        BatchError::Cut { .. } => ReceiveError::Cut(error),
        BatchError::Checksum { .. }
        | BatchError::Chain { .. }
        | BatchError::Format { .. }
        | BatchError::Malformed { .. } => ReceiveError::Diverged(Divergence::Damaged(error)),
    }
}

/// Where the bytes end with this batch, if it is the next one (F-V2).
fn follow(end: Boundary, raw: &RawBatch) -> Result<Boundary, ReceiveError> {
    match raw.claimed_range() {
        Some((first, last)) if end.next_commit() == Some(first) => Ok(Boundary::from(last)),
        range => {
            raw.decode().map_err(|error| ReceiveError::Diverged(Divergence::Damaged(error)))?;
            let offered = range.map(|(first, _)| first.get());
            Err(ReceiveError::Diverged(Divergence::Order { received: end, offered }))
        }
    }
}
