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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::tests_support::{Story, at, commit, epoch};
    use crate::wal::Commit;

    /// The stretches of a history of batches of so many commits, each with its epoch, after commit 9.
    fn runs(batches: &[(u64, usize)]) -> EpochRuns {
        let mut runs = EpochRuns::default();
        let mut tip = at(9);
        for (number, commits) in batches {
            let commits = vec![Commit { ops: Vec::new() }; *commits];
            let stamp = Story::founded().head();
            let (batch, _) = Batch::form(&tip, epoch(*number), stamp, commits).unwrap();
            tip = batch.end();
            runs.push(&batch);
        }
        runs
    }

    /// Epoch 2 was granted after commit 14.
    fn mismatch(runs: &EpochRuns) -> Option<(u64, u64)> {
        let found = runs.first_mismatch(Story::promoted_at(14).authority());
        found.map(|found| (found.commit.get(), found.found.get()))
    }

    #[test]
    fn p5_i4_a_history_carries_the_epoch_of_each_place_or_the_first_wrong_stretch_is_named() {
        for right in [&[][..], &[(1, 5)], &[(1, 2), (1, 3), (2, 1)], &[(1, 5), (2, 7), (2, 1)]] {
            assert_eq!(mismatch(&runs(right)), None, "{right:?}");
        }
        for (wrong, first, number) in [
            (&[(2, 1)][..], 10, 2),
            (&[(1, 6)], 10, 1),
            (&[(1, 3), (1, 3)], 10, 1),
            (&[(1, 4), (2, 1), (2, 1)], 14, 2),
            (&[(1, 5), (2, 1), (1, 1), (2, 1)], 16, 1),
        ] {
            assert_eq!(mismatch(&runs(wrong)), Some((first, number)), "{wrong:?}");
        }
    }

    #[test]
    fn batches_of_one_epoch_are_one_stretch_whatever_their_number() {
        assert_eq!(runs(&[(1, 1), (1, 2), (1, 2)]).runs, runs(&[(1, 5)]).runs);
        let (first, last) = (commit(10), commit(14));
        assert_eq!(runs(&[(1, 5)]).runs, [Run { epoch: epoch(1), first, last }]);
    }

    #[test]
    fn a_history_known_from_a_checkpoint_on_goes_on_from_there() {
        let mut known = EpochRuns::ending_with(epoch(1), commit(9));
        assert_eq!(mismatch(&known), None);
        assert_eq!(mismatch(&EpochRuns::ending_with(epoch(2), commit(9))), Some((9, 2)));
        let stamp = Story::founded().head();
        let commits = vec![Commit { ops: Vec::new() }; 5];
        known.push(&Batch::form(&at(9), epoch(1), stamp, commits).unwrap().0);
        let (first, last) = (commit(9), commit(14));
        assert_eq!(known.runs, [Run { epoch: epoch(1), first, last }]);
    }
}
