//! The read gate: each rule alone refuses, and what a key's versions come to.

use serde_json::json;

use super::{Consistency, ReadFacts, ReadRefusal, Standing, VersionSeen, VisibilityFacts};
use crate::authority::tests_support::{Story, commit, node};
use crate::explain::{Explanation, explain};
use crate::id::Boundary;
use crate::machine::RoleName;
use crate::rules::RuleId;

const fn at(commits: u64) -> Boundary {
    Boundary::new(commits)
}

/// A linearizable read on a holder under obligation that has acknowledged 10 commits and pruned 3, the
/// barrier echoed.
fn on_holder() -> ReadFacts {
    let story = Story::founded();
    ReadFacts {
        cluster: *story.authority().cluster(),
        node: node("n1"),
        epoch: story.authority().epoch(),
        holder: node("n1"),
        role: RoleName::PrimaryActive,
        halt: None,
        acknowledged: Some(at(10)),
        oldest_retained: at(3),
        consistency: Consistency::Linearizable,
        barrier_echoed: Some(true),
        at: None,
        min_commit: None,
        moved_to: None,
    }
}

/// A snapshot read on a replica.
fn on_replica() -> ReadFacts {
    ReadFacts {
        node: node("n2"),
        role: RoleName::ReplicaActive,
        consistency: Consistency::Snapshot,
        barrier_echoed: None,
        ..on_holder()
    }
}

fn of_key(gate: ReadFacts, versions: &[(u64, bool)]) -> Explanation {
    let versions = versions
        .iter()
        .map(|(id, tombstone)| VersionSeen {
            commit_id: commit(*id),
            tombstone: *tombstone,
            bytes: 1,
        })
        .collect();
    explain(&VisibilityFacts { key: "k".to_owned(), gate, versions })
}

fn failed(gate: &ReadFacts) -> Vec<RuleId> {
    of_key(gate.clone(), &[]).failed().map(|rule| rule.rule).collect()
}

#[test]
fn a_read_without_a_boundary_is_answered_at_the_acknowledged_bound() {
    assert_eq!(on_holder().admit(), Ok(at(10)));
    assert_eq!(on_replica().admit(), Ok(at(10)));
    let sealed = ReadFacts { role: RoleName::PrimarySealed, ..on_replica() };
    assert_eq!(sealed.admit(), Ok(at(10)));
}

#[test]
fn a_read_is_answered_at_any_boundary_retained_and_acknowledged() {
    for boundary in [3, 4, 10] {
        let asked = ReadFacts { at: Some(at(boundary)), ..on_replica() };
        assert_eq!(asked.admit(), Ok(at(boundary)));
    }
    let reached = ReadFacts { min_commit: Some(at(10)), ..on_replica() };
    assert_eq!(reached.admit(), Ok(at(10)));
    let unobliged = ReadFacts { barrier_echoed: None, ..on_holder() };
    assert_eq!(unobliged.admit(), Ok(at(10)));
}

/// Proves: RR-11, RA-7, M-R29.
#[test]
fn each_rule_alone_refuses_and_is_named() {
    use ReadRefusal as No;
    let halted = Standing { halt: Some(RuleId::FV2), ..on_holder().standing() };
    let cases: [(No, RuleId, ReadFacts); 12] = [
        (No::Halted, RuleId::Rm5, ReadFacts { halt: Some(RuleId::FV1), ..on_holder() }),
        (No::Recovering, RuleId::FRs1, ReadFacts { role: RoleName::Uninitialized, ..on_replica() }),
        (
            No::Recovering,
            RuleId::FRs1,
            ReadFacts { role: RoleName::ReplicationHalted, ..on_replica() },
        ),
        (
            No::NotHolder,
            RuleId::Rm3,
            ReadFacts { consistency: Consistency::Linearizable, ..on_replica() },
        ),
        (No::Sealed, RuleId::Rm3, ReadFacts { role: RoleName::PrimarySealed, ..on_holder() }),
        (No::Unsafe, RuleId::Au12, ReadFacts { acknowledged: None, ..on_holder() }),
        (No::InFuture, RuleId::P5I12, ReadFacts { at: Some(at(11)), ..on_holder() }),
        (No::NotRetained, RuleId::Mvg2, ReadFacts { at: Some(at(2)), ..on_holder() }),
        (No::NotRetained, RuleId::Mvg2, ReadFacts { oldest_retained: at(11), ..on_replica() }),
        (No::NotReached, RuleId::Rd2, ReadFacts { min_commit: Some(at(11)), ..on_holder() }),
        (No::Unconfirmed, RuleId::Au11, ReadFacts { barrier_echoed: Some(false), ..on_holder() }),
        (No::Moved, RuleId::FRs2, ReadFacts { moved_to: Some(halted), ..on_holder() }),
    ];
    for (refusal, rule, facts) in cases {
        assert_eq!(facts.admit(), Err((refusal, rule)));
        assert_eq!(failed(&facts), [rule]);
        let explanation = of_key(facts, &[(5, false)]);
        assert_eq!(explanation.conclusion.status, "refused");
        assert_eq!(explanation.observed_snapshot.commit_id, None);
    }
}

/// Proves: EX-1.
#[test]
fn each_rule_of_the_gate_shows_what_it_looked_at() {
    let moved = Standing { halt: Some(RuleId::FV2), ..on_holder().standing() };
    let asked = ReadFacts {
        halt: Some(RuleId::FV1),
        at: Some(at(5)),
        min_commit: Some(at(6)),
        moved_to: Some(moved),
        ..on_holder()
    };
    let expected = json!([
        ["RM-5", { "halt": "F-V1" }],
        ["F-RS1", { "role": "PrimaryActive" }],
        ["RM-3", { "consistency": "linearizable", "role": "PrimaryActive", "holder": "n1" }],
        ["AU-12", { "acknowledged": 10 }],
        ["P5-I12", { "at": 5, "acknowledged": 10 }],
        ["MVG-2", { "view": 5, "oldest_retained": 3 }],
        ["RD-2", { "min_commit": 6, "acknowledged": 10 }],
        ["AU-11", { "consistency": "linearizable", "barrier_echoed": true }],
        ["F-RS2", { "admitted_by": asked.standing(), "found_after": moved }],
    ]);
    let rules = explain(&asked).rules_applied;
    let shown: Vec<_> = rules.iter().map(|rule| json!([rule.rule, rule.evidence])).collect();
    assert_eq!(json!(shown), expected);
}

#[test]
fn a_consistency_has_one_word_everywhere() {
    for (consistency, word) in
        [(Consistency::Linearizable, "linearizable"), (Consistency::Snapshot, "snapshot")]
    {
        assert_eq!(consistency.as_str(), word);
        assert_eq!(serde_json::to_value(consistency).unwrap(), word);
    }
}

#[test]
fn the_gate_alone_is_explained_without_a_key() {
    let admitted = explain(&on_replica());
    assert_eq!(admitted.conclusion.status, "admitted");
    assert_eq!(admitted.observed_snapshot.commit_id, Some(at(10)));
    let refused = explain(&ReadFacts { halt: Some(RuleId::FV1), ..on_replica() });
    assert_eq!(refused.conclusion.status, "refused");
    assert_eq!(refused.first_failed(), Some(RuleId::Rm5));
    let gate: Vec<_> = refused.rules_applied.iter().map(|rule| rule.rule).collect();
    let with_key = of_key(on_replica(), &[]).rules_applied;
    let (mvv1, before) = with_key.split_last().unwrap();
    assert_eq!(mvv1.rule, RuleId::Mvv1);
    assert_eq!(gate, before.iter().map(|rule| rule.rule).collect::<Vec<_>>());
}

/// With the bound unknown, nothing that is asked for can be shown to be acknowledged.
#[test]
fn an_unknown_bound_also_leaves_every_boundary_in_the_future() {
    let asked = ReadFacts { acknowledged: None, at: Some(at(5)), ..on_holder() };
    assert_eq!(failed(&asked), [RuleId::Au12, RuleId::P5I12]);
    assert_eq!(asked.admit(), Err((ReadRefusal::Unsafe, RuleId::Au12)));
    let least = ReadFacts { acknowledged: None, min_commit: Some(at(5)), ..on_holder() };
    assert_eq!(failed(&least), [RuleId::Au12, RuleId::Rd2]);
}

#[test]
fn of_several_broken_rules_the_first_in_order_is_answered() {
    let mut facts = ReadFacts {
        halt: Some(RuleId::FV1),
        role: RoleName::Uninitialized,
        acknowledged: None,
        at: Some(at(2)),
        min_commit: Some(at(11)),
        barrier_echoed: Some(false),
        ..on_holder()
    };
    let order = [
        RuleId::Rm5,
        RuleId::FRs1,
        RuleId::Rm3,
        RuleId::Au12,
        RuleId::P5I12,
        RuleId::Mvg2,
        RuleId::Rd2,
        RuleId::Au11,
    ];
    assert_eq!(failed(&facts), order);
    assert_eq!(facts.admit(), Err((ReadRefusal::Halted, RuleId::Rm5)));
    facts.halt = None;
    assert_eq!(facts.admit(), Err((ReadRefusal::Recovering, RuleId::FRs1)));
    facts.role = RoleName::ReplicaActive;
    assert_eq!(facts.admit(), Err((ReadRefusal::NotHolder, RuleId::Rm3)));
    facts.role = RoleName::PrimaryActive;
    assert_eq!(facts.admit(), Err((ReadRefusal::Unsafe, RuleId::Au12)));
}

/// Proves: MVI-2, O5-7.
#[test]
fn mvv1_the_visible_version_is_the_newest_at_or_below_the_view() {
    let versions = [(9, false), (7, true), (4, false)];
    for (view, status, seen) in [
        (10, "visible", Some(9)),
        (9, "visible", Some(9)),
        (8, "absent", Some(7)),
        (6, "visible", Some(4)),
        (3, "absent", None),
    ] {
        let explanation = of_key(ReadFacts { at: Some(at(view)), ..on_replica() }, &versions);
        assert_eq!(explanation.conclusion.status, status, "at {view}");
        assert_eq!(explanation.observed_snapshot.commit_id, Some(at(view)));
        let last = explanation.rules_applied.last().unwrap();
        assert_eq!(last.rule, RuleId::Mvv1);
        assert_eq!(last.evidence["visible"]["commit_id"].as_u64(), seen);
    }
}
