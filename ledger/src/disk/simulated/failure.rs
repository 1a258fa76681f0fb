//! What can go wrong, and when.

use std::io;
use std::path::PathBuf;

use crate::disk::Operation;

/// What a call does instead of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// `EIO`; nothing was changed.
    Io,
    /// `ENOSPC`; nothing was changed.
    NoSpace,
    /// `EACCES`; nothing was changed.
    Access,
    /// A write that stops after so many bytes. Any other call fails with `EIO`.
    ShortWrite {
        /// Bytes that were written.
        bytes: usize,
    },
    /// An fsync, of a file or of a directory, that reports its failure once: what was unsynced counts as
    /// durable from then on, the cache goes on to show it, and every later fsync succeeds. Any other call
    /// fails with `EIO`.
    LyingSync {
        /// Bit `i`: whether the `i`-th unsynced sector (by offset) or name (in order) did reach the device.
        reached: u64,
    },
    /// The power fails before the call does anything; every later call fails.
    PowerLossBefore,
    /// The power fails when the call has done its work in the cache; every later call fails. Of an fsync
    /// that is nothing: what had reached the device is chosen by whoever looks at it afterwards.
    PowerLossDuring,
}

/// Which call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The call with this number among those that change or sync something, from 0.
    Change(u64),
    /// The call with this number among those that only read, from 0.
    Read(u64),
    /// The call of this kind that comes after so many others of its kind.
    Next(Operation, u64),
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// That one.
    Once,
    /// That one and all that follow, of the same sort: changes, reads, or the one kind.
    Always,
}

#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) at: At,
    pub(super) failure: Failure,
    pub(super) times: Times,
}

/// Bits of one byte of a file that read wrong.
#[derive(Debug, Clone)]
pub(super) struct Flip {
    pub(super) path: PathBuf,
    pub(super) offset: u64,
    pub(super) mask: u8,
    pub(super) after: u64,
    pub(super) times: Times,
}

/// Whether the call changes or syncs something.
pub(super) const fn is_change(operation: Operation) -> bool {
    match operation {
        Operation::Create
        | Operation::Write
        | Operation::Sync
        | Operation::SyncDir
        | Operation::Rename
        | Operation::Remove => true,
        Operation::Open
        | Operation::Read
        | Operation::Length
        | Operation::List
        | Operation::Lock => false,
    }
}

impl Planned {
    /// Whether the call with this number, of its sort, fails; counts the calls of its kind.
    pub(super) fn strikes(&mut self, operation: Operation, number: u64) -> bool {
        match &mut self.at {
            At::Change(at) => is_change(operation) && self.times.covers(*at, number),
            At::Read(at) => !is_change(operation) && self.times.covers(*at, number),
            At::Next(kind, 0) => *kind == operation,
            At::Next(kind, left) => {
                *left -= u64::from(*kind == operation);
                false
            }
        }
    }
}

impl Times {
    const fn covers(self, at: u64, number: u64) -> bool {
        match self {
            Self::Once => at == number,
            Self::Always => at <= number,
        }
    }
}

impl Failure {
    /// The system's word for it.
    pub(super) fn error(self) -> io::Error {
        let errno = match self {
            Self::Io | Self::ShortWrite { .. } | Self::LyingSync { .. } => rustix::io::Errno::IO,
            Self::NoSpace => rustix::io::Errno::NOSPC,
            Self::Access => rustix::io::Errno::ACCESS,
            Self::PowerLossBefore | Self::PowerLossDuring => return power_is_off(),
        };
        errno.into()
    }
}

pub(super) fn power_is_off() -> io::Error {
    io::Error::other("the power is off")
}
