//! One log format for the WAL and both ledgers (DESIGN section 5).
//!
//! A log is a directory of segments of fixed size, without hole. A segment is a header block, then
//! frames. A frame starts at a multiple of 4096, lies in one segment, owns its blocks, and is
//! written by one write and one fsync; at most one is not yet synced. So of all frames in a log only
//! the last can be damaged by a crash, and every other damage is corruption (WAL-8).
//!
//! A ledger writes a *trailer*, a frame without records, after each frame, with an fsync of its own:
//! the append is done when the trailer is durable, and its frame can then never be taken for a tail.

mod buffer;
mod frame;
mod options;
mod prepare;
mod recovery;
mod repair;
mod scan;
mod segment;
mod writer;

pub(crate) use buffer::FrameBuffer;
pub(crate) use frame::{Found, Frame, FrameHeader, FrameKind, read_frame};
pub use options::{InvalidOptions, LogKind, LogOptions, Prepare, Witness};
pub use recovery::{Recovery, RewrittenFrame, UnprovenTail};
pub(crate) use repair::repair;
pub(crate) use scan::{Scan, ScannedLog};
pub(crate) use segment::path_of;
pub(crate) use writer::{FramePlace, Location, Log, RecordsHeader};

/// What a frame starts at a multiple of, and what it owns whole.
pub(crate) const BLOCK_BYTES: usize = 4096;
/// What a device writes whole or not at all; each one of a frame begins with a tag.
pub(crate) const SECTOR_BYTES: usize = 512;
/// The tag at the start of each sector of a frame.
pub(crate) const TAG_BYTES: usize = 4;
/// Tag and header at the start of a frame's first sector; the payload follows.
pub(crate) const FRAME_HEADER_BYTES: usize = 136;
/// The format that this program writes, of segments and of frames.
pub(crate) const FORMAT: u16 = 1;

/// How many bytes of payload fit into so many whole blocks.
pub(crate) const fn payload_room(blocks_bytes: usize) -> usize {
    let tags = blocks_bytes / SECTOR_BYTES * TAG_BYTES;
    (blocks_bytes - tags).saturating_sub(FRAME_HEADER_BYTES - TAG_BYTES)
}

/// How many bytes a frame with this much payload owns on the disk: whole blocks.
pub(crate) const fn frame_bytes(payload_bytes: usize) -> usize {
    let room_per_block = BLOCK_BYTES - BLOCK_BYTES / SECTOR_BYTES * TAG_BYTES;
    let header = FRAME_HEADER_BYTES - TAG_BYTES;
    (payload_bytes + header).div_ceil(room_per_block) * BLOCK_BYTES
}

/// Where in its frame the payload's byte `at` lies, counted without header and tags.
pub(crate) const fn payload_place(at: usize) -> usize {
    let first = SECTOR_BYTES - FRAME_HEADER_BYTES;
    if at < first {
        return FRAME_HEADER_BYTES + at;
    }
    let (room, past) = (SECTOR_BYTES - TAG_BYTES, at - first);
    (past / room + 1) * SECTOR_BYTES + TAG_BYTES + past % room
}

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
