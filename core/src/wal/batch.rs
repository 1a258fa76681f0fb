//! One logical batch: what one append carries, byte for byte the same on every node.
//!
//! ```text
//! offset  size  field             (little endian)
//!      0     4  length of all that follows the checksum
//!      4     4  CRC-32 of all that follows
//!      8     1  format version, 1
//!      9     8  epoch
//!     17     8  first commit id
//!     25     8  last commit id
//!     33     8  ledger stamp: sequence
//!     41    32  ledger stamp: hash
//!     73    32  chain before the batch
//!    105    32  chain after the batch
//!    137     n  payload: the commits (postcard)
//! ```

use blake3::hazmat::hash_derive_key_context;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::hash::{Chain, Hash, Purpose};
use crate::id::{Boundary, CommitId, Epoch, Seq};
use crate::position::{LedgerHead, Position};

const FORMAT: u8 = 1;
const PREFIX_BYTES: usize = 8;
const HEADER_BYTES: usize = 137;

/// One change to one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// The key has this value from here on.
    Put {
        /// UTF-8, 1 to 1,024 bytes.
        key: Bytes,
        /// The new value.
        value: Bytes,
    },
    /// The key is absent from here on.
    Delete {
        /// UTF-8, 1 to 1,024 bytes.
        key: Bytes,
    },
}

/// What becomes visible under one commit id: whole or not at all (MVI-4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The changes, in the order of the request. May be empty.
    pub ops: Vec<Op>,
}

/// A decoded batch: the unit of WAL append. Only [`RawBatch::decode`] and [`Batch::form`] make one, so
/// a `Batch` always has `last = first + commits - 1` and the chain that its content gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    epoch: Epoch,
    first: CommitId,
    last: CommitId,
    stamp: LedgerHead,
    before: Chain,
    after: Chain,
    commits: Vec<Commit>,
}

/// The bytes of one logical batch as they are appended and shipped: framed, nothing else known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawBatch(Bytes);

/// Bytes that are not a whole, self-consistent batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The bytes end before the batch does. On the wire: a cut transfer, more must come (F-R1).
    #[error("the batch is cut: {have} bytes of {need}")]
    Cut {
        /// Bytes that are there.
        have: usize,
        /// Bytes that the batch needs.
        need: usize,
    },
    /// The checksum does not fit the bytes (F-V1).
    #[error("the batch checksum is {found:08x}, the bytes give {computed:08x}")]
    Checksum {
        /// The checksum in the batch.
        found: u32,
        /// The checksum of its bytes.
        computed: u32,
    },
    /// The chain in the batch is not the one that its content gives (F-V1).
    #[error("the batch says chain {found}, its content gives {computed}")]
    Chain {
        /// The chain in the batch.
        found: Chain,
        /// The chain of its content.
        computed: Chain,
    },
    /// A format that this program does not know.
    #[error("batch format {found} is not known")]
    Format {
        /// The version byte.
        found: u8,
    },
    /// A number or the payload cannot be what it should be.
    #[error("the batch is malformed: {what}")]
    Malformed {
        /// Which part.
        what: &'static str,
    },
}

/// chain(n) = H(chain(n-1), epoch, first and last commit id, ledger stamp, payload).
fn chain_of(before: &Chain, header: &[u8], payload: &[u8]) -> Chain {
    static PURPOSE: Purpose = Purpose::new(|| hash_derive_key_context("aerodb 2026 history chain"));
    Chain(PURPOSE.of(&[before.as_bytes(), header, payload]).0)
}

impl Batch {
    /// Forms the batch that continues `tip` with these commits. `None` when there is no commit or the
    /// commit ids are exhausted.
    #[must_use]
    pub fn form(
        tip: &Position,
        epoch: Epoch,
        stamp: LedgerHead,
        commits: Vec<Commit>,
    ) -> Option<(Self, RawBatch)> {
        let first = tip.boundary.next_commit()?;
        let more = u64::try_from(commits.len()).ok()?.checked_sub(1)?;
        let last = CommitId::new(first.get().checked_add(more)?)?;
        let payload = postcard::to_stdvec(&commits).ok()?;

        let mut bytes = vec![0; PREFIX_BYTES];
        bytes.push(FORMAT);
        for number in [epoch.get(), first.get(), last.get(), stamp.seq.get()] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(stamp.hash.as_bytes());
        let after = chain_of(&tip.chain, &bytes[9..73], &payload);
        bytes.extend_from_slice(tip.chain.as_bytes());
        bytes.extend_from_slice(after.as_bytes());
        bytes.extend_from_slice(&payload);

        let length = u32::try_from(bytes.len() - PREFIX_BYTES).ok()?;
        let checksum = crc32fast::hash(&bytes[PREFIX_BYTES..]);
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
        let batch = Self { epoch, first, last, stamp, before: tip.chain, after, commits };
        Some((batch, RawBatch(Bytes::from(bytes))))
    }

    /// The epoch that it was written in.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Its first commit.
    #[must_use]
    pub const fn first(&self) -> CommitId {
        self.first
    }

    /// Its last commit.
    #[must_use]
    pub const fn last(&self) -> CommitId {
        self.last
    }

    /// The authority ledger's head that was durable when the batch was formed.
    #[must_use]
    pub const fn stamp(&self) -> LedgerHead {
        self.stamp
    }

    /// The chain that it continues.
    #[must_use]
    pub const fn before(&self) -> Chain {
        self.before
    }

    /// The place in the history where it ends.
    #[must_use]
    pub fn end(&self) -> Position {
        Position { boundary: Boundary::from(self.last), chain: self.after }
    }

    /// Its commits with their ids, in order.
    pub fn commits(&self) -> impl Iterator<Item = (CommitId, &Commit)> {
        std::iter::successors(Some(self.first), |id| id.next()).zip(&self.commits)
    }

    /// Gives the commits away with their ids, in order.
    pub fn into_commits(self) -> impl Iterator<Item = (CommitId, Commit)> {
        std::iter::successors(Some(self.first), |id| id.next()).zip(self.commits)
    }
}

impl RawBatch {
    /// The least number of bytes a batch can have.
    pub const BYTES_MIN: usize = HEADER_BYTES;

    /// Takes the first batch off the front of `bytes`, looking at nothing but its length: what the
    /// receiver may do (P5-ST2).
    ///
    /// # Errors
    /// [`BatchError::Cut`] when the bytes end first, [`BatchError::Malformed`] when the length cannot be one.
    pub fn split_first(bytes: &mut Bytes) -> Result<Self, BatchError> {
        let prefix: [u8; 4] = bytes
            .get(..4)
            .and_then(|b| b.try_into().ok())
            .ok_or(BatchError::Cut { have: bytes.len(), need: HEADER_BYTES })?;
        let need = u32::from_le_bytes(prefix) as usize + PREFIX_BYTES;
        if need < HEADER_BYTES {
            return Err(BatchError::Malformed { what: "length" });
        }
        if bytes.len() < need {
            return Err(BatchError::Cut { have: bytes.len(), need });
        }
        Ok(Self(bytes.split_to(need)))
    }

    /// The bytes.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.0
    }

    fn number(&self, at: usize) -> u64 {
        let mut number = [0; 8];
        number.copy_from_slice(&self.0[at..at + 8]);
        u64::from_le_bytes(number)
    }

    fn hash(&self, at: usize) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(&self.0[at..at + 32]);
        hash
    }

    /// The commit range that the bytes claim, unchecked; `None` when it is no range. For ordering only.
    #[must_use]
    pub fn claimed_range(&self) -> Option<(CommitId, CommitId)> {
        let (first, last) = (CommitId::new(self.number(17))?, CommitId::new(self.number(25))?);
        (first <= last).then_some((first, last))
    }

    /// The epoch that the bytes claim, unchecked.
    #[must_use]
    pub fn claimed_epoch(&self) -> Option<Epoch> {
        Epoch::new(self.number(9))
    }

    /// The ledger stamp that the bytes claim, unchecked.
    #[must_use]
    pub fn claimed_stamp(&self) -> Option<LedgerHead> {
        Some(LedgerHead { seq: Seq::new(self.number(33))?, hash: Hash(self.hash(41)) })
    }

    /// The chain before and after that the bytes claim, unchecked.
    #[must_use]
    pub fn claimed_chains(&self) -> (Chain, Chain) {
        (Chain(self.hash(73)), Chain(self.hash(105)))
    }

    /// Checks checksum, format, chain and payload, and reads the batch. Total: any bytes give a batch
    /// or a named error.
    ///
    /// # Errors
    /// The first [`BatchError`] found, in the order checksum, format, numbers, chain, payload.
    pub fn decode(&self) -> Result<Batch, BatchError> {
        let found = u32::from_le_bytes([self.0[4], self.0[5], self.0[6], self.0[7]]);
        let computed = crc32fast::hash(&self.0[PREFIX_BYTES..]);
        if found != computed {
            return Err(BatchError::Checksum { found, computed });
        }
        if self.0[8] != FORMAT {
            return Err(BatchError::Format { found: self.0[8] });
        }
        let epoch = self.claimed_epoch().ok_or(BatchError::Malformed { what: "epoch" })?;
        let (first, last) =
            self.claimed_range().ok_or(BatchError::Malformed { what: "commit range" })?;
        let stamp = self.claimed_stamp().ok_or(BatchError::Malformed { what: "ledger stamp" })?;
        let (before, after) = self.claimed_chains();

        let payload = &self.0[HEADER_BYTES..];
        let computed = chain_of(&before, &self.0[9..73], payload);
        if after != computed {
            return Err(BatchError::Chain { found: after, computed });
        }
        let (commits, rest) = postcard::take_from_bytes::<Vec<Commit>>(payload)
            .map_err(|_| BatchError::Malformed { what: "payload" })?;
        if !rest.is_empty() {
            return Err(BatchError::Malformed { what: "bytes after the payload" });
        }
        if commits.len() as u64 != last.get() - first.get() + 1 {
            return Err(BatchError::Malformed { what: "number of commits" });
        }
        Ok(Batch { epoch, first, last, stamp, before, after, commits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::ClusterId;

    fn tip() -> Position {
        Position::origin(&ClusterId([9; 32]))
    }

    fn stamp() -> LedgerHead {
        LedgerHead { seq: Seq::FIRST, hash: Hash([3; 32]) }
    }

    fn put(key: &'static str, value: &'static str) -> Commit {
        Commit { ops: vec![Op::Put { key: key.into(), value: value.into() }] }
    }

    #[test]
    fn a_batch_decodes_to_what_was_formed() {
        let commits = vec![put("a", "1"), put("b", "2")];
        let (batch, raw) = Batch::form(&tip(), Epoch::FIRST, stamp(), commits).unwrap();
        assert_eq!(raw.decode().unwrap(), batch);
        assert_eq!((batch.first().get(), batch.last().get()), (1, 2));
        assert_eq!(raw.claimed_range(), Some((batch.first(), batch.last())));
        let ids: Vec<u64> = batch.commits().map(|(id, _)| id.get()).collect();
        assert_eq!(ids, [1, 2]);
    }

    #[test]
    fn no_commits_form_no_batch() {
        assert_eq!(Batch::form(&tip(), Epoch::FIRST, stamp(), Vec::new()), None);
    }

    #[test]
    fn every_flipped_byte_and_every_cut_is_found() {
        let (_, raw) =
            Batch::form(&tip(), Epoch::FIRST, stamp(), vec![put("key", "value")]).unwrap();
        for at in 0..raw.bytes().len() {
            let mut bytes = raw.bytes().to_vec();
            bytes[at] ^= 0x40;
            let mut bytes = Bytes::from(bytes);
            let found = RawBatch::split_first(&mut bytes).and_then(|raw| raw.decode());
            assert!(found.is_err(), "a flip at {at} went unnoticed");
        }
        for length in 0..raw.bytes().len() {
            let mut bytes = raw.bytes().slice(..length);
            assert!(
                matches!(RawBatch::split_first(&mut bytes), Err(BatchError::Cut { .. })),
                "cut at {length}"
            );
        }
    }

    #[test]
    fn the_chain_depends_on_everything_before() {
        let (one, _) = Batch::form(&tip(), Epoch::FIRST, stamp(), vec![put("a", "1")]).unwrap();
        let (two, _) = Batch::form(&tip(), Epoch::FIRST, stamp(), vec![put("a", "2")]).unwrap();
        let (after_one, _) =
            Batch::form(&one.end(), Epoch::FIRST, stamp(), vec![put("b", "1")]).unwrap();
        let (after_two, _) =
            Batch::form(&two.end(), Epoch::FIRST, stamp(), vec![put("b", "1")]).unwrap();
        assert_ne!(after_one.end().chain, after_two.end().chain);
    }
}
