//! What a disk can refuse.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aerodb_core::rules::RuleId;

/// What was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Opening a file.
    Open,
    /// Creating a file or a directory.
    Create,
    /// Reading bytes.
    Read,
    /// Writing bytes.
    Write,
    /// Making bytes durable.
    Sync,
    /// Making names durable.
    SyncDir,
    /// Asking for a length.
    Length,
    /// Listing a directory.
    List,
    /// Renaming a file.
    Rename,
    /// Removing a file or an empty directory.
    Remove,
    /// Locking a file.
    Lock,
}

impl Operation {
    /// The verb used in messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Create => "create",
            Self::Read => "read",
            Self::Write => "write",
            Self::Sync => "fsync",
            Self::SyncDir => "fsync directory",
            Self::Length => "take the length of",
            Self::List => "list",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::Lock => "lock",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The disk failed (P3-D9): operation, file, and the system's word for it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot {operation} {path}: {source}{}", self.cited(), path = .path.display())]
pub struct DiskError {
    /// What was tried.
    pub operation: Operation,
    /// On what.
    pub path: PathBuf,
    /// The system's answer; shared, because a poisoned writer repeats it.
    pub source: Arc<io::Error>,
}

impl DiskError {
    /// An error of this operation on this path.
    #[must_use]
    pub fn new(operation: Operation, path: &Path, source: io::Error) -> Self {
        Self { operation, path: path.to_owned(), source: Arc::new(source) }
    }

    /// The rule, as messages cite it. That a file is not there is often an answer, and for the caller to judge.
    fn cited(&self) -> String {
        if self.is_not_found() { String::new() } else { format!(" ({})", RuleId::P3D9) }
    }

    /// Whether the file or directory does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// Whether the device or the quota is full.
    #[must_use]
    pub fn is_no_space(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}
