//! A command is carried out when every rule of it holds, and each rule alone is enough to refuse it.

use super::{Command, CommandFacts, remedies};
use crate::authority::tests_support::{Story, at, epoch, member, node};
use crate::authority::{Member, PresentedDecline};
use crate::decision::promotion::AuthorityFacts;
use crate::explain::explain;
use crate::machine::RoleName;
use crate::rules::RuleId;

/// What the holder decides on when asked at commit 12, the subject pulling and nothing halted.
fn facts(story: &Story, command: Command) -> CommandFacts {
    let authority = story.authority();
    let key_known = match &command {
        Command::Admit(Member { public_key, .. }) => {
            authority.members().any(|(known, _)| known.public_key == *public_key)
        }
        Command::Remove(_)
        | Command::Designate(_)
        | Command::Release(_)
        | Command::Relinquish(_)
        | Command::EndObligation(_) => false,
    };
    CommandFacts {
        cluster: *authority.cluster(),
        node: authority.holder().clone(),
        expected_epoch: Some(authority.epoch()),
        ledger: authority.head(),
        authority: AuthorityFacts::from(authority),
        role: RoleName::PrimaryActive,
        halt: None,
        wal_end: at(12),
        membership: authority.member(command.subject()).map(|(_, membership)| membership),
        key_known,
        pulling: true,
        declined: authority.has_declined(command.subject()),
        command,
    }
}

fn members() -> Story {
    Story::founded().admit("n2").admit("n3")
}

fn designated() -> Story {
    members().designate("n2", 10)
}

/// The decline of the next epoch by that node, on this story's ledger, held against `story`.
fn end_obligation(story: &Story, declined_on: &Story, name: &str) -> Command {
    let decline = declined_on.decline(name);
    Command::EndObligation(Box::new(PresentedDecline::new(story.authority(), decline, true)))
}

/// One approved command of each kind.
fn approved() -> [CommandFacts; 6] {
    [
        facts(&members(), Command::Admit(member("n4"))),
        facts(&members(), Command::Remove(node("n2"))),
        facts(&members(), Command::Designate(node("n2"))),
        facts(&designated(), Command::Release(node("n2"))),
        facts(&designated(), Command::Relinquish(node("n2"))),
        facts(&designated(), end_obligation(&designated(), &designated(), "n2")),
    ]
}

fn failed(facts: &CommandFacts) -> Vec<RuleId> {
    explain(facts).failed().map(|rule| rule.rule).collect()
}

#[test]
fn each_command_evaluates_its_rules_in_this_order() {
    let own = [
        vec![RuleId::Au7],
        vec![RuleId::Au8],
        vec![RuleId::Au2, RuleId::Au3, RuleId::Au4, RuleId::Au18],
        vec![RuleId::Au5],
        vec![RuleId::Au2, RuleId::Au6],
        vec![RuleId::P6Sb3],
    ];
    for (facts, own) in approved().iter().zip(own) {
        let explanation = explain(facts);
        assert_eq!(explanation.conclusion.status, "approved");
        let rules: Vec<_> = explanation.rules_applied.iter().map(|rule| rule.rule).collect();
        assert_eq!(rules, [vec![RuleId::P6A3, RuleId::Au1, RuleId::Rm5], own].concat());
    }
}

#[track_caller]
fn assert_refused_by(facts: &CommandFacts, rule: RuleId) {
    let explanation = explain(facts);
    assert_eq!(explanation.conclusion.status, "refused");
    assert_eq!(explanation.conclusion.reason.as_deref(), Some(rule.id()));
}

type Change = fn(&mut CommandFacts);

#[test]
fn each_rule_common_to_all_commands_refuses_alone() {
    let changes: [(RuleId, Change); 7] = [
        (RuleId::P6A3, |facts| facts.expected_epoch = Some(epoch(2))),
        (RuleId::Au1, |facts| facts.node = node("n9")),
        (RuleId::Au1, |facts| facts.role = RoleName::PrimarySealed),
        (RuleId::Au1, |facts| facts.role = RoleName::ReplicaActive),
        (RuleId::Au1, |facts| facts.role = RoleName::ReplicationHalted),
        (RuleId::Au1, |facts| {
            let relinquished = members().relinquish("n2", 12);
            facts.authority.tenure = relinquished.authority().tenure().clone();
        }),
        (RuleId::Rm5, |facts| facts.halt = Some(RuleId::Wal13)),
    ];
    for (rule, change) in changes {
        for mut facts in approved() {
            change(&mut facts);
            assert_refused_by(&facts, rule);
        }
    }
}

#[test]
fn p6_a3_what_moves_authority_must_name_the_epoch() {
    let [admit, remove, designate, release, relinquish, end_obligation] =
        approved().map(|facts| CommandFacts { expected_epoch: None, ..facts });
    for facts in [admit, remove] {
        assert_eq!(failed(&facts), []);
    }
    for facts in [designate, release, relinquish, end_obligation] {
        assert_refused_by(&facts, RuleId::P6A3);
    }
}

#[test]
fn each_rule_of_one_command_refuses_alone() {
    let removed = members().remove("n3");
    let releasing = designated().release("n2");
    let declined = designated().end_by_decline("n2");
    let relinquished = members().relinquish("n3", 12);
    let mut known_key = member("n4");
    known_key.public_key = member("n3").public_key;
    let detached =
        CommandFacts { pulling: false, ..facts(&members(), Command::Designate(node("n2"))) };
    let cases = [
        (RuleId::Au7, facts(&members(), Command::Admit(member("n2")))),
        (RuleId::Au7, facts(&removed, Command::Admit(known_key))),
        (RuleId::Au8, facts(&members(), Command::Remove(node("n1")))),
        (RuleId::Au8, facts(&members(), Command::Remove(node("n4")))),
        (RuleId::Au8, facts(&removed, Command::Remove(node("n3")))),
        (RuleId::Au8, facts(&designated(), Command::Remove(node("n2")))),
        (RuleId::Au8, facts(&releasing, Command::Remove(node("n2")))),
        (RuleId::Au2, facts(&members(), Command::Designate(node("n1")))),
        (RuleId::Au2, facts(&members(), Command::Designate(node("n4")))),
        (RuleId::Au2, facts(&removed, Command::Designate(node("n3")))),
        (RuleId::Au3, detached),
        (RuleId::Au4, facts(&designated(), Command::Designate(node("n3")))),
        (RuleId::Au4, facts(&releasing, Command::Designate(node("n2")))),
        (RuleId::Au5, facts(&members(), Command::Release(node("n2")))),
        (RuleId::Au5, facts(&designated(), Command::Release(node("n3")))),
        (RuleId::Au5, facts(&releasing, Command::Release(node("n2")))),
        (RuleId::Au2, facts(&members(), Command::Relinquish(node("n1")))),
        (RuleId::Au6, facts(&designated(), Command::Relinquish(node("n3")))),
        (RuleId::Au6, facts(&releasing, Command::Relinquish(node("n3")))),
        (RuleId::Au18, facts(&declined, Command::Designate(node("n2")))),
        (RuleId::P6Sb3, facts(&declined, end_obligation(&declined, &designated(), "n2"))),
        (RuleId::P6Sb3, facts(&designated(), end_obligation(&designated(), &relinquished, "n3"))),
    ];
    for (rule, facts) in cases {
        assert_refused_by(&facts, rule);
    }
}

#[test]
fn a_relinquishment_to_a_stranger_under_obligation_breaks_both_its_rules() {
    let facts = facts(&designated(), Command::Relinquish(node("n4")));
    assert_eq!(failed(&facts), [RuleId::Au2, RuleId::Au6]);
}

/// Everything that a decline must show, each taken away alone.
#[test]
fn p6_sb3_a_decline_that_shows_less_ends_nothing() {
    let changes: [fn(&mut PresentedDecline); 6] = [
        |decline| decline.signed = false,
        |decline| decline.named_here = false,
        |decline| decline.ledger_here = false,
        |decline| decline.certificate.claim.cluster = crate::hash::ClusterId([7; 32]),
        |decline| decline.certificate.claim.epoch = epoch(3),
        |decline| decline.certificate.claim.node_id = node("n3"),
    ];
    for story in [designated(), designated().release("n2")] {
        for change in changes {
            let mut presented =
                PresentedDecline::new(story.authority(), designated().decline("n2"), true);
            change(&mut presented);
            let command = Command::EndObligation(Box::new(presented));
            assert_refused_by(&facts(&story, command), RuleId::P6Sb3);
        }
    }
}

/// The decision and the fold are written apart; here they are held against each other over every state of
/// the succession, every command and every kind of subject.
#[test]
fn p6_x6_a_command_is_approved_iff_the_fold_accepts_its_entry() {
    let removed = members().admit("n4").remove("n4");
    let designated = removed.clone().designate("n2", 10);
    let releasing = designated.clone().release("n2");
    let ended = releasing.clone().end_obligation("n2");
    let declined = designated.clone().end_by_decline("n2");
    let relinquished = designated.clone().relinquish("n2", 12);
    let promoted = relinquished.clone().grant("n2", 12);
    let mut outcomes = [0, 0];
    let declined_on = designated.clone();
    for story in [removed, designated, releasing, ended, declined, relinquished, promoted] {
        for name in ["n1", "n2", "n3", "n4", "n5"] {
            for command in [
                Command::Admit(member(name)),
                Command::Remove(node(name)),
                Command::Designate(node(name)),
                Command::Release(node(name)),
                Command::Relinquish(node(name)),
                end_obligation(&story, &story, name),
                end_obligation(&story, &declined_on, name),
            ] {
                let facts = facts(&story, command);
                let accepted = story.try_entry(&story.by_holder(facts.entry())).is_ok();
                assert_eq!(explain(&facts).holds(), accepted, "{facts:?}");
                outcomes[usize::from(accepted)] += 1;
            }
        }
    }
    assert!(outcomes.iter().all(|count| *count > 10), "{outcomes:?}");
}

/// The paths of DESIGN section 8 that an operator can be sent to.
const ROUTES: [(&str, &str); 7] = [
    ("POST", "/v1/authority/decline"),
    ("POST", "/v1/authority/relinquish"),
    ("GET", "/v1/authority"),
    ("GET", "/v1/members"),
    ("GET", "/v1/status"),
    ("POST", "/v1/authority/release"),
    ("POST", "/v1/replication/resume"),
];

#[test]
fn every_rule_that_can_fail_has_a_remedy_that_names_a_real_route() {
    for facts in approved() {
        for rule in explain(&facts).rules_applied {
            let [remedy] = &remedies(&facts, &[rule.rule])[..] else {
                panic!("{} has not one remedy", rule.rule)
            };
            assert_eq!(remedy.rule, rule.rule);
            assert!(ROUTES.contains(&(remedy.method, remedy.path)), "{remedy:?}");
        }
    }
    assert_eq!(remedies(&approved()[0], &[RuleId::P6S1]), [], "no rule of any command");
}

#[test]
fn an_obligation_in_the_way_is_answered_with_the_release_of_its_node() {
    let facts = facts(&designated(), Command::Relinquish(node("n3")));
    let [remedy] = &remedies(&facts, &failed(&facts))[..] else { panic!("one rule, one remedy") };
    let body = serde_json::json!({ "successor": "n2", "expected_epoch": 1, "reason": "" });
    assert_eq!(remedy.path, "/v1/authority/release");
    assert_eq!(remedy.node_id, Some(node("n1")));
    assert_eq!(remedy.body.as_ref(), Some(&body));
}

#[test]
fn a_command_has_one_word_everywhere_and_one_subject() {
    let words = ["admit", "remove", "designate", "release", "relinquish", "end_obligation"];
    let subjects = ["n4", "n2", "n2", "n2", "n2", "n2"];
    for ((facts, word), subject) in approved().iter().zip(words).zip(subjects) {
        assert_eq!(facts.command.as_str(), word);
        let json = serde_json::to_value(&facts.command).unwrap();
        assert!(json.get(word).is_some(), "{json}");
        assert_eq!(facts.command.subject(), &node(subject));
    }
}
