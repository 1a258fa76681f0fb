//! A frame: one physical batch of records.
//!
//! Each 512-byte sector of its blocks begins with the tag of its sequence number. The first sector:
//!
//! ```text
//! offset  size  field             (little endian)
//!      0     4  tag: ((sequence & 0x7fffffff) << 1) | 1
//!      4     2  format version, 1
//!      6     2  frame kind: 1 records, 2 trailer
//!      8     8  frame sequence number, from 1, never reset
//!     16     8  first record number (0 in a trailer)
//!     24     8  last record number  (0 in a trailer)
//!     32     8  epoch               (0 in ledgers and trailers)
//!     40     4  number of records
//!     44     4  payload bytes
//!     48     8  ledger stamp: sequence (0 where there is none)
//!     56    32  ledger stamp: hash
//!     88     8  synced_upto: the frame known to be durable when this one was formed
//!     96    32  hash of the last record before this frame (zero in a trailer)
//!    128     4  CRC-32 of the payload and its padding, in logical order, tags left out
//!    132     4  CRC-32 of bytes 0 to 132
//!    136   376  payload
//! ```
//!
//! Further sectors carry 508 bytes of payload each. The payload is the records, each a length (4
//! bytes) and its bytes; zeros fill the last block of the log's block size.

use aerodb_core::hash::Hash;
use aerodb_core::id::Seq;
use aerodb_core::position::LedgerHead;
use bytes::Bytes;

use crate::fault::Damage;
use crate::log::{
    Block, FORMAT, FRAME_HEADER_BYTES, SECTOR_BYTES, TAG_BYTES, field, is_zero, payload_room,
    tag_of,
};

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// It carries records.
    Records,
    /// It says that the frame before it is durable.
    Trailer,
}

impl FrameKind {
    const fn code(self) -> u16 {
        match self {
            Self::Records => 1,
            Self::Trailer => 2,
        }
    }
}

/// What a frame says about itself; its checksums and `synced_upto` follow from the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) kind: FrameKind,
    pub(crate) seq: u64,
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) epoch: u64,
    pub(crate) records: u32,
    pub(crate) payload_bytes: u32,
    pub(crate) stamp: Option<LedgerHead>,
    pub(crate) previous: [u8; 32],
}

/// A frame read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) header: FrameHeader,
    pub(crate) records: Vec<Bytes>,
}

/// What stands at a place where the frame with the next sequence number would start.
#[derive(Debug)]
pub(crate) enum Found {
    /// That frame, whole; it owns so many bytes.
    Whole(Frame, usize),
    /// A zero sector where its header would be.
    NoHeader,
    /// Its header, and a zero sector among the sectors that it owns: so many bytes.
    Torn(usize),
    /// Its header, and fewer bytes than it owns: the rest has not been looked at, or is not there.
    Longer,
    /// Anything else; bytes from the start of the frame to the damage.
    Bad(usize, Damage),
}

impl FrameHeader {
    /// The trailer after frame `seq - 1`.
    pub(crate) const fn trailer(seq: u64) -> Self {
        Self {
            kind: FrameKind::Trailer,
            seq,
            first: 0,
            last: 0,
            epoch: 0,
            records: 0,
            payload_bytes: 0,
            stamp: None,
            previous: [0; 32],
        }
    }

    /// Bytes that the frame owns on the disk.
    pub(crate) const fn frame_bytes(&self, block: Block) -> usize {
        block.frame_bytes(self.payload_bytes as usize)
    }

    pub(crate) fn encode(&self, payload_checksum: u32) -> [u8; FRAME_HEADER_BYTES] {
        let mut bytes = [0; FRAME_HEADER_BYTES];
        bytes[..4].copy_from_slice(&tag_of(self.seq).to_le_bytes());
        bytes[4..6].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[6..8].copy_from_slice(&self.kind.code().to_le_bytes());
        bytes[8..16].copy_from_slice(&self.seq.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.last.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.records.to_le_bytes());
        bytes[44..48].copy_from_slice(&self.payload_bytes.to_le_bytes());
        if let Some(stamp) = self.stamp {
            bytes[48..56].copy_from_slice(&stamp.seq.get().to_le_bytes());
            bytes[56..88].copy_from_slice(stamp.hash.as_bytes());
        }
        bytes[88..96].copy_from_slice(&(self.seq - 1).to_le_bytes());
        bytes[96..128].copy_from_slice(&self.previous);
        bytes[128..132].copy_from_slice(&payload_checksum.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..132]);
        bytes[132..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads the header of frame `seq` and the payload's checksum.
    fn decode(sector: &[u8], seq: u64) -> Result<(Self, u32), Damage> {
        let damaged = |what| Err(Damage::FrameHeader { what });
        let found = u32::from_le_bytes(field(sector, 132));
        let computed = crc32fast::hash(&sector[..132]);
        if found != computed {
            return Err(Damage::FrameHeaderChecksum { found, computed });
        }
        let version = u16::from_le_bytes(field(sector, 4));
        if version != FORMAT {
            return Err(Damage::Version { found: version });
        }
        let found = u64::from_le_bytes(field(sector, 8));
        if found != seq {
            return Err(Damage::FrameSeq { expected: seq, found });
        }
        let tag = u32::from_le_bytes(field(sector, 0));
        if tag != tag_of(seq) {
            return Err(Damage::Tag { seq, found: tag });
        }
        if u64::from_le_bytes(field(sector, 88)) != seq - 1 {
            return damaged("synced_upto");
        }
        let kind = match u16::from_le_bytes(field(sector, 6)) {
            1 => FrameKind::Records,
            2 => FrameKind::Trailer,
            0 | 3.. => return damaged("kind"),
        };
        let header = Self {
            kind,
            seq,
            first: u64::from_le_bytes(field(sector, 16)),
            last: u64::from_le_bytes(field(sector, 24)),
            epoch: u64::from_le_bytes(field(sector, 32)),
            records: u32::from_le_bytes(field(sector, 40)),
            payload_bytes: u32::from_le_bytes(field(sector, 44)),
            stamp: Seq::new(u64::from_le_bytes(field(sector, 48)))
                .map(|seq| LedgerHead { seq, hash: Hash(field(sector, 56)) }),
            previous: field(sector, 96),
        };
        if header.stamp.is_none() && sector[56..88] != [0; 32] {
            return damaged("stamp");
        }
        match header.kind {
            FrameKind::Trailer if header != Self::trailer(seq) => damaged("trailer fields"),
            FrameKind::Records if header.records == 0 => damaged("number of records"),
            FrameKind::Trailer | FrameKind::Records => {
                Ok((header, u32::from_le_bytes(field(sector, 128))))
            }
        }
    }
}

/// Looks at the place where frame `seq` would start. `bytes` is at least one block. Total: every content has
/// one answer.
pub(crate) fn read_frame(bytes: &[u8], seq: u64, block: Block) -> Found {
    if is_zero(&bytes[..SECTOR_BYTES]) {
        return Found::NoHeader;
    }
    let (header, checksum) = match FrameHeader::decode(bytes, seq) {
        Ok(decoded) => decoded,
        Err(damage) => return Found::Bad(0, damage),
    };
    let length = header.frame_bytes(block);
    if length > bytes.len() {
        return Found::Longer;
    }
    let frame = &bytes[..length];
    let mut torn = false;
    for (at, sector) in frame.chunks_exact(SECTOR_BYTES).enumerate().skip(1) {
        let found = u32::from_le_bytes(field(sector, 0));
        if found == tag_of(seq) {
            continue;
        }
        if !is_zero(sector) {
            return Found::Bad(at * SECTOR_BYTES, Damage::Tag { seq, found });
        }
        torn = true;
    }
    if torn {
        return Found::Torn(length);
    }
    let payload = payload_of(frame);
    let computed = crc32fast::hash(&payload);
    if computed != checksum {
        let damage = Damage::PayloadChecksum { found: checksum, computed };
        return Found::Bad(FRAME_HEADER_BYTES, damage);
    }
    if !is_zero(&payload[header.payload_bytes as usize..]) {
        return Found::Bad(FRAME_HEADER_BYTES, Damage::FrameHeader { what: "padding" });
    }
    match split(payload.into(), &header) {
        Some(records) => Found::Whole(Frame { header, records }, length),
        None => Found::Bad(FRAME_HEADER_BYTES, Damage::Records { records: header.records }),
    }
}

/// The payload and its padding in logical order: everything but header and tags.
fn payload_of(frame: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(payload_room(frame.len()));
    payload.extend_from_slice(&frame[FRAME_HEADER_BYTES..SECTOR_BYTES]);
    for sector in frame[SECTOR_BYTES..].chunks_exact(SECTOR_BYTES) {
        payload.extend_from_slice(&sector[TAG_BYTES..]);
    }
    payload
}

/// The records; `None` unless they fill the payload exactly, as many as the header counts.
fn split(mut payload: Bytes, header: &FrameHeader) -> Option<Vec<Bytes>> {
    payload.truncate(header.payload_bytes as usize);
    let mut records = Vec::new();
    while !payload.is_empty() {
        if payload.len() < 4 {
            return None;
        }
        let length = u32::from_le_bytes(field(&payload.split_to(4), 0)) as usize;
        if payload.len() < length {
            return None;
        }
        records.push(payload.split_to(length));
    }
    (records.len() == header.records as usize).then_some(records)
}

const _: () = assert!(payload_room(4096) == 4096 - 8 * TAG_BYTES - 132);
