//! What a snapshot is taken of.

use aerodb_core::hash::ClusterId;
use aerodb_core::id::{Boundary, Epoch};
use aerodb_core::position::{LedgerHead, Position};

/// What is known before the first version is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotFacts {
    /// The cluster.
    pub cluster: ClusterId,
    /// The cut: everything through this commit is in it, and nothing after.
    pub position: Position,
    /// The epoch of the cut.
    pub epoch: Epoch,
    /// The authority ledger's head when it was taken.
    pub ledger: LedgerHead,
    /// Reads at this commit and above are answered as they could be where it was taken; at or below the cut.
    pub oldest_retained: Boundary,
    /// The place of the designation in force, where the cut covers it: a grant on that basis asks for its
    /// chain, which no WAL after the cut holds.
    pub designation: Option<Position>,
}

impl SnapshotFacts {
    /// What is wrong with them, if anything is.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let cut = self.position.boundary;
        if self.oldest_retained > cut {
            return Err("the oldest retained commit lies past the cut");
        }
        if self.designation.is_some_and(|place| place.boundary > cut) {
            return Err("the designation lies past the cut");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use aerodb_core::hash::{Chain, Hash};
    use aerodb_core::id::Seq;

    use super::*;

    #[test]
    fn what_a_snapshot_names_lies_at_or_below_its_cut() {
        let at = |commits| Position { boundary: Boundary::new(commits), chain: Chain([1; 32]) };
        let check = |oldest, designation: Option<u64>| {
            let facts = SnapshotFacts {
                cluster: ClusterId([1; 32]),
                position: at(9),
                epoch: Epoch::FIRST,
                ledger: LedgerHead { seq: Seq::FIRST, hash: Hash([1; 32]) },
                oldest_retained: Boundary::new(oldest),
                designation: designation.map(at),
            };
            facts.check()
        };
        for (oldest, designation) in [(0, None), (9, None), (8, Some(8)), (9, Some(9))] {
            assert_eq!(check(oldest, designation), Ok(()));
        }
        assert_eq!(check(10, None), Err("the oldest retained commit lies past the cut"));
        assert_eq!(check(9, Some(10)), Err("the designation lies past the cut"));
    }
}
