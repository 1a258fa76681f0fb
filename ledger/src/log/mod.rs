//! One log format for the WAL and both ledgers (DESIGN section 5).
//!
//! A log is a directory of segments of fixed size, without hole. A segment is a header block, then
//! frames. A frame starts at a multiple of the log's block ([`Block`]), lies in one segment, owns its
//! blocks, and is written by one write and one fsync; at most one is not yet synced. So of all frames in a log only
//! the last can be damaged by a crash, and every other damage is corruption (WAL-8).
//!
//! A log begins with segment 1 unless a durable checkpoint says where: the segments before that are
//! removed whole, oldest first, and what a crash leaves of them is passed over.
//!
//! A ledger writes a *trailer*, a frame without records, after each frame, with an fsync of its own:
//! the append is done when the trailer is durable, and its frame can then never be taken for a tail.

mod block;
mod buffer;
mod frame;
mod options;
mod places;
mod prepare;
mod pulse;
mod recovery;
mod repair;
mod scan;
mod segment;
mod start;
mod window;
mod writer;

pub use block::Block;
pub(crate) use block::{payload_place, payload_room};
pub(crate) use buffer::FrameBuffer;
pub(crate) use frame::{Found, Frame, FrameHeader, FrameKind, read_frame};
pub use options::{InvalidOptions, LogKind, LogOptions, Prepare, Witness};
pub use pulse::{Pace, Piece, Pulse};
pub use recovery::{Recovery, RewrittenFrame, UnprovenTail};
pub(crate) use repair::repair;
pub(crate) use scan::{Scan, ScannedLog};
#[cfg(feature = "fuzzing")]
pub(crate) use segment::SegmentHeader;
pub(crate) use segment::{NUMBER_MAX as SEGMENT_MAX, path_of};
pub use start::LogStart;
pub(crate) use writer::{FramePlace, Location, Log, RecordsHeader, remove_segments};

/// What a device writes whole or not at all; each one of a frame begins with a tag.
pub(crate) const SECTOR_BYTES: usize = 512;
/// The tag at the start of each sector of a frame.
pub(crate) const TAG_BYTES: usize = 4;
/// Tag and header at the start of a frame's first sector; the payload follows.
pub(crate) const FRAME_HEADER_BYTES: usize = 136;
/// The format that this program writes, of segments and of frames.
pub(crate) const FORMAT: u16 = 1;

/// The tag of every sector of the frame `seq`: never zero, so that a written sector never looks
/// unwritten.
#[allow(clippy::cast_possible_truncation)]
pub(crate) const fn tag_of(seq: u64) -> u32 {
    (((seq & 0x7fff_ffff) << 1) | 1) as u32
}

/// Whether all bytes are zero.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    let mut words = bytes.chunks_exact(16);
    words.all(|word| word == [0; 16]) && words.remainder().iter().all(|byte| *byte == 0)
}

/// The field of `N` bytes at `at`.
pub(crate) fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}
