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

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::hash::{Chain, Hash};
use crate::id::{Boundary, CommitId, Epoch, Seq};
use crate::position::{LedgerHead, Position};

const FORMAT: u8 = 1;
const PREFIX_BYTES: usize = 8;
const HEADER_BYTES: usize = 137;
/// What the chain covers of the header, besides the chain before.
const CHAINED: std::ops::Range<usize> = 8..73;

/// The most bytes of a key; the least is 1.
pub const KEY_BYTES_MAX: usize = 1024;
/// The most bytes of a value, whatever a node's configuration allows; the least is 0.
pub const VALUE_BYTES_MAX: usize = 4 << 20;

/// One change to one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// The key has this value from here on.
    Put {
        /// UTF-8, 1 to [`KEY_BYTES_MAX`] bytes.
        key: Bytes,
        /// The new value, at most [`VALUE_BYTES_MAX`] bytes.
        value: Bytes,
    },
    /// The key is absent from here on.
    Delete {
        /// UTF-8, 1 to [`KEY_BYTES_MAX`] bytes.
        key: Bytes,
    },
}

impl Op {
    fn check(&self) -> Result<(), BatchError> {
        let (key, value_bytes) = match self {
            Self::Put { key, value } => (key, value.len()),
            Self::Delete { key } => (key, 0),
        };
        if !(1..=KEY_BYTES_MAX).contains(&key.len()) || std::str::from_utf8(key).is_err() {
            return Err(BatchError::Malformed { what: "key" });
        }
        if value_bytes > VALUE_BYTES_MAX {
            return Err(BatchError::Malformed { what: "value" });
        }
        Ok(())
    }

    fn encoded_bytes(&self) -> usize {
        let parts: &[&Bytes] = match self {
            Self::Put { key, value } => &[key, value],
            Self::Delete { key } => &[key],
        };
        let lengths = parts.iter().map(|part| varint_bytes(part.len()) + part.len());
        1 + lengths.sum::<usize>()
    }
}

/// How many bytes the shortest encoding of a length has: seven bits a byte.
const fn varint_bytes(length: usize) -> usize {
    (usize::BITS - (length | 1).leading_zeros()).div_ceil(7) as usize
}

/// How many bytes the shortest encoding of the commits has. A length or number that is not written in its
/// shortest form makes the payload longer than this, so comparing lengths is enough to tell.
fn encoded_bytes(commits: &[Commit]) -> usize {
    let one = |commit: &Commit| {
        varint_bytes(commit.ops.len()) + commit.ops.iter().map(Op::encoded_bytes).sum::<usize>()
    };
    varint_bytes(commits.len()) + commits.iter().map(one).sum::<usize>()
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

/// chain(n) = H(chain(n-1), version, epoch, first and last commit id, ledger stamp, payload).
fn chain_of(before: &Chain, header: &[u8], payload: &[u8]) -> Chain {
    Chain(Hash::of("aerodb 2026 history chain", &[before.as_bytes(), header, payload]).0)
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
        let after = chain_of(&tip.chain, &bytes[CHAINED], &payload);
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
        let computed = chain_of(&before, &self.0[CHAINED], payload);
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
        if encoded_bytes(&commits) != payload.len() {
            return Err(BatchError::Malformed { what: "encoding of the payload" });
        }
        commits.iter().flat_map(|commit| &commit.ops).try_for_each(Op::check)?;
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

    /// A batch with this payload, sealed as the writer would.
    fn sealed(commits: u64, payload: &[u8]) -> RawBatch {
        let (_, raw) = Batch::form(&tip(), Epoch::FIRST, stamp(), vec![put("a", "1")]).unwrap();
        let mut bytes = raw.bytes()[..HEADER_BYTES].to_vec();
        bytes[25..33].copy_from_slice(&commits.to_le_bytes());
        let after = chain_of(&tip().chain, &bytes[CHAINED], payload);
        bytes[105..137].copy_from_slice(after.as_bytes());
        bytes.extend_from_slice(payload);
        let checksum = crc32fast::hash(&bytes[PREFIX_BYTES..]);
        bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
        let length = u32::try_from(bytes.len() - PREFIX_BYTES).unwrap();
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        RawBatch(bytes.into())
    }

    #[test]
    fn a_payload_has_one_encoding() {
        assert!(sealed(1, &[1, 1, 1, 1, b'k']).decode().is_ok(), "one commit deletes k");
        for longer in [
            &[0x81, 0, 1, 1, 1, b'k'][..],
            &[1, 0x81, 0, 1, 1, b'k'],
            &[1, 1, 0x81, 0, 1, b'k'],
            &[1, 1, 1, 0x81, 0, b'k'],
        ] {
            let expected = BatchError::Malformed { what: "encoding of the payload" };
            assert_eq!(sealed(1, longer).decode(), Err(expected), "{longer:?}");
        }
    }

    #[test]
    fn the_size_of_the_shortest_encoding_is_what_encoding_gives() {
        for length in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152] {
            let ops = vec![
                Op::Put { key: vec![b'k'; 200].into(), value: vec![0; length].into() },
                Op::Delete { key: "k".into() },
            ];
            let commits = vec![Commit { ops }, Commit { ops: Vec::new() }];
            assert_eq!(encoded_bytes(&commits), postcard::to_stdvec(&commits).unwrap().len());
        }
    }

    #[test]
    fn keys_and_values_keep_their_limits_whoever_wrote_the_batch() {
        let form = |op| {
            let commits = vec![Commit { ops: vec![op] }];
            Batch::form(&tip(), Epoch::FIRST, stamp(), commits).unwrap().1.decode().err()
        };
        let put = |key: Vec<u8>, value: usize| {
            form(Op::Put { key: key.into(), value: vec![0; value].into() })
        };
        assert_eq!(put(vec![b'k'; KEY_BYTES_MAX], VALUE_BYTES_MAX), None);
        let key = Some(BatchError::Malformed { what: "key" });
        assert_eq!(put(Vec::new(), 1), key);
        assert_eq!(put(vec![b'k'; KEY_BYTES_MAX + 1], 1), key);
        assert_eq!(put(vec![0xff], 1), key);
        assert_eq!(form(Op::Delete { key: Bytes::new() }), key);
        assert_eq!(
            put(vec![b'k'], VALUE_BYTES_MAX + 1),
            Some(BatchError::Malformed { what: "value" })
        );
    }

    #[test]
    fn the_chain_covers_the_version_that_gives_the_payload_its_meaning() {
        let (_, raw) = Batch::form(&tip(), Epoch::FIRST, stamp(), vec![put("a", "1")]).unwrap();
        let mut header = raw.bytes()[CHAINED].to_vec();
        let payload = &raw.bytes()[HEADER_BYTES..];
        let (_, after) = raw.claimed_chains();
        assert_eq!(chain_of(&tip().chain, &header, payload), after);
        header[0] += 1;
        assert_ne!(chain_of(&tip().chain, &header, payload), after);
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
