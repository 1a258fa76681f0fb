//! The disk behind the port.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::simulated::content::{Content, NodeId};
use crate::disk::simulated::{Failure, SimulatedDisk};
use crate::disk::{Access, DirectoryId, Disk, DiskError, DiskFile, DiskLock, Operation};

#[derive(Debug)]
struct SimulatedFile {
    disk: SimulatedDisk,
    node: NodeId,
    path: PathBuf,
    access: Access,
}

#[derive(Debug)]
struct SimulatedLock {
    disk: SimulatedDisk,
    node: NodeId,
}

impl SimulatedDisk {
    /// A call that changes something: it is counted, may fail instead, and then does its work.
    fn change<T>(
        &self,
        operation: Operation,
        path: &Path,
        work: impl FnOnce(&mut Content, Option<Failure>) -> Result<T, ErrorKind>,
    ) -> Result<T, DiskError> {
        let mut state = self.state();
        let failure = state.begin(operation, path)?;
        let done = work(&mut state.content, failure)
            .map_err(|kind| DiskError::new(operation, path, kind.into()))?;
        state.end(operation, path, failure)?;
        Ok(done)
    }

    fn read<T>(
        &self,
        operation: Operation,
        path: &Path,
        work: impl FnOnce(&mut Content) -> Result<T, ErrorKind>,
    ) -> Result<T, DiskError> {
        let mut state = self.state();
        state.begin(operation, path)?;
        work(&mut state.content).map_err(|kind| DiskError::new(operation, path, kind.into()))
    }

    fn opened(&self, node: NodeId, path: &Path, access: Access) -> Arc<dyn DiskFile> {
        Arc::new(SimulatedFile { disk: self.clone(), node, path: path.to_owned(), access })
    }
}

impl Disk for SimulatedDisk {
    fn open(&self, path: &Path, access: Access) -> Result<Arc<dyn DiskFile>, DiskError> {
        let node = self.read(Operation::Open, path, |content| content.find_file(path))?;
        Ok(self.opened(node, path, access))
    }

    fn create(&self, path: &Path) -> Result<Arc<dyn DiskFile>, DiskError> {
        let node = self.change(Operation::Create, path, |content, _| content.create(path))?;
        Ok(self.opened(node, path, Access::ReadWrite))
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>, DiskError> {
        self.read(Operation::List, dir, |content| {
            let dir = content.find_dir(dir)?;
            Ok(content.list(dir).map(|(name, _)| name.to_string()).collect())
        })
    }

    fn create_dir(&self, dir: &Path) -> Result<(), DiskError> {
        self.change(Operation::Create, dir, |content, _| content.create_dir(dir))
    }

    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError> {
        self.change(Operation::SyncDir, dir, |content, failure| {
            let found = content.find_dir(dir)?;
            if let Some(reached) = reached(failure) {
                content.sync_dir(found, reached);
            }
            Ok(())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        self.change(Operation::Rename, from, |content, _| content.rename(from, to))
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        self.change(Operation::Remove, path, |content, _| content.remove(path))
    }

    fn remove_dir(&self, dir: &Path) -> Result<(), DiskError> {
        self.change(Operation::Remove, dir, |content, _| content.remove_dir(dir))
    }

    fn directory_id(&self, dir: &Path) -> Result<DirectoryId, DiskError> {
        let found = self.read(Operation::Open, dir, |content| content.find_dir(dir))?;
        Ok(DirectoryId { device: 1, inode: u64::from(found.number()) })
    }

    fn physical_block_bytes(&self, _: &Path) -> Option<u64> {
        None
    }

    fn lock(&self, path: &Path) -> Result<Option<Box<dyn DiskLock>>, DiskError> {
        let found = self.read(Operation::Lock, path, |content| match content.find_file(path) {
            Err(ErrorKind::NotFound) => content.create(path),
            found => found,
        })?;
        let is_free = self.state().locks.insert(found);
        Ok(is_free.then(|| Box::new(SimulatedLock { disk: self.clone(), node: found }) as Box<_>))
    }

    fn is_locked(&self, path: &Path) -> Result<bool, DiskError> {
        let found = self.read(Operation::Lock, path, |content| content.find_file(path))?;
        Ok(self.state().locks.contains(&found))
    }
}

impl DiskLock for SimulatedLock {}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        self.disk.state().locks.remove(&self.node);
    }
}

/// What of an fsync reaches the device: all of it, some of it, or `None` when the power fails first.
const fn reached(failure: Option<Failure>) -> Option<u64> {
    match failure {
        None => Some(u64::MAX),
        Some(Failure::LyingSync { reached }) => Some(reached),
        Some(
            Failure::Io
            | Failure::NoSpace
            | Failure::Access
            | Failure::ShortWrite { .. }
            | Failure::PowerLossBefore
            | Failure::PowerLossDuring,
        ) => None,
    }
}

impl SimulatedFile {
    fn fill(&self, offset: u64, buffer: &mut [u8], uncached: bool) -> Result<(), DiskError> {
        let (start, length) = (usize::try_from(offset).unwrap_or(usize::MAX), buffer.len());
        self.disk.read(Operation::Read, &self.path, |content| {
            let end = start.checked_add(length).ok_or(ErrorKind::UnexpectedEof)?;
            if uncached {
                let file = content.file_mut(self.node).ok_or(ErrorKind::NotFound)?;
                file.drop_clean(start..end);
            }
            let file = content.file(self.node).ok_or(ErrorKind::NotFound)?;
            let bytes = file.shown().get(start..end).ok_or(ErrorKind::UnexpectedEof)?;
            buffer.copy_from_slice(bytes);
            Ok(())
        })?;
        self.disk.state().flip(&self.path, offset, buffer);
        Ok(())
    }

    fn short(&self, written: usize, of: usize) -> DiskError {
        let short = format!("short write: {written} of {of} bytes");
        let source = io::Error::new(ErrorKind::WriteZero, short);
        DiskError::new(Operation::Write, &self.path, source)
    }
}

impl DiskFile for SimulatedFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        self.fill(offset, buffer, false)
    }

    fn read_uncached_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        self.fill(offset, buffer, true)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let mut state = self.disk.state();
        let failure = state.begin(Operation::Write, &self.path)?;
        let file = match self.access {
            Access::ReadWrite => state.content.file_mut(self.node),
            Access::Read => None,
        };
        let denied = ErrorKind::PermissionDenied.into();
        let file = file.ok_or_else(|| DiskError::new(Operation::Write, &self.path, denied))?;
        match failure {
            Some(Failure::ShortWrite { bytes: written }) => {
                let written = written.min(bytes.len());
                file.write(start, &bytes[..written]);
                Err(self.short(written, bytes.len()))
            }
            None
            | Some(
                Failure::Io
                | Failure::NoSpace
                | Failure::Access
                | Failure::LyingSync { .. }
                | Failure::PowerLossBefore
                | Failure::PowerLossDuring,
            ) => {
                file.write(start, bytes);
                state.end(Operation::Write, &self.path, failure)
            }
        }
    }

    fn sync_data(&self) -> Result<(), DiskError> {
        self.disk.change(Operation::Sync, &self.path, |content, failure| {
            let file = content.file_mut(self.node).ok_or(ErrorKind::NotFound)?;
            if let Some(reached) = reached(failure) {
                file.sync(reached);
            }
            Ok(())
        })
    }

    fn length(&self) -> Result<u64, DiskError> {
        self.disk.read(Operation::Length, &self.path, |content| {
            let file = content.file(self.node).ok_or(ErrorKind::NotFound)?;
            Ok(file.shown().len() as u64)
        })
    }
}
