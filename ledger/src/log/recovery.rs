//! What opening a log found and did.

use std::path::PathBuf;

use serde::Serialize;

use crate::log::LogKind;

/// The account of one opening (CORE-R3). Nothing is dropped that does not stand here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recovery {
    /// Which log.
    pub log: LogKind,
    /// Segments, an empty prepared one included.
    pub segments: u64,
    /// Segments before the start of the log, which a truncation had not removed; the next one does.
    pub leftover_segments: Vec<u64>,
    /// Whole frames, trailers included.
    pub frames: u64,
    /// The first record; `null` in an empty log.
    pub first_record: Option<u64>,
    /// The last record; `null` in an empty log.
    pub last_record: Option<u64>,
    /// Bytes that the frames own on the disk.
    pub bytes: u64,
    /// The sequence number of the last frame; `null` in an empty log.
    pub last_frame_seq: Option<u64>,
    /// The torn last frame, if there was one. It was never known to be durable.
    pub unproven_tail: Option<UnprovenTail>,
    /// The last frame, if it was written again because nothing proved that it was durable.
    pub rewritten_frame: Option<RewrittenFrame>,
    /// Whether the last frame of a ledger stood without its trailer.
    pub trailer_missing: bool,
}

/// A last frame that is torn, while nothing says that it was ever durable (DIS-16).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnprovenTail {
    /// The segment's file.
    pub file: PathBuf,
    /// Where the frame starts.
    pub offset: u64,
    /// Bytes from there to the end of what it left, in whole blocks.
    pub bytes: u64,
    /// The sequence number that the frame had.
    pub frame_seq: u64,
    /// The copy of its bytes; `null` when the log was opened read-only, and nothing was changed.
    pub quarantined_to: Option<PathBuf>,
}

/// A frame that was read back whole and then written again (DESIGN 3.3 "Reading is not durability").
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RewrittenFrame {
    /// The segment's file.
    pub file: PathBuf,
    /// Where the frame starts.
    pub offset: u64,
    /// Bytes that it owns.
    pub bytes: u64,
    /// Its sequence number.
    pub frame_seq: u64,
}
