//! Versions, as they lie in the file.
//!
//! ```text
//! block                                            version
//! offset  size  field            (little endian)   offset  size  field
//!      0     4  payload bytes, at least 1               0     2  key bytes, 1 to 1024
//!      4     4  versions in it, at least 1              2     8  commit id, at least 1
//!      8     8  number of the block, from 1            10     4  value bytes; 2^32 - 1 for a tombstone
//!     16    32  hash                                   14        key, value
//!     48        payload: versions
//! ```

use aerodb_core::hash::Hash;
use aerodb_core::id::CommitId;
use aerodb_core::wal::{KEY_BYTES_MAX, VALUE_BYTES_MAX};
use bytes::{Buf, Bytes};

use crate::log::field;

/// Bytes before a block's payload.
pub const BLOCK_HEADER_BYTES: usize = 48;
/// Bytes before a version's key.
const VERSION_HEADER_BYTES: usize = 14;
/// A block takes no further version once it would pass this. Large enough that a hash and a write for each cost
/// little; small enough that an fsync of the log, which a block is given to the device beside, takes little longer.
pub(super) const BLOCK_BYTES: usize = 64 << 10;
/// The most bytes of a block's payload: that of one version of the largest key and value.
pub const BLOCK_BYTES_MAX: usize = VERSION_HEADER_BYTES + KEY_BYTES_MAX + VALUE_BYTES_MAX;
const TOMBSTONE: u32 = u32::MAX;

/// What one commit made of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotVersion {
    /// The key. A slice of its block: what is kept should be copied.
    pub key: Bytes,
    /// The commit.
    pub commit: CommitId,
    /// The value, a slice as well; `None` for a tombstone.
    pub value: Option<Bytes>,
}

/// What stands before a block's payload.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockHeader {
    pub(super) payload_bytes: usize,
    pub(super) versions: u32,
    pub(super) number: u64,
    pub(super) hash: Hash,
}

impl BlockHeader {
    pub(super) fn decode(bytes: &[u8; BLOCK_HEADER_BYTES]) -> Self {
        let number = |at| u32::from_le_bytes(field(bytes, at));
        Self {
            payload_bytes: usize::try_from(number(0)).unwrap_or(usize::MAX),
            versions: number(4),
            number: u64::from_le_bytes(field(bytes, 8)),
            hash: Hash(field(bytes, 16)),
        }
    }
}

/// The hash of a block: of the one before it, and of all its own bytes but the hash itself.
pub(super) fn hash_of(before: &Hash, head: &[u8], payload: &[u8]) -> Hash {
    Hash::of("aerodb 2026 snapshot block", &[before.as_bytes(), &head[..16], payload])
}

/// A block in the making: the place of its header, then the payload.
#[derive(Debug)]
pub(super) struct BlockBuffer {
    bytes: Vec<u8>,
    versions: u32,
}

impl BlockBuffer {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; BLOCK_HEADER_BYTES], versions: 0 }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.versions == 0
    }

    /// Whether a version of this size is one too many. One always fits.
    pub(super) fn is_full_for(&self, key_bytes: usize, value_bytes: usize) -> bool {
        let more = VERSION_HEADER_BYTES + key_bytes + value_bytes;
        !self.is_empty() && self.bytes.len() - BLOCK_HEADER_BYTES + more > BLOCK_BYTES
    }

    /// Adds a version whose key and value keep their limits.
    pub(super) fn push(&mut self, key: &[u8], commit: CommitId, value: Option<&[u8]>) {
        let key_bytes = u16::try_from(key.len()).unwrap_or(u16::MAX);
        let value_bytes = value.map(|value| u32::try_from(value.len()).unwrap_or(TOMBSTONE));
        self.bytes.extend_from_slice(&key_bytes.to_le_bytes());
        self.bytes.extend_from_slice(&commit.get().to_le_bytes());
        self.bytes.extend_from_slice(&value_bytes.unwrap_or(TOMBSTONE).to_le_bytes());
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value.unwrap_or_default());
        self.versions += 1;
    }

    /// The bytes of the block with this number that follows one with this hash, and its own hash.
    pub(super) fn seal(&mut self, number: u64, before: &Hash) -> (&[u8], Hash) {
        let (head, payload) = self.bytes.split_at_mut(BLOCK_HEADER_BYTES);
        let payload_bytes = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        head[..4].copy_from_slice(&payload_bytes.to_le_bytes());
        head[4..8].copy_from_slice(&self.versions.to_le_bytes());
        head[8..16].copy_from_slice(&number.to_le_bytes());
        let hash = hash_of(before, head, payload);
        head[16..].copy_from_slice(hash.as_bytes());
        (&self.bytes, hash)
    }

    pub(super) fn clear(&mut self) {
        self.bytes.truncate(BLOCK_HEADER_BYTES);
        self.versions = 0;
    }
}

/// Whether key and value keep the limits that every commit keeps.
pub(super) fn are_legal(key: &[u8], value: Option<&[u8]>) -> bool {
    (1..=KEY_BYTES_MAX).contains(&key.len())
        && std::str::from_utf8(key).is_ok()
        && value.is_none_or(|value| value.len() <= VALUE_BYTES_MAX)
}

/// Takes the next version off a payload; what is wrong when there is no such one.
pub(super) fn take_version(payload: &mut Bytes) -> Result<SnapshotVersion, &'static str> {
    const CUT: &str = "a version is cut off";
    let key_bytes = usize::from(payload.try_get_u16_le().map_err(|_| CUT)?);
    let commit = CommitId::new(payload.try_get_u64_le().map_err(|_| CUT)?);
    let value_bytes = payload.try_get_u32_le().map_err(|_| CUT)?;
    let key = take(payload, key_bytes).ok_or(CUT)?;
    let value = match value_bytes {
        TOMBSTONE => None,
        bytes => Some(take(payload, usize::try_from(bytes).unwrap_or(usize::MAX)).ok_or(CUT)?),
    };
    let commit = commit.ok_or("a version of commit 0")?;
    if !are_legal(&key, value.as_deref()) {
        return Err("a key or value that no commit can have");
    }
    Ok(SnapshotVersion { key, commit, value })
}

fn take(payload: &mut Bytes, bytes: usize) -> Option<Bytes> {
    (bytes <= payload.len()).then(|| payload.split_to(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_full_when_one_more_version_would_not_fit_and_never_before_the_first() {
        let mut block = BlockBuffer::new();
        assert!(block.is_empty() && !block.is_full_for(1, BLOCK_BYTES + 1));
        let commit = CommitId::FIRST;
        block.push(b"key", commit, Some(&[7; 100]));
        assert!(!block.is_empty());
        let left = BLOCK_BYTES - (VERSION_HEADER_BYTES + 3 + 100);
        let value = left - VERSION_HEADER_BYTES - 5;
        assert!(!block.is_full_for(5, value));
        assert!(block.is_full_for(5, value + 1) && block.is_full_for(6, value));
        block.push(b"other", commit, Some(&vec![7; value]));
        assert_eq!(block.bytes.len(), BLOCK_HEADER_BYTES + BLOCK_BYTES);
        assert!(block.is_full_for(1, 0));
        block.clear();
        assert!(block.is_empty() && !block.is_full_for(1, BLOCK_BYTES));
    }
}
