//! One hash over everything visible at a view.
//!
//! Keeps: RS-7.

use aerodb_core::hash::Hash;
use aerodb_core::id::CommitId;

/// What the digest is for; BLAKE3 `derive_key` keeps it apart from every other hash of ours.
const PURPOSE: &str = "aerodb 2026 state digest";

/// The state digest in the making. Each row is `key length (u64), key, commit id (u64), value length
/// (u64), value`, numbers little endian: with the lengths in it no two states give the same bytes.
pub(super) struct StateDigest(blake3::Hasher);

impl StateDigest {
    /// The digest of no rows.
    pub(super) fn new() -> Self {
        Self(blake3::Hasher::new_derive_key(PURPOSE))
    }

    /// Adds the next row in key order.
    pub(super) fn row(&mut self, key: &[u8], commit_id: CommitId, value: &[u8]) {
        self.0.update(&(key.len() as u64).to_le_bytes());
        self.0.update(key);
        self.0.update(&commit_id.get().to_le_bytes());
        self.0.update(&(value.len() as u64).to_le_bytes());
        self.0.update(value);
    }

    /// The digest of all rows.
    pub(super) fn finish(&self) -> Hash {
        Hash(*self.0.finalize().as_bytes())
    }
}
