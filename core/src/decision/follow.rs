//! Whether a node may take in what the ledger of another one says: entries that are not its own, and a later
//! grant only where its history is a prefix of what that grant starts from (F-V2).

use crate::authority::{Authority, Entry};
use crate::id::{Boundary, CommitId, NodeId, Seq};
use crate::position::Position;
use crate::rules::RuleId;
use crate::wal::EpochRuns;

/// What a node writes is durable in its own ledger before anyone else has it. An entry of this node that
/// it does not know means that its directory is a copy, or was set back. It is not adopted, or a crash
/// before the halt is recorded would leave a ledger that makes this node the holder:
///
/// 1. another process with this directory's identity is granted the epoch, and writes
/// 2. this one adopts the grant, and dies before it has recorded that it halts
/// 3. it starts as the holder of the same epoch, and writes too
///
/// Gives the first such entry.
#[must_use]
pub fn own_unknown<'e>(
    node: &NodeId,
    entries: impl IntoIterator<Item = &'e Entry>,
) -> Option<(Seq, &'static str)> {
    let ours = entries.into_iter().find(|entry| &entry.author == node)?;
    Some((ours.seq, ours.body.kind()))
}

/// Why a history is no prefix of what the latest grant starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    /// It carries an epoch past the place where the ledger ends that.
    #[error("the history runs past the start of an epoch, at commit {commit}")]
    Epoch {
        /// The first commit of the stretch.
        commit: CommitId,
    },
    /// It is longer.
    #[error("the history runs past the grant's start")]
    PastStart,
    /// It is another one.
    #[error("the history at the grant's start is another one")]
    Parted,
}

impl Disagreement {
    /// The rule that it breaks.
    #[must_use]
    pub const fn rule(&self) -> RuleId {
        match self {
            Self::Epoch { .. } | Self::PastStart => RuleId::FV2,
            Self::Parted => RuleId::Ri3,
        }
    }
}

/// Checks that a history which was received through `received`, is validated through `tip` and carries these
/// epochs is a prefix of what the latest grant starts from.
///
/// # Errors
/// [`Disagreement`].
pub fn histories_agree(
    authority: &Authority,
    tip: &Position,
    received: Boundary,
    epochs: &EpochRuns,
) -> Result<(), Disagreement> {
    if let Some(mismatch) = epochs.first_mismatch(authority) {
        return Err(Disagreement::Epoch { commit: mismatch.commit });
    }
    let start = authority.start();
    if received > start.boundary || tip.boundary > start.boundary {
        return Err(Disagreement::PastStart);
    }
    if tip.boundary == start.boundary && tip.chain != start.chain {
        return Err(Disagreement::Parted);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::tests_support::{Story, at, epoch, forked_at, genesis, node};

    fn agree(tip: Position, received: u64, last_of_one: u64) -> Result<(), Disagreement> {
        let story = Story::promoted_at(10);
        let last = CommitId::new(last_of_one).unwrap();
        let epochs = EpochRuns::ending_with(epoch(1), last);
        histories_agree(story.authority(), &tip, Boundary::new(received), &epochs)
    }

    #[test]
    fn st2_an_entry_of_this_node_that_it_does_not_know_is_found() {
        let entries = [genesis()];
        assert_eq!(own_unknown(&node("n2"), &entries), None);
        assert_eq!(own_unknown(&node("n1"), &entries), Some((Seq::FIRST, "genesis")));
    }

    #[test]
    fn a_history_that_ends_at_the_grants_start_or_before_it_agrees() {
        assert_eq!(agree(at(10), 10, 10), Ok(()));
        assert_eq!(agree(at(8), 8, 8), Ok(()));
    }

    #[test]
    fn fv2_a_history_that_runs_past_the_grants_start_does_not_agree() {
        let commit = CommitId::new(11).unwrap();
        assert_eq!(agree(at(11), 11, 11), Err(Disagreement::Epoch { commit }));
        let received = agree(at(10), 12, 10).unwrap_err();
        assert_eq!((received, received.rule()), (Disagreement::PastStart, RuleId::FV2));
    }

    #[test]
    fn ri3_another_history_of_the_same_length_does_not_agree() {
        let parted = agree(forked_at(10), 10, 10).unwrap_err();
        assert_eq!((parted, parted.rule()), (Disagreement::Parted, RuleId::Ri3));
    }
}
