//! A log's directory in memory, for reading.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use aerodb_ledger::disk::{Access, DirectoryId, Disk, DiskError, DiskFile, DiskLock, Operation};

/// Files by name. Whatever would change one is refused.
#[derive(Debug, Default)]
pub(super) struct Directory(BTreeMap<String, Arc<File>>);

#[derive(Debug)]
struct File(Vec<u8>);

impl Directory {
    pub(super) fn of(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        Self(files.into_iter().map(|(name, bytes)| (name, Arc::new(File(bytes)))).collect())
    }
}

fn refused(operation: Operation, path: &Path, kind: ErrorKind) -> DiskError {
    DiskError::new(operation, path, kind.into())
}

fn read_only(operation: Operation, path: &Path) -> DiskError {
    refused(operation, path, ErrorKind::ReadOnlyFilesystem)
}

impl Disk for Directory {
    fn open(&self, path: &Path, _: Access) -> Result<Arc<dyn DiskFile>, DiskError> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match self.0.get(name) {
            Some(file) => Ok(Arc::clone(file) as Arc<dyn DiskFile>),
            None => Err(refused(Operation::Open, path, ErrorKind::NotFound)),
        }
    }

    fn create(&self, path: &Path) -> Result<Arc<dyn DiskFile>, DiskError> {
        Err(read_only(Operation::Create, path))
    }

    fn list(&self, _: &Path) -> Result<Vec<String>, DiskError> {
        Ok(self.0.keys().cloned().collect())
    }

    fn create_dir(&self, dir: &Path) -> Result<(), DiskError> {
        Err(read_only(Operation::Create, dir))
    }

    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError> {
        Err(read_only(Operation::SyncDir, dir))
    }

    fn rename(&self, from: &Path, _: &Path) -> Result<(), DiskError> {
        Err(read_only(Operation::Rename, from))
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        Err(read_only(Operation::Remove, path))
    }

    fn remove_dir(&self, dir: &Path) -> Result<(), DiskError> {
        Err(read_only(Operation::Remove, dir))
    }

    fn directory_id(&self, dir: &Path) -> Result<DirectoryId, DiskError> {
        Err(refused(Operation::Open, dir, ErrorKind::NotFound))
    }

    fn physical_block_bytes(&self, _: &Path) -> Option<u64> {
        None
    }

    fn lock(&self, path: &Path) -> Result<Option<Box<dyn DiskLock>>, DiskError> {
        Err(read_only(Operation::Lock, path))
    }

    fn is_locked(&self, path: &Path) -> Result<bool, DiskError> {
        Err(refused(Operation::Open, path, ErrorKind::NotFound))
    }
}

impl DiskFile for File {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        match self.0.get(from..).and_then(|rest| rest.get(..buffer.len())) {
            Some(bytes) => {
                buffer.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(refused(Operation::Read, Path::new("file"), ErrorKind::UnexpectedEof)),
        }
    }

    fn read_uncached_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        self.read_at(offset, buffer)
    }

    fn write_at(&self, _: u64, _: &[u8]) -> Result<(), DiskError> {
        Err(read_only(Operation::Write, Path::new("file")))
    }

    fn sync_data(&self) -> Result<(), DiskError> {
        Err(read_only(Operation::Sync, Path::new("file")))
    }

    fn length(&self) -> Result<u64, DiskError> {
        Ok(self.0.len() as u64)
    }
}
