//! From which commit on every read can be answered: the floor (machine 4.13, MVG-1, MVG-2).
//!
//! A version may go once a newer one of its key lies at or below the floor: no read that is still
//! answered can show it. The floor follows from commit ids alone, never from time or from how much
//! memory is left (MVG-4), and it never goes back.
//!
//! Keeps: MVG-4.

use serde::{Deserialize, Serialize};

use crate::id::Boundary;

/// Everything that the floor rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionFacts {
    /// The acknowledged bound; `None` while unknown.
    pub acknowledged: Option<Boundary>,
    /// How many commits below the acknowledged bound stay readable, by configuration.
    pub retain_commits: u64,
    /// The lowest commit that an open read view, or a snapshot in the making, needs.
    pub lowest_view: Option<Boundary>,
    /// The floor in force.
    pub floor: Boundary,
}

/// Where the floor goes, and whether a view keeps it from going further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct NextFloor {
    /// The new floor; at or above the one in force.
    pub floor: Boundary,
    /// Whether an open view holds it back: it could go further once that is closed.
    pub held_back: bool,
}

impl RetentionFacts {
    /// `max(floor, min(acknowledged - retain_commits, lowest_view))`; the floor in force while nothing is
    /// known to be acknowledged.
    #[must_use]
    pub fn next_floor(&self) -> NextFloor {
        let past = |bound: Boundary| bound.get().saturating_sub(self.retain_commits);
        let wanted = self.acknowledged.map_or(self.floor, |bound| Boundary::new(past(bound)));
        let allowed = self.lowest_view.map_or(wanted, |view| wanted.min(view));
        let held_back = allowed < wanted && self.floor < wanted;
        NextFloor { floor: self.floor.max(allowed), held_back }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(commit: u64) -> Boundary {
        Boundary::new(commit)
    }

    /// 50 commits acknowledged, 10 of them to be kept readable, nobody reading, nothing pruned below 20.
    const FACTS: RetentionFacts = RetentionFacts {
        acknowledged: Some(at(50)),
        retain_commits: 10,
        lowest_view: None,
        floor: at(20),
    };

    #[test]
    fn mvg_1_the_floor_leaves_the_retained_commits_and_every_view_alone() {
        let next = |facts: RetentionFacts| {
            let NextFloor { floor, held_back } = facts.next_floor();
            (floor.get(), held_back)
        };
        assert_eq!(next(FACTS), (40, false));
        assert_eq!(next(RetentionFacts { lowest_view: Some(at(45)), ..FACTS }), (40, false));
        assert_eq!(next(RetentionFacts { lowest_view: Some(at(30)), ..FACTS }), (30, true));
        assert_eq!(next(RetentionFacts { lowest_view: Some(at(20)), ..FACTS }), (20, true));
        assert_eq!(next(RetentionFacts { acknowledged: None, ..FACTS }), (20, false));
    }

    #[test]
    fn mvg_2_the_floor_never_goes_back() {
        for acknowledged in [None, Some(at(0)), Some(at(19)), Some(at(29))] {
            for lowest_view in [None, Some(at(0)), Some(at(21))] {
                let facts = RetentionFacts { acknowledged, lowest_view, ..FACTS };
                assert_eq!(facts.next_floor(), NextFloor { floor: at(20), held_back: false });
            }
        }
    }

    #[test]
    fn mvg_4_a_retention_longer_than_the_history_keeps_all_of_it() {
        let all = RetentionFacts { retain_commits: u64::MAX, floor: at(0), ..FACTS };
        assert_eq!(all.next_floor().floor, at(0));
    }
}
