//! What can be wrong with bytes on a disk, and with the disk itself.
//!
//! Keeps: F-0.4, F-X5, P3-D10.

use std::path::{Path, PathBuf};

use aerodb_core::hash::PublicKey;
use aerodb_core::rules::RuleId;

use crate::disk::DiskError;

/// A log that cannot be used, or an append that did not happen.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Fault {
    /// The bytes are not what was written. Nothing was changed on the disk.
    #[error("{file} is corrupt at byte {offset} ({rule}): {what}", file = .file.display())]
    Corrupt {
        /// The file.
        file: PathBuf,
        /// Bytes from the start of the file to the damage.
        offset: u64,
        /// The rule that is broken.
        rule: RuleId,
        /// What is wrong there.
        what: Damage,
    },
    /// The disk failed (P3-D9). An append that gives this has poisoned its writer.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The writer failed before and appends nothing any more (WAL-13).
    #[error("the writer is poisoned by an earlier failure: {cause}")]
    Poisoned {
        /// The first failure.
        cause: DiskError,
    },
    /// The records do not fit into one segment. Nothing was written; the writer is as before.
    #[error("{bytes} bytes of records do not fit into one batch of at most {max}")]
    TooLarge {
        /// Bytes of the records with their lengths.
        bytes: u64,
        /// The most that a batch of this log can hold.
        max: u64,
    },
    /// The records do not continue the log. Nothing was written; the writer is as before.
    #[error("record {expected} must follow, {found:?} was given")]
    NotNext {
        /// The number that must follow.
        expected: u64,
        /// The number given; `None` when the bytes claim no number.
        found: Option<u64>,
    },
    /// The commits asked for were truncated away; a snapshot has what they led to (DIS-22).
    #[error("commit {commit} is no longer in the WAL, which begins with {kept}")]
    Removed {
        /// The first commit asked for.
        commit: u64,
        /// The first commit that is kept.
        kept: u64,
    },
    /// A checkpoint names a place where no segment of this WAL starts. Nothing was removed.
    #[error("segment {segment} of the WAL does not start where the checkpoint says")]
    NoSuchStart {
        /// The segment that the checkpoint names.
        segment: u64,
    },
    /// A log is to be created where one is.
    #[error("there is a log in {dir} already", dir = .dir.display())]
    Exists {
        /// The directory.
        dir: PathBuf,
    },
}

impl Fault {
    pub(crate) fn corrupt(file: &Path, offset: u64, what: Damage) -> Self {
        Self::Corrupt { file: file.to_owned(), offset, rule: what.rule(), what }
    }

    /// Whether the disk is full.
    #[must_use]
    pub fn is_no_space(&self) -> bool {
        match self {
            Self::Disk(error) | Self::Poisoned { cause: error } => error.is_no_space(),
            Self::Corrupt { .. }
            | Self::TooLarge { .. }
            | Self::NotNext { .. }
            | Self::Removed { .. }
            | Self::NoSuchStart { .. }
            | Self::Exists { .. } => false,
        }
    }

    /// The rule that stands behind the fault.
    #[must_use]
    pub const fn rule(&self) -> RuleId {
        match self {
            Self::Corrupt { rule, .. } => *rule,
            Self::Disk(_) => RuleId::P3D9,
            Self::Poisoned { .. } => RuleId::Wal13,
            Self::TooLarge { .. }
            | Self::NotNext { .. }
            | Self::NoSuchStart { .. }
            | Self::Exists { .. } => RuleId::Dis18,
            Self::Removed { .. } => RuleId::Dis22,
        }
    }
}

/// What is wrong with the bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The directory holds no segment where there must be one.
    #[error("the log has no segment")]
    NoSegment,
    /// An authority ledger without its first entry.
    #[error("the authority ledger has no genesis entry")]
    NoGenesis,
    /// A file that no log writes.
    #[error("the file does not belong to a log")]
    ForeignFile,
    /// A segment is missing between others.
    #[error("segment {missing} is missing")]
    MissingSegment {
        /// Its number.
        missing: u64,
    },
    /// The file is not as long as its header says.
    #[error("the file has {found} bytes, its header says {expected}")]
    Length {
        /// By the header.
        expected: u64,
        /// By the file system.
        found: u64,
    },
    /// The segment's header block is not one.
    #[error("the segment header is damaged: {what}")]
    SegmentHeader {
        /// Which part.
        what: &'static str,
    },
    /// The segment is of another log, or of another place in this one.
    #[error("the segment header is of another {what}")]
    ForeignSegment {
        /// What differs.
        what: &'static str,
    },
    /// The format is of another version of the program.
    #[error("format version {found} is not known")]
    Version {
        /// The version found.
        found: u16,
    },
    /// The segment, or the checkpoint beside the log, belongs to another node.
    #[error("it belongs to {found}, not to {expected}")]
    Owner {
        /// The owner by the node's identity.
        expected: PublicKey,
        /// The owner by the file.
        found: PublicKey,
    },
    /// The segment's header block is not the one that was written.
    #[error(
        "the segment header is damaged: its checksum is {found:08x}, the bytes give {computed:08x}"
    )]
    SegmentHeaderChecksum {
        /// The checksum in the header.
        found: u32,
        /// The checksum of the bytes.
        computed: u32,
    },
    /// The batch header is not the one that was written.
    #[error(
        "the batch header is damaged: its checksum is {found:08x}, the bytes give {computed:08x}"
    )]
    FrameHeaderChecksum {
        /// The checksum in the header.
        found: u32,
        /// The checksum of the bytes.
        computed: u32,
    },
    /// The batch header is not one.
    #[error("the batch header is damaged: {what}")]
    FrameHeader {
        /// Which part.
        what: &'static str,
    },
    /// Another batch stands where this one must.
    #[error("batch {found} stands where {expected} must")]
    FrameSeq {
        /// The sequence number that must stand there.
        expected: u64,
        /// The one that does.
        found: u64,
    },
    /// The records are not the next ones.
    #[error("record {found} stands where {expected} must")]
    RecordNumber {
        /// The number that must follow.
        expected: u64,
        /// The one that does.
        found: u64,
    },
    /// A sector is not of the batch around it.
    #[error("the sector is tagged {found:08x}, batch {seq} lies here")]
    Tag {
        /// The batch.
        seq: u64,
        /// The tag found.
        found: u32,
    },
    /// The payload is not the one that was written.
    #[error("the payload checksum is {found:08x}, the bytes give {computed:08x}")]
    PayloadChecksum {
        /// The checksum in the header.
        found: u32,
        /// The checksum of the bytes.
        computed: u32,
    },
    /// The payload does not divide into the records that the header counts.
    #[error("the payload does not hold the {records} records that its header counts")]
    Records {
        /// By the header.
        records: u32,
    },
    /// There are bytes where nothing was ever written.
    #[error("there are bytes past the end of the log")]
    BytesPastEnd,
    /// More segments stand ready than are ever prepared.
    #[error("segment {number} is empty, and so is one before it")]
    EmptySegment {
        /// The segment.
        number: u64,
    },
    /// A record batch of a ledger is followed by another without its trailer, or a trailer stands alone.
    #[error("batch {seq} is not what must follow: records and trailers alternate in a ledger")]
    TrailerOrder {
        /// The batch.
        seq: u64,
    },
    /// The log ends, or its last batch is torn, before a place that is known to have been durable.
    #[error("the log ends with batch {last_frame} and record {last_record}, but {witness}")]
    Lost {
        /// The last whole batch; 0 for none.
        last_frame: u64,
        /// The last record; 0 for none.
        last_record: u64,
        /// What was known to be durable.
        witness: String,
    },
    /// A later segment was written to, so the torn frame before it was durable once.
    #[error("the batch is torn, but segment {number} after it was written to")]
    LaterSegment {
        /// The later segment.
        number: u64,
    },
    /// The same bytes read differently a second time.
    #[error("the torn batch reads differently a second time")]
    Unstable,
    /// A snapshot that does not end with a manifest: it was never finished, or was cut off.
    #[error("the snapshot is incomplete: it does not end with a manifest")]
    IncompleteSnapshot,
    /// The snapshot is not what was written.
    #[error("the snapshot is damaged: {what}")]
    Snapshot {
        /// Which part.
        what: &'static str,
    },
    /// The record is whole, but it may not stand where it stands.
    #[error("record {number}: {why}")]
    Record {
        /// Its number.
        number: u64,
        /// The rule that it breaks.
        rule: RuleId,
        /// Why not.
        why: String,
    },
}

impl Damage {
    /// The checksum that is stored and the one that the bytes give, where it was a checksum that found the damage.
    #[must_use]
    pub const fn checksums(&self) -> Option<(u32, u32)> {
        match self {
            Self::SegmentHeaderChecksum { found, computed }
            | Self::FrameHeaderChecksum { found, computed }
            | Self::PayloadChecksum { found, computed } => Some((*found, *computed)),
            Self::NoSegment
            | Self::NoGenesis
            | Self::ForeignFile
            | Self::MissingSegment { .. }
            | Self::Length { .. }
            | Self::SegmentHeader { .. }
            | Self::ForeignSegment { .. }
            | Self::Version { .. }
            | Self::Owner { .. }
            | Self::FrameHeader { .. }
            | Self::FrameSeq { .. }
            | Self::RecordNumber { .. }
            | Self::Tag { .. }
            | Self::Records { .. }
            | Self::BytesPastEnd
            | Self::EmptySegment { .. }
            | Self::TrailerOrder { .. }
            | Self::Lost { .. }
            | Self::LaterSegment { .. }
            | Self::Unstable
            | Self::IncompleteSnapshot
            | Self::Snapshot { .. }
            | Self::Record { .. } => None,
        }
    }

    /// The rule that is broken.
    #[must_use]
    pub const fn rule(&self) -> RuleId {
        match self {
            Self::NoSegment | Self::NoGenesis => RuleId::R3,
            Self::ForeignFile
            | Self::ForeignSegment { .. }
            | Self::Version { .. }
            | Self::Owner { .. } => RuleId::St2,
            Self::MissingSegment { .. }
            | Self::EmptySegment { .. }
            | Self::FrameSeq { .. }
            | Self::RecordNumber { .. }
            | Self::TrailerOrder { .. } => RuleId::Dis18,
            Self::Length { .. }
            | Self::FrameHeader { .. }
            | Self::FrameHeaderChecksum { .. }
            | Self::Tag { .. }
            | Self::Records { .. }
            | Self::BytesPastEnd => RuleId::Wal8,
            Self::SegmentHeader { .. }
            | Self::SegmentHeaderChecksum { .. }
            | Self::PayloadChecksum { .. } => RuleId::P3D4,
            Self::Lost { .. } | Self::LaterSegment { .. } | Self::Unstable => RuleId::Dis16,
            Self::IncompleteSnapshot => RuleId::P3S2,
            Self::Snapshot { .. } => RuleId::Snp4,
            Self::Record { rule, .. } => *rule,
        }
    }
}

/// Why a log could not be opened by a caller who looks at each record.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OpenError<E> {
    /// The log or the disk.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The caller refused a record. Nothing was changed on the disk.
    #[error("{0}")]
    Refused(E),
}
