//! The bytes of AeroDB on disk.
//!
//! - [`disk`]: the port through which every file is reached
//! - [`log`]: the one log format, its recovery and its writer
//! - [`wal`]: the history of writes over that log
//! - [`authority`], [`decision`]: the two ledgers over that log
//! - [`snapshot`]: the state at one commit, in one file
//! - [`checkpoint`]: from where the WAL is kept; [`retention`]: from where versions are
//! - [`crash`]: named places where a test ends the process, nothing in a build that ships
//! - [`verify`]: the same checks on a stopped node's directory, read-only
//!
//! Invariant: nothing becomes visible outside this crate as [`Durable`] before the fsync that covers
//! it has returned (P3-FS5). Invariant: reading never edits; a fault leaves every byte as it was.

pub mod authority;
pub mod checkpoint;
mod chronicle;
pub mod crash;
pub mod decision;
pub mod disk;
mod durable;
mod fault;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod log;
pub mod retention;
mod sealed;
pub mod snapshot;
pub mod verify;
pub mod wal;

pub use chronicle::{AppendError, Entries, LedgerPlace, Stored};
pub use durable::Durable;
pub use fault::{Damage, Fault, OpenError};
pub use sealed::{
    SEALED_BYTES_MAX, Sealed, SealedError, Unsealed, read_sealed, unseal, write_sealed,
};
