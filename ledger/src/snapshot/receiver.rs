//! Taking a snapshot over from another node: received, then verified, then installed under its name, each
//! only made of the one before.
//!
//! It is received in a directory of its own, which is discarded whole before the next attempt and at every
//! start: a transfer that was cut begins again at byte 0 (F-S1, F-S2).
//!
//! Keeps: RS-4, RS-5, M-R25.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::manifest::Manifest;
use super::name::path_of;
use super::reader::SnapshotReader;
use super::writer::{Sink, Snapshot};
use crate::crash::{self, Point};
use crate::disk::{self, Disk, DiskError};
use crate::durable::Durable;
use crate::fault::Fault;

const NAME: &str = "received.snapshot";

/// The bytes so far.
#[derive(Debug)]
pub struct SnapshotReceiver {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    sink: Sink,
}

/// All the bytes that were sent, durable; not one of them looked at.
#[derive(Debug)]
pub struct ReceivedSnapshot {
    disk: Arc<dyn Disk>,
    path: PathBuf,
}

/// Every byte is proven to be what the manifest says; whether the manifest may be believed is for the caller.
#[derive(Debug)]
pub struct VerifiedSnapshot {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    manifest: Manifest,
}

impl SnapshotReceiver {
    /// Begins at byte 0. What an earlier attempt left in the staging directory is removed.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn create(disk: Arc<dyn Disk>, staging: &Path) -> Result<Self, DiskError> {
        discard_staging(&*disk, staging)?;
        disk::create_dir(&*disk, staging)?;
        let path = staging.join(NAME);
        let sink = Sink::new(disk.create(&path)?, Point::BootInstallFsync);
        Ok(Self { disk, path, sink })
    }

    /// Adds the next bytes.
    ///
    /// # Errors
    /// [`DiskError`]; after it every call gives that.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        self.sink.write(Point::BootWrite, bytes)
    }

    /// How many bytes there are.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.sink.bytes()
    }

    /// Makes them durable.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn finish(self) -> Result<ReceivedSnapshot, DiskError> {
        self.sink.sync()?;
        Ok(ReceivedSnapshot { disk: self.disk, path: self.path })
    }
}

impl ReceivedSnapshot {
    /// Reads all of it (RS-5).
    ///
    /// # Errors
    /// As [`SnapshotReader::open`].
    pub fn verify(self) -> Result<VerifiedSnapshot, Fault> {
        let Self { disk, path } = self;
        let manifest = *SnapshotReader::open(&*disk, &path)?.manifest();
        Ok(VerifiedSnapshot { disk, path, manifest })
    }
}

impl VerifiedSnapshot {
    /// What it says about itself.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Gives it its name among the snapshots in `dir`, in the place of one that a crash may have left there:
    /// none that a checkpoint names has a commit that this node does not have yet.
    ///
    /// # Errors
    /// [`DiskError`]; whether it is there is known after a restart.
    pub fn install(self, dir: &Path) -> Result<Durable<Snapshot>, DiskError> {
        let Self { disk, path, manifest } = self;
        if !disk::is_dir(&*disk, dir)? {
            disk::create_dir(&*disk, dir)?;
        }
        let named = path_of(dir, manifest.facts.position.boundary);
        crash::reached(Point::BootInstallTmp);
        disk.rename(&path, &named)?;
        crash::reached(Point::BootInstallDirFsync);
        disk.sync_dir(dir)?;
        Ok(Durable::proven(Snapshot { path: named, manifest }))
    }
}

/// Removes a staging directory and what is in it, if there is one.
///
/// # Errors
/// [`DiskError`].
pub fn discard_staging(disk: &dyn Disk, staging: &Path) -> Result<(), DiskError> {
    match disk::remove_tree(disk, staging) {
        Err(error) if error.is_not_found() => Ok(()),
        removed => removed,
    }
}
