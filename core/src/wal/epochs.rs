//! Which epochs a history carries where: enough to check every entry against the ledger without reading
//! the history again.

use serde::{Deserialize, Serialize};

use crate::authority::Authority;
use crate::id::{CommitId, Epoch};
use crate::wal::Batch;

/// A place in the history that carries another epoch than the ledger gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochMismatch {
    /// The first commit of the stretch that it lies in.
    pub commit: CommitId,
    /// The epoch that the history carries there.
    pub found: Epoch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    epoch: Epoch,
    first: CommitId,
    last: CommitId,
}

/// The stretches of equal epoch in a history, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EpochRuns {
    runs: Vec<Run>,
}

impl EpochRuns {
    /// Of a history that is known from its last commit on: everything before it was checked when a
    /// checkpoint was taken there.
    #[must_use]
    pub fn ending_with(epoch: Epoch, last: CommitId) -> Self {
        Self { runs: vec![Run { epoch, first: last, last }] }
    }

    /// Takes the next batch of the history.
    pub fn push(&mut self, batch: &Batch) {
        let (epoch, first, last) = (batch.epoch(), batch.first(), batch.last());
        match self.runs.last_mut() {
            Some(run) if run.epoch == epoch => run.last = last,
            Some(_) | None => self.runs.push(Run { epoch, first, last }),
        }
    }

    /// The first stretch that carries another epoch than the ledger gives its first or its last commit;
    /// epochs change only at grants, so a stretch with both ends right is right throughout (P5-I4).
    #[must_use]
    pub fn first_mismatch(&self, authority: &Authority) -> Option<EpochMismatch> {
        let wrong = |run: &&Run| {
            authority.epoch_at(run.first) != run.epoch || authority.epoch_at(run.last) != run.epoch
        };
        self.runs
            .iter()
            .find(wrong)
            .map(|run| EpochMismatch { commit: run.first, found: run.epoch })
    }
}
