//! A promotion is approved when every rule holds, and each rule alone is enough to deny it.

use super::{PromotionFacts, remedies};
use crate::authority::tests_support::{Story, at, commit, epoch, forked_at, node};
use crate::authority::{Grant, PresentedDecline};
use crate::decision::RecordedDecision;
use crate::explain::{Evaluation, Explanation, Remedy, explain};
use crate::hash::ClusterId;
use crate::id::{Boundary, PromotionId};
use crate::machine::RoleName;
use crate::position::Position;
use crate::rules::RuleId;
use crate::wal::EpochMismatch;

fn members() -> Story {
    Story::founded().admit("n2").admit("n3")
}

/// n2 was named heir after commit 10 and has 14.
fn on_designation() -> PromotionFacts {
    members().designate("n2", 10).facts("n2", at(14))
}

/// n1 ended its epoch at commit 12 in favour of n2, which ends there too.
fn on_relinquishment() -> PromotionFacts {
    members().relinquish("n2", 12).facts("n2", at(12))
}

fn failed(facts: &PromotionFacts) -> Vec<RuleId> {
    explain(facts).failed().map(|rule| rule.rule).collect()
}

/// The facts with the history ending here, all of it drained.
fn ending(mut facts: PromotionFacts, wal_end: Position) -> PromotionFacts {
    let end = wal_end.boundary;
    facts.wal_end = wal_end;
    facts.progress = super::Progress { received: end, validated: end, applied: end };
    facts
}

/// Proves: P6-RI2, P6-RO3, EX-4, P6-O2.
#[test]
fn p6_sc2_every_rule_is_evaluated_in_this_order() {
    let order = [
        RuleId::P6A3,
        RuleId::P6Sc1,
        RuleId::P6V29,
        RuleId::P6Sm2,
        RuleId::Rm5,
        RuleId::Au17,
        RuleId::P6S2,
        RuleId::P6S1,
        RuleId::P6A1,
        RuleId::P6S3,
        RuleId::P5I5,
        RuleId::P5I4,
    ];
    let halted = PromotionFacts { halt: Some(RuleId::Ri3), ..on_designation() };
    for facts in [on_designation(), on_relinquishment(), halted] {
        let rules: Vec<_> = explain(&facts).rules_applied.iter().map(|rule| rule.rule).collect();
        assert_eq!(rules, order);
    }
}

#[test]
fn a_replica_with_everything_is_approved_on_either_basis() {
    for facts in [on_designation(), on_relinquishment()] {
        let explanation = explain(&facts);
        assert_eq!(explanation.conclusion.status, "approved");
        assert_eq!(explanation.conclusion.reason, None);
        assert_eq!(explanation.observed_snapshot.commit_id, Some(facts.wal_end.boundary));
    }
}

type Change = fn(&mut PromotionFacts);

const fn back(boundary: Boundary) -> Boundary {
    Boundary::new(boundary.get() - 1)
}

/// Each condition made false on its own, on either basis.
const ALONE: [(RuleId, Change); 16] = [
    (RuleId::P6A3, |facts| facts.expected_epoch = epoch(2)),
    (RuleId::P6Sc1, |facts| facts.replica_id = Some(node("n9"))),
    (RuleId::P6V29, |facts| facts.member = false),
    (RuleId::P6V29, |facts| facts.role = RoleName::Uninitialized),
    (RuleId::P6V29, |facts| facts.role = RoleName::PrimaryActive),
    (RuleId::P6V29, |facts| facts.role = RoleName::PrimarySealed),
    (RuleId::P6V29, |facts| facts.role = RoleName::ReplicationHalted),
    (RuleId::P6Sm2, |facts| facts.attempt_in_progress = true),
    (RuleId::Rm5, |facts| facts.halt = Some(RuleId::FV1)),
    (RuleId::Au17, |facts| facts.declined = true),
    (RuleId::P6S2, |facts| facts.chain_at_basis = Some(forked_at(10).chain)),
    (RuleId::P6S2, |facts| facts.chain_at_basis = None),
    (RuleId::P6S3, |facts| facts.progress.applied = back(facts.progress.applied)),
    (RuleId::P5I5, |facts| facts.progress.received = Boundary::new(20)),
    (RuleId::P5I5, |facts| {
        facts.progress = super::Progress {
            received: Boundary::new(20),
            validated: Boundary::new(20),
            applied: Boundary::new(20),
        };
    }),
    (RuleId::P5I4, |facts| {
        facts.epoch_mismatch = Some(EpochMismatch { commit: commit(3), found: epoch(2) });
    }),
];

/// Proves: P6-RT4, P6-RO2, P6-DF3, P6-AR3, P6-TS6, M-P04, M-P05, P6-S3.
#[test]
fn each_rule_alone_denies_and_is_named() {
    for (rule, change) in ALONE {
        for mut facts in [on_designation(), on_relinquishment()] {
            change(&mut facts);
            let explanation = explain(&facts);
            assert_eq!(failed(&facts), [rule]);
            assert_eq!(explanation.conclusion.status, "denied");
            assert_eq!(explanation.conclusion.reason.as_deref(), Some(rule.id()));
        }
    }
}

#[test]
fn p6_s1_denies_a_replica_that_does_not_end_at_the_final_commit() {
    let beyond = ending(on_relinquishment(), at(13));
    assert_eq!(failed(&beyond), [RuleId::P6S1]);
    // A shorter history has no chain at the final commit, so it also fails to contain the basis.
    let behind = PromotionFacts { chain_at_basis: None, ..ending(on_relinquishment(), at(11)) };
    assert_eq!(failed(&behind), [RuleId::P6S2, RuleId::P6S1]);
    let forked = PromotionFacts {
        chain_at_basis: Some(forked_at(12).chain),
        ..ending(on_relinquishment(), forked_at(12))
    };
    assert_eq!(failed(&forked), [RuleId::P6S2, RuleId::P6S1]);
}

#[test]
fn p6_s1_denies_a_successor_below_its_designation() {
    let behind = PromotionFacts { chain_at_basis: None, ..ending(on_designation(), at(9)) };
    assert_eq!(failed(&behind), [RuleId::P6S2, RuleId::P6S1]);
    assert_eq!(failed(&ending(on_designation(), at(10))), []);
}

#[test]
fn p6_s1_an_end_at_the_designation_must_be_the_designation() {
    assert_eq!(failed(&ending(on_designation(), forked_at(10))), [RuleId::P6S1]);
}

/// n1 ended its epoch at commit 12 in favour of n2, which has declined.
fn declined() -> Story {
    members().designate("n2", 10).relinquish("n2", 12)
}

#[test]
fn p6_a1_the_relinquisher_is_granted_on_its_heirs_decline_and_only_where_it_ended() {
    let story = declined();
    let facts = story.facts_on_decline(story.decline("n2"));
    assert_eq!(failed(&facts), []);
    assert_eq!(failed(&ending(facts.clone(), at(13))), [RuleId::P6S1]);
    let replica = PromotionFacts { role: RoleName::ReplicaActive, ..facts.clone() };
    assert_eq!(failed(&replica), [RuleId::P6V29]);
    // Everybody else has nothing from it: neither the heir itself nor a third.
    let heir = PromotionFacts { decline: facts.decline.clone(), ..story.facts("n2", at(12)) };
    assert_eq!(failed(&PromotionFacts { declined: true, ..heir }), [RuleId::Au17]);
    let third = PromotionFacts { decline: facts.decline, ..story.facts("n3", at(12)) };
    assert_eq!(failed(&third), [RuleId::P6S2, RuleId::P6S1, RuleId::P6A1]);
}

#[test]
fn p6_a1_a_decline_that_shows_less_is_no_basis() {
    let story = declined();
    let changes: [fn(&mut PresentedDecline); 6] = [
        |decline| decline.signed = false,
        |decline| decline.named_here = false,
        |decline| decline.ledger_here = false,
        |decline| decline.certificate.claim.cluster = ClusterId([7; 32]),
        |decline| decline.certificate.claim.epoch = epoch(3),
        |decline| decline.certificate.claim.node_id = node("n3"),
    ];
    for change in changes {
        let mut facts = story.facts_on_decline(story.decline("n2"));
        facts.decline.as_mut().into_iter().for_each(change);
        assert_eq!(failed(&facts), [RuleId::P6V29, RuleId::P6S2, RuleId::P6S1, RuleId::P6A1]);
    }
}

#[test]
fn a_relinquisher_without_the_decline_is_told_whom_to_ask() {
    let facts = declined().facts("n1", at(12));
    let offered = remedies(&facts, &[RuleId::P6A1]);
    let paths: Vec<_> = offered.iter().map(|r| (r.path, r.node_id.clone())).collect();
    let to = Some(node("n2"));
    assert_eq!(paths, [("/v1/promotions", to.clone()), ("/v1/authority/decline", to)]);
}

/// Node and path of each remedy, and the successor that it names.
fn ways(facts: &PromotionFacts, rule: RuleId) -> Vec<(Option<String>, String)> {
    let shown = |remedy: &Remedy| {
        let to = remedy.node_id.as_ref().map(|node| node.as_str().to_owned());
        let successor = remedy.body.as_ref().and_then(|body| body["successor"].as_str());
        let path = remedy.path.split(" --").next().unwrap_or_default();
        (to, successor.map_or_else(|| path.to_owned(), |name| format!("{path} {name}")))
    };
    remedies(facts, &[rule]).iter().map(shown).collect()
}

/// A node, and the path that it is sent to.
type Way = (&'static str, String);

/// Who is sent where, in every state of the succession. Nobody is told to promote itself on what it has not, or to
/// take a title back that is its own.
#[test]
fn p6_a1_the_way_to_a_basis_is_told_by_who_asks_and_who_is_heir() {
    let (decline, release) = ("/v1/authority/decline", "/v1/authority/release");
    let (promote, resume) = ("/v1/promotions", "/v1/replication/resume");
    let relinquish = "/v1/authority/relinquish";
    let (status, fork) = ("/v1/status", "aerodb fork");
    let designated = members().designate("n2", 10);
    let releasing = designated.clone().release("n2");
    let sealed = members().relinquish("n2", 12);
    let hand_over = |name: &str| format!("{relinquish} {name}");
    let cases: [(&Story, &str, Vec<Way>); 10] = [
        (&members(), "n1", vec![("n1", status.into())]),
        (&members(), "n2", vec![("n1", hand_over("n2")), ("n2", fork.into())]),
        (&designated, "n1", vec![("n1", status.into())]),
        (&designated, "n2", vec![("n1", hand_over("n2")), ("n2", fork.into())]),
        (&designated, "n3", vec![("n2", promote.into()), ("n1", format!("{release} n2"))]),
        (&releasing, "n2", vec![("n1", hand_over("n2")), ("n2", fork.into())]),
        (&releasing, "n3", vec![("n3", status.into())]),
        (&sealed, "n1", vec![("n2", promote.into()), ("n2", decline.into())]),
        (&sealed, "n2", vec![("n2", resume.into())]),
        (&sealed, "n3", vec![("n2", promote.into())]),
    ];
    for (story, name, expected) in cases {
        let expected: Vec<_> =
            expected.into_iter().map(|(to, path)| (Some(to.to_owned()), path)).collect();
        assert_eq!(ways(&story.facts(name, at(12)), RuleId::P6A1), expected, "{name}");
    }
}

#[test]
fn every_other_denial_is_told_its_own_way() {
    let to = |name: &str, path: &str| (Some(name.to_owned()), path.to_owned());
    let facts = PromotionFacts { replica_id: Some(node("n3")), ..on_designation() };
    assert_eq!(ways(&facts, RuleId::P6A3), [to("n2", "/v1/promotions")]);
    assert_eq!(ways(&facts, RuleId::P6Sc1), [to("n3", "/v1/promotions")]);
    let resume = [to("n2", "/v1/replication/resume")];
    for rule in [RuleId::P6S2, RuleId::P6S1, RuleId::P6S3, RuleId::P5I5] {
        assert_eq!(ways(&facts, rule), resume, "{rule}");
    }
    let status = [to("n2", "/v1/status")];
    for rule in [RuleId::P6V29, RuleId::P6Sm2, RuleId::Rm5, RuleId::P5I4] {
        assert_eq!(ways(&facts, rule), status, "{rule}");
    }
    let copy = PromotionFacts { halt: Some(RuleId::St2), ..facts.clone() };
    let [look, relocate] = [to("n2", "/v1/status"), to("n2", "aerodb relocate")];
    assert_eq!(ways(&copy, RuleId::Rm5), [look, relocate]);
    let decline = to("n2", "/v1/authority/decline");
    assert_eq!(ways(&facts, RuleId::Au17), [decline.clone(), to("n1", "/v1/authority/release")]);
    let presented = [decline, to("n1", "/v1/promotions")];
    assert_eq!(ways(&on_relinquishment(), RuleId::Au17), presented);
    let without_basis = members().facts("n2", at(12));
    let handed = [to("n1", "/v1/authority/relinquish n2"), to("n2", "aerodb fork")];
    for rule in [RuleId::P6S2, RuleId::P6S1, RuleId::P6A1] {
        assert_eq!(ways(&without_basis, rule), handed, "{rule}");
    }
}

/// Proves: P6-A1.
#[test]
fn p6_a1_an_approved_decision_leads_to_this_grant_and_one_without_a_basis_to_none() {
    let id = || PromotionId::new("n2-1").unwrap();
    for (story, end) in [(members().designate("n2", 10), 14), (members().relinquish("n2", 12), 12)]
    {
        let expected = story.grant_of("n2", at(end));
        let decision = RecordedDecision::decide(story.facts("n2", at(end))).0;
        assert_eq!(Grant::of(id(), None, decision), Some(expected));
    }
    let decision = RecordedDecision::decide(members().facts("n2", at(14))).0;
    assert_eq!(Grant::of(id(), None, decision), None);
    let sealed = declined();
    let on_decline = sealed.facts_on_decline(sealed.decline("n2"));
    let granted = Grant::of(id(), None, RecordedDecision::decide(on_decline).0).unwrap();
    let expected = sealed.grant_on_decline(sealed.decline("n2"));
    assert_eq!(Grant { promotion_id: expected.promotion_id.clone(), ..granted }, expected);
}

/// Without a basis there is no place that the history would have to contain: three rules fail at once.
/// Proves: M-P06, P6-F1.
#[test]
fn p6_a1_without_a_basis_nothing_is_proven() {
    let designated = members().designate("n2", 10);
    for (story, name) in [
        (members(), "n2"),
        (designated.clone(), "n3"),
        (designated.clone().release("n2"), "n2"),
        (designated.release("n2").end_obligation("n2"), "n2"),
        (members().relinquish("n2", 12), "n3"),
    ] {
        let facts = story.facts(name, at(12));
        assert_eq!(failed(&facts), [RuleId::P6S2, RuleId::P6S1, RuleId::P6A1]);
    }
}

/// The one node that may be granted the next epoch, and the commits at which its history may end.
type Heir = (&'static str, std::ops::RangeInclusive<u64>);

/// Every state of the succession, with its heir.
fn states() -> [(Story, Option<Heir>); 7] {
    let designated = members().designate("n2", 10);
    let releasing = designated.clone().release("n2");
    [
        (members(), None),
        (releasing.clone().end_obligation("n2"), None),
        (releasing.clone().relinquish("n2", 12), Some(("n2", 12..=12))),
        (releasing, None),
        (designated.clone().relinquish("n2", 12), Some(("n2", 12..=12))),
        (designated, Some(("n2", 10..=u64::MAX))),
        (members().relinquish("n3", 12), Some(("n3", 12..=12))),
    ]
}

/// All facts: every state, node and end of the history, the chain right, missing and wrong, and no or one
/// of the other conditions broken. What may be approved is written here a second time, plainly.
#[test]
fn p6_x6_a_promotion_is_approved_iff_every_condition_holds_and_only_then_does_the_fold_grant_it() {
    let mut approved = 0;
    for (story, heir) in states() {
        for name in ["n1", "n2", "n3"] {
            for commits in [9, 10, 12, 13] {
                let (given, end) = (story.facts(name, at(commits)), at(commits));
                for chain in [given.chain_at_basis, None, Some(forked_at(10).chain)] {
                    let plain = PromotionFacts { chain_at_basis: chain, ..given.clone() };
                    let fits = heir
                        .as_ref()
                        .is_some_and(|(heir, ends)| *heir == name && ends.contains(&commits));
                    let whole = fits && chain.is_some() && chain == given.chain_at_basis;
                    check(&story, plain.clone(), end, whole);
                    approved += u32::from(whole);
                    for (_, change) in ALONE {
                        let mut broken = plain.clone();
                        change(&mut broken);
                        check(&story, broken, end, false);
                    }
                }
            }
        }
    }
    assert_eq!(approved, 3 + 3, "at 10, 12, 13 on the designation, at 12 on each relinquishment");
}

fn check(story: &Story, facts: PromotionFacts, start: Position, expected: bool) {
    let explanation = explain(&facts);
    let all_true = explanation.rules_applied.iter().all(|r| r.evaluation == Evaluation::True);
    assert_eq!(explanation.conclusion.status == "approved", all_true);
    assert_eq!(all_true, expected, "{facts:?}");
    let mut grant = story.grant_of(facts.node.as_str(), start);
    grant.decision = RecordedDecision::decide(facts).0;
    assert_eq!(story.try_entry(&story.grant_entry(grant)).is_ok(), expected);
}

/// The paths of DESIGN section 8 that an operator can be sent to.
const ROUTES: [(&str, &str); 6] = [
    ("POST", "/v1/authority/decline"),
    ("POST", "/v1/authority/release"),
    ("POST", "/v1/promotions"),
    ("POST", "/v1/authority/relinquish"),
    ("POST", "/v1/replication/resume"),
    ("GET", "/v1/status"),
];

/// Proves: P6-FZ4.
#[test]
fn every_rule_that_can_fail_has_a_remedy_that_names_a_real_route() {
    let facts = members().facts("n2", at(12));
    for rule in explain(&facts).rules_applied {
        let offered = remedies(&facts, &[rule.rule]);
        assert!(!offered.is_empty(), "{}", rule.rule);
        for remedy in offered {
            assert_eq!(remedy.rule, rule.rule);
            let by_hand = remedy.method == Remedy::BY_HAND && remedy.path.starts_with("aerodb ");
            assert!(by_hand || ROUTES.contains(&(remedy.method, remedy.path)), "{remedy:?}");
        }
    }
    assert_eq!(remedies(&facts, &[RuleId::Mem1]), [], "no rule of this decision");
}

#[test]
fn where_no_basis_can_come_and_on_a_copy_the_way_is_a_command_on_the_directory() {
    let commands = |facts: &PromotionFacts, rule| -> Vec<_> {
        let offered = remedies(facts, &[rule]).into_iter();
        let by_hand = offered.filter(|remedy| remedy.method == Remedy::BY_HAND);
        by_hand.filter_map(|remedy| remedy.path.split(' ').nth(1)).collect()
    };
    let alone = members().facts("n2", at(12));
    assert_eq!(commands(&alone, RuleId::P6A1), ["fork"]);
    let copy = PromotionFacts { halt: Some(RuleId::St2), ..on_designation() };
    assert_eq!(commands(&copy, RuleId::Rm5), ["relocate"]);
}

#[test]
fn remedies_come_in_the_order_of_the_rules() {
    let facts = members().designate("n2", 10).facts("n3", at(12));
    let offered: Vec<_> =
        remedies(&facts, &failed(&facts)).into_iter().map(|r| (r.rule, r.node_id)).collect();
    let to = |name| Some(node(name));
    assert_eq!(
        offered,
        [
            // Without a basis for n3: promote the heir, or have the holder take the title back.
            (RuleId::P6S2, to("n2")),
            (RuleId::P6S2, to("n1")),
            (RuleId::P6S1, to("n2")),
            (RuleId::P6S1, to("n1")),
            (RuleId::P6A1, to("n2")),
            (RuleId::P6A1, to("n1")),
        ]
    );
}

#[test]
fn an_heir_that_cannot_be_anybody_else_is_not_sent_to_a_holder_that_is_gone() {
    let facts = members().relinquish("n2", 12).facts("n3", at(12));
    let offered = remedies(&facts, &[RuleId::P6A1]);
    assert_eq!(offered.len(), 1);
    assert_eq!((offered[0].path, offered[0].node_id.clone()), ("/v1/promotions", Some(node("n2"))));
}

fn golden(explanation: &Explanation) -> String {
    serde_json::to_string_pretty(explanation).unwrap() + "\n"
}

/// Proves: P6-RDT2, P6-D1, P6-DF6, EX-1, EX-6, P6-N6, P6-RO2, M-P23, O5-9, EX-2.
#[test]
fn an_explanation_has_these_bytes_on_every_machine() {
    let approved = golden(&explain(&on_designation()));
    assert_eq!(approved, include_str!("../../../tests/golden/promotion_approved.json"));
    let lagging = PromotionFacts {
        chain_at_basis: None,
        halt: Some(RuleId::FV1),
        ..ending(on_relinquishment(), at(11))
    };
    let denied = golden(&explain(&lagging));
    assert_eq!(denied, include_str!("../../../tests/golden/promotion_denied.json"));
}
