//! The disk of the operating system.
//!
//! Keeps: P3-FS1.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::disk::{Access, DirectoryId, Disk, DiskError, DiskFile, DiskLock, Operation, device};

/// Files through `std`, page-cache advice and locks through `rustix`.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

#[derive(Debug)]
struct RealFile {
    file: File,
    path: PathBuf,
}

/// Given back by the system when the file is closed.
#[derive(Debug)]
struct RealLock {
    _file: File,
}

impl DiskLock for RealLock {}

impl RealFile {
    fn shared(file: File, path: &Path) -> Arc<dyn DiskFile> {
        Arc::new(Self { file, path: path.to_owned() })
    }

    fn error(&self, operation: Operation, source: io::Error) -> DiskError {
        DiskError::new(operation, &self.path, source)
    }
}

impl Disk for RealDisk {
    fn open(&self, path: &Path, access: Access) -> Result<Arc<dyn DiskFile>, DiskError> {
        let write = match access {
            Access::Read => false,
            Access::ReadWrite => true,
        };
        let failed = |source| DiskError::new(Operation::Open, path, source);
        // Without the flag, opening a named pipe waits for somebody to write into it.
        let nonblock = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let opened = OpenOptions::new().read(true).write(write).custom_flags(nonblock).open(path);
        let file = opened.map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            let what = "it is not a regular file";
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, what)));
        }
        Ok(RealFile::shared(file, path))
    }

    fn create(&self, path: &Path) -> Result<Arc<dyn DiskFile>, DiskError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        let created = match options.open(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                std::fs::remove_file(path).and_then(|()| options.open(path))
            }
            created => created,
        };
        let file = created.map_err(|source| DiskError::new(Operation::Create, path, source))?;
        Ok(RealFile::shared(file, path))
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>, DiskError> {
        let failed = |source| DiskError::new(Operation::List, dir, source);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let name = name.into_string().map_err(|name| {
                failed(io::Error::new(io::ErrorKind::InvalidData, format!("{name:?} is not UTF-8")))
            })?;
            names.push(name);
        }
        names.sort_unstable();
        Ok(names)
    }

    fn create_dir(&self, dir: &Path) -> Result<(), DiskError> {
        match std::fs::DirBuilder::new().mode(0o700).create(dir) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
            Err(error) => Err(DiskError::new(Operation::Create, dir, error)),
        }
    }

    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError> {
        let synced = File::open(dir).and_then(|dir| dir.sync_all());
        synced.map_err(|source| DiskError::new(Operation::SyncDir, dir, source))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        std::fs::rename(from, to).map_err(|source| DiskError::new(Operation::Rename, from, source))
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        std::fs::remove_file(path).map_err(|source| DiskError::new(Operation::Remove, path, source))
    }

    fn remove_dir(&self, dir: &Path) -> Result<(), DiskError> {
        std::fs::remove_dir(dir).map_err(|source| DiskError::new(Operation::Remove, dir, source))
    }

    fn directory_id(&self, dir: &Path) -> Result<DirectoryId, DiskError> {
        let metadata = std::fs::metadata(dir);
        let found = metadata.map_err(|source| DiskError::new(Operation::Open, dir, source))?;
        Ok(DirectoryId { device: found.dev(), inode: found.ino() })
    }

    fn physical_block_bytes(&self, dir: &Path) -> Option<u64> {
        device::physical_block_bytes(dir)
    }

    fn lock(&self, path: &Path) -> Result<Option<Box<dyn DiskLock>>, DiskError> {
        let mut options = OpenOptions::new();
        let opened = options.create(true).truncate(false).write(true).open(path);
        let file = opened.map_err(|source| DiskError::new(Operation::Open, path, source))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Box::new(RealLock { _file: file }))),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(DiskError::new(Operation::Lock, path, errno.into())),
        }
    }

    fn is_locked(&self, path: &Path) -> Result<bool, DiskError> {
        let file = File::open(path).map_err(|e| DiskError::new(Operation::Open, path, e))?;
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(false),
            Err(Errno::WOULDBLOCK) => Ok(true),
            Err(errno) => Err(DiskError::new(Operation::Lock, path, errno.into())),
        }
    }
}

impl DiskFile for RealFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        let read = self.file.read_exact_at(buffer, offset);
        read.map_err(|source| self.error(Operation::Read, source))
    }

    fn read_uncached_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        let length = std::num::NonZeroU64::new(buffer.len() as u64);
        rustix::fs::fadvise(&self.file, offset, length, rustix::fs::Advice::DontNeed)
            .map_err(|errno| self.error(Operation::Read, errno.into()))?;
        self.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let written = loop {
            match self.file.write_at(bytes, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => break outcome.map_err(|source| self.error(Operation::Write, source))?,
            }
        };
        if written == bytes.len() {
            return Ok(());
        }
        let short = format!("short write: {written} of {} bytes", bytes.len());
        Err(self.error(Operation::Write, io::Error::new(io::ErrorKind::WriteZero, short)))
    }

    fn write_back(&self, offset: u64, bytes: u64) {
        let length = std::num::NonZeroU64::new(bytes);
        // Linux begins to write what is dirty of a range that is called unneeded, and keeps it while it does. Where
        // it fails, or another system does nothing, the fsync has more to do.
        let _ = rustix::fs::fadvise(&self.file, offset, length, rustix::fs::Advice::DontNeed);
    }

    fn sync_data(&self) -> Result<(), DiskError> {
        self.file.sync_data().map_err(|source| self.error(Operation::Sync, source))
    }

    fn length(&self) -> Result<u64, DiskError> {
        let metadata = self.file.metadata();
        metadata.map(|m| m.len()).map_err(|source| self.error(Operation::Length, source))
    }
}
