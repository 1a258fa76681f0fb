//! A log as it was read.

use crate::log::{Block, FrameKind, FramePlace, LogKind, LogStart};

/// One segment as it was read.
#[derive(Debug, Clone)]
pub(crate) struct ScannedSegment {
    pub(crate) number: u64,
    pub(crate) bytes: u64,
    /// Where its frames end.
    pub(crate) end: u64,
    /// Whole frames in it.
    pub(crate) frames: u64,
}

/// The last whole frame with its bytes.
#[derive(Debug, Clone)]
pub(crate) struct LastFrame {
    pub(crate) place: FramePlace,
    pub(crate) seq: u64,
    pub(crate) kind: FrameKind,
    pub(crate) bytes: Vec<u8>,
}

/// A torn last frame.
#[derive(Debug, Clone)]
pub(crate) struct Tail {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    pub(crate) bytes: Vec<u8>,
}

/// A log that is whole, but for a tail that nothing proves to have been durable.
#[derive(Debug, Clone)]
pub(crate) struct ScannedLog {
    pub(crate) start: LogStart,
    /// What frames start at multiples of, by the first segment.
    pub(crate) block: Block,
    /// Never empty; numbers from the start's on, without hole.
    pub(crate) segments: Vec<ScannedSegment>,
    /// Segments before the start that are still there.
    pub(crate) leftover: Vec<u64>,
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
    pub(crate) first_record: Option<u64>,
    pub(crate) last_record: Option<u64>,
    pub(crate) last_frame: Option<LastFrame>,
    pub(crate) tail: Option<Tail>,
}

impl ScannedLog {
    pub(crate) fn last_seq(&self) -> u64 {
        self.last_frame.as_ref().map_or(self.start.frame_seq - 1, |frame| frame.seq)
    }

    /// Where the next frame goes: after the last one, or at the log's start.
    pub(crate) fn end(&self) -> (u64, u64) {
        let active = self.segments.iter().rfind(|segment| segment.frames > 0);
        let first = self.block.bytes() as u64;
        active.map_or((self.start.segment, first), |active| (active.number, active.end))
    }

    /// Whether a ledger's last frame stands without its trailer.
    pub(crate) fn trailer_missing(&self, kind: LogKind) -> bool {
        let unfinished =
            self.last_frame.as_ref().is_some_and(|last| last.kind == FrameKind::Records);
        kind.has_trailers() && unfinished
    }
}
