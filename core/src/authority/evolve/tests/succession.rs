//! The heir and the obligation (DESIGN 3.2): it starts with the designation and ends with proof only.

use super::assert_illegal;
use crate::authority::tests_support::{Story, at, epoch, forked_at, node};
use crate::authority::{
    DeclineClaim, Durability, Illegal, Obligation, ReceiptClaim, Succession, Tenure, evolve,
};
use crate::hash::{ClusterId, Hash};
use crate::position::{LedgerHead, Position};
use crate::rules::RuleId;

fn obligation(found: Option<&str>, needed: Option<&str>) -> Illegal {
    Illegal::Obligation { found: found.map(node), needed: needed.map(node) }
}

fn members() -> Story {
    Story::founded().admit("n2").admit("n3")
}

fn owed_to(name: &str) -> Option<Obligation> {
    Some(Obligation { node_id: node(name), epoch: epoch(1) })
}

#[test]
fn the_obligation_starts_with_the_designation_and_outlives_the_release() {
    let story = members().designate("n2", 10);
    let (successor, at, entry) = (node("n2"), at(10), story.head());
    let designated = Succession::Designated { successor: successor.clone(), at, entry };
    assert_eq!(story.authority().succession(), Some(&designated));
    assert_eq!(story.authority().obligation(), owed_to("n2"));
    assert_eq!(story.authority().durability(), Durability::Paired);

    let story = story.release("n2");
    let releasing = Succession::Releasing { successor, at, entry: story.head() };
    assert_eq!(story.authority().succession(), Some(&releasing));
    assert_eq!(story.authority().obligation(), owed_to("n2"));

    let story = story.end_obligation("n2");
    assert_eq!(story.authority().succession(), None);
    assert_eq!(story.authority().obligation(), None);
    assert_eq!(story.authority().durability(), Durability::Local);
}

#[test]
fn p6_sb3_nobody_is_designated_while_an_obligation_stands() {
    let designated = members().designate("n2", 10);
    let releasing = designated.clone().release("n2");
    for story in [&designated, &releasing] {
        for name in ["n2", "n3"] {
            let found = story.refuses(story.designation(name, at(12)));
            assert_illegal(found, obligation(Some("n2"), None), RuleId::P6Sb3);
        }
    }
}

#[test]
fn p6_sb3_only_the_designated_heir_is_released_and_once() {
    let story = members();
    let nobody = story.refuses(story.release_of("n2"));
    assert_illegal(nobody, obligation(None, Some("n2")), RuleId::P6Sb3);
    let story = story.designate("n2", 10);
    let another = story.refuses(story.release_of("n3"));
    assert_illegal(another, obligation(Some("n2"), Some("n3")), RuleId::P6Sb3);
    let story = story.release("n2");
    let again = story.refuses(story.release_of("n2"));
    assert_illegal(again, obligation(Some("n2"), Some("n2")), RuleId::P6Sb3);
}

#[test]
fn p6_sb3_an_obligation_ends_only_after_its_release_and_towards_its_node() {
    let nobody = members();
    let found = nobody.refuses(nobody.end_of_obligation("n2", nobody.receipt("n2")));
    assert_illegal(found, obligation(None, Some("n2")), RuleId::P6Sb3);
    let designated = members().designate("n2", 10);
    let found = designated.refuses(designated.end_of_obligation("n2", designated.receipt("n2")));
    assert_illegal(found, obligation(Some("n2"), Some("n2")), RuleId::P6Sb3);
    let releasing = designated.release("n2");
    let found = releasing.refuses(releasing.end_of_obligation("n3", releasing.receipt("n3")));
    assert_illegal(found, obligation(Some("n2"), Some("n3")), RuleId::P6Sb3);
}

/// What the fold says of a receipt that would end the obligation but for this change.
fn receipt_refused(change: impl FnOnce(&mut ReceiptClaim)) -> Illegal {
    let story = members().designate("n2", 10).release("n2");
    let mut claim = story.receipt("n2");
    change(&mut claim);
    story.refuses(story.end_of_obligation("n2", claim))
}

#[test]
fn p6_sb3_a_receipt_ends_the_obligation_only_if_it_covers_the_release_in_this_very_ledger() {
    let before_release = members().designate("n2", 10).head();
    let what = |what| Illegal::Certificate { what };
    let cases: [(Illegal, Illegal); 5] = [
        (
            receipt_refused(|claim| claim.cluster = ClusterId([7; 32])),
            what("it is of another cluster"),
        ),
        (receipt_refused(|claim| claim.node_id = node("n3")), what("it is of another node")),
        (receipt_refused(|claim| claim.epoch = epoch(2)), what("it is of another epoch")),
        (
            receipt_refused(|claim| claim.ledger = before_release),
            what("its ledger ends before the release"),
        ),
        (
            receipt_refused(|claim| claim.ledger.hash = Hash([7; 32])),
            what("its ledger is not this one"),
        ),
    ];
    for (found, expected) in cases {
        assert_illegal(found, expected, RuleId::P6Sb3);
    }
}

#[test]
fn p6_sb3_a_receipt_beyond_this_ledger_proves_nothing() {
    let ahead = members().designate("n2", 10).release("n2").admit("n4").head();
    let beyond = receipt_refused(|claim| claim.ledger = ahead);
    let what = "its ledger is not this one";
    assert_illegal(beyond, Illegal::Certificate { what }, RuleId::P6Sb3);
}

#[test]
fn a_receipt_may_end_anywhere_from_the_release_on() {
    let released = members().designate("n2", 10).release("n2");
    let claim = released.receipt("n2");
    let later = released.admit("n4");
    let entry = later.by_holder(later.end_of_obligation("n2", claim));
    assert_eq!(evolve(Some(later.authority()), &entry).unwrap().succession(), None);
}

#[test]
fn the_holder_relinquishes_to_the_node_it_owes_or_owing_nobody_to_any_member() {
    let designated = members().designate("n2", 10);
    let releasing = designated.clone().release("n2");
    for story in [members(), designated, releasing] {
        let story = story.relinquish("n2", 12);
        let relinquished = Tenure::Relinquished {
            successor: node("n2"),
            final_position: at(12),
            entry: story.head(),
        };
        assert_eq!(story.authority().tenure(), &relinquished);
        assert_eq!(story.authority().epoch(), epoch(1));
    }
}

#[test]
fn p6_sb3_the_holder_relinquishes_to_nobody_but_the_node_it_owes() {
    let designated = members().designate("n2", 10);
    let releasing = designated.clone().release("n2");
    for story in [&designated, &releasing] {
        let found = story.refuses(story.relinquishment("n3", at(12)));
        assert_illegal(found, obligation(Some("n2"), Some("n3")), RuleId::P6Sb3);
    }
}

fn too_low(least: Position, found: Position) -> Illegal {
    Illegal::Position { least, found }
}

#[test]
fn p6_s2_no_entry_names_a_place_before_the_epochs_start_or_beside_it() {
    let story = Story::promoted_at(10).admit("n3");
    for place in [at(9), forked_at(9), forked_at(10)] {
        for body in [story.designation("n3", place), story.relinquishment("n3", place)] {
            assert_illegal(story.refuses(body), too_low(at(10), place), RuleId::P6S2);
        }
    }
}

#[test]
fn a_place_may_be_named_at_the_epochs_very_start() {
    let story = Story::promoted_at(10).admit("n3").designate("n3", 10).relinquish("n3", 10);
    assert!(matches!(story.authority().tenure(), Tenure::Relinquished { .. }));
}

#[test]
fn p6_s2_a_relinquishment_below_the_designation_is_refused() {
    let story = members().designate("n2", 10);
    for place in [at(9), forked_at(10)] {
        let found = story.refuses(story.relinquishment("n2", place));
        assert_illegal(found, too_low(at(10), place), RuleId::P6S2);
    }
}

#[test]
fn p6_s2_a_later_designation_does_not_go_back_below_an_ended_one() {
    let story = members().designate("n2", 10).release("n2").end_obligation("n2");
    for body in [
        story.designation("n3", at(9)),
        story.designation("n3", forked_at(10)),
        story.relinquishment("n3", at(9)),
    ] {
        let found = story.refuses(body);
        assert!(matches!(found, Illegal::Position { least, .. } if least == at(10)), "{found}");
    }
}

#[test]
fn a_decline_ends_the_obligation_released_or_not() {
    let designated = members().designate("n2", 10);
    for story in [designated.clone(), designated.release("n2")] {
        let story = story.end_by_decline("n2");
        assert_eq!(story.authority().obligation(), None);
        assert!(story.authority().has_declined(&node("n2")));
    }
}

#[test]
fn p6_sb3_a_decline_of_another_node_ledger_epoch_or_naming_ends_nothing() {
    let story = members().designate("n2", 10);
    let longer = story.clone().release("n2").admit("n4");
    type Change = fn(&mut DeclineClaim);
    let changes: [(Change, &str); 5] = [
        (|claim| claim.cluster = ClusterId([7; 32]), "it is of another cluster"),
        (|claim| claim.node_id = node("n3"), "it is of another node"),
        (|claim| claim.epoch = epoch(1), "it is of another epoch"),
        (
            |claim| claim.named_by.hash = Hash([7; 32]),
            "the entry that it names did not name that node heir in this epoch",
        ),
        (|claim| claim.ledger.hash = Hash([7; 32]), "its ledger is not this one"),
    ];
    for (change, what) in changes {
        let mut decline = story.decline("n2");
        change(&mut decline.claim);
        let found = story.refuses(story.end_by("n2", decline));
        assert_illegal(found, Illegal::Certificate { what }, RuleId::P6Sb3);
    }
    let mut early = longer.decline("n2");
    early.claim.ledger = members().head();
    let what = "its ledger is not this one";
    let found = longer.refuses(longer.end_by("n2", early));
    assert_illegal(found, Illegal::Certificate { what }, RuleId::P6Sb3);
    let owed = story.refuses(story.end_by("n3", story.decline("n3")));
    assert_illegal(owed, obligation(Some("n2"), Some("n3")), RuleId::P6Sb3);
}

#[test]
fn au17_who_declined_is_not_designated_again_until_another_epoch_begins() {
    let story = members().designate("n2", 10).end_by_decline("n2");
    let declined = Illegal::Declined { node_id: node("n2"), epoch: epoch(1) };
    assert_illegal(story.refuses(story.designation("n2", at(12))), declined, RuleId::Au17);
    // The way back for the two of them: the holder relinquishes to it, and goes on with its word.
    let relinquished = story.relinquish("n2", 12);
    let grant = relinquished.grant_on_decline(relinquished.decline("n2"));
    let next = relinquished.try_entry(&relinquished.grant_entry(grant)).unwrap();
    assert_eq!((next.epoch(), next.holder()), (epoch(2), &node("n1")));
    assert!(!next.has_declined(&node("n2")));
}

#[test]
fn a_ledger_head_is_number_and_hash() {
    let story = members();
    let LedgerHead { seq, hash } = story.head();
    assert_eq!(story.authority().hash_at(seq), Some(hash));
    assert_eq!(story.authority().hash_at(seq.next().unwrap()), None);
}
