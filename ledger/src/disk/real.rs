//! The disk of the operating system.
//!
//! Keeps: P3-FS1.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, FlockOperation, StatxFlags, flock, statx};
use rustix::io::Errno;

use crate::disk::{
    Access, DIRECT_BYTES, DirectoryId, Disk, DiskError, DiskFile, DiskLock, Operation, device,
};

/// Files through `std`, page-cache advice and locks through `rustix`.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

#[derive(Debug)]
struct RealFile {
    file: File,
    /// The same file, written to past the page cache, where it is open for writing and its file system can do that.
    direct: Option<File>,
    path: PathBuf,
}

/// Given back by the system when the file is closed.
#[derive(Debug)]
struct RealLock {
    _file: File,
}

impl DiskLock for RealLock {}

impl RealFile {
    fn shared(file: File, direct: Option<File>, path: &Path) -> Arc<dyn DiskFile> {
        Arc::new(Self { file, direct, path: path.to_owned() })
    }

    /// What these bytes are written through: past the cache if they are whole aligned blocks, which is a third of the
    /// system's work less, and a failed fsync leaves nothing behind that only the cache holds.
    fn to_write(&self, offset: u64, bytes: &[u8]) -> &File {
        let whole = bytes.as_ptr().align_offset(DIRECT_BYTES) == 0
            && bytes.len().is_multiple_of(DIRECT_BYTES)
            && offset.is_multiple_of(DIRECT_BYTES as u64);
        self.direct.as_ref().filter(|_| whole).unwrap_or(&self.file)
    }

    fn error(&self, operation: Operation, source: io::Error) -> DiskError {
        DiskError::new(operation, &self.path, source)
    }
}

/// Opens the file once more for writes past the cache. `None` where the file system does not say that it takes them
/// in blocks of [`DIRECT_BYTES`]: they go through the cache then, as everywhere else.
fn open_direct(path: &Path) -> Option<File> {
    let flag = rustix::fs::OFlags::DIRECT.bits().cast_signed();
    let file = OpenOptions::new().write(true).custom_flags(flag).open(path).ok()?;
    let known = statx(&file, "", AtFlags::EMPTY_PATH, StatxFlags::DIOALIGN).ok()?;
    let said = known.stx_mask & StatxFlags::DIOALIGN.bits() != 0;
    let divides = |align: u32| (DIRECT_BYTES as u32).checked_rem(align) == Some(0);
    (said && divides(known.stx_dio_mem_align) && divides(known.stx_dio_offset_align))
        .then_some(file)
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
        let direct = if write { open_direct(path) } else { None };
        Ok(RealFile::shared(file, direct, path))
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
        Ok(RealFile::shared(file, None, path))
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
            match self.to_write(offset, bytes).write_at(bytes, offset) {
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

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use rustix::fs::{OFlags, fcntl_getfl};

    use super::*;

    /// A megabyte of which a part begins at a multiple of [`DIRECT_BYTES`].
    fn bytes() -> Vec<u8> {
        (0..1 << 20_u32).map(|at: u32| (at % 251) as u8).collect()
    }

    /// Writes that go past the cache, writes that go through it, and reads that come from it, by turns in one file.
    #[test]
    fn what_is_written_past_the_cache_and_through_it_reads_back_as_one() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        std::fs::write(&path, vec![0; 64 * DIRECT_BYTES]).unwrap();
        let file = RealDisk.open(&path, Access::ReadWrite).unwrap();
        let bytes = bytes();
        let aligned = &bytes[bytes.as_ptr().align_offset(DIRECT_BYTES)..];
        let mut expected = vec![0; 64 * DIRECT_BYTES];
        for turn in 0..200_usize {
            let blocks = 1 + turn % 5;
            let offset = (turn * 7 % 59) * DIRECT_BYTES;
            // Every third is shifted: in memory, in the file, or in length.
            let (from, at, length) = match turn % 9 {
                0 => (turn + 1, offset, blocks * DIRECT_BYTES),
                3 => (0, offset + 512, blocks * DIRECT_BYTES),
                6 => (0, offset, blocks * DIRECT_BYTES - turn),
                _ => (turn * DIRECT_BYTES, offset, blocks * DIRECT_BYTES),
            };
            let written = &aligned[from..from + length];
            file.write_at(at as u64, written).unwrap();
            if turn % 2 == 0 {
                file.sync_data().unwrap();
            }
            expected[at..at + length].copy_from_slice(written);
            let mut read = vec![0; expected.len()];
            file.read_at(0, &mut read).unwrap();
            assert!(read == expected, "turn {turn}");
        }
        assert_eq!(std::fs::read(&path).unwrap(), expected);
    }

    #[test]
    fn whole_aligned_blocks_go_past_the_cache_where_the_file_system_takes_them_so() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        std::fs::write(&path, vec![0; 8 * DIRECT_BYTES]).unwrap();
        let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let file = RealFile { file, direct: open_direct(&path), path };
        let bytes = bytes();
        let start = bytes.as_ptr().align_offset(DIRECT_BYTES);
        let past_the_cache = |offset: u64, from: usize, length: usize| {
            let through = file.to_write(offset, &bytes[from..from + length]);
            through.as_raw_fd() != file.file.as_raw_fd()
        };
        let block = DIRECT_BYTES as u64;
        // Where this is false the file system takes no such writes, and none is made.
        let takes_them = file.direct.is_some();
        assert_eq!(past_the_cache(block, start, DIRECT_BYTES), takes_them);
        assert_eq!(past_the_cache(0, start + DIRECT_BYTES, 3 * DIRECT_BYTES), takes_them);
        assert!(!past_the_cache(block, start + 1, DIRECT_BYTES), "shifted in memory");
        assert!(!past_the_cache(512, start, DIRECT_BYTES), "shifted in the file");
        assert!(!past_the_cache(block, start, DIRECT_BYTES - 512), "not whole");
        let is_direct = |file: &File| fcntl_getfl(file).unwrap().contains(OFlags::DIRECT);
        assert!(!is_direct(&file.file));
        assert!(file.direct.as_ref().is_none_or(is_direct));
    }
}
