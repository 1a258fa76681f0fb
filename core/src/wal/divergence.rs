//! Whether bytes that were received, or read back, are the next batch of a history: the one proof that the
//! validator, recovery and offline verification share.

use serde_json::json;

use crate::authority::Authority;
use crate::id::{Boundary, CommitId};
use crate::position::{LedgerHead, Position};
use crate::rules::RuleId;
use crate::wal::{Batch, BatchError, Discontinuity, RawBatch, check_continuity};

/// A difference between this history and what upstream sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Divergence {
    /// It does not continue this history.
    #[error(transparent)]
    Discontinuity(#[from] Discontinuity),
    /// The bytes are not what they say (F-V1).
    #[error(transparent)]
    Damaged(BatchError),
    /// Its stamp is not in this node's ledger though the ledger reaches that far.
    #[error("the batch was written under ledger entry {stamp:?}, which this ledger does not have")]
    Stamp {
        /// The stamp.
        stamp: LedgerHead,
    },
    /// The next batch offered does not start where the received bytes end.
    #[error("the bytes received end at {received}, the batch offered starts at {offered:?}")]
    Order {
        /// The end of what was received.
        received: Boundary,
        /// The first commit offered; `None` when it is no range.
        offered: Option<u64>,
    },
}

impl Divergence {
    /// The rule that is broken.
    #[must_use]
    pub const fn rule(&self) -> RuleId {
        match self {
            Self::Discontinuity(discontinuity) => discontinuity.rule(),
            Self::Damaged(_) => RuleId::FV1,
            Self::Stamp { .. } => RuleId::Ri3,
            Self::Order { .. } => RuleId::FV2,
        }
    }
}

impl Divergence {
    /// The values that disagreed, for the record of the halt.
    #[must_use]
    pub fn evidence(&self) -> serde_json::Value {
        let values = match self {
            Self::Discontinuity(Discontinuity::Number { tip, found }) => {
                json!({ "validated": tip, "offered": found })
            }
            Self::Discontinuity(Discontinuity::Chain { at, tip, found }) => {
                json!({ "commit_id": at, "chain": tip, "continues": found })
            }
            Self::Discontinuity(Discontinuity::Epoch { at, found, expected }) => {
                json!({ "commit_id": at, "epoch": found, "epoch_of_position": expected })
            }
            Self::Damaged(BatchError::Checksum { found, computed }) => {
                json!({ "checksum": found, "computed": computed })
            }
            Self::Damaged(BatchError::Chain { found, computed }) => {
                json!({ "chain": found, "computed": computed })
            }
            Self::Damaged(BatchError::Cut { have, need }) => {
                json!({ "bytes": have, "needed": need })
            }
            Self::Damaged(BatchError::Format { found }) => json!({ "format": found }),
            Self::Damaged(BatchError::Malformed { what }) => json!({ "malformed": what }),
            Self::Stamp { stamp } => json!({ "stamp": stamp }),
            Self::Order { received, offered } => {
                json!({ "received": received, "offered": offered })
            }
        };
        json!({ "detail": self.to_string(), "values": values })
    }
}

/// The commits that are missing by such evidence, first and last: what was offered starts past the next one. `None`
/// where nothing is missing, and for evidence of anything else.
#[must_use]
pub fn missing_by(evidence: &serde_json::Value) -> Option<(CommitId, CommitId)> {
    let at_a_cut = evidence.pointer("/found/evidence/values");
    let values = evidence.get("values").or(at_a_cut)?;
    let end = values.get("received").or_else(|| values.get("validated"))?.as_u64()?;
    let offered = values.get("offered")?.as_u64()?;
    let first = Boundary::new(end).next_commit()?;
    let last = CommitId::new(offered.checked_sub(1)?)?;
    (first <= last).then_some((first, last))
}

/// Whether these bytes continue the history that ends at `tip`, in the epoch of their place and under a ledger
/// that this one contains.
///
/// # Errors
/// [`Divergence`] naming the rule that they break.
pub fn prove(raw: &RawBatch, tip: &Position, authority: &Authority) -> Result<Batch, Divergence> {
    let batch = raw.decode().map_err(Divergence::Damaged)?;
    check_continuity(tip, &batch, |commit| authority.epoch_at(commit))?;
    let stamp = batch.stamp();
    if authority.contains(&stamp) { Ok(batch) } else { Err(Divergence::Stamp { stamp }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::tests_support::{Story, epoch};
    use crate::hash::{Chain, Hash};
    use crate::id::{CommitId, Seq};
    use crate::wal::Commit;

    fn raw(story: &Story, stamp: LedgerHead) -> (Position, RawBatch) {
        let origin = Position::origin(story.authority().cluster());
        let commits = vec![Commit { ops: Vec::new() }];
        (origin, Batch::form(&origin, epoch(1), stamp, commits).unwrap().1)
    }

    #[test]
    fn what_is_missing_is_read_out_of_the_evidence_of_a_gap_and_of_nothing_else() {
        let id = |number| CommitId::new(number).unwrap();
        let order = |received, offered| {
            Divergence::Order { received: Boundary::new(received), offered }.evidence()
        };
        assert_eq!(missing_by(&order(2, Some(5))), Some((id(3), id(4))));
        assert_eq!(missing_by(&order(0, Some(2))), Some((id(1), id(1))));
        for (received, offered) in [(2, Some(3)), (3, Some(3)), (3, Some(0)), (3, None)] {
            assert_eq!(missing_by(&order(received, offered)), None, "{received} {offered:?}");
        }
        let at_a_cut =
            json!({ "cut": 2, "found": { "rule_id": "F-V2", "evidence": order(2, Some(5)) } });
        assert_eq!(missing_by(&at_a_cut), Some((id(3), id(4))));
        let other = Divergence::Damaged(BatchError::Cut { have: 1, need: 9 }).evidence();
        assert_eq!(missing_by(&other), None);
    }

    #[test]
    fn the_next_batch_under_a_known_ledger_is_proven() {
        let story = Story::founded();
        let (origin, raw) = raw(&story, story.head());
        assert_eq!(prove(&raw, &origin, story.authority()), Ok(raw.decode().unwrap()));
    }

    #[test]
    fn au14_a_stamp_of_another_ledger_is_no_proof() {
        let story = Story::founded();
        let stamp = LedgerHead { hash: Hash([7; 32]), ..story.head() };
        let (origin, raw) = raw(&story, stamp);
        let refused = prove(&raw, &origin, story.authority()).unwrap_err();
        assert_eq!((refused.clone(), refused.rule()), (Divergence::Stamp { stamp }, RuleId::Ri3));
    }

    #[test]
    fn each_divergence_names_its_rule_and_records_the_values_that_disagreed() {
        let (at, epoch) = (CommitId::FIRST, epoch(2));
        let (one, two) = (Chain([1; 32]), Chain([2; 32]));
        let (hex_one, hex_two) = ("01".repeat(32), "02".repeat(32));
        let stamp = LedgerHead { seq: Seq::FIRST, hash: Hash([1; 32]) };
        let tip = Boundary::new(4);
        let damaged = Divergence::Damaged;
        let cases = [
            (
                Divergence::from(Discontinuity::Number { tip, found: at }),
                "F-V2",
                json!({ "validated": 4, "offered": 1 }),
            ),
            (
                Divergence::from(Discontinuity::Chain { at, tip: one, found: two }),
                "RI-3",
                json!({ "commit_id": 1, "chain": hex_one, "continues": hex_two }),
            ),
            (
                Divergence::from(Discontinuity::Epoch { at, found: epoch, expected: None }),
                "P5-I4",
                json!({ "commit_id": 1, "epoch": 2, "epoch_of_position": null }),
            ),
            (
                damaged(BatchError::Checksum { found: 1, computed: 2 }),
                "F-V1",
                json!({ "checksum": 1, "computed": 2 }),
            ),
            (
                damaged(BatchError::Chain { found: one, computed: two }),
                "F-V1",
                json!({ "chain": hex_one, "computed": hex_two }),
            ),
            (
                damaged(BatchError::Cut { have: 3, need: 9 }),
                "F-V1",
                json!({ "bytes": 3, "needed": 9 }),
            ),
            (damaged(BatchError::Format { found: 9 }), "F-V1", json!({ "format": 9 })),
            (damaged(BatchError::Malformed { what: "key" }), "F-V1", json!({ "malformed": "key" })),
            (Divergence::Stamp { stamp }, "RI-3", json!({ "stamp": stamp })),
            (
                Divergence::Order { received: tip, offered: Some(9) },
                "F-V2",
                json!({ "received": 4, "offered": 9 }),
            ),
        ];
        for (divergence, rule, values) in cases {
            assert_eq!(divergence.rule().id(), rule, "{divergence}");
            let expected = json!({ "detail": divergence.to_string(), "values": values });
            assert_eq!(divergence.evidence(), expected);
        }
    }

    #[test]
    fn fv2_a_batch_that_does_not_follow_is_no_proof() {
        let story = Story::founded();
        let (origin, first) = raw(&story, story.head());
        let tip = first.decode().unwrap().end();
        let refused = prove(&first, &tip, story.authority()).unwrap_err();
        assert_eq!(refused.rule(), RuleId::FV2);
        assert_eq!(origin.boundary, Boundary::ORIGIN);
    }
}
