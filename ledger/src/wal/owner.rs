//! The WAL open for appending.
//!
//! Keeps: P3-PL8, P3-W1, P3-W2, P3-W4, P3-W6, CKP-6, M-C12, M-C13.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aerodb_core::hash::{Chain, PublicKey};
use aerodb_core::id::Boundary;
use aerodb_core::position::Position;
use aerodb_core::wal::RawBatch;

use crate::checkpoint::{Checkpoint, WalStart, log_start, witness_with};
use crate::disk::{Disk, DiskError};
use crate::durable::Durable;
use crate::fault::{Fault, OpenError};
use crate::log::{
    Frame, FrameHeader, Location, Log, LogKind, LogOptions, RecordsHeader, Recovery, Witness,
    remove_segments,
};
use crate::wal::WalReader;
use crate::wal::index::{Index, NewFrame};
use crate::wal::recent::Recent;
use crate::wal::scan::{batches, check_marker, check_start, header_of};

/// Where the WAL of a node lives.
#[derive(Debug, Clone)]
pub struct WalPlace<'a> {
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// The directory of the segments.
    pub dir: &'a Path,
    /// How segments are made.
    pub options: LogOptions,
    /// The node's public key; a segment with another one is refused (ST-2).
    pub owner: PublicKey,
}

/// The one appender to the WAL. Invariant: readers see exactly what is durable.
#[derive(Debug)]
pub struct Wal {
    log: Log,
    index: Index,
    recent: Recent,
    end: Option<Position>,
    disk: Arc<dyn Disk>,
    /// Bytes that the frames past the checkpoint own.
    used_bytes: u64,
}

/// Segments that a checkpoint let go of. Readers see them no more; they are still on the disk, and a crash
/// that leaves them there does no harm.
#[derive(Debug)]
#[must_use = "until it is carried out the segments stay on the disk"]
pub struct Removal {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    before: u64,
}

impl Removal {
    /// Removes the segments, oldest first, and makes that durable; how many there were. It can be done
    /// beside the writer, which never goes back to them.
    ///
    /// # Errors
    /// [`DiskError`]; what is gone then, and durably, is known after a restart.
    pub fn carry_out(&self) -> Result<usize, DiskError> {
        remove_segments(&*self.disk, &self.dir, self.before)
    }
}

impl WalPlace<'_> {
    fn location(&self) -> Location<'_> {
        Location {
            disk: Arc::clone(&self.disk),
            dir: self.dir,
            kind: LogKind::Wal,
            options: self.options,
            owner: self.owner,
        }
    }
}

impl Wal {
    /// Makes an empty WAL.
    ///
    /// # Errors
    /// [`Fault::Exists`] where there is one, [`Fault::Disk`].
    pub fn create(place: &WalPlace<'_>) -> Result<Self, Fault> {
        Self::begin(place, None)
    }

    /// Makes an empty WAL that goes on where a checkpoint begins, as on a node that was given a snapshot.
    ///
    /// # Errors
    /// As for [`Wal::create`].
    pub fn create_after(place: &WalPlace<'_>, checkpoint: &Checkpoint) -> Result<Self, Fault> {
        Self::begin(place, Some(checkpoint))
    }

    fn begin(place: &WalPlace<'_>, checkpoint: Option<&Checkpoint>) -> Result<Self, Fault> {
        let log = Log::create(&place.location(), log_start(checkpoint))?;
        let start = checkpoint.map(|marker| marker.wal_start);
        let end = start.map(|start| start.position);
        let (index, recent) = (Index::starting_at(start), Recent::default());
        Ok(Self { log, index, recent, end, disk: Arc::clone(&place.disk), used_bytes: 0 })
    }

    /// Opens the WAL: reads all of it, shows each batch to `visit` in order, and only then changes what
    /// recovery must change ([`Recovery`] says what). When it returns, everything shown is durable.
    ///
    /// Batches are shown as they were stored: received, perhaps never validated. A WAL that was truncated
    /// begins where its checkpoint says; what is left before that stays until [`Wal::truncate`] is called
    /// with a checkpoint that is durable again:
    ///
    /// 1. a new checkpoint is renamed into place, and the process dies before the directory is fsynced
    /// 2. the next process reads it, and removes the segments that it no longer needs
    /// 3. the power fails, the old checkpoint is back, and what it needs is gone
    ///
    /// # Errors
    /// [`OpenError::Fault`] for damage and disk errors, [`OpenError::Refused`] with what `visit` gave;
    /// in both cases the log's bytes are as they were, a disk error during the repair apart.
    pub fn open<E>(
        place: &WalPlace<'_>,
        checkpoint: Option<&Checkpoint>,
        witness: Witness,
        quarantine: &Path,
        visit: &mut dyn FnMut(RawBatch) -> Result<(), E>,
    ) -> Result<(Self, Recovery), OpenError<E>> {
        check_marker(place.dir, Some(&place.owner), checkpoint)?;
        let start = checkpoint.map(|marker| marker.wal_start);
        let witness = witness_with(witness, checkpoint);
        let index = Index::starting_at(start);
        let mut end = start.map(|start| start.position);
        let covered = checkpoint.map_or(0, |marker| marker.position.boundary.get());
        let mut used_bytes = 0;
        let mut take = |at, frame: Frame| {
            check_start(place.dir, at, &frame, start.as_ref())?;
            let (seq, before) = (frame.header.seq, start_of(&frame.header));
            used_bytes += if frame.header.last > covered { at.bytes } else { 0 };
            for batch in batches(place.dir, at, frame)? {
                end = claimed_end(&batch);
                visit(batch).map_err(OpenError::Refused)?;
            }
            if let Some(end) = end {
                index.push(NewFrame { seq, place: at, start: before, end });
            }
            Ok(())
        };
        let (location, from) = (place.location(), log_start(checkpoint));
        let (log, recovery) = Log::open(&location, from, witness, quarantine, &mut take)?;
        let (recent, disk) = (Recent::default(), Arc::clone(&place.disk));
        Ok((Self { log, index, recent, end, disk, used_bytes }, recovery))
    }

    /// Appends the batches as one frame, with one write and one fsync. They must follow each other and the
    /// end of the WAL by the numbers that they claim, and the first ones after a checkpoint's start by chain too.
    ///
    /// # Errors
    /// [`Fault::NotNext`] and [`Fault::TooLarge`] leave the writer as it was. [`Fault::Disk`] poisons it:
    /// whether the batches are on the disk is known only after a restart has read it, and every later
    /// append gives [`Fault::Poisoned`] (WAL-13).
    pub fn append(&mut self, batches: &[RawBatch]) -> Result<Durable<Position>, Fault> {
        self.log.check_usable()?;
        let about = header_of(batches)?;
        self.check_continues(batches, about.first)?;
        let end = batches.last().and_then(claimed_end);
        let end = end.ok_or(Fault::NotNext { expected: about.first, found: None })?;
        let place = self.log.append(&about, batches.iter().map(|batch| &batch.bytes()[..]))?;
        let (seq, start) = (self.log.last_frame_seq(), start_of_records(&about));
        self.recent.push(seq, batches);
        self.index.push(NewFrame { seq, place, start, end });
        self.end = Some(end);
        self.used_bytes += place.bytes;
        Ok(Durable::proven(end))
    }

    /// The latest place from which the WAL can be kept so that everything past `boundary` stays: what a
    /// checkpoint at that boundary names as its start. `None` while no truncation is possible.
    #[must_use]
    pub fn start_keeping(&self, boundary: Boundary) -> Option<WalStart> {
        self.index.start_keeping(boundary.get())
    }

    /// The place from which a WAL that goes on at `position`, past a gap that a snapshot fills, may be kept: the
    /// segment after the last one in use, durable and empty. Nothing else changes; it is used by the next
    /// opening whose checkpoint names it, and by this WAL if none does.
    ///
    /// # Errors
    /// [`Fault::Disk`] poisons the writer.
    pub fn start_past(&mut self, position: Position) -> Result<WalStart, Fault> {
        let (segment, frame_seq) = self.log.next_start()?;
        Ok(WalStart { segment, frame_seq, position })
    }

    /// Removes the segments before the checkpoint's start (DIS-18). Readers see them no more at once; what a
    /// crash leaves of them is passed over by an opening with that checkpoint.
    ///
    /// # Errors
    /// [`Fault::NoSuchStart`] when the checkpoint names no segment start of this WAL, or one past its own
    /// commit; nothing was removed. [`Fault::Disk`] poisons the writer.
    pub fn truncate(&mut self, checkpoint: &Durable<Checkpoint>) -> Result<(), Fault> {
        let removal = self.let_go(checkpoint)?;
        self.log.remove_before(removal.before)
    }

    /// The first half of [`Wal::truncate`]: readers see the segments no more. The second half touches the
    /// disk, and is left to whoever need not answer for writes meanwhile.
    ///
    /// # Errors
    /// As for [`Wal::truncate`], [`Fault::Disk`] apart.
    pub fn let_go(&mut self, checkpoint: &Durable<Checkpoint>) -> Result<Removal, Fault> {
        self.log.check_usable()?;
        let start = &checkpoint.wal_start;
        let covered = start.position.boundary <= checkpoint.position.boundary
            && self.end.is_some_and(|end| checkpoint.position.boundary <= end.boundary);
        if !covered || !self.index.begin_at(start) {
            return Err(Fault::NoSuchStart { segment: start.segment });
        }
        let (disk, dir) = (Arc::clone(&self.disk), self.log.dir().clone());
        Ok(Removal { disk, dir, before: start.segment })
    }

    /// Bytes that the frames past the checkpoint own that the WAL was opened with, and all that were appended
    /// since. It only grows.
    #[must_use]
    pub const fn used_bytes(&self) -> u64 {
        self.used_bytes
    }

    /// The place that the first batch must continue by number and chain, while there is none after a
    /// checkpoint's start: a WAL that begins otherwise could not be opened again.
    #[must_use]
    pub fn must_continue(&self) -> Option<Position> {
        let start = self.index.start()?.position;
        (self.end == Some(start)).then_some(start)
    }

    fn check_continues(&self, batches: &[RawBatch], first: u64) -> Result<(), Fault> {
        // A number that does not follow is told apart by the log.
        let continues = |place: Position| {
            place.boundary.get() + 1 != first
                || batches.first().is_some_and(|batch| batch.claimed_chains().0 == place.chain)
        };
        if self.must_continue().is_none_or(continues) {
            return Ok(());
        }
        Err(Fault::NotNext { expected: first, found: Some(first) })
    }

    /// Where the last batch claims to end; `None` while the WAL is empty.
    #[must_use]
    pub const fn end(&self) -> Option<Position> {
        self.end
    }

    /// The sequence number of the last frame, for the close stamp; 0 before the first. Every frame up to
    /// it is durable.
    #[must_use]
    pub const fn last_frame_seq(&self) -> u64 {
        self.log.last_frame_seq()
    }

    /// The most bytes that the batches of one append may have, with 4 more for each.
    #[must_use]
    pub const fn append_bytes_max(&self) -> usize {
        self.log.payload_bytes_max()
    }

    /// Where the history before the last frame ends; `None` while there is no frame.
    #[must_use]
    pub fn last_frame_start(&self) -> Option<Boundary> {
        self.index.last_frame_start().map(Boundary::new)
    }

    /// A reader of what is durable, now and later.
    #[must_use]
    pub fn reader(&self) -> WalReader {
        let (dir, block) = (self.log.dir().clone(), self.log.block());
        let (disk, pulse) = (Arc::clone(&self.disk), Arc::clone(self.log.pulse()));
        let (index, recent) = (self.index.clone(), self.recent.clone());
        WalReader { disk, dir, block, index, recent, pulse }
    }
}

/// Where the history before a frame ends, by what its header claims.
fn start_of(header: &FrameHeader) -> Position {
    before(header.first, header.previous)
}

fn start_of_records(about: &RecordsHeader) -> Position {
    before(about.first, about.previous)
}

fn before(first: u64, previous: [u8; 32]) -> Position {
    Position { boundary: Boundary::new(first.saturating_sub(1)), chain: Chain(previous) }
}

fn claimed_end(batch: &RawBatch) -> Option<Position> {
    let (_, last) = batch.claimed_range()?;
    Some(Position { boundary: Boundary::from(last), chain: batch.claimed_chains().1 })
}
