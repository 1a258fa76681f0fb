//! Whether a batch of the log continues the history that lies before it: `wal.segment` (table 4.4). What a validator
//! finds out in passing, said in full for one batch, whether it was accepted or not.
//!
//! Keeps: F-V1, F-V2.

use serde::Serialize;

use crate::evidence;
use crate::explain::{Evaluation, ExplanationType, Facts, ObservedSnapshot, RuleApplied};
use crate::hash::{Chain, ClusterId};
use crate::id::{Boundary, CommitId, Epoch};
use crate::position::{LedgerHead, Position};
use crate::rules::RuleId;
use crate::wal::{BatchHeader, follows_chain, follows_number, is_of_its_place};

/// What a batch says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BatchClaim {
    /// Its first commit.
    pub first_commit_id: CommitId,
    /// Its last commit.
    pub last_commit_id: CommitId,
    /// The epoch that it was written in.
    pub epoch: Epoch,
    /// The chain that it continues.
    pub continues: Chain,
    /// The chain at its end.
    pub chain: Chain,
    /// The ledger's head under which it was written.
    pub stamp: LedgerHead,
}

impl From<&BatchHeader> for BatchClaim {
    fn from(header: &BatchHeader) -> Self {
        Self {
            first_commit_id: header.first(),
            last_commit_id: header.last(),
            epoch: header.epoch(),
            continues: header.before(),
            chain: header.end().chain,
            stamp: header.stamp(),
        }
    }
}

/// What is known of a batch whose bytes are what they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Genuine {
    /// What it says of itself.
    #[serde(flatten)]
    pub claim: BatchClaim,
    #[serde(skip)]
    header: BatchHeader,
    /// The epoch that the ledger gives its first commit.
    pub epoch_at_first: Epoch,
    /// The epoch that the ledger gives its last commit.
    pub epoch_at_last: Epoch,
    /// Whether the ledger here has the entry that it was written under.
    pub stamp_known: bool,
}

impl Genuine {
    /// A batch, held against the ledger.
    #[must_use]
    pub fn new(
        header: BatchHeader,
        epoch_at: impl Fn(CommitId) -> Epoch,
        stamp_known: bool,
    ) -> Self {
        Self {
            claim: BatchClaim::from(&header),
            epoch_at_first: epoch_at(header.first()),
            epoch_at_last: epoch_at(header.last()),
            stamp_known,
            header,
        }
    }
}

/// Everything that the answer rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SegmentFacts {
    /// The cluster.
    pub cluster: ClusterId,
    /// Where the history ends that the batch is to continue; `None` where it could not be read.
    pub tip: Option<Position>,
    /// The end of the validated history.
    pub validated: Boundary,
    /// The batch; `None` when its bytes are not what they say.
    pub batch: Option<Genuine>,
    /// What is wrong with its bytes.
    pub damage: Option<String>,
}

impl Facts for SegmentFacts {
    const TYPE: ExplanationType = ExplanationType::Segment;
    const NO: &'static str = "rejected";

    fn yes(&self) -> &'static str {
        "continues"
    }

    fn observed(&self) -> ObservedSnapshot {
        let chain = self.tip.map(|tip| tip.chain);
        ObservedSnapshot { snapshot_id: chain, commit_id: self.tip.map(|tip| tip.boundary) }
    }

    fn rules(&self) -> Vec<RuleApplied> {
        let batch = self.batch.as_ref();
        let claim = batch.map(|batch| batch.claim);
        let both = self.tip.as_ref().zip(batch);
        let judged = |holds: fn(&Position, &BatchHeader) -> bool| {
            both.map_or(Evaluation::NotEvaluable, |(tip, batch)| holds(tip, &batch.header).into())
        };
        let in_place = batch.map_or(Evaluation::NotEvaluable, |batch| {
            is_of_its_place(&batch.header, batch.epoch_at_first, batch.epoch_at_last).is_ok().into()
        });
        let known = batch.map_or(Evaluation::NotEvaluable, |batch| batch.stamp_known.into());
        vec![
            RuleApplied::new(
                RuleId::FV1,
                self.damage.is_none(),
                evidence! { "damage" => self.damage, "chain" => claim.map(|it| it.chain) },
            ),
            RuleApplied::new(
                RuleId::FV2,
                judged(|tip, header| follows_number(tip, header).is_ok()),
                evidence! {
                    "ends" => self.tip.map(|tip| tip.boundary),
                    "begins" => claim.map(|it| it.first_commit_id),
                },
            ),
            RuleApplied::new(
                RuleId::Ri3,
                judged(|tip, header| follows_chain(tip, header).is_ok()),
                evidence! {
                    "chain" => self.tip.map(|tip| tip.chain),
                    "continues" => claim.map(|it| it.continues),
                },
            ),
            RuleApplied::new(
                RuleId::P5I4,
                in_place,
                evidence! {
                    "epoch" => claim.map(|it| it.epoch),
                    "epoch_at_first" => batch.map(|it| it.epoch_at_first),
                    "epoch_at_last" => batch.map(|it| it.epoch_at_last),
                },
            ),
            RuleApplied::new(
                RuleId::Au14,
                known,
                evidence! { "stamp" => claim.map(|it| it.stamp) },
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::tests_support::{Story, at, epoch, forked_at};
    use crate::explain::explain;
    use crate::wal::{Batch, Commit};

    /// A batch of two commits after `tip`, written in this epoch, held against the history that ends at commit 13
    /// under a ledger that starts epoch 2 after commit 14.
    fn facts(tip: Position, number: u64) -> SegmentFacts {
        let story = Story::promoted_at(14);
        let stamp = Story::founded().head();
        let commits = vec![Commit { ops: Vec::new() }; 1];
        let batch = Batch::form(&tip, epoch(number), stamp, commits).unwrap().0;
        let header = *batch.as_ref();
        SegmentFacts {
            cluster: *story.authority().cluster(),
            tip: Some(at(13)),
            validated: Boundary::new(13),
            batch: Some(Genuine::new(header, |commit| story.authority().epoch_at(commit), true)),
            damage: None,
        }
    }

    fn failed(facts: &SegmentFacts) -> (String, Option<String>) {
        let explanation = explain(facts);
        (explanation.conclusion.status, explanation.conclusion.reason)
    }

    #[test]
    fn a_batch_in_order_continues_the_history_by_all_rules_in_this_order() {
        let explanation = explain(&facts(at(13), 1));
        let ids: Vec<_> = explanation.rules_applied.iter().map(|rule| rule.rule.id()).collect();
        assert_eq!(ids, ["F-V1", "F-V2", "RI-3", "P5-I4", "AU-14"]);
        assert_eq!(
            (explanation.conclusion.status.as_str(), explanation.conclusion.reason),
            ("continues", None)
        );
    }

    #[test]
    fn f_v2_each_rule_alone_rejects_and_is_named() {
        let rejected = |reason: &str| ("rejected".to_owned(), Some(reason.to_owned()));
        assert_eq!(failed(&facts(at(12), 1)), rejected("F-V2, RI-3"));
        assert_eq!(failed(&facts(forked_at(13), 1)), rejected("RI-3"));
        assert_eq!(failed(&facts(at(13), 2)), rejected("P5-I4"));
        let mut unknown = facts(at(13), 1);
        unknown.batch = unknown.batch.map(|batch| Genuine { stamp_known: false, ..batch });
        assert_eq!(failed(&unknown), rejected("AU-14"));
    }

    #[test]
    fn f_v1_of_bytes_that_are_no_batch_nothing_else_is_concluded() {
        let mut damaged = facts(at(13), 1);
        (damaged.batch, damaged.damage) =
            (None, Some("the batch checksum is 0, the bytes give 1".to_owned()));
        let (status, reason) = failed(&damaged);
        assert_eq!(
            (status.as_str(), reason.as_deref()),
            ("undetermined", Some("F-V1, F-V2, RI-3, P5-I4, AU-14"))
        );
    }
}
