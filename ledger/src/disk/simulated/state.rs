//! The disk's content, and what happens to the calls.

use std::collections::BTreeSet;
use std::path::Path;

use crate::disk::simulated::content::{Content, NodeId};
use crate::disk::simulated::failure::{Flip, Planned, Times, is_change, power_is_off};
use crate::disk::simulated::{Call, Failure, Moment, SimulatedDisk};
use crate::disk::{DiskError, Operation};

#[derive(Debug)]
pub(super) struct State {
    pub(super) content: Content,
    pub(super) changes: u64,
    pub(super) reads: u64,
    pub(super) planned: Vec<Planned>,
    pub(super) flips: Vec<Flip>,
    pub(super) trace: Vec<Call>,
    pub(super) moments: Option<Vec<Moment>>,
    /// Files that are locked; a lock ends with its process.
    pub(super) locks: BTreeSet<NodeId>,
    pub(super) is_off: bool,
}

impl State {
    pub(super) const fn new(content: Content) -> Self {
        Self {
            content,
            changes: 0,
            reads: 0,
            planned: Vec::new(),
            flips: Vec::new(),
            trace: Vec::new(),
            moments: None,
            locks: BTreeSet::new(),
            is_off: false,
        }
    }

    /// Begins a call: counts it, keeps the moment, and says how it fails if it does so in a way of its own.
    pub(super) fn begin(
        &mut self,
        operation: Operation,
        path: &Path,
    ) -> Result<Option<Failure>, DiskError> {
        if self.is_off {
            return Err(DiskError::new(operation, path, power_is_off()));
        }
        let number = self.count(operation, path);
        let strikes = |plan: &mut Planned| plan.strikes(operation, number);
        let Some(at) = self.planned.iter_mut().position(strikes) else { return Ok(None) };
        let Planned { failure, times, .. } = self.planned[at];
        if times == Times::Once {
            self.planned.remove(at);
        }
        match (failure, operation) {
            (Failure::ShortWrite { .. }, Operation::Write)
            | (Failure::LyingSync { .. }, Operation::Sync | Operation::SyncDir) => {
                return Ok(Some(failure));
            }
            (Failure::PowerLossDuring, _) if is_change(operation) => return Ok(Some(failure)),
            (Failure::PowerLossBefore | Failure::PowerLossDuring, _) => self.power_off(),
            (
                Failure::Io
                | Failure::NoSpace
                | Failure::Access
                | Failure::ShortWrite { .. }
                | Failure::LyingSync { .. },
                _,
            ) => {}
        }
        Err(DiskError::new(operation, path, failure.error()))
    }

    fn count(&mut self, operation: Operation, path: &Path) -> u64 {
        let count = if is_change(operation) {
            let call = Call { operation, path: path.to_owned() };
            if let Some(moments) = &mut self.moments {
                let disk = SimulatedDisk::of(self.content.clone());
                moments.push(Moment { before: call.clone(), disk });
            }
            self.trace.push(call);
            &mut self.changes
        } else {
            &mut self.reads
        };
        *count += 1;
        *count - 1
    }

    /// Ends a call that has done its work: the power may fail now.
    pub(super) fn end(
        &mut self,
        operation: Operation,
        path: &Path,
        failure: Option<Failure>,
    ) -> Result<(), DiskError> {
        match failure {
            None => Ok(()),
            Some(failure) => {
                if failure == Failure::PowerLossDuring {
                    self.power_off();
                }
                Err(DiskError::new(operation, path, failure.error()))
            }
        }
    }

    fn power_off(&mut self) {
        self.is_off = true;
    }

    /// Lets bits read wrong.
    pub(super) fn flip(&mut self, path: &Path, offset: u64, buffer: &mut [u8]) {
        let range = offset..offset + buffer.len() as u64;
        self.flips.retain_mut(|flip| {
            if flip.path != path || !range.contains(&flip.offset) {
                return true;
            }
            if flip.after > 0 {
                flip.after -= 1;
                return true;
            }
            if let Some(byte) = buffer.get_mut(usize::try_from(flip.offset - offset).unwrap_or(0)) {
                *byte ^= flip.mask;
            }
            flip.times == Times::Always
        });
    }
}
