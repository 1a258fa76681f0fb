//! Named places on the production path where a test ends the process, or holds it (rules/5-matrix: the
//! boundaries of the crash matrix; `tests/crash_matrix.toml` says which row each one is of). Without the
//! feature `crash-points` every function here is empty, or nothing but the call to the disk that it is named
//! after.
//!
//! `AERODB_CRASH_POINT=NAME` ends the process by SIGKILL at that place, `NAME:3` at the third time it comes
//! there; `NAME[512]` says which of the comings is meant, where they differ by more than their order:
//! [`Index`]. `AERODB_HOLD_POINT=NAME=FIFO` lets it stand there until the FIFO was opened for writing and
//! closed: so that a state between two steps can be looked at without anyone sleeping.
//!
//! Keeps: CT-4, CT-7, F-T2, CT-2, P5-T2.

#[cfg(feature = "crash-points")]
mod armed;
#[cfg(feature = "crash-points")]
mod asked;
#[cfg(feature = "crash-points")]
mod file;
mod point;
#[cfg(not(feature = "crash-points"))]
mod unarmed;

#[cfg(feature = "crash-points")]
pub use armed::{check, reached, reached_at, stands_at, sync_data, write_at};
#[cfg(feature = "crash-points")]
pub(crate) use file::{came_to, write_file};
pub use point::{Index, Point};
#[cfg(not(feature = "crash-points"))]
pub(crate) use unarmed::{came_to, write_file};
#[cfg(not(feature = "crash-points"))]
pub use unarmed::{reached, reached_at, stands_at, sync_data, write_at};

/// How far a file is that is replaced whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileStep {
    /// It is written, and not fsynced.
    Fsync,
    /// It is fsynced, and has not its name.
    Rename,
    /// It has its name, and the directory is not fsynced.
    DirFsync,
}
