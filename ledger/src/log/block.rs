//! The block: what frames start at multiples of.

use serde::Serialize;

use crate::log::{FRAME_HEADER_BYTES, SECTOR_BYTES, TAG_BYTES};

/// What a frame starts at a multiple of, and what it owns whole. Chosen when a log is made, written into
/// the header of each of its segments, and not smaller than what the device writes at once:
///
/// 1. frame n is durable and shares a physical block with frame n + 1
/// 2. the device reads that block, changes the part of n + 1 and writes it back
/// 3. the power fails in the middle of it, and n is gone
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Block(u32);

impl Block {
    /// The smallest, 4096 bytes; also what the header of a segment is.
    pub const MIN: Self = Self(4096);
    /// The largest, 65536 bytes.
    pub const MAX: Self = Self(65536);

    /// A block of this size; `None` unless it is a power of two from 4096 to 65536.
    #[must_use]
    pub const fn new(bytes: u32) -> Option<Self> {
        if bytes.is_power_of_two() && bytes >= Self::MIN.0 && bytes <= Self::MAX.0 {
            Some(Self(bytes))
        } else {
            None
        }
    }

    /// The smallest that holds what the device writes at once; the largest where none does, as on
    /// devices that write copies and never over what is there.
    #[must_use]
    pub const fn holding(physical_bytes: u64) -> Self {
        let mut block = Self::MIN;
        while (block.0 as u64) < physical_bytes && block.0 < Self::MAX.0 {
            block.0 *= 2;
        }
        block
    }

    /// Its bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.0 as usize
    }

    /// The number in segment headers.
    pub(crate) const fn number(self) -> u32 {
        self.0
    }

    /// How many bytes a frame with this much payload owns on the disk: whole blocks.
    pub(crate) const fn frame_bytes(self, payload_bytes: usize) -> usize {
        let room_per_block = self.bytes() - self.bytes() / SECTOR_BYTES * TAG_BYTES;
        let header = FRAME_HEADER_BYTES - TAG_BYTES;
        (payload_bytes + header).div_ceil(room_per_block) * self.bytes()
    }
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

/// How many bytes of payload fit into so many bytes of whole blocks.
pub(crate) const fn payload_room(blocks_bytes: usize) -> usize {
    let tags = blocks_bytes / SECTOR_BYTES * TAG_BYTES;
    (blocks_bytes - tags).saturating_sub(FRAME_HEADER_BYTES - TAG_BYTES)
}

const _: () = assert!(Block::MIN.frame_bytes(0) == Block::MIN.bytes());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_a_power_of_two_from_4_to_64_kib() {
        for bytes in [4096, 8192, 16384, 32768, 65536] {
            assert_eq!(Block::new(bytes).map(Block::bytes), Some(bytes as usize));
        }
        for bytes in [0, 512, 2048, 4097, 12288, 131_072, u32::MAX] {
            assert_eq!(Block::new(bytes), None, "{bytes}");
        }
    }

    #[test]
    fn a_block_holds_what_the_device_writes_at_once() {
        for (physical, bytes) in
            [(0, 4096), (512, 4096), (4096, 4096), (5000, 8192), (16384, 16384), (1 << 40, 65536)]
        {
            assert_eq!(Block::holding(physical).bytes(), bytes, "{physical}");
        }
    }

    #[test]
    fn a_frame_owns_whole_blocks() {
        for block in [Block::MIN, Block::holding(16384), Block::MAX] {
            let room = payload_room(block.bytes());
            assert_eq!(block.frame_bytes(0), block.bytes());
            assert_eq!(block.frame_bytes(room), block.bytes());
            assert_eq!(block.frame_bytes(room + 1), 2 * block.bytes());
        }
    }
}
