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
