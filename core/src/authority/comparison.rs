//! How two authority ledgers relate. Those of one cluster are equal up to the end of the shorter one; where
//! they are not, two histories of authority exist, and one of them must never be acted on.
//!
//! Keeps: P6-RDT3.

use serde::{Deserialize, Serialize};

use crate::authority::Authority;
use crate::id::Seq;
use crate::position::LedgerHead;

/// One of two ledgers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The first.
    A,
    /// The second.
    B,
}

/// How two ledgers relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "relation", rename_all = "snake_case")]
pub enum Relation {
    /// They hold the same entries.
    Identical,
    /// One holds all entries of the other, and more: normal while a replica is behind.
    Prefix {
        /// The one that holds more.
        longer: Side,
    },
    /// They are of one cluster and differ in an entry that both have.
    Forked {
        /// The first such entry.
        at: Seq,
    },
    /// They are of two clusters.
    Foreign,
}

/// What two ledgers have in common, and how they part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// The last entry of their common prefix; `None` when not even genesis is common.
    pub common: Option<LedgerHead>,
    /// How they relate.
    #[serde(flatten)]
    pub relation: Relation,
}

/// Compares two ledgers entry by entry.
#[must_use]
pub fn compare(a: &Authority, b: &Authority) -> Comparison {
    let same = |(of_a, of_b): &(_, _)| of_a == of_b;
    let length = a.hashes.iter().zip(&b.hashes).take_while(same).count();
    let common =
        Seq::new(length as u64).and_then(|seq| a.hash_at(seq).map(|hash| LedgerHead { seq, hash }));
    let Some(last) = common else {
        return Comparison { common, relation: Relation::Foreign };
    };
    let relation = match (a.hashes.len() > length, b.hashes.len() > length) {
        (false, false) => Relation::Identical,
        (true, false) => Relation::Prefix { longer: Side::A },
        (false, true) => Relation::Prefix { longer: Side::B },
        // Both have an entry there, so there is such a number.
        (true, true) => Relation::Forked { at: last.seq.next().unwrap_or(last.seq) },
    };
    Comparison { common, relation }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::tests_support::{Story, genesis, seq};
    use crate::hash::Hash;

    fn compared(a: &Story, b: &Story) -> Comparison {
        compare(a.authority(), b.authority())
    }

    #[test]
    fn a_ledger_is_identical_to_itself_and_forks_nowhere() {
        let story = Story::founded().admit("n2");
        let found = compared(&story, &story.clone());
        let common = Some(story.head());
        assert_eq!(found, Comparison { common, relation: Relation::Identical });
    }

    /// Proves: P6-RDT3.
    #[test]
    fn a_replica_that_is_behind_holds_a_prefix_of_the_longer_ledger() {
        let shorter = Story::founded().admit("n2");
        let longer = shorter.clone().admit("n3").designate("n2", 4);
        let common = Some(shorter.head());
        for (a, b, side) in [(&longer, &shorter, Side::A), (&shorter, &longer, Side::B)] {
            let relation = Relation::Prefix { longer: side };
            assert_eq!(compared(a, b), Comparison { common, relation });
        }
    }

    #[test]
    fn two_ledgers_that_differ_in_an_entry_that_both_have_are_forked_there() {
        let before = Story::founded().admit("n2");
        let one = before.clone().admit("n3").admit("n4");
        let other = before.clone().admit("n5");
        let relation = Relation::Forked { at: seq(3) };
        let expected = Comparison { common: Some(before.head()), relation };
        assert_eq!(compared(&one, &other), expected);
        assert_eq!(compared(&other, &one), expected);
    }

    #[test]
    fn ledgers_with_another_genesis_are_of_two_clusters() {
        let mut other = genesis();
        let crate::authority::EntryBody::Genesis(founding) = &mut other.body else {
            unreachable!("it is a genesis")
        };
        founding.nonce = Hash([9; 32]);
        let other = Authority::found(&other).unwrap();
        let expected = Comparison { common: None, relation: Relation::Foreign };
        assert_eq!(compare(Story::founded().authority(), &other), expected);
    }
}
