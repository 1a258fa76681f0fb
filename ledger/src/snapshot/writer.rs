//! Writing a snapshot, beside running traffic.
//!
//! Keeps: P3-PL6, P3-S1, P3-S3, SNP-2, MVI-6, M-C01, M-C03, M-C04, M-C05, M-C06, M-C07, SNP-5.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aerodb_core::hash::Hash;
use aerodb_core::id::CommitId;

use super::block::{BlockBuffer, are_legal};
use super::facts::SnapshotFacts;
use super::header::Header;
use super::manifest::Manifest;
use super::name::path_of;
use super::order::Order;
use crate::crash::{self, Point};
use crate::disk::{Access, Disk, DiskError, DiskFile, publish, temporary};
use crate::durable::Durable;
use crate::log::{Pace, Pulse};

/// So many bytes are given to the device between two flushes of it: an fsync of the whole file would keep it busy
/// while the log waits for its own. Where the log has flushed it meanwhile none is needed: one of a growing file commits
/// to the file system's journal as well, which the log would wait for.
const SYNC_BYTES: u64 = 256 << 10;

/// A snapshot that was not written. Nothing of it is under a snapshot's name.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SnapshotError {
    /// The disk failed (P3-D9). Whether the file is there after a failed rename or fsync of the directory is
    /// known after a restart.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// There is one at this commit, and a snapshot never changes (SNP-5).
    #[error("there is a snapshot {path} already", path = .path.display())]
    Exists {
        /// Its file.
        path: PathBuf,
    },
    /// What it is to be of contradicts itself.
    #[error("there can be no such snapshot: {what}")]
    Impossible {
        /// What is wrong.
        what: &'static str,
    },
    /// A version does not come after the one before it, lies past the cut, or is none that a commit can have.
    #[error("a version of commit {commit} may not follow in the snapshot: {what}")]
    NotNext {
        /// Its commit.
        commit: CommitId,
        /// What is wrong.
        what: &'static str,
    },
}

/// A snapshot on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its file.
    pub path: PathBuf,
    /// What it says about itself.
    pub manifest: Manifest,
}

/// A snapshot in the making, under a temporary name until it is whole.
#[derive(Debug)]
pub struct SnapshotWriter {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    facts: SnapshotFacts,
    sink: Sink,
    order: Order,
    block: BlockBuffer,
    blocks: u64,
    /// The hash of the last block that was written.
    content: Hash,
}

impl SnapshotWriter {
    /// Begins a snapshot in this directory, which exists.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn create(
        disk: Arc<dyn Disk>,
        dir: &Path,
        facts: SnapshotFacts,
    ) -> Result<Self, SnapshotError> {
        facts.check().map_err(|what| SnapshotError::Impossible { what })?;
        let cut = facts.position.boundary;
        let path = path_of(dir, cut);
        refuse_existing(&*disk, &path)?;
        let header = Header { cluster: facts.cluster, cut }.encode();
        let mut sink = Sink::new(disk.create(&temporary(&path))?, Point::SnapFileFsync);
        sink.write(Point::SnapFileWrite, &header)?;
        let (order, block) = (Order::new(cut), BlockBuffer::new());
        Ok(Self {
            disk,
            path,
            facts,
            sink,
            order,
            block,
            blocks: 0,
            content: Header::hash(&header),
        })
    }

    /// Has it take turns with a log that is written meanwhile.
    #[must_use]
    pub fn beside(mut self, log: Arc<Pulse>) -> Self {
        self.sink.pace = Pace::beside(log);
        self
    }

    /// Adds the next version: keys ascending, within a key commits descending, none past the cut.
    ///
    /// # Errors
    /// [`SnapshotError::NotNext`] leaves it as it was; after [`SnapshotError::Disk`] every call gives that.
    pub fn push(
        &mut self,
        key: &[u8],
        commit: CommitId,
        value: Option<&[u8]>,
    ) -> Result<(), SnapshotError> {
        self.sink.check_usable()?;
        let not_next = |what| SnapshotError::NotNext { commit, what };
        if !are_legal(key, value) {
            return Err(not_next("a key or value that no commit can have"));
        }
        self.order.admit(key, commit).map_err(not_next)?;
        if self.block.is_full_for(key.len(), value.map_or(0, <[u8]>::len)) {
            self.write_block()?;
        }
        self.block.push(key, commit, value);
        Ok(())
    }

    /// Bytes written so far.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.sink.offset
    }

    /// Ends it. When this returns, the file is durable under its name.
    ///
    /// # Errors
    /// [`SnapshotError`]; the temporary file may remain, and after a failed rename or fsync of the directory it
    /// is known only after a restart whether the snapshot is there.
    pub fn finish(mut self) -> Result<Durable<Snapshot>, SnapshotError> {
        if !self.block.is_empty() {
            self.write_block()?;
        }
        let manifest = Manifest {
            facts: self.facts,
            keys: self.order.keys,
            versions: self.order.versions,
            blocks: self.blocks,
            offset: self.sink.offset,
            content: self.content,
        };
        self.sink.write(Point::SnapManifestWrite, &manifest.encode())?;
        refuse_existing(&*self.disk, &self.path)?;
        publish(&*self.disk, self.sink.file, &temporary(&self.path), &self.path)?;
        Ok(Durable::proven(Snapshot { path: self.path, manifest }))
    }

    /// Gives it up and removes what was written.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn abandon(self) -> Result<(), DiskError> {
        self.disk.remove(&temporary(&self.path))
    }

    fn write_block(&mut self) -> Result<(), DiskError> {
        let number = self.blocks + 1;
        let (bytes, hash) = self.block.seal(number, &self.content);
        self.sink.write(Point::SnapFileWrite, bytes)?;
        (self.blocks, self.content) = (number, hash);
        self.block.clear();
        Ok(())
    }
}

/// The file, written from its start to its end.
#[derive(Debug)]
pub(super) struct Sink {
    file: Arc<dyn DiskFile>,
    offset: u64,
    /// Up to here the device was flushed since it was given the bytes.
    flushed: u64,
    /// Its turns with the log that it is written beside.
    pace: Pace,
    /// Where the process can end while it is fsynced.
    fsync: Point,
    /// After a failed write or fsync nothing is known of the bytes: the file is never finished (P3-FS9).
    failed: Option<DiskError>,
}

impl Sink {
    pub(super) const fn new(file: Arc<dyn DiskFile>, fsync: Point) -> Self {
        Self { file, offset: 0, flushed: 0, pace: Pace::ALONE, fsync, failed: None }
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.offset
    }

    /// Makes all of it durable; nothing is written any more.
    pub(super) fn sync(self) -> Result<(), DiskError> {
        self.check_usable()?;
        crash::sync_data(self.fsync, &self.file)
    }

    fn check_usable(&self) -> Result<(), DiskError> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Adds the bytes; `place` is where the process can end within.
    pub(super) fn write(&mut self, place: Point, bytes: &[u8]) -> Result<(), DiskError> {
        self.check_usable()?;
        let written = self.try_write(place, bytes);
        self.failed = written.as_ref().err().cloned();
        written
    }

    fn try_write(&mut self, place: Point, mut bytes: &[u8]) -> Result<(), DiskError> {
        while !bytes.is_empty() {
            let (piece, rest) = bytes.split_at(self.turn().min(bytes.len()));
            crash::write_at(place, &*self.file, self.offset, piece)?;
            self.file.write_back(self.offset, piece.len() as u64);
            self.offset += piece.len() as u64;
            bytes = rest;
        }
        if self.offset - self.flushed >= SYNC_BYTES {
            crash::sync_data(self.fsync, &self.file)?;
            self.flushed = self.offset;
        }
        Ok(())
    }

    /// How many bytes are written next, once it is time for that.
    fn turn(&mut self) -> usize {
        let piece = self.pace.piece();
        if piece.flushed {
            self.flushed = self.offset;
        }
        piece.bytes
    }
}

fn refuse_existing(disk: &dyn Disk, path: &Path) -> Result<(), SnapshotError> {
    match disk.open(path, Access::Read) {
        Ok(_) => Err(SnapshotError::Exists { path: path.to_owned() }),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error.into()),
    }
}
