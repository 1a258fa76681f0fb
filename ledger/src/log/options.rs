//! What a log is, how it is laid out, and what is known about it from elsewhere.

use serde::Serialize;

use crate::log::Block;

/// Which of the three logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogKind {
    /// The history of writes.
    Wal,
    /// The cluster's history of authority.
    Authority,
    /// One node's record of decisions.
    Decision,
}

impl LogKind {
    /// The number in segment headers.
    pub(crate) const fn code(self) -> u16 {
        match self {
            Self::Wal => 1,
            Self::Authority => 2,
            Self::Decision => 3,
        }
    }

    /// The word used in file names, JSON and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wal => "wal",
            Self::Authority => "authority",
            Self::Decision => "decision",
        }
    }

    /// Whether each frame is followed by a trailer with an fsync of its own.
    pub(crate) const fn has_trailers(self) -> bool {
        match self {
            Self::Wal => false,
            Self::Authority | Self::Decision => true,
        }
    }
}

/// When the segment after the active one is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prepare {
    /// By a thread of its own as soon as the active one is in use, so that the write path never waits
    /// for it unless the disk cannot keep up.
    Ahead,
    /// By the append that needs it. The order of disk operations is then the same in every run, which
    /// simulation needs.
    OnDemand,
}

/// How the segments of a log are made. A log that exists keeps the sizes that its segments say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogOptions {
    segment_bytes: u64,
    block: Block,
    prepare: Prepare,
}

/// A segment size that no log can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "segments of {found} bytes are not possible: a multiple of the block, of at least two blocks and \
     at most 1073741824 bytes is"
)]
pub struct InvalidOptions {
    /// The size asked for.
    pub found: u64,
}

impl LogOptions {
    /// Segments of the WAL: 16 MiB, prepared ahead.
    pub const WAL: Self =
        Self { segment_bytes: 16 << 20, block: Block::MIN, prepare: Prepare::Ahead };
    /// Segments of a ledger: 1 MiB, prepared ahead.
    pub const LEDGER: Self =
        Self { segment_bytes: 1 << 20, block: Block::MIN, prepare: Prepare::Ahead };

    /// Segments of this size, with blocks of 4096 bytes.
    ///
    /// # Errors
    /// [`InvalidOptions`] unless it is a multiple of 4096 from 8 KiB to 1 GiB.
    pub const fn new(segment_bytes: u64, prepare: Prepare) -> Result<Self, InvalidOptions> {
        Self { segment_bytes, block: Block::MIN, prepare }.with_block(Block::MIN)
    }

    /// The same with blocks of this size.
    ///
    /// # Errors
    /// [`InvalidOptions`] unless a segment is a multiple of it and holds at least two.
    pub const fn with_block(self, block: Block) -> Result<Self, InvalidOptions> {
        if is_segment_size(self.segment_bytes, block) {
            Ok(Self { block, ..self })
        } else {
            Err(InvalidOptions { found: self.segment_bytes })
        }
    }

    /// What frames start at multiples of.
    #[must_use]
    pub const fn block(self) -> Block {
        self.block
    }

    /// Bytes of a segment, its header block included.
    #[must_use]
    pub const fn segment_bytes(self) -> u64 {
        self.segment_bytes
    }

    /// When the next segment is made.
    #[must_use]
    pub const fn prepare(self) -> Prepare {
        self.prepare
    }
}

/// The most bytes of a segment.
const SEGMENT_BYTES_MAX: u64 = 1_073_741_824;

pub(crate) const fn is_segment_size(bytes: u64, block: Block) -> bool {
    let block = block.bytes() as u64;
    // A multiple of more than one block has two: the header's, and one for frames.
    bytes.is_multiple_of(block) && bytes > block && bytes <= SEGMENT_BYTES_MAX
}

/// What is known from outside of a log about how far it was durable. A log that ends, or is torn,
/// before it has lost what it had (DIS-16).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Witness {
    /// A frame, named by the start or close stamp.
    pub frame_seq: Option<u64>,
    /// A record, named by a ledger entry, a receipt or a checkpoint.
    pub record: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_has_whole_blocks_at_least_two_and_at_most_1_gib() {
        let made = |bytes| LogOptions::new(bytes, Prepare::OnDemand).map(LogOptions::segment_bytes);
        for bytes in [8192, 12_288, 16 << 20, 1 << 30] {
            assert_eq!(made(bytes), Ok(bytes));
        }
        for found in [0, 1, 4096, 8191, 8193, 10_240, (1 << 30) + 4096, u64::MAX] {
            assert_eq!(made(found), Err(InvalidOptions { found }));
        }
        let options = LogOptions::new(3 * 16384, Prepare::Ahead).unwrap();
        let with = |bytes| options.with_block(Block::holding(bytes)).map(LogOptions::block);
        assert_eq!(with(16384), Ok(Block::holding(16384)));
        for bytes in [32768, 65536] {
            assert_eq!(with(bytes), Err(InvalidOptions { found: 3 * 16384 }));
        }
    }

    #[test]
    fn what_a_node_makes_without_being_told_otherwise_is_possible_and_of_these_sizes() {
        for (options, bytes) in [(LogOptions::WAL, 16_777_216), (LogOptions::LEDGER, 1_048_576)] {
            assert_eq!(LogOptions::new(bytes, Prepare::Ahead), Ok(options));
        }
    }

    #[test]
    fn a_log_has_one_word_everywhere() {
        for (kind, word) in [
            (LogKind::Wal, "wal"),
            (LogKind::Authority, "authority"),
            (LogKind::Decision, "decision"),
        ] {
            assert_eq!(kind.as_str(), word);
            assert_eq!(serde_json::to_value(kind).unwrap(), word);
        }
    }
}
