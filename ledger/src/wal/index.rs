//! Where in the log each commit lies; kept by the writer, shared with the readers.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use aerodb_core::id::Boundary;
use aerodb_core::position::Position;
use serde::Serialize;

use crate::checkpoint::WalStart;
use crate::fault::Fault;
use crate::log::FramePlace;

/// One durable frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrameRef {
    pub(crate) seq: u64,
    pub(crate) last_commit: u64,
    pub(crate) place: FramePlace,
}

/// One segment of the WAL that holds batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SegmentInfo {
    /// Its number, which is also its file name.
    pub number: u64,
    /// Frames in it, each one append and one fsync.
    pub frames: u64,
    /// Its first commit.
    pub first_commit: u64,
    /// Its last commit.
    pub last_commit: u64,
    /// Bytes that its frames own, the header block left out.
    pub used_bytes: u64,
}

/// A frame that has just become durable.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewFrame {
    pub(crate) seq: u64,
    pub(crate) place: FramePlace,
    /// Where the history before it ends.
    pub(crate) start: Position,
    /// Where it ends.
    pub(crate) end: Position,
}

#[derive(Debug)]
struct Segment {
    info: SegmentInfo,
    start: WalStart,
}

#[derive(Debug, Default)]
struct Places {
    /// Everything before this was removed.
    start: Option<WalStart>,
    frames: Vec<FrameRef>,
    segments: Vec<Segment>,
    /// Where the last frame ends; what a receipt names while all is well, so that it is not read back.
    end: Option<Position>,
}

/// The index: what it holds is durable, and what it does not hold is not there for a reader. The writer
/// holds the lock for one push, a reader for one search.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index(Arc<RwLock<Places>>);

impl Index {
    /// Of a WAL that begins here, without a frame yet.
    pub(crate) fn starting_at(start: Option<WalStart>) -> Self {
        let end = start.map(|start| start.position);
        Self(Arc::new(RwLock::new(Places { start, end, ..Places::default() })))
    }

    // No writer can stop half-way through a change in a way that a reader could see.
    fn read(&self) -> RwLockReadGuard<'_, Places> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Places> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a frame that is durable.
    pub(crate) fn push(&self, frame: NewFrame) {
        let NewFrame { seq, place, start, end } = frame;
        let last_commit = end.boundary.get();
        let mut places = self.write();
        places.frames.push(FrameRef { seq, last_commit, place });
        places.end = Some(end);
        match places.segments.last_mut() {
            Some(Segment { info, .. }) if info.number == place.segment => {
                info.frames += 1;
                info.last_commit = last_commit;
                info.used_bytes += place.bytes;
            }
            Some(_) | None => places.segments.push(Segment {
                info: SegmentInfo {
                    number: place.segment,
                    frames: 1,
                    first_commit: start.boundary.get() + 1,
                    last_commit,
                    used_bytes: place.bytes,
                },
                start: WalStart { segment: place.segment, frame_seq: seq, position: start },
            }),
        }
    }

    /// The frames from the one that holds commit `boundary + 1`, as many as own about `bytes_max` bytes, at
    /// least one if there is one.
    ///
    /// # Errors
    /// [`Fault::Removed`] when that commit was truncated away.
    pub(crate) fn frames_after(
        &self,
        boundary: u64,
        bytes_max: usize,
    ) -> Result<Vec<FrameRef>, Fault> {
        let places = self.read();
        places.check_kept(boundary)?;
        let from = places.frames.partition_point(|frame| frame.last_commit <= boundary);
        let mut bytes = 0;
        let mut frames = Vec::new();
        for frame in &places.frames[from..] {
            frames.push(*frame);
            bytes += frame.place.bytes;
            if bytes >= bytes_max as u64 {
                break;
            }
        }
        Ok(frames)
    }

    /// The frame that holds this commit.
    ///
    /// # Errors
    /// As [`Index::frames_after`].
    pub(crate) fn frame_of(&self, commit: u64) -> Result<Option<FrameRef>, Fault> {
        let Some(before) = commit.checked_sub(1) else { return Ok(None) };
        Ok(self.frames_after(before, 0)?.first().copied())
    }

    /// A place that needs no frame to be read: the start of the WAL, or its end.
    pub(crate) fn known(&self, boundary: Boundary) -> Option<Position> {
        let places = self.read();
        let known = [places.end, places.start.map(|start| start.position)];
        known.into_iter().flatten().find(|position| position.boundary == boundary)
    }

    /// Whether the frame is still to be read.
    pub(crate) fn keeps(&self, frame: &FrameRef) -> bool {
        self.read().frames.first().is_some_and(|first| first.seq <= frame.seq)
    }

    /// Where the durable history ends; `None` while it is empty.
    pub(crate) fn end(&self) -> Option<Position> {
        self.read().end
    }

    /// The last commit before the last frame.
    pub(crate) fn last_frame_start(&self) -> Option<u64> {
        let places = self.read();
        let start = places.start.map_or(0, |start| start.position.boundary.get());
        match places.frames.as_slice() {
            [] => None,
            [_] => Some(start),
            [.., before, _] => Some(before.last_commit),
        }
    }

    pub(crate) fn segments(&self) -> Vec<SegmentInfo> {
        self.read().segments.iter().map(|segment| segment.info).collect()
    }

    /// Where the WAL is kept from; `None` while nothing was removed.
    pub(crate) fn start(&self) -> Option<WalStart> {
        self.read().start
    }

    /// The last segment start at or before this boundary.
    pub(crate) fn start_keeping(&self, boundary: u64) -> Option<WalStart> {
        let places = self.read();
        let starts = places.segments.iter().map(|segment| segment.start);
        let before = |start: &WalStart| start.position.boundary.get() <= boundary;
        starts.take_while(before).last().or(places.start.filter(before))
    }

    /// Forgets what lies before this start: readers see it no more. False, and nothing is forgotten, unless
    /// the start is that of a segment.
    pub(crate) fn begin_at(&self, start: &WalStart) -> bool {
        let mut places = self.write();
        if places.start.as_ref() == Some(start) {
            return true;
        }
        if !places.segments.iter().any(|segment| segment.start == *start) {
            return false;
        }
        // The writer waits for this lock: what goes is at the front, and is cut off at once.
        let frames = places.frames.partition_point(|frame| frame.place.segment < start.segment);
        places.frames.drain(..frames);
        places.segments.retain(|segment| segment.info.number >= start.segment);
        places.start = Some(*start);
        true
    }
}

impl Places {
    fn check_kept(&self, boundary: u64) -> Result<(), Fault> {
        let kept_from = self.start.map_or(0, |start| start.position.boundary.get());
        if boundary >= kept_from {
            return Ok(());
        }
        Err(Fault::Removed { commit: boundary + 1, kept: kept_from + 1 })
    }
}

#[cfg(test)]
mod tests {
    use aerodb_core::hash::Chain;

    use super::*;

    fn at(commit: u64) -> Position {
        Position { boundary: Boundary::new(commit), chain: Chain([commit as u8; 32]) }
    }

    /// Frames of one commit and one block each, two in a segment.
    fn index(frames: u64) -> Index {
        let index = Index::default();
        for seq in 1..=frames {
            let place = FramePlace {
                segment: seq.div_ceil(2),
                offset: 4096 * (1 + (seq - 1) % 2),
                bytes: 4096,
            };
            index.push(NewFrame { seq, place, start: at(seq - 1), end: at(seq) });
        }
        index
    }

    fn seqs(index: &Index, boundary: u64, bytes_max: usize) -> Vec<u64> {
        let frames = index.frames_after(boundary, bytes_max).unwrap();
        frames.iter().map(|frame| frame.seq).collect()
    }

    #[test]
    fn as_many_frames_are_given_as_own_the_bytes_asked_for_and_at_least_one() {
        let index = index(5);
        assert_eq!(seqs(&index, 0, 0), [1]);
        assert_eq!(seqs(&index, 1, 4096), [2]);
        assert_eq!(seqs(&index, 1, 4097), [2, 3]);
        assert_eq!(seqs(&index, 2, 8192), [3, 4]);
        assert_eq!(seqs(&index, 3, usize::MAX), [4, 5]);
        assert!(seqs(&index, 5, usize::MAX).is_empty());
    }

    #[test]
    fn what_lies_before_a_start_is_kept_no_more() {
        let index = index(5);
        let frames = index.frames_after(0, usize::MAX).unwrap();
        let kept =
            |index: &Index| frames.iter().map(|frame| index.keeps(frame)).collect::<Vec<_>>();
        assert_eq!(kept(&index), [true; 5]);
        let start = index.start_keeping(3).unwrap();
        assert_eq!(start, WalStart { segment: 2, frame_seq: 3, position: at(2) });
        assert!(!index.begin_at(&WalStart { frame_seq: 4, ..start }), "no segment starts there");
        assert!(index.begin_at(&start) && index.begin_at(&start));
        assert_eq!(kept(&index), [false, false, true, true, true]);
        let numbers: Vec<_> = index.segments().iter().map(|segment| segment.number).collect();
        assert_eq!(numbers, [2, 3]);
        match index.frames_after(1, 0).unwrap_err() {
            Fault::Removed { commit: 2, kept: 3 } => {}
            other => panic!("{other}"),
        }
        assert_eq!(seqs(&index, 2, 0), [3]);
        assert!(seqs(&Index::default(), 0, 1).is_empty());
        assert!(!Index::default().keeps(&frames[0]));
    }

    #[test]
    fn the_last_frame_starts_where_the_one_before_it_ends_or_where_the_wal_does() {
        let starts = |frames| index(frames).last_frame_start();
        assert_eq!([starts(0), starts(1), starts(2), starts(5)], [None, Some(0), Some(1), Some(4)]);
        let start = WalStart { segment: 3, frame_seq: 9, position: at(8) };
        let later = Index::starting_at(Some(start));
        assert_eq!((later.last_frame_start(), later.end()), (None, Some(at(8))));
        let place = FramePlace { segment: 3, offset: 4096, bytes: 4096 };
        later.push(NewFrame { seq: 9, place, start: at(8), end: at(12) });
        assert_eq!((later.last_frame_start(), later.end()), (Some(8), Some(at(12))));
    }
}
