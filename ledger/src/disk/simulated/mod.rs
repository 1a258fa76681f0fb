//! A disk in memory that fails on request: the same calls give the same bytes in every run, there is no
//! clock and no chance in it, and a copy of it costs nothing until it goes its own way.
//!
//! What it models, for every file: the bytes on the device, the bytes in the cache, the dirty sectors with
//! each version since the last fsync, and the lengths since then; for every name: where it leads on the
//! device and where in the cache. An fsync carries one to the other. From any moment:
//!
//! - [`SimulatedDisk::after_power_loss`]: the cache is gone, and of everything unsynced the caller chooses,
//!   one by one, what survived
//! - [`SimulatedDisk::after_kill`]: the process is gone, the cache and all that is unsynced are kept, so that
//!   what the next process reads may still vanish
//!
//! Calls that change or sync something are numbered, and so are calls that read; [`SimulatedDisk::fail`] lets
//! one of them fail, [`SimulatedDisk::record_moments`] keeps the disk as it was before each.

mod bytes;
mod content;
mod failure;
mod inspect;
mod loss;
mod port;
mod state;
mod trace;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use bytes::SECTOR_BYTES;
pub use failure::{At, Failure, Times};
pub use loss::{Unsynced, UnsyncedPart};
pub use trace::{Call, Moment};

use crate::disk::simulated::content::Content;
use crate::disk::simulated::failure::{Flip, Planned};
use crate::disk::simulated::state::State;

/// A simulated disk. Clones share it; [`SimulatedDisk::after_kill`] parts from it.
#[derive(Debug, Clone)]
pub struct SimulatedDisk(Arc<Mutex<State>>);

impl Default for SimulatedDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl SimulatedDisk {
    /// An empty root directory, `/`. Paths are absolute and UTF-8, without links and `..`.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Content::new())
    }

    fn of(content: Content) -> Self {
        Self(Arc::new(Mutex::new(State::new(content))))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No call leaves the state half changed: what can panic comes before what changes.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The disk as the port that programs take.
    #[must_use]
    pub fn shared(&self) -> Arc<dyn crate::disk::Disk> {
        Arc::new(self.clone())
    }

    /// What a killed process leaves: another disk with the same device and the same cache, everything
    /// unsynced still unsynced. Files opened before belong to the old one. Counts, trace, planned failures
    /// and flipped bits begin anew.
    #[must_use]
    pub fn after_kill(&self) -> Self {
        Self::of(self.state().content.clone())
    }

    /// What a power loss leaves: another disk, on which all that there is is durable. `choose` is asked once
    /// for each thing in [`SimulatedDisk::unsynced`], in that order, and gives the version that survived; one
    /// too large means the last.
    #[must_use]
    pub fn after_power_loss(&self, choose: impl FnMut(&Unsynced) -> usize) -> Self {
        Self::of(loss::after_power_loss(&self.state().content.clone(), choose))
    }

    /// Everything that a power loss would decide about: names, lengths, sectors.
    #[must_use]
    pub fn unsynced(&self) -> Vec<Unsynced> {
        loss::unsynced(&self.state().content)
    }

    /// Lets a call fail. Several may be planned; the first that applies does.
    pub fn fail(&self, at: At, failure: Failure, times: Times) {
        self.state().planned.push(Planned { at, failure, times });
    }

    /// Flips bits of one byte of a file in what is read, not on the disk: in the readings that cover it, from
    /// the one that comes after so many others of them. The file is known by the path that it is opened by.
    pub fn flip(&self, path: &Path, offset: u64, mask: u8, after: u64, times: Times) {
        self.state().flips.push(Flip { path: path.to_owned(), offset, mask, after, times });
    }

    /// Whether the power has failed: every call fails from then on.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.state().is_off
    }

    /// How many calls have changed or synced something, those that failed included.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.state().changes
    }

    /// How many calls have only read.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.state().reads
    }

    /// The calls that changed or synced something, or were to, since this was last asked.
    #[must_use]
    pub fn trace(&self) -> Vec<Call> {
        std::mem::take(&mut self.state().trace)
    }

    /// From now on keeps the disk as it is before each call that changes or syncs something.
    pub fn record_moments(&self) {
        self.state().moments = Some(Vec::new());
    }

    /// The moments kept since this was last asked; recording goes on.
    #[must_use]
    pub fn moments(&self) -> Vec<Moment> {
        self.state().moments.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
