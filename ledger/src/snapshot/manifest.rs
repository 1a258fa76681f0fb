//! The end of the file, 256 bytes: what it is a snapshot of, and what binds all that lies before.
//!
//! ```text
//! offset  size  field             (little endian)
//!      0     8  magic, "AERODBSM"
//!      8     2  format version, 1
//!     10     2  zero
//!     12     4  CRC-32 of these 256 bytes, this field taken as zero
//!     16    32  cluster id
//!     48     8  commit id of the cut
//!     56    32  chain at the cut
//!     88     8  epoch of the cut
//!     96     8  authority ledger's head, seq
//!    104    32  authority ledger's head, hash
//!    136     8  oldest retained commit
//!    144     8  keys
//!    152     8  versions
//!    160     8  blocks
//!    168     8  offset of the manifest
//!    176    32  hash of the last block; that of the header when there is none
//!    208     8  1 when there is a designation, else 0
//!    216     8  designation, commit id
//!    224    32  designation, chain
//! ```

use aerodb_core::hash::{Chain, ClusterId, Hash};
use aerodb_core::id::{Boundary, Epoch, Seq};
use aerodb_core::position::{LedgerHead, Position};

use super::block::BLOCK_HEADER_BYTES;
use super::facts::SnapshotFacts;
use super::header::HEADER_BYTES;
use super::{CHECKSUM_AT, FORMAT, checksum};
use crate::fault::Damage;
use crate::log::field;

/// Bytes of the manifest.
pub const MANIFEST_BYTES: usize = 256;

const MAGIC: &[u8; 8] = b"AERODBSM";

/// What a snapshot says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manifest {
    /// What it is of.
    pub facts: SnapshotFacts,
    /// How many keys have a version in it, tombstones included.
    pub keys: u64,
    /// How many versions it holds, tombstones included.
    pub versions: u64,
    /// How many blocks they lie in.
    pub blocks: u64,
    /// Bytes before the manifest: header and blocks.
    pub offset: u64,
    /// The hash of the last block, and with it of all that lies before the manifest.
    pub content: Hash,
}

impl Manifest {
    /// Bytes of the whole file.
    #[must_use]
    pub const fn file_bytes(&self) -> u64 {
        self.offset.saturating_add(MANIFEST_BYTES as u64)
    }

    /// The hash of the manifest: what a checkpoint names the snapshot by.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of("aerodb 2026 snapshot manifest", &[&self.encode()])
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; MANIFEST_BYTES] {
        let facts = &self.facts;
        let mut bytes = [0; MANIFEST_BYTES];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(0, MAGIC);
        put(8, &FORMAT.to_le_bytes());
        put(16, facts.cluster.as_bytes());
        put(48, &facts.position.boundary.get().to_le_bytes());
        put(56, facts.position.chain.as_bytes());
        put(88, &facts.epoch.get().to_le_bytes());
        put(96, &facts.ledger.seq.get().to_le_bytes());
        put(104, facts.ledger.hash.as_bytes());
        put(136, &facts.oldest_retained.get().to_le_bytes());
        put(144, &self.keys.to_le_bytes());
        put(152, &self.versions.to_le_bytes());
        put(160, &self.blocks.to_le_bytes());
        put(168, &self.offset.to_le_bytes());
        put(176, self.content.as_bytes());
        if let Some(designation) = &facts.designation {
            put(208, &1u64.to_le_bytes());
            put(216, &designation.boundary.get().to_le_bytes());
            put(224, designation.chain.as_bytes());
        }
        let checksum = checksum(&bytes);
        bytes[CHECKSUM_AT..16].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads it. Total: any bytes give a manifest that could have been written, or what is wrong.
    ///
    /// # Errors
    /// [`Damage`].
    pub fn decode(bytes: &[u8; MANIFEST_BYTES]) -> Result<Self, Damage> {
        if &bytes[..8] != MAGIC {
            return Err(Damage::IncompleteSnapshot);
        }
        if u32::from_le_bytes(field(bytes, CHECKSUM_AT)) != checksum(bytes) {
            return Err(Damage::Snapshot { what: "the manifest's checksum" });
        }
        let found = u16::from_le_bytes(field(bytes, 8));
        if found != FORMAT {
            return Err(Damage::Version { found });
        }
        let manifest = Self::fields(bytes).ok_or(Damage::Snapshot { what: "a manifest field" })?;
        manifest.check()?;
        // What the fields do not show, reserved bytes for one.
        if manifest.encode() != *bytes {
            return Err(Damage::Snapshot { what: "the manifest's reserved bytes" });
        }
        Ok(manifest)
    }

    /// `None` for a number that may not be there.
    fn fields(bytes: &[u8; MANIFEST_BYTES]) -> Option<Self> {
        let number = |at| u64::from_le_bytes(field(bytes, at));
        let position = |at| Position {
            boundary: Boundary::new(number(at)),
            chain: Chain(field(bytes, at + 8)),
        };
        let designation = match number(208) {
            0 => None,
            1 => Some(position(216)),
            2.. => return None,
        };
        let facts = SnapshotFacts {
            cluster: ClusterId(field(bytes, 16)),
            position: position(48),
            epoch: Epoch::new(number(88))?,
            ledger: LedgerHead { seq: Seq::new(number(96))?, hash: Hash(field(bytes, 104)) },
            oldest_retained: Boundary::new(number(136)),
            designation,
        };
        let (keys, versions, blocks) = (number(144), number(152), number(160));
        let (offset, content) = (number(168), Hash(field(bytes, 176)));
        Some(Self { facts, keys, versions, blocks, offset, content })
    }

    fn check(&self) -> Result<(), Damage> {
        self.facts.check().map_err(|what| Damage::Snapshot { what })?;
        let ordered = self.keys <= self.versions && self.blocks <= self.versions;
        let empty = self.versions == 0;
        let heads = self.blocks.checked_mul(BLOCK_HEADER_BYTES as u64);
        let least = heads.and_then(|heads| heads.checked_add(HEADER_BYTES as u64));
        let room = least.is_some_and(|least| self.offset >= least);
        if !ordered || !room || empty != (self.keys == 0) || empty != (self.blocks == 0) {
            return Err(Damage::Snapshot { what: "the manifest's counts" });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let at = |commits| Position { boundary: Boundary::new(commits), chain: Chain([1; 32]) };
        let facts = SnapshotFacts {
            cluster: ClusterId([1; 32]),
            position: at(9),
            epoch: Epoch::FIRST,
            ledger: LedgerHead { seq: Seq::FIRST, hash: Hash([1; 32]) },
            oldest_retained: Boundary::new(9),
            designation: Some(at(2)),
        };
        let offset = (HEADER_BYTES + 2 * BLOCK_HEADER_BYTES) as u64;
        Manifest { facts, keys: 2, versions: 3, blocks: 2, offset, content: Hash([2; 32]) }
    }

    fn decoded(change: impl FnOnce(&mut Manifest)) -> Result<Manifest, Damage> {
        let mut changed = manifest();
        change(&mut changed);
        Manifest::decode(&changed.encode())
    }

    #[test]
    fn counts_that_fit_no_snapshot_are_refused_even_under_a_good_checksum() {
        assert_eq!(decoded(|_| ()), Ok(manifest()));
        let empty = |found: &mut Manifest| {
            (found.keys, found.versions, found.blocks) = (0, 0, 0);
            found.offset = HEADER_BYTES as u64;
        };
        assert!(decoded(empty).is_ok());
        assert!(decoded(|found| found.offset += 1).is_ok());
        let changes: [fn(&mut Manifest); 9] = [
            |found| found.keys = 4,
            |found| found.blocks = 4,
            |found| found.keys = 0,
            |found| found.blocks = 0,
            |found| (found.keys, found.blocks) = (0, 0),
            |found| found.versions = 0,
            |found| found.offset -= 1,
            |found| (found.versions, found.blocks) = (u64::MAX, u64::MAX),
            |found| (found.versions, found.blocks) = (u64::MAX, u64::MAX / 40),
        ];
        for change in changes {
            assert_eq!(decoded(change), Err(Damage::Snapshot { what: "the manifest's counts" }));
        }
        let past = decoded(|found| found.facts.oldest_retained = Boundary::new(10));
        let what = "the oldest retained commit lies past the cut";
        assert_eq!(past, Err(Damage::Snapshot { what }));
    }

    /// The bytes with this one changed and the checksum made anew.
    fn resealed(at: usize, byte: u8) -> Result<Manifest, Damage> {
        let mut bytes = manifest().encode();
        bytes[at] = byte;
        let sum = checksum(&bytes);
        bytes[CHECKSUM_AT..16].copy_from_slice(&sum.to_le_bytes());
        Manifest::decode(&bytes)
    }

    #[test]
    fn fields_that_no_writer_writes_are_refused_even_under_a_good_checksum() {
        assert_eq!(resealed(0, 0), Err(Damage::IncompleteSnapshot));
        assert_eq!(resealed(8, 2), Err(Damage::Version { found: 2 }));
        for (at, byte) in [(88, 0), (96, 0), (208, 2)] {
            let what = "a manifest field";
            assert_eq!(resealed(at, byte), Err(Damage::Snapshot { what }), "byte {at}");
        }
        // Reserved, and a designation's place where there is none.
        for (at, byte) in [(10, 1), (11, 1), (208, 0)] {
            let what = "the manifest's reserved bytes";
            assert_eq!(resealed(at, byte), Err(Damage::Snapshot { what }), "byte {at}");
        }
        let without = decoded(|found| found.facts.designation = None).unwrap();
        assert_eq!(without.facts.designation, None);
    }
}
