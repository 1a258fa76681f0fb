//! Directories, made durable and removed whole.

use std::io::ErrorKind;
use std::path::Path;

use crate::crash::{self, FileStep};
use crate::disk::{Access, Disk, DiskError};

/// The directory that holds `path`; the working directory for a bare name.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        Some(_) | None => Path::new("."),
    }
}

/// Whether there is a directory of this name.
///
/// # Errors
/// [`DiskError`] when that cannot be told.
pub fn is_dir(disk: &dyn Disk, path: &Path) -> Result<bool, DiskError> {
    match disk.list(path) {
        Ok(_) => Ok(true),
        Err(error) => match error.source.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Ok(false),
            _ => Err(error),
        },
    }
}

/// Creates a directory and makes its name durable. An empty one that is there is made anew: it may be left of
/// an attempt whose fsync failed, and after that another fsync proves nothing about its name (P3-FS9).
///
/// # Errors
/// [`DiskError`].
pub fn create_dir(disk: &dyn Disk, dir: &Path) -> Result<(), DiskError> {
    match disk.list(dir) {
        Ok(names) if names.is_empty() => disk.remove_dir(dir)?,
        Ok(_) => {}
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error),
    }
    disk.create_dir(dir)?;
    crash::came_to(FileStep::DirFsync, dir);
    disk.sync_dir(parent(dir))
}

/// Creates a directory and those above it that are missing, each name durable: a directory whose own name
/// can vanish keeps nothing.
///
/// # Errors
/// [`DiskError`]; what was created stays.
pub fn create_dirs(disk: &dyn Disk, dir: &Path) -> Result<(), DiskError> {
    if is_dir(disk, dir)? {
        return Ok(());
    }
    create_dirs(disk, parent(dir))?;
    create_dir(disk, dir)
}

/// Removes a directory and all that is in it. Not durable by itself: only what was never used is removed so.
///
/// # Errors
/// [`DiskError`]; what was removed is gone.
pub fn remove_tree(disk: &dyn Disk, dir: &Path) -> Result<(), DiskError> {
    for name in disk.list(dir)? {
        let path = dir.join(name);
        if is_dir(disk, &path)? { remove_tree(disk, &path)? } else { disk.remove(&path)? }
    }
    disk.remove_dir(dir)
}

/// Makes a directory and all that is in it durable, whoever wrote it: a tool that copies files leaves them to
/// the page cache. The directory's own name is made durable too.
///
/// # Errors
/// [`DiskError`]; nothing about the files is known then.
pub fn sync_tree(disk: &dyn Disk, dir: &Path) -> Result<(), DiskError> {
    for name in disk.list(dir)? {
        let path = dir.join(name);
        if is_dir(disk, &path)? {
            sync_tree(disk, &path)?;
        } else {
            disk.open(&path, Access::Read)?.sync_data()?;
        }
    }
    disk.sync_dir(dir)?;
    disk.sync_dir(parent(dir))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    #[test]
    fn a_bare_name_lies_in_the_working_directory() {
        for (path, dir) in [("/a/b", "/a"), ("a/b", "a"), ("/a", "/"), ("a", "."), ("/", ".")] {
            assert_eq!(parent(Path::new(path)), Path::new(dir), "{path}");
        }
    }

    #[test]
    fn missing_directories_are_made_and_removed_whole() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("a/b/c");
        create_dirs(&RealDisk, &deep).unwrap();
        create_dirs(&RealDisk, &deep).unwrap();
        std::fs::write(deep.join("file"), b"x").unwrap();
        assert!(is_dir(&RealDisk, &deep).unwrap());
        assert!(!is_dir(&RealDisk, &deep.join("file")).unwrap());
        remove_tree(&RealDisk, &root.path().join("a")).unwrap();
        assert!(!is_dir(&RealDisk, &deep).unwrap());
        assert!(remove_tree(&RealDisk, &deep).unwrap_err().is_not_found());
    }

    #[test]
    fn wal2_a_lock_is_held_once_until_it_is_dropped() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("LOCK");
        assert!(RealDisk.is_locked(&path).unwrap_err().is_not_found());
        let held = RealDisk.lock(&path).unwrap();
        assert!(held.is_some() && RealDisk.lock(&path).unwrap().is_none());
        assert!(RealDisk.is_locked(&path).unwrap());
        drop(held);
        assert!(!RealDisk.is_locked(&path).unwrap());
        assert!(RealDisk.lock(&path).unwrap().is_some());
    }
}
