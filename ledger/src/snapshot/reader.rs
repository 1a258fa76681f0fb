//! Reading a snapshot.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aerodb_core::hash::Hash;
use bytes::Bytes;

use super::block::{
    BLOCK_BYTES_MAX, BLOCK_HEADER_BYTES, BlockHeader, SnapshotVersion, hash_of, take_version,
};
use super::header::{HEADER_BYTES, Header};
use super::manifest::{MANIFEST_BYTES, Manifest};
use super::order::Order;
use crate::disk::{Access, Disk, DiskFile};
use crate::fault::{Damage, Fault};

/// A snapshot of which nothing is to be believed that was not verified (SNP-4).
#[derive(Debug)]
pub struct SnapshotReader {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    manifest: Manifest,
    head: Hash,
}

impl SnapshotReader {
    /// Opens the file and reads all of it: nothing is believed before every byte has been verified.
    ///
    /// # Errors
    /// [`Fault::Corrupt`] with the place of the first damage, [`Fault::Disk`].
    pub fn open(disk: &dyn Disk, path: &Path) -> Result<Self, Fault> {
        let reader = Self::streaming(disk, path)?;
        reader.versions().try_for_each(|version| version.map(drop))?;
        Ok(reader)
    }

    /// What the file says about itself. Its own checksum fits; what lies before it was not looked at.
    ///
    /// # Errors
    /// As [`SnapshotReader::open`].
    pub fn manifest_of(disk: &dyn Disk, path: &Path) -> Result<Manifest, Fault> {
        Self::streaming(disk, path).map(|reader| reader.manifest)
    }

    /// Opens the file for reading it once: header and manifest are verified now, each block when its versions
    /// are read, and the whole when there are no more. Of versions that a fault follows nothing may be kept.
    ///
    /// # Errors
    /// As [`SnapshotReader::open`], of what was read.
    pub fn streaming(disk: &dyn Disk, path: &Path) -> Result<Self, Fault> {
        let file = disk.open(path, Access::Read)?;
        let length = file.length()?;
        let corrupt = |offset, what| Fault::corrupt(path, offset, what);
        if length < (HEADER_BYTES + MANIFEST_BYTES) as u64 {
            return Err(corrupt(0, Damage::IncompleteSnapshot));
        }
        let mut bytes = [0; HEADER_BYTES];
        file.read_at(0, &mut bytes)?;
        let header = Header::decode(&bytes).map_err(|what| corrupt(0, what))?;
        let offset = length - MANIFEST_BYTES as u64;
        let manifest = read_manifest(&*file, offset)?.map_err(|what| corrupt(offset, what))?;
        let facts = &manifest.facts;
        if manifest.offset != offset {
            return Err(corrupt(offset, Damage::Snapshot { what: "its length" }));
        }
        if (header.cluster, header.cut) != (facts.cluster, facts.position.boundary) {
            let what = "header and manifest are of different snapshots";
            return Err(corrupt(offset, Damage::Snapshot { what }));
        }
        Ok(Self { file, path: path.to_owned(), manifest, head: Header::hash(&bytes) })
    }

    /// What it is a snapshot of.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Every version, in order. What is read is verified again: who cannot take back what it did with the
    /// versions before a fault must discard it all.
    #[must_use]
    pub fn versions(&self) -> SnapshotVersions {
        SnapshotVersions {
            file: Arc::clone(&self.file),
            path: self.path.clone(),
            manifest: self.manifest,
            offset: HEADER_BYTES as u64,
            hash: self.head,
            blocks: 0,
            payload: Bytes::new(),
            left_in_block: 0,
            order: Order::new(self.manifest.facts.position.boundary),
            is_over: false,
        }
    }
}

fn read_manifest(file: &dyn DiskFile, offset: u64) -> Result<Result<Manifest, Damage>, Fault> {
    let mut bytes = [0; MANIFEST_BYTES];
    file.read_at(offset, &mut bytes)?;
    Ok(Manifest::decode(&bytes))
}

/// The versions of a snapshot. Ends after the first fault.
#[derive(Debug)]
pub struct SnapshotVersions {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    manifest: Manifest,
    /// Where the next block starts.
    offset: u64,
    /// The hash of the block before that.
    hash: Hash,
    blocks: u64,
    payload: Bytes,
    left_in_block: u32,
    order: Order,
    is_over: bool,
}

impl SnapshotVersions {
    /// Bytes of the file that lie behind: for a progress display.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.offset
    }

    fn damage(&self, what: &'static str) -> Fault {
        Fault::corrupt(&self.path, self.offset, Damage::Snapshot { what })
    }

    fn advance(&mut self) -> Result<Option<SnapshotVersion>, Fault> {
        if self.left_in_block == 0 {
            if !self.payload.is_empty() {
                return Err(self.damage("a block holds more than its versions"));
            }
            if self.offset == self.manifest.offset {
                return self.check_end().map(|()| None);
            }
            self.read_block()?;
        }
        let version = take_version(&mut self.payload).map_err(|what| self.damage(what))?;
        self.left_in_block -= 1;
        self.order.admit(&version.key, version.commit).map_err(|what| self.damage(what))?;
        Ok(Some(version))
    }

    fn read_block(&mut self) -> Result<(), Fault> {
        let left = self.manifest.offset.saturating_sub(self.offset);
        let Some(room) = left.checked_sub(BLOCK_HEADER_BYTES as u64) else {
            return Err(self.damage("a block is cut off"));
        };
        let mut head = [0; BLOCK_HEADER_BYTES];
        self.file.read_at(self.offset, &mut head)?;
        let header = BlockHeader::decode(&head);
        let fits = (1..=BLOCK_BYTES_MAX).contains(&header.payload_bytes)
            && header.payload_bytes as u64 <= room;
        if !fits || header.versions == 0 || header.number != self.blocks + 1 {
            return Err(self.damage("a block's header"));
        }
        let mut payload = vec![0; header.payload_bytes];
        let at = self.offset + BLOCK_HEADER_BYTES as u64;
        self.file.read_at(at, &mut payload)?;
        if hash_of(&self.hash, &head, &payload) != header.hash {
            return Err(self.damage("a block's hash"));
        }
        self.offset = at + payload.len() as u64;
        self.hash = header.hash;
        self.blocks = header.number;
        self.left_in_block = header.versions;
        self.payload = payload.into();
        Ok(())
    }

    fn check_end(&self) -> Result<(), Fault> {
        let found = (self.order.keys, self.order.versions, self.blocks, self.hash);
        let Manifest { keys, versions, blocks, content, .. } = self.manifest;
        if found == (keys, versions, blocks, content) {
            return Ok(());
        }
        Err(self.damage("the blocks are not those of the manifest"))
    }
}

impl Iterator for SnapshotVersions {
    type Item = Result<SnapshotVersion, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let next = self.advance().transpose();
        self.is_over = matches!(next, None | Some(Err(_)));
        next
    }
}

#[cfg(test)]
mod tests {
    use aerodb_core::hash::{Chain, ClusterId};
    use aerodb_core::id::{Boundary, CommitId, Epoch, Seq};
    use aerodb_core::position::{LedgerHead, Position};
    use aerodb_core::wal::{KEY_BYTES_MAX, VALUE_BYTES_MAX};

    use super::*;
    use crate::disk::RealDisk;
    use crate::snapshot::SnapshotFacts;
    use crate::snapshot::block::BlockBuffer;

    fn facts() -> SnapshotFacts {
        SnapshotFacts {
            cluster: ClusterId([1; 32]),
            position: Position { boundary: Boundary::new(9), chain: Chain([9; 32]) },
            epoch: Epoch::FIRST,
            ledger: LedgerHead { seq: Seq::FIRST, hash: Hash([1; 32]) },
            oldest_retained: Boundary::ORIGIN,
            designation: None,
        }
    }

    /// A block of versions with values of these lengths, the keys from this letter on.
    fn block(first: u8, value_bytes: &[usize]) -> BlockBuffer {
        let mut block = BlockBuffer::new();
        for (key, bytes) in (first..).zip(value_bytes) {
            block.push(&[key], CommitId::FIRST, Some(&vec![b'v'; *bytes]));
        }
        block
    }

    /// The versions of a file of these blocks under these numbers, or what is wrong, every hash and checksum good: what
    /// no damage makes, and what another program might write.
    fn read(blocks: Vec<(u64, BlockBuffer)>, versions: u64) -> Result<usize, &'static str> {
        let facts = facts();
        let header = Header { cluster: facts.cluster, cut: facts.position.boundary }.encode();
        let (mut bytes, mut content) = (header.to_vec(), Header::hash(&header));
        let last = blocks.last().map_or(0, |(number, _)| *number);
        for (number, mut block) in blocks {
            let (sealed, hash) = block.seal(number, &content);
            bytes.extend_from_slice(sealed);
            content = hash;
        }
        let offset = bytes.len() as u64;
        let manifest = Manifest { facts, keys: versions, versions, blocks: last, offset, content };
        bytes.extend_from_slice(&manifest.encode());
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, bytes).unwrap();
        match SnapshotReader::open(&RealDisk, &path) {
            Ok(reader) => Ok(reader.versions().count()),
            Err(Fault::Corrupt { what: Damage::Snapshot { what }, .. }) => Err(what),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn blocks_are_numbered_without_hole_even_under_good_hashes() {
        let numbered = |numbers: [u64; 2]| {
            let [one, two] = [block(b'a', &[1]), block(b'b', &[1])];
            read(vec![(numbers[0], one), (numbers[1], two)], 2)
        };
        assert_eq!(numbered([1, 2]), Ok(2));
        for numbers in [[0, 1], [2, 2], [1, 1]] {
            assert_eq!(numbered(numbers), Err("a block's header"), "{numbers:?}");
        }
    }

    /// The most that is held in memory of a file that says what it likes.
    #[test]
    fn no_block_is_larger_than_the_largest_version_even_under_good_hashes() {
        assert_eq!(BLOCK_BYTES_MAX, 14 + KEY_BYTES_MAX + VALUE_BYTES_MAX);
        let rest = BLOCK_BYTES_MAX - (14 + 1 + VALUE_BYTES_MAX) - (14 + 1);
        let full = [VALUE_BYTES_MAX, rest];
        assert_eq!(read(vec![(1, block(b'a', &full))], 2), Ok(2));
        let larger = [VALUE_BYTES_MAX, rest + 1];
        assert_eq!(read(vec![(1, block(b'a', &larger))], 2), Err("a block's header"));
    }
}
