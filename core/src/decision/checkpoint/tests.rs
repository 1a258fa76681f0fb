//! Each rule of a checkpoint's safety, alone.

use super::*;
use crate::authority::tests_support::{Story, at, epoch, node};
use crate::explain::explain;

const MANIFEST: Hash = Hash([7; 32]);

/// A checkpoint at commit 10 of 12 that are acknowledged, the log kept from commit 4 on.
fn in_order() -> CheckpointFacts {
    let story = Story::founded();
    let (position, ledger) = (at(10), story.head());
    CheckpointFacts {
        cluster: *story.authority().cluster(),
        node: node("n1"),
        record: Some(CheckpointRecord {
            position,
            epoch: epoch(1),
            ledger,
            designation: None,
            snapshot: MANIFEST,
            wal_from: at(4),
        }),
        snapshot: Some(SnapshotMade {
            position,
            epoch: epoch(1),
            ledger,
            oldest_retained: Boundary::new(3),
            keys: 5,
            versions: 8,
            manifest: MANIFEST,
        }),
        acknowledged: Some(Boundary::new(12)),
        wal_end: Boundary::new(12),
        epoch_by_ledger: Some(epoch(1)),
        ledger_known: true,
    }
}

fn with_record(change: impl Fn(&mut CheckpointRecord)) -> CheckpointFacts {
    let mut facts = in_order();
    change(facts.record.as_mut().unwrap());
    facts
}

#[test]
fn a_cut_keeps_the_designation_that_it_covers_and_leaves_a_later_one_to_the_log() {
    let story = Story::founded().admit("n2").designate("n2", 5);
    let cut = |at| CutByLedger::of(story.authority(), Boundary::new(at));
    let by_ledger =
        |designation| Some(CutByLedger { epoch: epoch(1), ledger: story.head(), designation });
    assert_eq!((cut(4), cut(5)), (by_ledger(None), by_ledger(Some(at(5)))));
    assert_eq!(cut(0), None, "nothing would be in it");
}

#[test]
fn a_cut_is_of_the_epoch_that_the_ledger_gives_its_last_commit() {
    let story = Story::promoted_at(14);
    let cut = |at| CutByLedger::of(story.authority(), Boundary::new(at)).map(|cut| cut.epoch);
    assert_eq!((cut(14), cut(15)), (Some(epoch(1)), Some(epoch(2))));
}

#[test]
fn a_checkpoint_in_order_is_accepted_by_all_rules_in_this_order() {
    let explanation = explain(&in_order());
    assert_eq!(explanation.conclusion.status, "accepted");
    let rules: Vec<_> = explanation.rules_applied.iter().map(|rule| rule.rule).collect();
    let order =
        [RuleId::Ckp2, RuleId::Ckp4, RuleId::Mvs1, RuleId::Mvs2, RuleId::P5I4, RuleId::Au14];
    assert_eq!(rules, order);
    assert_eq!(explanation, explain(&in_order()));
}

#[test]
fn each_rule_alone_rejects_and_is_named() {
    let other = Hash([8; 32]);
    let cases = [
        ("CKP-4", with_record(|record| record.snapshot = other)),
        ("CKP-4", with_record(|record| record.ledger.hash = other)),
        ("MVS-1", CheckpointFacts { acknowledged: Some(Boundary::new(9)), ..in_order() }),
        ("MVS-2", with_record(|record| record.wal_from = at(11))),
        ("MVS-2", CheckpointFacts { wal_end: Boundary::new(9), ..in_order() }),
        ("P5-I4", CheckpointFacts { epoch_by_ledger: Some(epoch(2)), ..in_order() }),
        ("AU-14", CheckpointFacts { ledger_known: false, ..in_order() }),
        ("CKP-2, CKP-4", CheckpointFacts { snapshot: None, ..in_order() }),
    ];
    for (rule, facts) in cases {
        let conclusion = explain(&facts).conclusion;
        assert_eq!(conclusion.status, "rejected");
        assert_eq!(conclusion.reason.as_deref(), Some(rule));
    }
}

#[test]
fn without_a_record_or_an_acknowledged_bound_nothing_is_concluded() {
    let never = CheckpointFacts { record: None, snapshot: None, ..in_order() };
    let unknown = CheckpointFacts { acknowledged: None, ..in_order() };
    for facts in [never, unknown] {
        assert_eq!(explain(&facts).conclusion.status, "undetermined");
    }
}
