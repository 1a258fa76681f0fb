//! Where in the log each commit lies; kept by the writer, shared with the readers.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use aerodb_core::position::Position;
use serde::Serialize;

use crate::log::FramePlace;

/// One durable frame. Frame `i` of the index has the sequence number `i + 1`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrameRef {
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

#[derive(Debug, Default)]
struct Places {
    frames: Vec<FrameRef>,
    segments: Vec<SegmentInfo>,
    /// Where the last frame ends; what a receipt names while all is well, so that it is not read back.
    end: Option<Position>,
}

/// The index: what it holds is durable, and what it does not hold is not there for a reader. The writer
/// holds the lock for one push, a reader for one search.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index(Arc<RwLock<Places>>);

impl Index {
    fn read(&self) -> RwLockReadGuard<'_, Places> {
        // No writer can stop half-way through a push in a way that a reader could see.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a frame that is durable: its first commit, and where it ends.
    pub(crate) fn push(&self, place: FramePlace, first_commit: u64, end: Position) {
        let last_commit = end.boundary.get();
        let mut places = self.0.write().unwrap_or_else(PoisonError::into_inner);
        places.frames.push(FrameRef { last_commit, place });
        places.end = Some(end);
        match places.segments.last_mut() {
            Some(segment) if segment.number == place.segment => {
                segment.frames += 1;
                segment.last_commit = last_commit;
                segment.used_bytes += place.bytes;
            }
            Some(_) | None => places.segments.push(SegmentInfo {
                number: place.segment,
                frames: 1,
                first_commit,
                last_commit,
                used_bytes: place.bytes,
            }),
        }
    }

    /// The frames with their sequence numbers from the one that holds commit `boundary + 1`, as many as
    /// own about `bytes_max` bytes, at least one if there is one.
    pub(crate) fn frames_after(&self, boundary: u64, bytes_max: usize) -> Vec<(u64, FrameRef)> {
        let places = self.read();
        let from = places.frames.partition_point(|frame| frame.last_commit <= boundary);
        let mut bytes = 0;
        let mut frames = Vec::new();
        for (seq, frame) in (from as u64 + 1..).zip(&places.frames[from..]) {
            frames.push((seq, *frame));
            bytes += frame.place.bytes;
            if bytes >= bytes_max as u64 {
                break;
            }
        }
        frames
    }

    /// The frame that holds this commit, with its sequence number.
    pub(crate) fn frame_of(&self, commit: u64) -> Option<(u64, FrameRef)> {
        self.frames_after(commit.checked_sub(1)?, 0).first().copied()
    }

    /// Where the last durable frame ends.
    pub(crate) fn end(&self) -> Option<Position> {
        self.read().end
    }

    /// The last durable commit.
    pub(crate) fn last_commit(&self) -> Option<u64> {
        self.read().frames.last().map(|frame| frame.last_commit)
    }

    pub(crate) fn segments(&self) -> Vec<SegmentInfo> {
        self.read().segments.clone()
    }
}
