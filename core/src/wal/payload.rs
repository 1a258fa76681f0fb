//! What a batch carries: commits of changes, owned or where they lie in the bytes, with their limits and
//! their one encoding.
//!
//! Keeps: WAL-5.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::wal::BatchError;

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
    /// The key that it changes.
    #[must_use]
    pub const fn key(&self) -> &Bytes {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }
}

/// What becomes visible under one commit id: whole or not at all (MVI-4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The changes, in the order of the request. May be empty.
    pub ops: Vec<Op>,
}

/// About how many bytes the commits have in a batch, rather too many than too few.
pub(super) fn bytes_about(commits: &[Commit]) -> usize {
    let ops = commits.iter().flat_map(|commit| &commit.ops);
    ops.map(|op| 12 + op.key().len() + op.value().map_or(0, <[u8]>::len)).sum::<usize>() + 8
}

/// An [`Op`] where it lies; the same bytes decode to both.
#[derive(Deserialize)]
pub(super) enum OpRef<'a> {
    Put { key: &'a [u8], value: &'a [u8] },
    Delete { key: &'a [u8] },
}

/// A [`Commit`] where it lies; the same bytes decode to both.
#[derive(Deserialize)]
pub(super) struct CommitRef<'a> {
    #[serde(borrow)]
    ops: Vec<OpRef<'a>>,
}

/// A change in either form: what limits and encoding are checked on.
pub(super) trait Change {
    fn key(&self) -> &[u8];
    /// `None` for a delete.
    fn value(&self) -> Option<&[u8]>;
}

/// A commit in either form.
pub(super) trait Changes {
    type Op: Change;
    fn ops(&self) -> &[Self::Op];
}

impl Change for Op {
    fn key(&self) -> &[u8] {
        self.key()
    }

    fn value(&self) -> Option<&[u8]> {
        match self {
            Self::Put { value, .. } => Some(value),
            Self::Delete { .. } => None,
        }
    }
}

impl Change for OpRef<'_> {
    fn key(&self) -> &[u8] {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }

    fn value(&self) -> Option<&[u8]> {
        match self {
            Self::Put { value, .. } => Some(value),
            Self::Delete { .. } => None,
        }
    }
}

impl Changes for Commit {
    type Op = Op;
    fn ops(&self) -> &[Op] {
        &self.ops
    }
}

impl<'a> Changes for CommitRef<'a> {
    type Op = OpRef<'a>;
    fn ops(&self) -> &[OpRef<'a>] {
        &self.ops
    }
}

/// Checks what the commits of a payload of so many bytes must keep, whoever wrote it: one encoding, and the
/// limits of keys and values.
pub(super) fn check(commits: &[impl Changes], payload_bytes: usize) -> Result<(), BatchError> {
    if encoded_bytes(commits) != payload_bytes {
        return Err(BatchError::Malformed { what: "encoding of the payload" });
    }
    commits.iter().flat_map(Changes::ops).try_for_each(check_limits)
}

fn check_limits(op: &impl Change) -> Result<(), BatchError> {
    let key = op.key();
    if !(1..=KEY_BYTES_MAX).contains(&key.len()) || std::str::from_utf8(key).is_err() {
        return Err(BatchError::Malformed { what: "key" });
    }
    if op.value().is_some_and(|value| value.len() > VALUE_BYTES_MAX) {
        return Err(BatchError::Malformed { what: "value" });
    }
    Ok(())
}

/// How many bytes the shortest encoding of the commits has. A length or number that is not written in its
/// shortest form makes the payload longer than this, so comparing lengths is enough to tell.
fn encoded_bytes(commits: &[impl Changes]) -> usize {
    let part = |bytes: &[u8]| varint_bytes(bytes.len()) + bytes.len();
    let mut bytes = varint_bytes(commits.len());
    for commit in commits {
        bytes += varint_bytes(commit.ops().len());
        bytes += commit
            .ops()
            .iter()
            .map(|op| 1 + part(op.key()) + op.value().map_or(0, part))
            .sum::<usize>();
    }
    bytes
}

/// How many bytes the shortest encoding of a length has: seven bits a byte.
const fn varint_bytes(length: usize) -> usize {
    (usize::BITS - (length | 1).leading_zeros()).div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_the_shortest_encoding_is_what_encoding_gives_in_either_form() {
        for length in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152] {
            let ops = vec![
                Op::Put { key: vec![b'k'; 200].into(), value: vec![0; length].into() },
                Op::Delete { key: "k".into() },
            ];
            let commits = vec![Commit { ops }, Commit { ops: Vec::new() }];
            let bytes = postcard::to_stdvec(&commits).unwrap();
            let lying: Vec<CommitRef<'_>> = postcard::from_bytes(&bytes).unwrap();
            assert_eq!(encoded_bytes(&commits), bytes.len());
            assert_eq!(encoded_bytes(&lying), bytes.len());
        }
    }
}
