//! One chain from genesis, written by the node entitled to it (P6-A1, P6-A2).

use super::assert_illegal;
use crate::authority::tests_support::{Story, at, epoch, genesis, node, seq};
use crate::authority::{Durability, EntryBody, Illegal, Membership, Tenure, evolve};
use crate::hash::Hash;
use crate::position::Position;
use crate::rules::RuleId;

fn genesis_refused(change: impl FnOnce(&mut crate::authority::Entry)) -> Illegal {
    let mut entry = genesis();
    change(&mut entry);
    evolve(None, &entry).unwrap_err()
}

#[test]
fn genesis_founds_the_cluster_and_grants_epoch_1_to_the_founder() {
    let entry = genesis();
    let authority = evolve(None, &entry).unwrap();
    assert_eq!(authority.cluster().as_bytes(), entry.hash().as_bytes());
    assert_eq!(authority.cluster_name().as_str(), "story");
    assert_eq!(authority.minimum_durability(), Durability::Local);
    assert_eq!((authority.epoch(), authority.holder()), (epoch(1), &node("n1")));
    assert_eq!(authority.start(), Position::origin(authority.cluster()));
    assert_eq!(authority.head(), entry.head());
    assert_eq!(authority.tenure(), &Tenure::Held);
    assert_eq!(authority.succession(), None);
    assert_eq!((authority.obligation(), authority.durability()), (None, Durability::Local));
    let members: Vec<_> = authority.members().map(|(m, how)| (m.node_id.as_str(), how)).collect();
    assert_eq!(members, [("n1", Membership::Admitted)]);
}

#[test]
fn p6_a2_the_first_entry_is_a_genesis_in_the_first_place_by_its_founder() {
    let later = Story::founded();
    let admission = later.by_holder(later.admission("n2"));
    assert_illegal(
        evolve(None, &admission).unwrap_err(),
        Illegal::Genesis { seq: seq(2), kind: "member_admitted" },
        RuleId::P6A2,
    );
    assert_illegal(
        genesis_refused(|entry| entry.seq = seq(2)),
        Illegal::Number { expected: seq(1), found: seq(2) },
        RuleId::P6A2,
    );
    let (expected, found) = (Hash::NONE_BEFORE, Hash([7; 32]));
    assert_illegal(
        genesis_refused(|entry| entry.previous = found),
        Illegal::Previous { seq: seq(1), expected, found },
        RuleId::P6A2,
    );
    assert_illegal(
        genesis_refused(|entry| entry.author = node("n2")),
        Illegal::Author { entitled: node("n1"), found: node("n2") },
        RuleId::P6A1,
    );
}

#[test]
fn p6_a2_a_second_genesis_is_refused() {
    let EntryBody::Genesis(second) = genesis().body else { unreachable!("it is a genesis") };
    assert_illegal(
        Story::founded().refuses(EntryBody::Genesis(second)),
        Illegal::Genesis { seq: seq(2), kind: "genesis" },
        RuleId::P6A2,
    );
}

#[test]
fn p6_a2_an_entry_takes_the_next_number_and_continues_the_last_hash() {
    let story = Story::founded();
    for wrong in [1, 3] {
        let mut entry = story.by_holder(story.admission("n2"));
        entry.seq = seq(wrong);
        assert_illegal(
            story.try_entry(&entry).unwrap_err(),
            Illegal::Number { expected: seq(2), found: seq(wrong) },
            RuleId::P6A2,
        );
    }
    let mut entry = story.by_holder(story.admission("n2"));
    entry.previous = Hash([7; 32]);
    assert_illegal(
        story.try_entry(&entry).unwrap_err(),
        Illegal::Previous { seq: seq(2), expected: story.head().hash, found: Hash([7; 32]) },
        RuleId::P6A2,
    );
}

/// What every kind but genesis and a grant says, with the epoch that it says it in.
fn bodies(story: &Story) -> Vec<EntryBody> {
    vec![
        story.admission("n4"),
        story.removal("n3"),
        story.designation("n2", at(12)),
        story.release_of("n2"),
        story.end_of_obligation("n2", story.receipt("n2")),
        story.relinquishment("n2", at(12)),
    ]
}

#[test]
fn p6_a1_only_the_holder_writes_and_only_in_its_epoch() {
    let story = Story::founded().admit("n2").admit("n3");
    for body in bodies(&story) {
        let entry = story.written_by(&node("n2"), body);
        assert_illegal(
            story.try_entry(&entry).unwrap_err(),
            Illegal::Author { entitled: node("n1"), found: node("n2") },
            RuleId::P6A1,
        );
    }
    let promoted = Story::founded().admit("n2").admit("n3").relinquish("n2", 9).grant("n2", 9);
    for body in bodies(&story) {
        assert_illegal(
            promoted.refuses(body),
            Illegal::Epoch { expected: epoch(2), found: epoch(1) },
            RuleId::P6A3,
        );
    }
}

#[test]
fn p6_a1_after_its_relinquishment_the_holder_writes_nothing() {
    let story = Story::founded().admit("n2").admit("n3").relinquish("n2", 12);
    for body in bodies(&story) {
        assert_illegal(
            story.refuses(body),
            Illegal::Relinquished { epoch: epoch(1) },
            RuleId::P6A1,
        );
    }
}

#[test]
fn a_ledger_contains_each_of_its_prefixes_and_nothing_else() {
    let before = Story::founded().admit("n2");
    let after = before.clone().admit("n3").authority().clone();
    assert!(after.contains(&before.head()));
    let other = Story::founded().admit("n3");
    assert!(!after.contains(&other.head()));
    assert!(!before.authority().contains(&after.head()));
}
