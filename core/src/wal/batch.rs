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
//!    137     n  payload: the commits (postcard), in their shortest encoding
//! ```
//!
//! Length, checksum and format version keep their places in every version. The chain covers bytes 8 to
//! 73 and the payload: what the payload means is fixed by the version, so the version is under it too.
//!
//! Keeps: WAL-4, MVI-5, P3-D6, P3-D7.

use blake3::hazmat::hash_derive_key_context;
use bytes::Bytes;
use serde::Deserialize;

use crate::hash::{Chain, Hash, Purpose};
use crate::id::{CommitId, Epoch, Seq};
use crate::position::{LedgerHead, Position};
use crate::wal::payload::{self, Changes, CommitRef};
use crate::wal::{BatchHeader, Commit};

const FORMAT: u8 = 1;
const PREFIX_BYTES: usize = 8;
const HEADER_BYTES: usize = 137;
/// What the chain covers of the header, besides the chain before.
const CHAINED: std::ops::Range<usize> = 8..73;
/// Where the chain after the batch lies.
const AFTER: std::ops::Range<usize> = 105..HEADER_BYTES;

/// A decoded batch: the unit of WAL append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    header: BatchHeader,
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

/// chain(n) = H(chain(n-1), version, epoch, first and last commit id, ledger stamp, payload).
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

        let mut bytes = Vec::with_capacity(HEADER_BYTES + payload::bytes_about(&commits));
        bytes.extend_from_slice(&[0; PREFIX_BYTES]);
        bytes.push(FORMAT);
        for number in [epoch.get(), first.get(), last.get(), stamp.seq.get()] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(stamp.hash.as_bytes());
        bytes.extend_from_slice(tip.chain.as_bytes());
        bytes.extend_from_slice(&[0; 32]);
        let mut bytes = postcard::to_extend(&commits, bytes).ok()?;
        let after = chain_of(&tip.chain, &bytes[CHAINED], &bytes[HEADER_BYTES..]);
        bytes[AFTER].copy_from_slice(after.as_bytes());

        let length = u32::try_from(bytes.len() - PREFIX_BYTES).ok()?;
        let checksum = crc32fast::hash(&bytes[PREFIX_BYTES..]);
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
        let header = BatchHeader { epoch, first, last, stamp, before: tip.chain, after };
        Some((Self { header, commits }, RawBatch(Bytes::from(bytes))))
    }

    /// The epoch that it was written in.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.header.epoch
    }

    /// Its first commit.
    #[must_use]
    pub const fn first(&self) -> CommitId {
        self.header.first
    }

    /// Its last commit.
    #[must_use]
    pub const fn last(&self) -> CommitId {
        self.header.last
    }

    /// The authority ledger's head that was durable when the batch was formed.
    #[must_use]
    pub const fn stamp(&self) -> LedgerHead {
        self.header.stamp
    }

    /// The chain that it continues.
    #[must_use]
    pub const fn before(&self) -> Chain {
        self.header.before
    }

    /// The place in the history where it ends.
    #[must_use]
    pub fn end(&self) -> Position {
        self.header.end()
    }

    /// Its commits with their ids, in order.
    pub fn commits(&self) -> impl Iterator<Item = (CommitId, &Commit)> {
        std::iter::successors(Some(self.first()), |id| id.next()).zip(&self.commits)
    }

    /// Gives the commits away with their ids, in order.
    pub fn into_commits(self) -> impl Iterator<Item = (CommitId, Commit)> {
        std::iter::successors(Some(self.first()), |id| id.next()).zip(self.commits)
    }
}

impl AsRef<BatchHeader> for Batch {
    fn as_ref(&self) -> &BatchHeader {
        &self.header
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
        let (header, commits) = self.read()?;
        Ok(Batch { header, commits })
    }

    /// Makes all the checks of [`RawBatch::decode`] and copies nothing: for a reader that has no use for the
    /// commits.
    ///
    /// # Errors
    /// As [`RawBatch::decode`].
    pub fn check(&self) -> Result<BatchHeader, BatchError> {
        self.read::<CommitRef<'_>>().map(|(header, _)| header)
    }

    fn read<'a, C: Deserialize<'a> + Changes>(
        &'a self,
    ) -> Result<(BatchHeader, Vec<C>), BatchError> {
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
        let computed = chain_of(&before, &self.0[CHAINED], payload);
        if after != computed {
            return Err(BatchError::Chain { found: after, computed });
        }
        let (commits, rest) = postcard::take_from_bytes::<Vec<C>>(payload)
            .map_err(|_| BatchError::Malformed { what: "payload" })?;
        if !rest.is_empty() {
            return Err(BatchError::Malformed { what: "bytes after the payload" });
        }
        if commits.len() as u64 != last.get() - first.get() + 1 {
            return Err(BatchError::Malformed { what: "number of commits" });
        }
        payload::check(&commits, payload.len())?;
        Ok((BatchHeader { epoch, first, last, stamp, before, after }, commits))
    }
}

#[cfg(test)]
mod tests;
