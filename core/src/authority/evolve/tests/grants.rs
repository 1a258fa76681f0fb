//! Grants: on exactly one basis, naming one node, with the decision that the rules give (DESIGN 3.3).

use super::assert_illegal;
use crate::authority::tests_support::{Story, at, epoch, forked_at, node};
use crate::authority::{Basis, Entry, EpochStart, Grant, Illegal, Tenure, evolve};
use crate::decision::RecordedDecision;
use crate::decision::promotion::{AuthorityFacts, PromotionFacts};
use crate::explain::Evaluation;
use crate::hash::{ClusterId, Hash};
use crate::position::Position;
use crate::rules::{RULESET, RuleId};

fn members() -> Story {
    Story::founded().admit("n2").admit("n3")
}

fn designated() -> Story {
    members().designate("n2", 10)
}

fn relinquished() -> Story {
    members().relinquish("n2", 12)
}

fn no_basis(basis: &'static str, name: &str) -> Illegal {
    Illegal::Basis { basis, holder: node(name) }
}

#[test]
fn a_grant_begins_the_next_epoch_with_nothing_owed() {
    for (story, start) in [(designated(), 14), (relinquished(), 12)] {
        let granted = story.grant("n2", start);
        let begun = EpochStart {
            epoch: epoch(2),
            holder: node("n2"),
            start: at(start),
            granted_by: granted.head(),
        };
        assert_eq!(granted.authority().epochs().last(), Some(&begun));
        assert_eq!(granted.authority().epochs().len(), 2);
        assert_eq!(granted.authority().epoch(), epoch(2));
        assert_eq!(granted.authority().holder(), &node("n2"));
        assert_eq!(granted.authority().start(), at(start));
        assert_eq!(granted.authority().tenure(), &Tenure::Held);
        assert_eq!(granted.authority().succession(), None);
    }
}

#[test]
fn p6_a1_a_grant_is_written_by_its_grantee() {
    let story = designated();
    let mut entry = story.grant_entry(story.grant_of("n2", at(14)));
    entry.author = node("n1");
    assert_illegal(
        story.try_entry(&entry).unwrap_err(),
        Illegal::Author { entitled: node("n2"), found: node("n1") },
        RuleId::P6A1,
    );
}

#[test]
fn p6_a3_a_grant_is_of_exactly_the_next_epoch() {
    let story = designated();
    for wrong in [1, 3] {
        let grant = Grant { epoch: epoch(wrong), ..story.grant_of("n2", at(14)) };
        let expected = Illegal::Epoch { expected: epoch(2), found: epoch(wrong) };
        assert_illegal(story.refuses_grant(grant), expected, RuleId::P6A3);
    }
}

#[test]
fn p6_a3_the_holder_a_stranger_and_a_removed_node_are_granted_nothing() {
    let story = members().remove("n3");
    for name in ["n1", "n3", "n4"] {
        let found = story.refuses_grant(story.grant_of(name, at(14)));
        let expected = Illegal::Member { node_id: node(name), what: "successor" };
        assert_illegal(found, expected, RuleId::P6A3);
    }
}

#[test]
fn p6_a1_without_a_basis_in_the_ledger_there_is_no_grant() {
    let story = members();
    let entry = story.head();
    for (basis, word) in [
        (Basis::Designation { entry }, "designation"),
        (Basis::Relinquishment { entry }, "relinquishment"),
    ] {
        let grant = Grant { basis, ..story.grant_of("n2", at(14)) };
        assert_illegal(story.refuses_grant(grant), no_basis(word, "n2"), RuleId::P6A1);
    }
}

#[test]
fn p6_a1_a_released_designation_grants_nothing_covered_or_not() {
    let story = designated();
    let entry = story.head();
    let releasing = story.release("n2");
    let ended = releasing.clone().end_obligation("n2");
    for story in [releasing, ended] {
        let grant = Grant { basis: Basis::Designation { entry }, ..story.grant_of("n2", at(14)) };
        assert_illegal(story.refuses_grant(grant), no_basis("designation", "n2"), RuleId::P6A1);
    }
}

#[test]
fn p6_a1_a_basis_that_names_another_node_grants_nothing() {
    let story = designated();
    let basis = Basis::Designation { entry: story.head() };
    let grant = Grant { basis, ..story.grant_of("n3", at(14)) };
    assert_illegal(story.refuses_grant(grant), no_basis("designation", "n3"), RuleId::P6A1);

    let story = relinquished();
    let basis = Basis::Relinquishment { entry: story.head() };
    let grant = Grant { basis, ..story.grant_of("n3", at(12)) };
    assert_illegal(story.refuses_grant(grant), no_basis("relinquishment", "n3"), RuleId::P6A1);
}

#[test]
fn p6_a1_a_basis_names_the_very_entry_in_force() {
    let earlier = designated();
    let entry = earlier.head();
    let again = earlier.release("n2").end_obligation("n2").designate("n2", 11);
    let grant = Grant { basis: Basis::Designation { entry }, ..again.grant_of("n2", at(14)) };
    assert_illegal(again.refuses_grant(grant), no_basis("designation", "n2"), RuleId::P6A1);

    let story = relinquished();
    let basis = Basis::Relinquishment { entry: members().head() };
    let grant = Grant { basis, ..story.grant_of("n2", at(12)) };
    assert_illegal(story.refuses_grant(grant), no_basis("relinquishment", "n2"), RuleId::P6A1);
}

/// Once the ledger holds the final commit, the designation alone would allow an end that is not it.
#[test]
fn p6_a1_after_a_relinquishment_the_designation_is_no_basis_any_more() {
    let story = designated();
    let entry = story.head();
    let story = story.relinquish("n2", 12);
    let grant = Grant { basis: Basis::Designation { entry }, ..story.grant_of("n2", at(12)) };
    assert_illegal(story.refuses_grant(grant), no_basis("designation", "n2"), RuleId::P6A1);
}

#[test]
fn p6_a1_the_heirs_decline_gives_the_epoch_back_to_the_relinquisher_and_to_nobody_else() {
    let story = relinquished();
    let grant = story.grant_on_decline(story.decline("n2"));
    let begun = story.try_entry(&story.grant_entry(grant.clone())).unwrap();
    assert_eq!((begun.epoch(), begun.holder(), begun.start()), (epoch(2), &node("n1"), at(12)));

    for name in ["n2", "n3"] {
        let other = Grant { holder: node(name), ..grant.clone() };
        assert_illegal(story.refuses_grant(other), no_basis("decline", name), RuleId::P6A1);
    }
    let elsewhere = Grant { start: at(13), ..grant.clone() };
    let expected = Illegal::Position { least: at(12), found: at(13) };
    assert_illegal(story.refuses_grant(elsewhere), expected, RuleId::P6S2);
    let other_entry =
        Basis::Decline { entry: members().head(), certificate: Box::new(story.decline("n2")) };
    let found = story.refuses_grant(Grant { basis: other_entry, ..grant.clone() });
    assert_illegal(found, no_basis("decline", "n1"), RuleId::P6A1);
    let of_a_third =
        Basis::Decline { entry: story.head(), certificate: Box::new(story.decline("n3")) };
    let found = story.refuses_grant(Grant { basis: of_a_third, ..grant });
    assert_illegal(found, no_basis("decline", "n1"), RuleId::P6A1);
}

#[test]
fn p6_f1_a_grant_on_a_decline_was_decided_on_that_very_decline() {
    let story = relinquished();
    let mut grant = story.grant_on_decline(story.decline("n2"));
    let mut facts = grant.decision.facts;
    facts.decline = None;
    grant.decision = RecordedDecision::decide(facts).0;
    let what = "it was made on another certificate";
    assert_illegal(story.refuses_grant(grant), Illegal::Decision { what }, RuleId::P6F1);
}

#[test]
fn au17_who_the_ledger_shows_to_have_declined_is_not_granted_the_epoch() {
    let story = designated().end_by_decline("n2").relinquish("n2", 12);
    let found = story.refuses_grant(story.grant_of("n2", at(12)));
    let expected = Illegal::Declined { node_id: node("n2"), epoch: epoch(1) };
    assert_illegal(found, expected, RuleId::Au17);
}

#[test]
fn p6_s2_a_relinquished_epoch_is_continued_exactly_at_its_final_position() {
    let story = relinquished();
    for place in [at(11), at(13), forked_at(12)] {
        let expected = Illegal::Position { least: at(12), found: place };
        let found = story.refuses_grant(story.grant_of("n2", place));
        assert_illegal(found, expected, RuleId::P6S2);
    }
}

#[test]
fn p6_s2_a_grant_on_a_designation_starts_at_or_after_it_on_its_chain() {
    let story = designated();
    for place in [at(9), forked_at(9), forked_at(10)] {
        let expected = Illegal::Position { least: at(10), found: place };
        let found = story.refuses_grant(story.grant_of("n2", place));
        assert_illegal(found, expected, RuleId::P6S2);
    }
    assert_eq!(story.grant("n2", 10).authority().start(), at(10));
}

/// Why a grant does not stand whose decision was made, honestly, on facts changed like this.
fn decided_on(start: Position, change: impl FnOnce(&mut PromotionFacts)) -> Illegal {
    let story = designated();
    let mut grant = story.grant_of("n2", start);
    let mut facts = grant.decision.facts;
    change(&mut facts);
    grant.decision = RecordedDecision::decide(facts).0;
    story.refuses_grant(grant)
}

/// Why a grant does not stand whose record was tampered with like this.
fn tampered(change: impl FnOnce(&mut RecordedDecision)) -> Illegal {
    let story = designated();
    let mut grant = story.grant_of("n2", at(14));
    change(&mut grant.decision);
    story.refuses_grant(grant)
}

#[test]
fn p6_f1_a_grants_decision_speaks_of_the_state_that_the_grant_lands_on() {
    let before = members();
    let cases = [
        (
            decided_on(at(14), |facts| facts.cluster = ClusterId([7; 32])),
            "it was made for another cluster",
        ),
        (decided_on(at(14), |facts| facts.node = node("n3")), "it was made by another node"),
        (
            decided_on(at(14), |facts| facts.ledger = before.head()),
            "it was made on another ledger head",
        ),
        (
            decided_on(at(14), |facts| facts.authority = AuthorityFacts::from(before.authority())),
            "it was made on another authority",
        ),
        (
            decided_on(at(14), |facts| facts.wal_end = at(15)),
            "it was made on another end of the history",
        ),
    ];
    for (found, what) in cases {
        assert_illegal(found, Illegal::Decision { what }, RuleId::P6F1);
    }
}

#[test]
fn p6_f1_a_denied_promotion_grants_nothing() {
    let found = decided_on(at(14), |facts| facts.halt = Some(RuleId::Ri3));
    assert_illegal(found, Illegal::Decision { what: "the rules deny it" }, RuleId::P6F1);
}

#[test]
fn p6_f1_a_tampered_decision_grants_nothing() {
    let changes: [fn(&mut RecordedDecision); 5] = [
        |decision| decision.facts.replica_id = Some(node("n2")),
        |decision| decision.facts.halt = Some(RuleId::Ri3),
        |decision| decision.digest = Hash([7; 32]),
        |decision| decision.evaluations[5].1 = Evaluation::False,
        |decision| decision.conclusion.status = "denied".to_owned(),
    ];
    for change in changes {
        let what = "the rules give another answer for its facts";
        assert_illegal(tampered(change), Illegal::Decision { what }, RuleId::P6F1);
    }
}

/// An entry that grants on a record that was tampered with like this, and where it is to land.
fn granting(change: impl FnOnce(&mut RecordedDecision)) -> (Story, Entry) {
    let story = designated();
    let mut grant = story.grant_of("n2", at(14));
    change(&mut grant.decision);
    let entry = story.grant_entry(grant);
    (story, entry)
}

/// What was decided under other rules is read, so that a ledger outlives the rules of its program; it is new to no
/// ledger of a program that cannot make it again.
/// Proves: AU-19.
#[test]
fn au19_a_grant_of_other_rules_folds_where_it_is_and_is_not_adopted() {
    let (before, other) = granting(|decision| decision.ruleset += 7);
    let after = evolve(Some(before.authority()), &other).unwrap();
    assert_eq!((after.epoch(), after.holder()), (epoch(2), &node("n2")));
    let refused = other.check_adoptable().unwrap_err();
    assert_eq!(refused, Illegal::Ruleset { found: RULESET + 7 });
    assert_eq!(refused.rule(), RuleId::Au19);
    let (_, ours) = granting(|_| {});
    assert_eq!(ours.check_adoptable(), Ok(()));
}

#[test]
fn p6_f1_a_grant_of_other_rules_says_yes_and_speaks_of_the_state_that_it_lands_on() {
    let no: [fn(&mut RecordedDecision); 4] = [
        |decision| decision.conclusion.status = "denied".to_owned(),
        |decision| decision.conclusion.reason = Some("P6-A1".to_owned()),
        |decision| decision.evaluations[5].1 = Evaluation::NotEvaluable,
        |decision| decision.evaluations.clear(),
    ];
    for change in no {
        let found = tampered(|decision| {
            decision.ruleset += 7;
            change(decision);
        });
        let what = "its own rules deny it";
        assert_illegal(found, Illegal::Decision { what }, RuleId::P6F1);
    }
    let elsewhere = tampered(|decision| {
        decision.ruleset += 7;
        decision.facts.wal_end = at(15);
    });
    let what = "it was made on another end of the history";
    assert_illegal(elsewhere, Illegal::Decision { what }, RuleId::P6F1);
}
