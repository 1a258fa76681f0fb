//! The header of a segment, 4096 bytes.
//!
//! ```text
//! offset  size  field             (little endian)
//!      0     8  magic, "AERODBSG"
//!      8     2  format version, 1
//!     10     2  log kind: 1 WAL, 2 authority ledger, 3 decision ledger
//!     12     4  CRC-32 of the whole block, this field taken as zero
//!     16     8  segment number
//!     24     8  bytes of the segment, header included
//!     32    32  owner: the node's public key
//!     64     4  block: what frames start at multiples of, a power of two from 4096 to 65536
//!     68  4028  zero
//! ```
//!
//! The first frame starts at the first multiple of the block past these; what lies between is zero.
//! Bytes 0 to 16 keep their places in every version.
//!
//! Keeps: P3-D6, CORE-E1, CORE-E2, CORE-E3.

use std::path::{Path, PathBuf};

use aerodb_core::hash::PublicKey;

use crate::fault::Damage;
use crate::log::options::is_segment_size;
use crate::log::{Block, FORMAT, LogKind, field, is_zero};

/// Bytes of the header.
pub(crate) const HEADER_BYTES: usize = 4096;

const MAGIC: &[u8; 8] = b"AERODBSG";
const CHECKSUM_AT: usize = 12;
const NAME_DIGITS: usize = 16;
/// The last segment that can be: its number has 16 digits.
pub(crate) const NUMBER_MAX: u64 = 9_999_999_999_999_999;
const USED_BYTES: usize = 68;

/// What a segment says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) kind: LogKind,
    pub(crate) number: u64,
    pub(crate) bytes: u64,
    pub(crate) block: Block,
    pub(crate) owner: PublicKey,
}

/// The file of a segment.
pub(crate) fn path_of(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:016}.seg"))
}

/// The number of the segment with this file name; `None` for a name that no segment has.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg").filter(|digits| digits.len() == NAME_DIGITS)?;
    let number: u64 = digits.parse().ok()?;
    (number > 0 && name == format!("{number:016}.seg")).then_some(number)
}

fn checksum(block: &[u8; HEADER_BYTES]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&block[..CHECKSUM_AT]);
    hasher.update(&[0; 4]);
    hasher.update(&block[CHECKSUM_AT + 4..]);
    hasher.finalize()
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut block = [0; HEADER_BYTES];
        block[..8].copy_from_slice(MAGIC);
        block[8..10].copy_from_slice(&FORMAT.to_le_bytes());
        block[10..12].copy_from_slice(&self.kind.code().to_le_bytes());
        block[16..24].copy_from_slice(&self.number.to_le_bytes());
        block[24..32].copy_from_slice(&self.bytes.to_le_bytes());
        block[32..64].copy_from_slice(self.owner.as_bytes());
        block[64..68].copy_from_slice(&self.block.number().to_le_bytes());
        let checksum = checksum(&block);
        block[CHECKSUM_AT..16].copy_from_slice(&checksum.to_le_bytes());
        block
    }

    /// Reads the header of segment `number` of a log of this kind. Damaged, foreign and of another
    /// version are different answers. The owner is compared when the reader knows it.
    pub(crate) fn decode(
        block: &[u8; HEADER_BYTES],
        kind: LogKind,
        number: u64,
        owner: Option<&PublicKey>,
    ) -> Result<Self, Damage> {
        let damaged = |what| Err(Damage::SegmentHeader { what });
        if &block[..8] != MAGIC {
            return damaged("magic");
        }
        let (found, computed) = (u32::from_le_bytes(field(block, CHECKSUM_AT)), checksum(block));
        if found != computed {
            return Err(Damage::SegmentHeaderChecksum { found, computed });
        }
        let found = u16::from_le_bytes(field(block, 8));
        if found != FORMAT {
            return Err(Damage::Version { found });
        }
        if !is_zero(&block[USED_BYTES..]) {
            return damaged("reserved bytes");
        }
        let foreign = |what| Err(Damage::ForeignSegment { what });
        if u16::from_le_bytes(field(block, 10)) != kind.code() {
            return foreign("log kind");
        }
        if u64::from_le_bytes(field(block, 16)) != number {
            return foreign("segment number");
        }
        let bytes = u64::from_le_bytes(field(block, 24));
        let Some(size) = Block::new(u32::from_le_bytes(field(block, 64))) else {
            return damaged("block size");
        };
        if !is_segment_size(bytes, size) {
            return damaged("segment size");
        }
        let found = PublicKey(field(block, 32));
        match owner {
            Some(expected) if *expected != found => {
                Err(Damage::Owner { expected: *expected, found })
            }
            Some(_) | None => Ok(Self { kind, number, bytes, block: size, owner: found }),
        }
    }
}

#[cfg(test)]
mod tests {
    use aerodb_core::rules::RuleId;

    use super::*;

    fn header() -> SegmentHeader {
        let (block, owner) = (Block::holding(8192), PublicKey([5; 32]));
        SegmentHeader { kind: LogKind::Wal, number: 3, bytes: 65536, block, owner }
    }

    /// Proves: CORE-E1.
    #[test]
    fn a_header_decodes_to_what_was_encoded() {
        let block = header().encode();
        assert_eq!(SegmentHeader::decode(&block, LogKind::Wal, 3, None), Ok(header()));
    }

    #[test]
    fn p3_d4_every_flipped_bit_of_a_header_is_found() {
        for at in 0..HEADER_BYTES {
            let mut block = header().encode();
            block[at] ^= 1 << (at % 8);
            assert!(SegmentHeader::decode(&block, LogKind::Wal, 3, None).is_err(), "byte {at}");
        }
    }

    #[test]
    fn st_2_a_header_of_another_node_kind_or_place_is_foreign() {
        let block = header().encode();
        let rule = |kind, number, owner: &PublicKey| {
            SegmentHeader::decode(&block, kind, number, Some(owner)).unwrap_err().rule()
        };
        assert_eq!(rule(LogKind::Wal, 3, &PublicKey([6; 32])), RuleId::St2);
        assert_eq!(rule(LogKind::Decision, 3, &PublicKey([5; 32])), RuleId::St2);
        assert_eq!(rule(LogKind::Wal, 4, &PublicKey([5; 32])), RuleId::St2);
    }

    #[test]
    fn a_segment_file_has_one_name_only() {
        assert_eq!(number_of("0000000000000012.seg"), Some(12));
        for name in [
            "12.seg",
            "0000000000000000.seg",
            "+000000000000012.seg",
            "18446744073709551615.seg",
            "wal.tmp",
        ] {
            assert_eq!(number_of(name), None, "{name}");
        }
    }
}
