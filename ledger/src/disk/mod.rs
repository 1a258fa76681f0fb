//! The port through which every file is reached: primitives only, so that a simulated disk can fail
//! at each of them. What is made of several primitives ([`create_filled`], [`replace_file`], [`remove_tree`]) stands
//! outside of the trait, and so goes through the same failures.
//!
//! Keeps: P3-FS1, P3-D8, P5-T2, CT-2.

mod device;
mod error;
mod real;
#[cfg(feature = "simulated-disk")]
pub mod simulated;
mod tree;
mod whole;

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

pub use aerodb_core::directory::DirectoryId;
pub use error::{DiskError, Operation};
pub use real::RealDisk;
pub use tree::{create_dir, create_dirs, is_dir, remove_tree, sync_tree};
pub(crate) use whole::{TEMPORARY, publish, temporary};
pub use whole::{create_filled, read_file, replace_file};

/// Memory at a multiple of this, of a length and to a place in a file that are multiples too, can go to the device as
/// it is.
pub const DIRECT_BYTES: usize = 4096;

/// What an opened file may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading; the file system refuses writes.
    Read,
    /// Reading and writing.
    ReadWrite,
}

/// A directory tree on one device.
///
/// Durability (P3-FS1, P3-FS4): bytes are durable after [`DiskFile::sync_data`], names after
/// [`Disk::sync_dir`] of their directory; nothing else makes anything durable.
pub trait Disk: Debug + Send + Sync {
    /// Opens a file that exists.
    ///
    /// # Errors
    /// [`DiskError`] naming operation and path, as for every function here.
    fn open(&self, path: &Path, access: Access) -> Result<Arc<dyn DiskFile>, DiskError>;

    /// Creates an empty file for reading and writing, readable by its owner alone. A file that has this name
    /// loses it, and is not touched: where a power loss has kept both names of a rename, it is the one that the
    /// other name leads to. Used with temporary names only.
    ///
    /// # Errors
    /// [`DiskError`].
    fn create(&self, path: &Path) -> Result<Arc<dyn DiskFile>, DiskError>;

    /// The names in a directory, sorted.
    ///
    /// # Errors
    /// [`DiskError`], also for a name that is not UTF-8.
    fn list(&self, dir: &Path) -> Result<Vec<String>, DiskError>;

    /// Creates a directory, accessible to its owner alone. One that exists is left as it is.
    ///
    /// # Errors
    /// [`DiskError`].
    fn create_dir(&self, dir: &Path) -> Result<(), DiskError>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// [`DiskError`].
    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError>;

    /// Gives a file another name in the same file system, replacing what has that name.
    ///
    /// # Errors
    /// [`DiskError`].
    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError>;

    /// Removes a file.
    ///
    /// # Errors
    /// [`DiskError`].
    fn remove(&self, path: &Path) -> Result<(), DiskError>;

    /// Removes an empty directory.
    ///
    /// # Errors
    /// [`DiskError`].
    fn remove_dir(&self, dir: &Path) -> Result<(), DiskError>;

    /// What tells a directory from a copy of it, and stays the same when it is renamed.
    ///
    /// # Errors
    /// [`DiskError`].
    fn directory_id(&self, dir: &Path) -> Result<DirectoryId, DiskError>;

    /// Bytes that the device under a directory writes at once; `None` where the system does not say.
    fn physical_block_bytes(&self, dir: &Path) -> Option<u64>;

    /// Takes the exclusive lock on a file, which is created if need be. `None` when it is held, by this
    /// process or another (WAL-2). It is given back when the value is dropped or the process ends.
    ///
    /// # Errors
    /// [`DiskError`].
    fn lock(&self, path: &Path) -> Result<Option<Box<dyn DiskLock>>, DiskError>;

    /// Whether the lock on a file is held now. Nothing is created.
    ///
    /// # Errors
    /// [`DiskError`], also when there is no such file.
    fn is_locked(&self, path: &Path) -> Result<bool, DiskError>;
}

/// A lock that is held for as long as this lives.
pub trait DiskLock: Debug + Send + Sync {}

/// An open file. Offsets and lengths are in bytes.
pub trait DiskFile: Debug + Send + Sync {
    /// Fills the buffer from the file.
    ///
    /// # Errors
    /// [`DiskError`]; a file that ends first is an error.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError>;

    /// As [`DiskFile::read_at`], from the device as far as the system allows: the cache may hold what
    /// a failed fsync never wrote.
    ///
    /// # Errors
    /// [`DiskError`]; a file that ends first is an error.
    fn read_uncached_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError>;

    /// Writes all the bytes in one system call.
    ///
    /// # Errors
    /// [`DiskError`]; a short write is an error and is not continued (P3-D1).
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DiskError>;

    /// Asks the system to give these bytes to the device soon, where it can be asked: the fsync that makes them
    /// durable has less left to do then. Nothing is durable by it, and nothing is known of it.
    fn write_back(&self, _offset: u64, _bytes: u64) {}

    /// Makes the bytes, and the length needed to read them back, durable.
    ///
    /// # Errors
    /// [`DiskError`]; nothing about the bytes is known then, and calling again proves nothing (P3-FS9).
    fn sync_data(&self) -> Result<(), DiskError>;

    /// The length of the file.
    ///
    /// # Errors
    /// [`DiskError`].
    fn length(&self) -> Result<u64, DiskError>;
}
