//! A disk in memory. It counts its operations, and can fail from one of them on.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use aerodb_ledger::disk::{Access, DirectoryId, Disk, DiskError, DiskFile, DiskLock, Operation};

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<PathBuf, Vec<u8>>,
    /// Calls that change something or make it durable, by operation and file name.
    trace: Vec<String>,
    fail: Option<(Operation, u64)>,
    /// What the device holds of a file where the cache says otherwise.
    device: Option<(PathBuf, Vec<u8>)>,
}

#[derive(Debug, Clone, Default)]
pub struct MemDisk(Arc<Mutex<State>>);

#[derive(Debug)]
struct MemFile {
    disk: MemDisk,
    path: PathBuf,
    access: Access,
}

fn refused(operation: Operation, path: &Path, kind: io::ErrorKind) -> DiskError {
    DiskError::new(operation, path, kind.into())
}

impl MemDisk {
    pub fn shared(&self) -> Arc<dyn Disk> {
        Arc::new(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Lets the operation fail once, after it has succeeded so many times more.
    pub fn fail(&self, operation: Operation, after: u64) {
        self.state().fail = Some((operation, after));
    }

    fn step(&self, operation: Operation, path: &Path) -> Result<MutexGuard<'_, State>, DiskError> {
        let mut state = self.state();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        state.trace.push(format!("{operation} {name}"));
        match &mut state.fail {
            Some((failing, 0)) if *failing == operation => {
                state.fail = None;
                Err(refused(operation, path, io::ErrorKind::StorageFull))
            }
            Some((failing, left)) if *failing == operation => {
                *left -= 1;
                Ok(state)
            }
            Some(_) | None => Ok(state),
        }
    }

    /// The operations since the last call.
    pub fn trace(&self) -> Vec<String> {
        std::mem::take(&mut self.state().trace)
    }

    /// Every file with its content.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        self.state().files.clone()
    }

    /// Changes a file behind the program's back.
    pub fn change(&self, path: impl AsRef<Path>, change: impl FnOnce(&mut Vec<u8>)) {
        change(self.state().files.get_mut(path.as_ref()).unwrap());
    }

    pub fn put_file(&self, path: PathBuf, bytes: Vec<u8>) {
        self.state().files.insert(path, bytes);
    }

    /// Lets the device hold other bytes than the cache, as after an fsync that failed.
    pub fn differ(&self, path: impl AsRef<Path>, device: Vec<u8>) {
        self.state().device = Some((path.as_ref().to_owned(), device));
    }

    pub fn remove_file(&self, path: impl AsRef<Path>) {
        self.state().files.remove(path.as_ref()).unwrap();
    }

    /// A disk with the same files, going its own way from here.
    pub fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(State { files: self.files(), ..State::default() })))
    }
}

impl Disk for MemDisk {
    fn open(&self, path: &Path, access: Access) -> Result<Arc<dyn DiskFile>, DiskError> {
        if !self.state().files.contains_key(path) {
            return Err(refused(Operation::Open, path, io::ErrorKind::NotFound));
        }
        Ok(Arc::new(MemFile { disk: self.clone(), path: path.to_owned(), access }))
    }

    fn create(&self, path: &Path) -> Result<Arc<dyn DiskFile>, DiskError> {
        self.step(Operation::Create, path)?.files.insert(path.to_owned(), Vec::new());
        self.open(path, Access::ReadWrite)
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>, DiskError> {
        let state = self.state();
        let here = state.files.keys().filter(|path| path.parent() == Some(dir));
        Ok(here.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect())
    }

    fn create_dir(&self, dir: &Path) -> Result<(), DiskError> {
        self.step(Operation::Create, dir).map(drop)
    }

    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError> {
        self.step(Operation::SyncDir, dir).map(drop)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        let mut state = self.step(Operation::Rename, from)?;
        let bytes = state.files.remove(from).unwrap();
        state.files.insert(to.to_owned(), bytes);
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        self.step(Operation::Remove, path)?.files.remove(path);
        Ok(())
    }

    fn remove_dir(&self, dir: &Path) -> Result<(), DiskError> {
        self.step(Operation::Remove, dir).map(drop)
    }

    fn directory_id(&self, _: &Path) -> Result<DirectoryId, DiskError> {
        Ok(DirectoryId { device: 1, inode: 1 })
    }

    fn lock(&self, path: &Path) -> Result<Option<Box<dyn DiskLock>>, DiskError> {
        Err(refused(Operation::Lock, path, io::ErrorKind::Unsupported))
    }

    fn is_locked(&self, path: &Path) -> Result<bool, DiskError> {
        Err(refused(Operation::Lock, path, io::ErrorKind::Unsupported))
    }
}

impl DiskFile for MemFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        let state = self.disk.state();
        let from = offset as usize;
        match state.files.get(&self.path).and_then(|f| f.get(from..from + buffer.len())) {
            Some(bytes) => {
                buffer.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(refused(Operation::Read, &self.path, io::ErrorKind::UnexpectedEof)),
        }
    }

    fn read_uncached_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        self.read_at(offset, buffer)?;
        let state = self.disk.state();
        if let Some((_, bytes)) = state.device.as_ref().filter(|(path, _)| *path == self.path) {
            let from = offset as usize;
            buffer.copy_from_slice(&bytes[from..from + buffer.len()]);
        }
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        assert_eq!(self.access, Access::ReadWrite);
        let mut state = self.disk.step(Operation::Write, &self.path)?;
        let file = state.files.get_mut(&self.path).unwrap();
        let from = offset as usize;
        file.resize(file.len().max(from + bytes.len()), 0);
        file[from..from + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), DiskError> {
        self.disk.step(Operation::Sync, &self.path).map(drop)
    }

    fn length(&self) -> Result<u64, DiskError> {
        Ok(self.disk.state().files[&self.path].len() as u64)
    }
}
