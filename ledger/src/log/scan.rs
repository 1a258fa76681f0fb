//! Reading a log: every byte of it is looked at and given one meaning, and nothing is changed.
//!
//! Only the last frame T can be unsynced, so a place that does not hold the next frame is one of:
//!
//! | what is there | what follows | meaning |
//! | --- | --- | --- |
//! | zeros to the end of the segment | a segment that starts with T | the log goes on there |
//! | zeros to the end of the segment | no further frame | the end of the log |
//! | no header, or a header and a zero sector in its extent; all else tagged T | nothing but zeros | torn: an unproven tail, unless a witness names T |
//! | anything else | anything | corrupt |
//!
//! Keeps: P3-D2, P3-D3, P3-M5, P3-W3, P3-W4, P3-D5, WAL-9, M-W17, M-C19.

mod scanned;

use std::path::Path;

use aerodb_core::hash::PublicKey;

use crate::disk::{Access, Disk, TEMPORARY};
use crate::fault::{Damage, Fault, OpenError};
use crate::log::segment::{HEADER_BYTES, SegmentHeader, number_of, path_of};
use crate::log::window::Window;
use crate::log::{
    Block, Found, Frame, FrameKind, FramePlace, LogKind, LogStart, SECTOR_BYTES, Witness, field,
    is_zero, read_frame, tag_of,
};

pub(crate) use scanned::{LastFrame, ScannedLog, ScannedSegment, Tail};

/// A frame that does not fit into its segment.
const PAST_SEGMENT: Damage = Damage::FrameHeader { what: "payload bytes" };

/// What to read, and what is known about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scan<'a> {
    pub(crate) disk: &'a dyn Disk,
    pub(crate) dir: &'a Path,
    pub(crate) kind: LogKind,
    /// Unknown to an offline reader without the identity.
    pub(crate) owner: Option<&'a PublicKey>,
    pub(crate) start: LogStart,
    pub(crate) witness: Witness,
}

/// Looks at each whole frame, in order.
pub(crate) type Visit<'v, E> = &'v mut dyn FnMut(FramePlace, Frame) -> Result<(), OpenError<E>>;

impl Scan<'_> {
    /// Reads the whole log. The records of a torn tail are not visited.
    pub(crate) fn run<E>(&self, visit: Visit<'_, E>) -> Result<ScannedLog, OpenError<E>> {
        let (leftover, numbers) = self.segment_numbers()?;
        let mut log = ScannedLog {
            start: self.start,
            block: Block::MIN,
            segments: Vec::new(),
            leftover,
            frames: 0,
            bytes: 0,
            first_record: None,
            last_record: self.start.last_record(),
            last_frame: None,
            tail: None,
        };
        let count = numbers.len();
        // One buffer for all of them: a fresh one is zeroed, and its pages are mapped, for each segment.
        let mut buffer = Vec::new();
        for (at, number) in numbers.into_iter().enumerate() {
            // Of the last two segments the cache may hold what no fsync ever wrote.
            let uncached = at + 2 >= count;
            self.segment(&mut log, number, uncached, &mut buffer, visit)?;
        }
        self.check_prepared(&log)?;
        self.check_witness(&log)?;
        self.keep_last_frame(&mut log)?;
        Ok(log)
    }

    fn corrupt(&self, segment: u64, offset: u64, what: Damage) -> Fault {
        Fault::corrupt(&path_of(self.dir, segment), offset, what)
    }

    /// The segments before the log's start, and those from there on without hole (DIS-18). What was never
    /// completed is passed over.
    fn segment_numbers(&self) -> Result<(Vec<u64>, Vec<u64>), Fault> {
        let mut numbers = Vec::new();
        let names = match self.disk.list(self.dir) {
            Err(error) if error.is_not_found() => Vec::new(),
            listed => listed?,
        };
        for name in names {
            match number_of(&name) {
                Some(number) => numbers.push(number),
                None if name.strip_suffix(TEMPORARY).and_then(number_of).is_some() => {}
                None => return Err(Fault::corrupt(&self.dir.join(name), 0, Damage::ForeignFile)),
            }
        }
        if numbers.is_empty() {
            return Err(Fault::corrupt(self.dir, 0, Damage::NoSegment));
        }
        let kept =
            numbers.split_off(numbers.partition_point(|number| *number < self.start.segment));
        if kept.is_empty() {
            let missing = self.start.segment;
            return Err(self.corrupt(missing, 0, Damage::MissingSegment { missing }));
        }
        for (missing, number) in (self.start.segment..).zip(&kept) {
            if *number != missing {
                return Err(self.corrupt(missing, 0, Damage::MissingSegment { missing }));
            }
        }
        Ok((numbers, kept))
    }

    /// Opens a segment and checks its header; gives its bytes and its block.
    fn open<'b>(
        &self,
        number: u64,
        uncached: bool,
        buffer: &'b mut Vec<u8>,
    ) -> Result<(Window<'b>, SegmentHeader), Fault> {
        let file = self.disk.open(&path_of(self.dir, number), Access::Read)?;
        let found = file.length()?;
        if found < HEADER_BYTES as u64 {
            let expected = HEADER_BYTES as u64;
            return Err(self.corrupt(number, found, Damage::Length { expected, found }));
        }
        let window = Window::open(file, found, uncached, buffer)?;
        let block = field(window.from(0), 0);
        let header = SegmentHeader::decode(&block, self.kind, number, self.owner)
            .map_err(|what| self.corrupt(number, 0, what))?;
        if header.bytes != found {
            let (expected, offset) = (header.bytes, found.min(header.bytes));
            return Err(self.corrupt(number, offset, Damage::Length { expected, found }));
        }
        if !is_zero(&window.from(HEADER_BYTES as u64)[..header.block.bytes() - HEADER_BYTES]) {
            let what = Damage::SegmentHeader { what: "reserved bytes" };
            return Err(self.corrupt(number, HEADER_BYTES as u64, what));
        }
        Ok((window, header))
    }

    fn segment<E>(
        &self,
        log: &mut ScannedLog,
        number: u64,
        uncached: bool,
        buffer: &mut Vec<u8>,
        visit: Visit<'_, E>,
    ) -> Result<(), OpenError<E>> {
        let (mut window, SegmentHeader { bytes, block, .. }) =
            self.open(number, uncached, buffer)?;
        match log.segments.first() {
            None => log.block = block,
            Some(first) if first.bytes != bytes => {
                let what = Damage::ForeignSegment { what: "segment size" };
                return Err(self.corrupt(number, 24, what).into());
            }
            Some(_) if log.block != block => {
                let what = Damage::ForeignSegment { what: "block size" };
                return Err(self.corrupt(number, 64, what).into());
            }
            Some(_) => {}
        }
        let (mut offset, mut frames) = (block.bytes() as u64, 0);
        while offset < bytes {
            let found = find(&mut window, offset, log.last_seq() + 1, block)?;
            let rest = window.from(offset);
            if frames == 0 && !matches!(found, Found::NoHeader if is_zero(rest)) {
                self.check_may_be_written(log, number)?;
            }
            match found {
                Found::Whole(frame, length) => {
                    let place = FramePlace { segment: number, offset, bytes: length as u64 };
                    self.follow(log, &frame, place)?;
                    visit(place, frame)?;
                    offset += place.bytes;
                    frames += 1;
                }
                Found::NoHeader if is_zero(rest) => break,
                Found::NoHeader => {
                    log.tail = Some(self.torn(log, number, offset, rest, None)?);
                    break;
                }
                Found::Torn(extent) => {
                    log.tail = Some(self.torn(log, number, offset, rest, Some(extent))?);
                    break;
                }
                Found::Longer => return Err(self.corrupt(number, offset, PAST_SEGMENT).into()),
                Found::Bad(at, what) => {
                    return Err(self.corrupt(number, offset + at as u64, what).into());
                }
            }
        }
        log.segments.push(ScannedSegment { number, bytes, end: offset, frames });
        Ok(())
    }

    /// Reads the last whole frame once more, as it may have to be written again as it is.
    fn keep_last_frame(&self, log: &mut ScannedLog) -> Result<(), Fault> {
        let Some(last) = &mut log.last_frame else { return Ok(()) };
        let FramePlace { segment, offset, bytes } = last.place;
        let file = self.disk.open(&path_of(self.dir, segment), Access::Read)?;
        // It was read before: a frame is no longer than its segment.
        last.bytes.resize(usize::try_from(bytes).unwrap_or_default(), 0);
        file.read_uncached_at(offset, &mut last.bytes)?;
        match read_frame(&last.bytes, last.seq, log.block) {
            Found::Whole(..) => Ok(()),
            Found::NoHeader | Found::Torn(_) | Found::Longer | Found::Bad(..) => {
                Err(self.corrupt(segment, offset, Damage::Unstable))
            }
        }
    }

    /// A segment is used only after every frame before it is durable, and only in order.
    fn check_may_be_written(&self, log: &ScannedLog, number: u64) -> Result<(), Fault> {
        if let Some(tail) = &log.tail {
            let what = Damage::LaterSegment { number };
            return Err(self.corrupt(tail.segment, tail.offset, what));
        }
        match log.segments.last() {
            Some(before) if before.frames == 0 => {
                let what = Damage::EmptySegment { number: before.number };
                Err(self.corrupt(before.number, log.block.bytes() as u64, what))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Takes a whole frame as the next one of the log.
    fn follow(&self, log: &mut ScannedLog, frame: &Frame, place: FramePlace) -> Result<(), Fault> {
        let header = &frame.header;
        let corrupt = |what| self.corrupt(place.segment, place.offset, what);
        let needs_trailer = log.trailer_missing(self.kind);
        match header.kind {
            FrameKind::Trailer if !needs_trailer => {
                return Err(corrupt(Damage::TrailerOrder { seq: header.seq }));
            }
            FrameKind::Records if needs_trailer => {
                return Err(corrupt(Damage::TrailerOrder { seq: header.seq }));
            }
            FrameKind::Trailer => {}
            FrameKind::Records => {
                let expected = log.last_record.map_or(1, |last| last.saturating_add(1));
                if header.first != expected || header.last < header.first {
                    return Err(corrupt(Damage::RecordNumber { expected, found: header.first }));
                }
                log.first_record.get_or_insert(header.first);
                log.last_record = Some(header.last);
            }
        }
        log.frames += 1;
        log.bytes += place.bytes;
        let (seq, kind) = (header.seq, header.kind);
        log.last_frame = Some(LastFrame { place, seq, kind, bytes: Vec::new() });
        Ok(())
    }

    /// Takes what lies at `offset` as a torn frame T, if it can be one: everything in its extent is
    /// tagged T or zero, everything past it is zero, and two more readings, past the cache, say the
    /// same. Without a header the extent reaches to the last sector that is not zero.
    fn torn(
        &self,
        log: &ScannedLog,
        segment: u64,
        offset: u64,
        rest: &[u8],
        extent: Option<usize>,
    ) -> Result<Tail, Fault> {
        let seq = log.last_seq() + 1;
        let written = |sector: &&[u8]| !is_zero(sector);
        let used = rest
            .chunks_exact(SECTOR_BYTES)
            .rposition(|sector| written(&sector))
            .map_or(0, |last| (last + 1) * SECTOR_BYTES);
        if extent.is_some_and(|extent| used > extent) {
            let at = offset + (used - SECTOR_BYTES) as u64;
            return Err(self.corrupt(segment, at, Damage::BytesPastEnd));
        }
        for (at, sector) in rest[..used].chunks_exact(SECTOR_BYTES).enumerate() {
            let found = u32::from_le_bytes(field(sector, 0));
            if found != tag_of(seq) && !is_zero(sector) {
                let at = offset + (at * SECTOR_BYTES) as u64;
                return Err(self.corrupt(segment, at, Damage::Tag { seq, found }));
            }
        }
        self.check_stable(segment, offset, rest)?;
        let length = extent.unwrap_or(used.next_multiple_of(log.block.bytes()));
        Ok(Tail { segment, offset, bytes: rest[..length].to_vec() })
    }

    fn check_stable(&self, segment: u64, offset: u64, rest: &[u8]) -> Result<(), Fault> {
        let file = self.disk.open(&path_of(self.dir, segment), Access::Read)?;
        let mut again = vec![0; rest.len()];
        for _ in 0..2 {
            file.read_uncached_at(offset, &mut again)?;
            if again != rest {
                return Err(self.corrupt(segment, offset, Damage::Unstable));
            }
        }
        Ok(())
    }

    /// At most one segment stands ready past the active one.
    fn check_prepared(&self, log: &ScannedLog) -> Result<(), Fault> {
        let (active, _) = log.end();
        match log.segments.iter().find(|segment| segment.number > active + 1) {
            Some(segment) => {
                let what = Damage::EmptySegment { number: segment.number };
                Err(self.corrupt(segment.number, log.block.bytes() as u64, what))
            }
            None => Ok(()),
        }
    }

    /// The log reaches every place that is known to have been durable.
    fn check_witness(&self, log: &ScannedLog) -> Result<(), Fault> {
        let (last_frame, last_record) = (log.last_seq(), log.last_record.unwrap_or(0));
        let frame = self.witness.frame_seq.filter(|seq| *seq > last_frame);
        let record = self.witness.record.filter(|record| *record > last_record);
        let witness = match (frame, record) {
            (Some(seq), _) => format!("batch {seq} was durable"),
            (None, Some(record)) => format!("record {record} was durable"),
            (None, None) => return Ok(()),
        };
        let (segment, offset) = match &log.tail {
            Some(tail) => (tail.segment, tail.offset),
            None => log.end(),
        };
        Err(self.corrupt(segment, offset, Damage::Lost { last_frame, last_record, witness }))
    }
}

/// What stands at `offset`. The end of the log and a torn frame are found only with all that follows in view;
/// what is bad at first sight stays so, whatever another reading would give.
fn find(window: &mut Window<'_>, offset: u64, seq: u64, block: Block) -> Result<Found, Fault> {
    loop {
        let held = window.from(offset);
        if held.is_empty() && window.more(offset)? {
            continue;
        }
        match read_frame(window.from(offset), seq, block) {
            seen @ (Found::Whole(..) | Found::Bad(..)) => return Ok(seen),
            open @ (Found::NoHeader | Found::Torn(_) | Found::Longer) => {
                if !window.more(offset)? {
                    return Ok(open);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
