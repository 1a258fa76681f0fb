//! From frames to batches: what a frame of the WAL must hold, whoever reads it.

use std::path::Path;
use std::sync::Arc;

use aerodb_core::hash::PublicKey;
use aerodb_core::rules::RuleId;
use aerodb_core::wal::RawBatch;
use bytes::Bytes;
use serde::Serialize;

use crate::checkpoint::{Checkpoint, WalStart, log_start, witness_with};
use crate::disk::Disk;
use crate::fault::{Damage, Fault, OpenError};
use crate::log::{
    Frame, FrameKind, FramePlace, LogKind, RecordsHeader, Recovery, Scan, Witness, path_of,
    payload_place,
};
use crate::sealed::Sealed;

/// The length before each record of a frame.
const RECORD_LENGTH_BYTES: usize = 4;

/// Reads a WAL and shows each batch to `visit`, in order. Nothing is written, no lock is taken, and a
/// missing directory is not created.
///
/// # Errors
/// [`OpenError::Fault`] for damage and disk errors, [`OpenError::Refused`] with what `visit` gave.
pub fn scan_read_only<E>(
    disk: &dyn Disk,
    dir: &Path,
    owner: Option<&PublicKey>,
    checkpoint: Option<&Checkpoint>,
    witness: Witness,
    visit: &mut dyn FnMut(RawBatch) -> Result<(), E>,
) -> Result<Recovery, OpenError<E>> {
    scan_placed(disk, dir, owner, checkpoint, witness, &mut |placed| visit(placed.raw))
}

/// A batch, and where in the WAL it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedBatch {
    /// The batch as it is stored: perhaps never validated.
    pub raw: RawBatch,
    /// Where it lies.
    pub place: BatchPlace,
}

/// Where a batch lies. What one append wrote lies together and has one sequence number: on the holder one
/// batch, on a replica perhaps several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BatchPlace {
    /// The segment's file.
    pub file: Arc<Path>,
    /// Bytes from the start of the file to the batch.
    pub offset: u64,
    /// The sequence number of the append.
    pub append_seq: u64,
    /// Bytes from the start of the file to what the append wrote.
    pub append_offset: u64,
    /// Bytes that the append owns on the disk, in whole blocks.
    pub append_bytes: u64,
}

/// The checkpoint, which lies beside the WAL, is of the node whose WAL it is: of another's, start and commit
/// mean nothing here (ST-2).
pub(super) fn check_marker(
    dir: &Path,
    owner: Option<&PublicKey>,
    checkpoint: Option<&Checkpoint>,
) -> Result<(), Fault> {
    match (owner, checkpoint.map(|marker| marker.owner)) {
        (Some(expected), Some(found)) if *expected != found => {
            let damage = Damage::Owner { expected: *expected, found };
            Err(Fault::corrupt(&dir.with_file_name(Checkpoint::NAME), 0, damage))
        }
        (Some(_) | None, _) => Ok(()),
    }
}

/// The first frame continues the history that the checkpoint covers.
pub(super) fn check_start(
    dir: &Path,
    place: FramePlace,
    frame: &Frame,
    start: Option<&WalStart>,
) -> Result<(), Fault> {
    let Some(start) = start.filter(|start| start.frame_seq == frame.header.seq) else {
        return Ok(());
    };
    if frame.header.previous == start.position.chain.0 {
        return Ok(());
    }
    let why = "it does not continue the history that the checkpoint covers".to_owned();
    let damage = Damage::Record { number: frame.header.first, rule: RuleId::Ri3, why };
    Err(Fault::corrupt(&path_of(dir, place.segment), place.offset, damage))
}

/// As [`scan_read_only`], each batch with its place.
///
/// # Errors
/// As [`scan_read_only`].
pub fn scan_placed<E>(
    disk: &dyn Disk,
    dir: &Path,
    owner: Option<&PublicKey>,
    checkpoint: Option<&Checkpoint>,
    witness: Witness,
    visit: &mut dyn FnMut(PlacedBatch) -> Result<(), E>,
) -> Result<Recovery, OpenError<E>> {
    check_marker(dir, owner, checkpoint)?;
    let start = checkpoint.map(|marker| &marker.wal_start);
    let witness = witness_with(witness, checkpoint);
    let scan = Scan { disk, dir, kind: LogKind::Wal, owner, start: log_start(checkpoint), witness };
    // Made once for each segment: there are a million batches in some.
    let mut current: (u64, Arc<Path>) = (0, Arc::from(dir));
    let scanned = scan.run(&mut |place, frame| {
        check_start(dir, place, &frame, start)?;
        if current.0 != place.segment {
            current = (place.segment, path_of(dir, place.segment).into());
        }
        let append_seq = frame.header.seq;
        let mut at = 0;
        for raw in batches(dir, place, frame)? {
            // Each record stands behind its length.
            let offset = place.offset + payload_place(at + RECORD_LENGTH_BYTES) as u64;
            at += RECORD_LENGTH_BYTES + raw.bytes().len();
            let place = BatchPlace {
                file: Arc::clone(&current.1),
                offset,
                append_seq,
                append_offset: place.offset,
                append_bytes: place.bytes,
            };
            visit(PlacedBatch { raw, place }).map_err(OpenError::Refused)?;
        }
        Ok(())
    })?;
    Ok(scanned.recovery(dir, LogKind::Wal))
}

/// The batches of one frame. Its header must say what they claim.
pub(super) fn batches(dir: &Path, place: FramePlace, frame: Frame) -> Result<Vec<RawBatch>, Fault> {
    let header = frame.header;
    let corrupt = |rule, why: &str| {
        let damage = Damage::Record { number: header.first, rule, why: why.to_owned() };
        Fault::corrupt(&path_of(dir, place.segment), place.offset, damage)
    };
    if header.kind == FrameKind::Trailer {
        return Err(corrupt(RuleId::Dis18, "a trailer in a WAL"));
    }
    let batches: Option<Vec<RawBatch>> = frame.records.into_iter().map(whole_batch).collect();
    let batches = batches.ok_or_else(|| corrupt(RuleId::Wal8, "it is not one whole batch"))?;
    let claimed = header_of(&batches)
        .map_err(|_| corrupt(RuleId::Dis18, "the batches do not follow each other"))?;
    let said = RecordsHeader {
        first: header.first,
        last: header.last,
        epoch: header.epoch,
        stamp: header.stamp,
        previous: header.previous,
    };
    if claimed == said {
        Ok(batches)
    } else {
        Err(corrupt(RuleId::Dis18, "the header does not say what the batches say"))
    }
}

fn whole_batch(mut record: Bytes) -> Option<RawBatch> {
    let batch = RawBatch::split_first(&mut record).ok()?;
    record.is_empty().then_some(batch)
}

/// What the header of a frame with these batches says: where they start and what they continue, the
/// epoch and stamp of the last of them. Everything as claimed: a received batch is stored before it is
/// validated.
///
/// # Errors
/// [`Fault::NotNext`] when there is no batch, one claims no range, or one does not follow the other.
pub(super) fn header_of(batches: &[RawBatch]) -> Result<RecordsHeader, Fault> {
    let (Some(first_batch), Some(last_batch)) = (batches.first(), batches.last()) else {
        return Err(Fault::NotNext { expected: 1, found: None });
    };
    let mut expected = None;
    let mut range = (0, 0);
    for batch in batches {
        let claimed = batch.claimed_range().map(|(first, last)| (first.get(), last.get()));
        let next = expected.or(claimed.map(|(first, _)| first)).unwrap_or(1);
        match claimed {
            Some((first, last)) if first == next => {
                range = (if range.0 == 0 { first } else { range.0 }, last);
                expected = Some(last.saturating_add(1));
            }
            Some((first, _)) => {
                return Err(Fault::NotNext { expected: next, found: Some(first) });
            }
            None => return Err(Fault::NotNext { expected: next, found: None }),
        }
    }
    Ok(RecordsHeader {
        first: range.0,
        last: range.1,
        epoch: last_batch.claimed_epoch().map_or(0, |epoch| epoch.get()),
        stamp: last_batch.claimed_stamp(),
        previous: first_batch.claimed_chains().0.0,
    })
}
