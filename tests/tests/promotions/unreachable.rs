//! Rules that no cluster can be brought to break: each is broken in the facts of the promotion that was approved,
//! and the decision's own function is asked.

use aerodb_core::decision::promotion::{PromotionFacts, remedies};
use aerodb_core::explain::explain;
use aerodb_core::hash::Chain;
use aerodb_core::id::{Boundary, CommitId, Epoch};
use aerodb_core::rules::RuleId;
use aerodb_core::wal::EpochMismatch;

use crate::table::{Row, Seen, Table};

/// A rule with what breaks it and why that cannot be had.
pub(crate) type Broken = (RuleId, &'static str, &'static str, fn(&mut PromotionFacts));

/// One message after the other.
pub(crate) const ALONE: Broken = (
    RuleId::P6Sm2,
    "another attempt is under way",
    "one thread takes one request after the other, so the attempt that asks is the only one",
    |facts| facts.attempt_in_progress = true,
);

/// No request in between.
pub(crate) const VISIBLE: Broken = (
    RuleId::P6S3,
    "one batch is validated and not applied",
    "the log's owner applies what it has validated before it lets a decision look",
    |facts| facts.progress.applied = back(facts.progress.applied),
);

/// Refused where it would come in.
pub(crate) const EPOCHS: Broken = (
    RuleId::P5I4,
    "a batch carries another epoch than the ledger gives its place",
    "such a batch is never validated, and a history that runs past a later grant halts the node before a basis can reach it; seen without a basis below",
    |facts| {
        let found = Epoch::FIRST.next().unwrap_or(Epoch::FIRST);
        facts.epoch_mismatch = CommitId::new(1).map(|commit| EpochMismatch { commit, found });
    },
);

/// Only an heir has something to decline.
pub(crate) const DECLINED: Broken = (
    RuleId::Au17,
    "the relinquisher itself has declined the next epoch",
    "only the heir can decline it (AU-16), and the heir is another node (AU-2)",
    |facts| facts.declined = true,
);

/// It wrote the place itself.
pub(crate) const CONTINUES: Broken = (
    RuleId::P6S2,
    "the relinquisher's history has another chain where its epoch ends",
    "it named the place from its own history; a directory whose log does not lead there does not start",
    |facts| facts.chain_at_basis = Some(Chain([7; 32])),
);

/// Sealed.
pub(crate) const ENDS: Broken = (
    RuleId::P6S1,
    "the relinquisher's history ends past where its epoch ends",
    "nothing is appended to it once it is sealed",
    |facts| {
        let past = Boundary::new(facts.wal_end.boundary.get() + 1);
        facts.wal_end.boundary = past;
        facts.progress.received = past;
        facts.progress.validated = past;
        facts.progress.applied = past;
    },
);

/// It does not receive.
pub(crate) const DRAINED: Broken = (
    RuleId::P5I5,
    "the relinquisher has received more than it has validated",
    "a node that holds or held receives nothing, and what it wrote itself is either whole or stops its start",
    |facts| facts.progress.received = Boundary::new(facts.progress.received.get() + 1),
);

const fn back(boundary: Boundary) -> Boundary {
    Boundary::new(boundary.get().saturating_sub(1))
}

/// Adds a row for each.
#[track_caller]
pub(crate) fn add(table: &mut Table, broken: &[Broken]) {
    let approved = table.rows.iter().find(|row| row.rules.is_empty()).expect("an approval");
    let inputs = approved.explanation["inputs"].clone();
    let facts: PromotionFacts = serde_json::from_value(inputs).expect("the facts");
    assert!(explain(&facts).holds());
    for (rule, done, why, change) in broken {
        let mut facts = facts.clone();
        change(&mut facts);
        let explanation = explain(&facts);
        let failed: Vec<RuleId> = explanation.failed().map(|rule| rule.rule).collect();
        assert_eq!(failed, [*rule], "{done}");
        let offered: Vec<_> = remedies(&facts, &failed)
            .into_iter()
            .map(aerodb_http_api::types::RemedyView::from)
            .collect();
        table.add(Row {
            rules: vec![rule.id()],
            done,
            explanation: aerodb_core::explain_value(&explanation),
            remedies: aerodb_core::explain_value(&offered),
            seen: Seen::Unreachable(why),
        });
    }
}
