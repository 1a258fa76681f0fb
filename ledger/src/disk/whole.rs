//! Whole files that appear under their name complete and durable, or not at all.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::crash::{self, FileStep};
use crate::disk::tree::parent;
use crate::disk::{Access, Disk, DiskError, DiskFile, Operation};

/// The ending of a file that is not complete yet. Readers pass over it; its name goes to a new file.
pub(crate) const TEMPORARY: &str = ".tmp";

const CHUNK_BYTES: usize = 1 << 20;

/// The name of a file that is not complete yet.
pub(crate) fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(TEMPORARY);
    PathBuf::from(name)
}

/// Creates a file of `bytes` bytes that starts with `head`, the rest being zeros that were really
/// written, so that no later write has to allocate. After a crash the file is complete or absent:
///
/// 1. the whole content under a temporary name, 2. fsync of it, 3. rename, 4. fsync of the directory.
///
/// `piece` gives how many bytes are written next, at least one, and may wait before it does: so the zeros can be given
/// to the device little by little.
///
/// # Errors
/// [`DiskError`] of the step that failed; a temporary file may remain.
pub fn create_filled(
    disk: &dyn Disk,
    path: &Path,
    head: &[u8],
    bytes: u64,
    mut piece: impl FnMut() -> usize,
) -> Result<(), DiskError> {
    let temp = temporary(path);
    let file = disk.create(&temp)?;
    crash::write_file(path, &*file, head)?;
    let chunk_of = |bytes: u64| usize::try_from(bytes).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
    let zeros = vec![0; chunk_of(bytes)];
    let mut offset = head.len() as u64;
    while offset < bytes {
        let end = offset.saturating_add(piece() as u64).min(bytes);
        while offset < end {
            let chunk = chunk_of(end - offset);
            file.write_at(offset, &zeros[..chunk])?;
            file.write_back(offset, chunk as u64);
            offset += chunk as u64;
        }
    }
    publish(disk, file, &temp, path)
}

/// Puts a small file in the place of the one that has this name, if there is one: after a crash the
/// old or the new content is there, whole.
///
/// # Errors
/// [`DiskError`] of the step that failed; a temporary file may remain.
pub fn replace_file(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let temp = temporary(path);
    let file = disk.create(&temp)?;
    if !bytes.is_empty() {
        crash::write_file(path, &*file, bytes)?;
    }
    publish(disk, file, &temp, path)
}

/// Makes a file that was written under its temporary name durable, then its final name.
pub(crate) fn publish(
    disk: &dyn Disk,
    file: Arc<dyn DiskFile>,
    temp: &Path,
    path: &Path,
) -> Result<(), DiskError> {
    crash::came_to(FileStep::Fsync, path);
    file.sync_data()?;
    drop(file);
    crash::came_to(FileStep::Rename, path);
    disk.rename(temp, path)?;
    crash::came_to(FileStep::DirFsync, path);
    disk.sync_dir(parent(path))
}

/// What [`read_file`] reads at most.
const SMALL_FILE_BYTES_MAX: usize = 1 << 20;

/// The content of a small file: at most 1 MiB.
///
/// # Errors
/// [`DiskError`], also for a larger file.
pub fn read_file(disk: &dyn Disk, path: &Path) -> Result<Vec<u8>, DiskError> {
    let file = disk.open(path, Access::Read)?;
    let length = file.length()?;
    let fits = usize::try_from(length).ok().filter(|length| *length <= SMALL_FILE_BYTES_MAX);
    let Some(length) = fits else {
        let what = format!("it has {length} bytes, at most {SMALL_FILE_BYTES_MAX} are expected");
        let source = io::Error::new(io::ErrorKind::InvalidData, what);
        return Err(DiskError::new(Operation::Read, path, source));
    };
    let mut bytes = vec![0; length];
    file.read_at(0, &mut bytes)?;
    Ok(bytes)
}
