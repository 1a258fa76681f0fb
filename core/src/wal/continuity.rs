//! Whether a batch continues a history: the one check that the validator, recovery and offline
//! verification share.

use crate::hash::Chain;
use crate::id::{Boundary, CommitId, Epoch};
use crate::position::Position;
use crate::wal::BatchHeader;

/// Why a batch does not continue the history (F-V2, RI-3, DESIGN 3.3 "epoch by position").
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Discontinuity {
    /// Its first commit is not the next one: a gap or an overlap (F-V2).
    #[error("commit {found} does not follow boundary {tip}")]
    Number {
        /// Where the history ends.
        tip: Boundary,
        /// The first commit offered.
        found: CommitId,
    },
    /// It continues another history (RI-3).
    #[error("the batch at commit {at} continues chain {found}, the history ends with {tip}")]
    Chain {
        /// The first commit offered.
        at: CommitId,
        /// Where the history ends.
        tip: Chain,
        /// What the batch says is before it.
        found: Chain,
    },
    /// It carries another epoch than the ledger gives its position.
    #[error(
        "the batch at commit {at} carries epoch {found}, the ledger gives its position {expected:?}"
    )]
    Epoch {
        /// The first commit offered.
        at: CommitId,
        /// The epoch in the batch.
        found: Epoch,
        /// The epoch of that position by the ledger; `None` when the batch spans a grant's start.
        expected: Option<Epoch>,
    },
}

impl Discontinuity {
    /// The rule that the batch breaks.
    #[must_use]
    pub const fn rule(&self) -> crate::rules::RuleId {
        match self {
            Self::Number { .. } => crate::rules::RuleId::FV2,
            Self::Chain { .. } => crate::rules::RuleId::Ri3,
            Self::Epoch { .. } => crate::rules::RuleId::P5I4,
        }
    }
}

/// Checks that `batch` follows `tip` and carries the epoch of its position, as `epoch_at` (the
/// authority fold) gives it.
///
/// # Errors
/// The first [`Discontinuity`], in the order number, chain, epoch.
pub fn check_continuity(
    tip: &Position,
    batch: &impl AsRef<BatchHeader>,
    epoch_at: impl Fn(CommitId) -> Epoch,
) -> Result<(), Discontinuity> {
    let batch = batch.as_ref();
    follows_number(tip, batch)?;
    follows_chain(tip, batch)?;
    is_of_its_place(batch, epoch_at(batch.first()), epoch_at(batch.last()))
}

/// Whether its first commit is the next one.
///
/// # Errors
/// [`Discontinuity::Number`].
pub fn follows_number(tip: &Position, batch: &BatchHeader) -> Result<(), Discontinuity> {
    let found = batch.first();
    if tip.boundary.next_commit() == Some(found) {
        return Ok(());
    }
    Err(Discontinuity::Number { tip: tip.boundary, found })
}

/// Whether it continues the very history that ends there.
///
/// # Errors
/// [`Discontinuity::Chain`].
pub fn follows_chain(tip: &Position, batch: &BatchHeader) -> Result<(), Discontinuity> {
    if tip.chain == batch.before() {
        return Ok(());
    }
    Err(Discontinuity::Chain { at: batch.first(), tip: tip.chain, found: batch.before() })
}

/// Whether it carries the epoch of its place, which the ledger gives for its first and its last commit.
///
/// # Errors
/// [`Discontinuity::Epoch`].
pub fn is_of_its_place(
    batch: &BatchHeader,
    at_first: Epoch,
    at_last: Epoch,
) -> Result<(), Discontinuity> {
    if at_first == batch.epoch() && at_last == at_first {
        return Ok(());
    }
    let expected = (at_first == at_last).then_some(at_first);
    Err(Discontinuity::Epoch { at: batch.first(), found: batch.epoch(), expected })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::tests_support::{Story, at, epoch, forked_at};
    use crate::rules::RuleId;
    use crate::wal::{Batch, Commit};

    /// A batch of so many empty commits after `tip`, written in this epoch.
    fn batch(tip: Position, number: u64, commits: usize) -> Batch {
        let stamp = Story::founded().head();
        let commits = vec![Commit { ops: Vec::new() }; commits];
        Batch::form(&tip, epoch(number), stamp, commits).unwrap().0
    }

    /// Against the history that ends at commit 13, epoch 2 having started after commit 14.
    fn check(batch: &Batch) -> Result<(), Discontinuity> {
        let story = Story::promoted_at(14);
        check_continuity(&at(13), batch, |commit| story.authority().epoch_at(commit))
    }

    #[track_caller]
    fn assert_broken(batch: &Batch, expected: Discontinuity, rule: RuleId) {
        assert_eq!(check(batch), Err(expected.clone()));
        assert_eq!(expected.rule(), rule);
    }

    #[test]
    fn a_batch_that_follows_in_the_epoch_of_its_place_is_accepted() {
        assert_eq!(check(&batch(at(13), 1, 1)), Ok(()));
        let story = Story::promoted_at(14);
        let epoch_at = |commit| story.authority().epoch_at(commit);
        assert_eq!(check_continuity(&at(14), &batch(at(14), 2, 5), epoch_at), Ok(()));
    }

    #[test]
    fn f_v2_a_gap_and_an_overlap_are_rejected() {
        for tip in [12, 14] {
            let batch = batch(at(tip), 1, 1);
            let found = batch.first();
            let tip = Boundary::new(13);
            assert_broken(&batch, Discontinuity::Number { tip, found }, RuleId::FV2);
        }
    }

    #[test]
    fn f_v2_nothing_follows_the_last_commit_id() {
        let end = Position { boundary: Boundary::new(u64::MAX), ..at(1) };
        let batch = batch(at(13), 1, 1);
        let (tip, found) = (end.boundary, batch.first());
        let refused = Err(Discontinuity::Number { tip, found });
        assert_eq!(check_continuity(&end, &batch, |_| Epoch::FIRST), refused);
    }

    #[test]
    fn ri3_a_batch_of_another_history_is_rejected() {
        let batch = batch(forked_at(13), 1, 1);
        let broken = Discontinuity::Chain {
            at: batch.first(),
            tip: at(13).chain,
            found: forked_at(13).chain,
        };
        assert_broken(&batch, broken, RuleId::Ri3);
    }

    #[test]
    fn p5_i4_a_batch_of_another_epoch_than_its_place_is_rejected() {
        let batch = batch(at(13), 2, 1);
        let (at, found, expected) = (batch.first(), epoch(2), Some(epoch(1)));
        assert_broken(&batch, Discontinuity::Epoch { at, found, expected }, RuleId::P5I4);
    }

    #[test]
    fn p5_i4_a_batch_that_spans_a_grants_start_is_of_no_epoch() {
        for number in [1, 2] {
            let batch = batch(at(13), number, 2);
            let (at, found, expected) = (batch.first(), epoch(number), None);
            assert_broken(&batch, Discontinuity::Epoch { at, found, expected }, RuleId::P5I4);
        }
    }
}
