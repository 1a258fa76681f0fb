//! A log that is open for appending.
//!
//! Keeps: WAL-6, P3-G2, P3-PL1, P3-PL2, P3-PL3, P3-PL4, P3-PL5, P3-PL10, P3-PL11, P3-PL12, P3-PL14, P3-FS8,
//! P3-FS9, P3-D1, P3-D10, P3-M4, M-W05, M-W06, M-W08, P3-T3, P3-FS5.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aerodb_core::hash::PublicKey;
use aerodb_core::position::LedgerHead;

use crate::crash::{self, Point};
use crate::disk::{self, Disk, DiskError, DiskFile};
use crate::fault::{Fault, OpenError};
use crate::log::places::Places;
use crate::log::prepare::{Next, SegmentMaker};
use crate::log::scan::Visit;
use crate::log::segment::{number_of, path_of};
use crate::log::{
    Block, FrameBuffer, FrameHeader, FrameKind, LogKind, LogOptions, LogStart, Pace, Prepare,
    Pulse, Recovery, Scan, ScannedLog, Witness, payload_room, repair,
};

/// Where a frame lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FramePlace {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
}

/// What a batch of records says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordsHeader {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) epoch: u64,
    pub(crate) stamp: Option<LedgerHead>,
    /// The hash of the record before.
    pub(crate) previous: [u8; 32],
}

/// Where a log lives, and what is needed to open it.
#[derive(Debug, Clone)]
pub(crate) struct Location<'a> {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) dir: &'a Path,
    pub(crate) kind: LogKind,
    pub(crate) options: LogOptions,
    pub(crate) owner: PublicKey,
}

#[derive(Debug)]
struct Active {
    number: u64,
    file: Arc<dyn DiskFile>,
    end: u64,
}

/// The writer of one log. Invariant: all frames before `next_seq` are durable; the one being written
/// is the only one that is not. The first failure poisons it for good (WAL-13).
#[derive(Debug)]
pub(crate) struct Log {
    maker: SegmentMaker,
    prepare: Prepare,
    active: Active,
    next: Next,
    next_seq: u64,
    last_record: Option<u64>,
    /// The last frame is durable and its trailer is not written yet.
    owes_trailer: bool,
    buffer: FrameBuffer,
    pulse: Arc<Pulse>,
    poison: Option<DiskError>,
}

impl Log {
    /// Makes a log with one empty segment: first the directory, its name fsynced, then the segment. A
    /// crash in between leaves a directory without segment, which no opening takes for a log (CORE-R3)
    /// and in which the log may be created again.
    pub(crate) fn create(location: &Location<'_>, start: LogStart) -> Result<Self, Fault> {
        let disk = &*location.disk;
        disk::create_dir(disk, location.dir)?;
        if disk.list(location.dir)?.iter().any(|name| number_of(name).is_some()) {
            return Err(Fault::Exists { dir: location.dir.to_owned() });
        }
        let block = location.options.block();
        let maker = location.maker(location.options.segment_bytes(), block);
        maker.make(start.segment, Pace::ALONE)?;
        let mut log = Self {
            active: Active {
                number: start.segment,
                file: maker.open(start.segment)?,
                end: block.bytes() as u64,
            },
            maker,
            prepare: location.options.prepare(),
            next: Next::Absent,
            next_seq: start.frame_seq,
            last_record: start.last_record(),
            owes_trailer: false,
            buffer: FrameBuffer::default(),
            pulse: Arc::default(),
            poison: None,
        };
        log.prepare_next();
        Ok(log)
    }

    /// Reads the log, shows each frame to `visit`, and makes it ready for appending. Whatever fails
    /// before the whole log is read and found sound, nothing was changed on the disk.
    pub(crate) fn open<E>(
        location: &Location<'_>,
        start: LogStart,
        witness: Witness,
        quarantine: &Path,
        visit: Visit<'_, E>,
    ) -> Result<(Self, Recovery), OpenError<E>> {
        let (disk, dir, kind) = (&*location.disk, location.dir, location.kind);
        let scan = Scan { disk, dir, kind, owner: Some(&location.owner), start, witness };
        let scanned = scan.run(visit)?;
        let recovery =
            repair(disk, dir, kind, &scanned, witness, quarantine).map_err(Fault::Disk)?;
        let mut log = Self::resume(location, &scanned).map_err(Fault::Disk)?;
        if recovery.trailer_missing {
            log.write(&FrameHeader::trailer(log.next_seq), std::iter::empty())?;
        }
        Ok((log, recovery))
    }

    /// Goes on after the last frame. A segment in which there is none is made anew before anything is
    /// appended: neither its name nor the zeros in it are known to be on the device, and an fsync proves
    /// neither after one that failed.
    ///
    /// 1. the segment is renamed into place, and the process dies before the directory is fsynced
    /// 2. the next process finds it, rolls into it, and a batch in it is acknowledged
    /// 3. the power fails, the name is gone, and the batch with it
    ///
    /// And with a torn batch at its start:
    ///
    /// 1. the next process overwrites the batch with zeros, and dies before these are fsynced
    /// 2. the one after that finds zeros, and appends a batch with the same sequence number
    /// 3. the power fails, and sectors of both are found in one place
    fn resume(location: &Location<'_>, scanned: &ScannedLog) -> Result<Self, DiskError> {
        let (number, end) = scanned.end();
        // All segments have one size; a log keeps the one that it was made with.
        let bytes = scanned.segments.first().map_or(0, |segment| segment.bytes);
        let maker = location.maker(bytes, scanned.block);
        for unused in scanned.segments.iter().filter(|segment| segment.frames == 0) {
            maker.make(unused.number, Pace::ALONE)?;
        }
        let ready = scanned.segments.last().is_some_and(|last| last.number > number);
        let mut log = Self {
            active: Active { number, file: maker.open(number)?, end },
            maker,
            prepare: location.options.prepare(),
            next: if ready { Next::Ready } else { Next::Absent },
            next_seq: scanned.last_seq() + 1,
            last_record: scanned.last_record,
            owes_trailer: false,
            buffer: FrameBuffer::default(),
            pulse: Arc::default(),
            poison: None,
        };
        log.prepare_next();
        Ok(log)
    }

    fn prepare_next(&mut self) {
        self.next.begin(&self.maker, self.active.number + 1, self.prepare, &self.pulse);
    }

    /// When it is at work on the device.
    pub(crate) const fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }

    /// The directory.
    pub(crate) fn dir(&self) -> &PathBuf {
        &self.maker.dir
    }

    /// What frames start at multiples of.
    pub(crate) const fn block(&self) -> Block {
        self.maker.block
    }

    /// The sequence number of the last frame; 0 before the first. Every frame up to it is durable.
    pub(crate) const fn last_frame_seq(&self) -> u64 {
        self.next_seq - 1
    }

    /// The number of the last record.
    pub(crate) const fn last_record(&self) -> Option<u64> {
        self.last_record
    }

    /// The most that one frame can carry: records with four bytes of length each.
    #[allow(clippy::cast_possible_truncation)] // segments have at most 1 GiB
    pub(crate) const fn payload_bytes_max(&self) -> usize {
        payload_room(self.maker.bytes as usize - self.maker.block.bytes())
    }

    /// Whether an append may be tried.
    pub(crate) fn check_usable(&self) -> Result<(), Fault> {
        match &self.poison {
            Some(cause) => Err(Fault::Poisoned { cause: cause.clone() }),
            None => Ok(()),
        }
    }

    /// Appends the records as one frame. When it returns, frame and (in a ledger) trailer are durable.
    pub(crate) fn append<'r>(
        &mut self,
        about: &RecordsHeader,
        records: impl Iterator<Item = &'r [u8]> + Clone,
    ) -> Result<FramePlace, Fault> {
        let place = self.append_frame(about, records)?;
        self.settle()?;
        Ok(place)
    }

    /// The same without the trailer: when it returns, the frame is durable, and in a ledger the trailer is owed.
    /// Until [`Log::settle`] has written it, nothing of the frame may be answered or served.
    pub(crate) fn append_frame<'r>(
        &mut self,
        about: &RecordsHeader,
        records: impl Iterator<Item = &'r [u8]> + Clone,
    ) -> Result<FramePlace, Fault> {
        self.settle()?;
        let expected = self.last_record.map_or(1, |last| last.saturating_add(1));
        if about.first != expected || about.last < about.first {
            return Err(Fault::NotNext { expected, found: Some(about.first) });
        }
        let header = self.header(about, records.clone())?;
        let place = self.write(&header, records)?;
        self.owes_trailer = self.maker.kind.has_trailers();
        self.last_record = Some(about.last);
        Ok(place)
    }

    /// Writes the trailer that is owed, if one is, and makes it durable.
    pub(crate) fn settle(&mut self) -> Result<(), Fault> {
        self.check_usable()?;
        if self.owes_trailer {
            self.write(&FrameHeader::trailer(self.next_seq), std::iter::empty())?;
            self.owes_trailer = false;
        }
        Ok(())
    }

    fn header<'r>(
        &self,
        about: &RecordsHeader,
        records: impl Iterator<Item = &'r [u8]>,
    ) -> Result<FrameHeader, Fault> {
        let (mut count, mut bytes) = (0_u32, 0_usize);
        for record in records {
            count = count.saturating_add(1);
            bytes = bytes.saturating_add(record.len()).saturating_add(4);
        }
        let max = self.payload_bytes_max();
        let too_large = || Fault::TooLarge { bytes: bytes as u64, max: max as u64 };
        if bytes > max {
            return Err(too_large());
        }
        Ok(FrameHeader {
            kind: FrameKind::Records,
            seq: self.next_seq,
            first: about.first,
            last: about.last,
            epoch: about.epoch,
            records: count,
            payload_bytes: u32::try_from(bytes).map_err(|_| too_large())?,
            stamp: about.stamp,
            previous: about.previous,
        })
    }

    /// Writes and syncs one frame; a failure poisons the writer.
    fn write<'r>(
        &mut self,
        header: &FrameHeader,
        records: impl Iterator<Item = &'r [u8]>,
    ) -> Result<FramePlace, Fault> {
        let written = self.try_write(header, records);
        written.map_err(|error| {
            self.poison = Some(error.clone());
            Fault::Disk(error)
        })
    }

    fn try_write<'r>(
        &mut self,
        header: &FrameHeader,
        records: impl Iterator<Item = &'r [u8]>,
    ) -> Result<FramePlace, DiskError> {
        let block = self.maker.block;
        let bytes = header.frame_bytes(block) as u64;
        if bytes > self.maker.bytes - self.active.end {
            self.roll()?;
        }
        let frame = self.buffer.form(header, block, records);
        let (at, places) = (self.active.end, Places::of(self.maker.kind, header.kind));
        crash::reached(places.before_write);
        if let Err(error) = crash::write_at(places.mid_write, &*self.active.file, at, frame) {
            self.wipe(bytes);
            return Err(error);
        }
        crash::reached(places.after_write);
        let bytes_synced = frame.len();
        self.pulse.beat(bytes_synced, || crash::sync_data(places.mid_fsync, &self.active.file))?;
        crash::reached(places.after_fsync);
        let place = FramePlace { segment: self.active.number, offset: self.active.end, bytes };
        self.active.end += bytes;
        self.next_seq += 1;
        self.prepare_next();
        Ok(place)
    }

    /// Takes back what a write that failed may have left: cut within a sector it would be damage to the next
    /// opening, which cannot tell it from a bad disk. The failure is told whatever comes of this; where it
    /// fails too, that opening refuses.
    fn wipe(&self, bytes: u64) {
        let zeros = vec![0; usize::try_from(bytes).unwrap_or_default()];
        let wiped = self.active.file.write_at(self.active.end, &zeros);
        drop(wiped.and_then(|()| self.active.file.sync_data()));
    }

    /// Removes every segment before `first`, oldest first, and makes that durable; the active one stays. A
    /// failure poisons the writer: the disk cannot be relied on.
    pub(crate) fn remove_before(&mut self, first: u64) -> Result<(), Fault> {
        self.check_usable()?;
        let before = first.min(self.active.number);
        let removed = remove_segments(&*self.maker.disk, &self.maker.dir, before).map(drop);
        removed.map_err(|error| {
            self.poison = Some(error.clone());
            Fault::Disk(error)
        })
    }

    /// Sees to it that the segment after the active one stands ready, durable and empty: its number, and the
    /// sequence number that its first frame may have in a log that begins with it.
    pub(crate) fn next_start(&mut self) -> Result<(u64, u64), Fault> {
        self.check_usable()?;
        let number = self.active.number + 1;
        let taken = self.next.take(&self.maker, number);
        taken.map_err(|error| {
            self.poison = Some(error.clone());
            Fault::Disk(error)
        })?;
        self.next = Next::Ready;
        // Of the first segment of a log without frames no frame was ever made.
        Ok((number, self.next_seq.max(number)))
    }

    /// Goes on in the next segment. The rest of this one stays zero.
    fn roll(&mut self) -> Result<(), DiskError> {
        let number = self.active.number + 1;
        let file = self.next.take(&self.maker, number)?;
        self.active = Active { number, file, end: self.maker.block.bytes() as u64 };
        Ok(())
    }
}

/// Removes every segment before `first`, oldest first, and makes that durable; how many there were.
pub(crate) fn remove_segments(disk: &dyn Disk, dir: &Path, first: u64) -> Result<usize, DiskError> {
    let names = disk.list(dir)?;
    let numbers = names.iter().filter_map(|name| number_of(name));
    let gone: Vec<_> = numbers.filter(|number| *number < first).collect();
    for number in &gone {
        disk.remove(&path_of(dir, *number))?;
        crash::reached(Point::TruncEachUnlink);
    }
    crash::reached(Point::TruncBeforeDirFsync);
    disk.sync_dir(dir)?;
    Ok(gone.len())
}

impl Location<'_> {
    fn maker(&self, bytes: u64, block: Block) -> SegmentMaker {
        SegmentMaker {
            disk: Arc::clone(&self.disk),
            dir: self.dir.to_owned(),
            kind: self.kind,
            bytes,
            block,
            owner: self.owner,
        }
    }
}
