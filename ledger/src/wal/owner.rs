//! The WAL open for appending.

use std::path::Path;
use std::sync::Arc;

use aerodb_core::hash::PublicKey;
use aerodb_core::id::Boundary;
use aerodb_core::position::Position;
use aerodb_core::wal::RawBatch;

use crate::disk::Disk;
use crate::durable::Durable;
use crate::fault::{Fault, OpenError};
use crate::log::{Location, Log, LogKind, LogOptions, Recovery, Witness};
use crate::wal::WalReader;
use crate::wal::index::Index;
use crate::wal::scan::{batches, header_of};

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
    end: Option<Position>,
    disk: Arc<dyn Disk>,
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
        let log = Log::create(&place.location())?;
        let disk = Arc::clone(&place.disk);
        Ok(Self { log, index: Index::default(), end: None, disk })
    }

    /// Opens the WAL: reads all of it, shows each batch to `visit` in order, and only then changes what
    /// recovery must change ([`Recovery`] says what). When it returns, everything shown is durable.
    ///
    /// Batches are shown as they were stored: received, perhaps never validated.
    ///
    /// # Errors
    /// [`OpenError::Fault`] for damage and disk errors, [`OpenError::Refused`] with what `visit` gave;
    /// in both cases the log's bytes are as they were, a disk error during the repair apart.
    pub fn open<E>(
        place: &WalPlace<'_>,
        witness: Witness,
        quarantine: &Path,
        visit: &mut dyn FnMut(RawBatch) -> Result<(), E>,
    ) -> Result<(Self, Recovery), OpenError<E>> {
        let index = Index::default();
        let mut end = None;
        let (log, recovery) =
            Log::open(&place.location(), witness, quarantine, &mut |at, frame| {
                let first = frame.header.first;
                for batch in batches(place.dir, at, frame)? {
                    end = claimed_end(&batch);
                    visit(batch).map_err(OpenError::Refused)?;
                }
                if let Some(end) = end {
                    index.push(at, first, end);
                }
                Ok(())
            })?;
        Ok((Self { log, index, end, disk: Arc::clone(&place.disk) }, recovery))
    }

    /// Appends the batches as one frame, with one write and one fsync. They must follow each other and the
    /// end of the WAL by the numbers that they claim; an empty WAL takes any start.
    ///
    /// # Errors
    /// [`Fault::NotNext`] and [`Fault::TooLarge`] leave the writer as it was. [`Fault::Disk`] poisons it:
    /// whether the batches are on the disk is known only after a restart has read it, and every later
    /// append gives [`Fault::Poisoned`] (WAL-13).
    pub fn append(&mut self, batches: &[RawBatch]) -> Result<Durable<Position>, Fault> {
        self.log.check_usable()?;
        let about = header_of(batches)?;
        let end = batches.last().and_then(claimed_end);
        let end = end.ok_or(Fault::NotNext { expected: about.first, found: None })?;
        let place = self.log.append(&about, batches.iter().map(|batch| &batch.bytes()[..]))?;
        self.index.push(place, about.first, end);
        self.end = Some(end);
        Ok(Durable::proven(end))
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

    /// A reader of what is durable, now and later.
    #[must_use]
    pub fn reader(&self) -> WalReader {
        WalReader::new(Arc::clone(&self.disk), self.log.dir().clone(), self.index.clone())
    }
}

fn claimed_end(batch: &RawBatch) -> Option<Position> {
    let (_, last) = batch.claimed_range()?;
    Some(Position { boundary: Boundary::from(last), chain: batch.claimed_chains().1 })
}
