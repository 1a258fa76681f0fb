//! Reading the WAL while it is written.

use std::path::PathBuf;
use std::sync::Arc;

use aerodb_core::id::Boundary;
use aerodb_core::position::Position;
use aerodb_core::wal::RawBatch;

use crate::checkpoint::WalStart;
use crate::disk::{Access, Disk};
use crate::fault::{Damage, Fault};
use crate::log::{Block, Found, Pulse, path_of, read_frame};
use crate::wal::SegmentInfo;
use crate::wal::index::{FrameRef, Index};
use crate::wal::recent::Recent;
use crate::wal::scan::batches;

/// A reader of the durable part of a WAL; cheap to clone. What was written last comes from memory; every read of
/// the disk checks the checksums again.
#[derive(Debug, Clone)]
pub struct WalReader {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: PathBuf,
    pub(super) block: Block,
    pub(super) index: Index,
    pub(super) recent: Recent,
    pub(super) pulse: Arc<Pulse>,
}

impl WalReader {
    /// When the log is at work on the device.
    #[must_use]
    pub const fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }

    /// The boundary after the last durable batch; the origin of an empty WAL.
    #[must_use]
    pub fn durable_end(&self) -> Boundary {
        self.index.end().map_or(Boundary::ORIGIN, |end| end.boundary)
    }

    /// Whole batches in order: those that hold commits past `boundary` and end at or before `upto`, about
    /// `bytes_max` bytes of them, at least one if there is one. When `boundary` is no batch end, the
    /// first one starts at or below it; [`WalReader::batch_end_at`] tells.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] when the bytes on the disk are no longer what was written, [`Fault::Removed`] when
    /// they were truncated away, [`Fault::Disk`].
    pub fn read_after(
        &self,
        boundary: Boundary,
        upto: Boundary,
        bytes_max: usize,
    ) -> Result<Vec<RawBatch>, Fault> {
        let mut out = Vec::new();
        let mut bytes = 0;
        for frame in self.index.frames_after(boundary.get(), bytes_max)? {
            for batch in self.frame(&frame)? {
                let last = batch.claimed_range().map_or(0, |(_, last)| last.get());
                if last <= boundary.get() {
                    continue;
                }
                bytes += batch.bytes().len();
                if last > upto.get() || (!out.is_empty() && bytes > bytes_max) {
                    return Ok(out);
                }
                out.push(batch);
            }
        }
        Ok(out)
    }

    /// The place in the history at `boundary`, if a batch ends there.
    ///
    /// # Errors
    /// As [`WalReader::read_after`].
    pub fn batch_end_at(&self, boundary: Boundary) -> Result<Option<Position>, Fault> {
        if let Some(known) = self.index.known(boundary) {
            return Ok(Some(known));
        }
        let Some(frame) = self.index.frame_of(boundary.get())? else {
            return Ok(None);
        };
        let batches = self.frame(&frame)?;
        let ends_there = |batch: &&RawBatch| {
            batch.claimed_range().is_some_and(|(_, last)| Boundary::from(last) == boundary)
        };
        let found = batches.iter().find(ends_there);
        Ok(found.map(|batch| Position { boundary, chain: batch.claimed_chains().1 }))
    }

    /// The latest place from which the WAL can be kept so that everything past `boundary` stays: what a
    /// checkpoint at that boundary names as its start. `None` while no truncation is possible.
    #[must_use]
    pub fn start_keeping(&self, boundary: Boundary) -> Option<WalStart> {
        self.index.start_keeping(boundary.get())
    }

    /// Where the WAL is kept from; `None` while nothing was removed.
    #[must_use]
    pub fn start(&self) -> Option<WalStart> {
        self.index.start()
    }

    /// The segments that hold batches, in order.
    #[must_use]
    pub fn segments(&self) -> Vec<SegmentInfo> {
        self.index.segments()
    }

    fn frame(&self, frame: &FrameRef) -> Result<Vec<RawBatch>, Fault> {
        match self.recent.find(frame.seq) {
            Some(batches) => Ok(batches),
            None => self.read(frame),
        }
    }

    fn read(&self, frame: &FrameRef) -> Result<Vec<RawBatch>, Fault> {
        let FrameRef { seq, last_commit, place } = *frame;
        let path = path_of(&self.dir, place.segment);
        let file = match self.disk.open(&path, Access::Read) {
            // A truncation came between the look into the index and this one.
            Err(error) if error.is_not_found() && !self.index.keeps(frame) => {
                let kept = self.index.segments().first().map_or(0, |first| first.first_commit);
                return Err(Fault::Removed { commit: last_commit, kept });
            }
            opened => opened?,
        };
        // A frame is no longer than its segment, which is at most 1 GiB.
        let mut bytes = vec![0; usize::try_from(place.bytes).unwrap_or_default()];
        file.read_at(place.offset, &mut bytes)?;
        let (at, damage) = match read_frame(&bytes, seq, self.block) {
            Found::Whole(frame, _) => return batches(&self.dir, place, frame),
            Found::Bad(at, damage) => (at, damage),
            Found::NoHeader | Found::Torn(_) | Found::Longer => {
                (0, Damage::FrameHeader { what: "a sector of a durable batch reads as zeros" })
            }
        };
        Err(Fault::corrupt(&path, place.offset + at as u64, damage))
    }
}

#[cfg(test)]
mod tests {
    use aerodb_core::hash::{ClusterId, Hash, PublicKey};
    use aerodb_core::id::{Epoch, Seq};
    use aerodb_core::position::LedgerHead;
    use aerodb_core::wal::{Batch, Commit};

    use super::*;
    use crate::disk::RealDisk;
    use crate::log::{LogOptions, Prepare};
    use crate::wal::{Wal, WalPlace};

    /// Five batches of a commit each, two in a segment.
    fn five(dir: &std::path::Path) -> Wal {
        let options = LogOptions::new(12_288, Prepare::OnDemand).unwrap();
        let place = WalPlace { disk: Arc::new(RealDisk), dir, options, owner: PublicKey([7; 32]) };
        let mut wal = Wal::create(&place).unwrap();
        let mut tip = Position::origin(&ClusterId([9; 32]));
        for _ in 0..5 {
            let stamp = LedgerHead { seq: Seq::FIRST, hash: Hash([3; 32]) };
            let commits = vec![Commit { ops: Vec::new() }];
            let (batch, raw) = Batch::form(&tip, Epoch::FIRST, stamp, commits).unwrap();
            wal.append(&[raw]).unwrap();
            tip = batch.end();
        }
        wal
    }

    /// A truncation between a look into the index and the reading of what was found there.
    #[test]
    fn dis22_a_frame_that_was_removed_while_it_was_looked_for_is_told_apart_from_a_lost_one() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("wal");
        let reader = five(&dir).reader();
        let frames = reader.index.frames_after(0, usize::MAX).unwrap();
        let start = reader.start_keeping(Boundary::new(3)).unwrap();
        assert_eq!((start.segment, start.frame_seq, start.position.boundary.get()), (2, 3, 2));
        assert_eq!(reader.start(), None);
        assert!(reader.index.begin_at(&start));
        assert_eq!(reader.start(), Some(start));
        std::fs::remove_file(path_of(&dir, 1)).unwrap();
        match reader.read(&frames[1]).unwrap_err() {
            Fault::Removed { commit: 2, kept: 3 } => {}
            other => panic!("{other}"),
        }
        assert_eq!(reader.read(&frames[2]).unwrap().len(), 1);
        std::fs::remove_file(path_of(&dir, 2)).unwrap();
        match reader.read(&frames[2]).unwrap_err() {
            Fault::Disk(error) => assert!(error.is_not_found()),
            other => panic!("{other}"),
        }
        std::fs::create_dir(path_of(&dir, 1)).unwrap();
        assert!(matches!(reader.read(&frames[0]), Err(Fault::Disk(_))), "it is there, and no file");
    }

    #[test]
    fn what_changed_under_a_reader_is_corrupt_where_it_changed() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("wal");
        // What was written last comes from memory.
        let reader = WalReader { recent: Recent::default(), ..five(&dir).reader() };
        let good = std::fs::read(path_of(&dir, 1)).unwrap();
        let found = |from: usize, to: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[from..to].fill(byte);
            std::fs::write(path_of(&dir, 1), bytes).unwrap();
            match reader.read_after(Boundary::new(1), Boundary::new(2), usize::MAX).unwrap_err() {
                Fault::Corrupt { offset, what, .. } => (offset, what),
                other => panic!("{other}"),
            }
        };
        // Frame 2 lies at 8192.
        assert_eq!(found(8192 + 512, 8192 + 516, 9).0, 8192 + 512);
        let zeros = Damage::FrameHeader { what: "a sector of a durable batch reads as zeros" };
        assert_eq!(found(8192, 8704, 0), (8192, zeros.clone()));
        assert_eq!(found(8192 + 1024, 8192 + 1536, 0), (8192, zeros));
    }
}
