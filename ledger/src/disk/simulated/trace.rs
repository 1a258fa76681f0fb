//! What was done to the disk, call by call.

use std::fmt;
use std::path::PathBuf;

use crate::disk::Operation;
use crate::disk::simulated::SimulatedDisk;

/// One call that changed or synced something, or was to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What was tried.
    pub operation: Operation,
    /// On what.
    pub path: PathBuf,
}

/// The disk as it was when a call that changes or syncs something was about to begin. A power loss there,
/// with every choice of what survives, is also every power loss within the call before it.
#[derive(Debug, Clone)]
pub struct Moment {
    /// The call that was about to begin.
    pub before: Call,
    /// A disk of its own.
    pub disk: SimulatedDisk,
}

/// The operation and the file's name.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        write!(f, "{} {}", self.operation, name.to_string_lossy())
    }
}
