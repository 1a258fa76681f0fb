//! What recovery found and did: `recovery.process` (table 4.12, CORE-R3). Everything here comes from the
//! disk, so recovering twice gives the same bytes.
//!
//! Where each step of the table is stated:
//!
//! 1. identity and ledgers: `cluster`, `node`, `ledger`, `authority`, the two ledgers as they were found, AU-14
//! 2. the checkpoint that was chosen: `checkpoint`, DIS-20
//! 3. its snapshot, every byte verified: its keys, versions and bytes in `checkpoint`
//! 4. the WAL, and where it breaks off: `wal.last_frame`, WAL-8; what was dropped there: `residue`, DIS-16
//! 5. what was replayed strictly after the checkpoint: `replayed`, DIS-21; what stays pruned: `retention`, MVG-2
//! 6. history against ledger: P5-I4; failures that stand from before: `latched`, F-X4
//! 7. there are no indexes to rebuild: the store is rebuilt with 3 and 5
//! 8. what it came to, in one hash over all of it: `state_digest`, CORE-D1
//! 9. who may acknowledge by the ledger, and as what this node starts: `role`, P6-A1

use serde::{Deserialize, Serialize};

use crate::decision::promotion::AuthorityFacts;
use crate::evidence;
use crate::explain::{ExplanationType, Facts, ObservedSnapshot, RuleApplied};
use crate::hash::{ClusterId, Hash};
use crate::id::{Boundary, CommitId, NodeId};
use crate::machine::{Failure, RoleName};
use crate::position::{LedgerHead, Position};
use crate::rules::RuleId;
use crate::wal::EpochMismatch;

/// A bad last batch that was proven unsynced and set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Residue {
    /// The segment's name.
    pub file: String,
    /// Where in it the batch started.
    pub offset: u64,
    /// How many bytes were set aside.
    pub bytes: u64,
}

/// One log as recovery found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFound {
    /// Segments with content.
    pub segments: u64,
    /// Frames read, each with every checksum right.
    pub frames: u64,
    /// First record; `None` in an empty log.
    pub first: Option<u64>,
    /// Last record; `None` in an empty log.
    pub last: Option<u64>,
    /// The last frame that is whole: there the process before broke off, by its end or by a crash. `None` in an
    /// empty log.
    pub last_frame: Option<u64>,
    /// What was set aside, if anything.
    pub residue: Option<Residue>,
}

/// The checkpoint that recovery started from; every byte of its snapshot was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointFound {
    /// The history that its snapshot holds.
    pub position: Position,
    /// The hash of the snapshot's manifest.
    pub snapshot: Hash,
    /// Keys in it, absent ones that are still remembered among them.
    pub keys: u64,
    /// Versions in it.
    pub versions: u64,
    /// Bytes of its file.
    pub bytes: u64,
    /// The lowest commit that can be read since.
    pub oldest_retained: Boundary,
    /// Where the log that is kept begins.
    pub wal_from: Boundary,
}

/// The commits that were replayed into the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayRange {
    /// The first one.
    pub first: CommitId,
    /// The last one.
    pub last: CommitId,
}

/// The lowest commit that can be read, and why it is no lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionFound {
    /// The floor that was recorded before anything below it was pruned; `None` where nothing ever was.
    pub recorded: Option<Boundary>,
    /// The lowest commit that a read view can be opened at now.
    pub oldest_retained: Boundary,
}

/// Everything that the explanation rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryFacts {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node.
    pub node: NodeId,
    /// The checkpoint that replay started from; `None` when it started from the first commit.
    pub checkpoint: Option<CheckpointFound>,
    /// What was replayed; `None` when the checkpoint, or the origin, was the end of the history.
    pub replayed: Option<ReplayRange>,
    /// What of the history stays pruned.
    pub retention: RetentionFound,
    /// The authority ledger.
    pub authority_ledger: LogFound,
    /// The decision ledger.
    pub decision_ledger: LogFound,
    /// The WAL.
    pub wal: LogFound,
    /// The end of the authority ledger.
    pub ledger: LedgerHead,
    /// The last ledger stamp that the WAL carries; `None` in an empty WAL.
    pub wal_stamp: Option<LedgerHead>,
    /// Whether the authority ledger contains that stamp.
    pub stamp_known: bool,
    /// What the authority ledger says.
    pub authority: AuthorityFacts,
    /// The first batch that carries another epoch than its position, if there is one.
    pub epoch_mismatch: Option<EpochMismatch>,
    /// Where the replayed history ends.
    pub recovered: Position,
    /// Where the durable but not validated bytes end.
    pub received: Boundary,
    /// The role that the ledger gives this node.
    pub role: RoleName,
    /// The failures that stand, the first cause first: with one of them the node starts halted, whatever its role.
    pub latched: Vec<Failure>,
    /// One hash over every visible key at the end of the replayed history; `None` until it is computed.
    pub state_digest: Option<Hash>,
}

impl RecoveryFacts {
    fn starts_strictly_after_the_checkpoint(&self) -> bool {
        let boundary = self.checkpoint.map_or(Boundary::ORIGIN, |found| found.position.boundary);
        match self.replayed {
            Some(range) => boundary.next_commit() == Some(range.first),
            None => self.recovered.boundary == boundary,
        }
    }

    /// Neither what the snapshot lacks nor what was recorded as pruned is readable, and all that is lies in the
    /// history.
    fn keeps_what_was_pruned_hidden(&self) -> bool {
        let RetentionFound { recorded, oldest_retained } = self.retention;
        let lacks = self.checkpoint.map(|found| found.oldest_retained);
        let hidden = recorded.max(lacks).is_none_or(|floor| floor <= oldest_retained);
        hidden && oldest_retained <= self.received
    }
}

impl Facts for RecoveryFacts {
    const TYPE: ExplanationType = ExplanationType::Recovery;
    const NO: &'static str = "halted";

    fn yes(&self) -> &'static str {
        "recovered"
    }

    fn observed(&self) -> ObservedSnapshot {
        ObservedSnapshot {
            snapshot_id: Some(self.recovered.chain),
            commit_id: Some(self.recovered.boundary),
        }
    }

    fn rules(&self) -> Vec<RuleApplied> {
        let logs = [&self.authority_ledger, &self.decision_ledger, &self.wal];
        let frames: Vec<u64> = logs.iter().map(|log| log.frames).collect();
        let residue: Vec<Option<&Residue>> = logs.iter().map(|log| log.residue.as_ref()).collect();
        let complete = self.received == self.recovered.boundary;
        vec![
            RuleApplied::new(
                RuleId::R3,
                true,
                evidence! { "checkpoint" => self.checkpoint.map(|found| found.position.boundary), "complete" => complete, "residue" => residue },
            ),
            RuleApplied::new(RuleId::Dis20, true, evidence! { "checkpoint" => self.checkpoint }),
            RuleApplied::new(
                RuleId::Dis21,
                self.starts_strictly_after_the_checkpoint(),
                evidence! {
                    "checkpoint" => self.checkpoint.map(|found| found.position.boundary),
                    "replayed" => self.replayed,
                },
            ),
            RuleApplied::new(
                RuleId::Mvg2,
                self.keeps_what_was_pruned_hidden(),
                evidence! {
                    "recorded" => self.retention.recorded,
                    "snapshot" => self.checkpoint.map(|found| found.oldest_retained),
                    "oldest_retained" => self.retention.oldest_retained,
                },
            ),
            RuleApplied::new(RuleId::Wal8, true, evidence! { "frames_verified" => frames }),
            RuleApplied::new(
                RuleId::Dis16,
                true,
                evidence! { "unproven_tail" => residue.iter().flatten().collect::<Vec<_>>() },
            ),
            RuleApplied::new(
                RuleId::Au14,
                self.stamp_known,
                evidence! { "ledger" => self.ledger, "wal_stamp" => self.wal_stamp },
            ),
            RuleApplied::new(
                RuleId::P5I4,
                self.epoch_mismatch.is_none(),
                evidence! { "first_mismatch" => self.epoch_mismatch },
            ),
            RuleApplied::new(RuleId::FX4, true, evidence! { "latched" => self.latched }),
            RuleApplied::new(
                RuleId::P6A1,
                true,
                evidence! { "holder" => self.authority.holder, "epoch" => self.authority.epoch, "role" => self.role },
            ),
            RuleApplied::new(
                RuleId::D1,
                true,
                evidence! {
                    "recovered" => self.recovered.boundary,
                    "received" => self.received,
                    "state_digest" => self.state_digest,
                },
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::tests_support::{Story, at, commit, epoch, node};
    use crate::explain::explain;

    fn log(last: u64) -> LogFound {
        LogFound {
            segments: 1,
            frames: last,
            first: Some(1),
            last: Some(last),
            last_frame: Some(last),
            residue: None,
        }
    }

    /// A replica that came back with 12 commits and everything in order.
    fn in_order() -> RecoveryFacts {
        let story = Story::founded().admit("n2");
        RecoveryFacts {
            cluster: *story.authority().cluster(),
            node: node("n2"),
            checkpoint: None,
            replayed: Some(ReplayRange { first: commit(1), last: commit(12) }),
            retention: RetentionFound { recorded: None, oldest_retained: Boundary::ORIGIN },
            authority_ledger: log(2),
            decision_ledger: log(1),
            wal: log(12),
            ledger: story.head(),
            wal_stamp: Some(story.head()),
            stamp_known: true,
            authority: AuthorityFacts::from(story.authority()),
            epoch_mismatch: None,
            recovered: at(12),
            received: Boundary::new(12),
            role: RoleName::ReplicaActive,
            latched: Vec::new(),
            state_digest: Some(Hash([5; 32])),
        }
    }

    /// The same, from a checkpoint at commit 10.
    fn from_checkpoint() -> RecoveryFacts {
        let found = CheckpointFound {
            position: at(10),
            snapshot: Hash([6; 32]),
            keys: 3,
            versions: 4,
            bytes: 500,
            oldest_retained: Boundary::new(2),
            wal_from: Boundary::new(8),
        };
        let replayed = Some(ReplayRange { first: commit(11), last: commit(12) });
        let retention = RetentionFound { recorded: None, oldest_retained: found.oldest_retained };
        RecoveryFacts { checkpoint: Some(found), replayed, retention, ..in_order() }
    }

    #[test]
    fn mvg_2_what_was_pruned_stays_hidden_and_is_stated() {
        let with = |recorded: Option<u64>, oldest: u64| {
            let recorded = recorded.map(Boundary::new);
            let retention = RetentionFound { recorded, oldest_retained: Boundary::new(oldest) };
            explain(&RecoveryFacts { retention, ..from_checkpoint() })
        };
        // The snapshot lacks what lies below 2.
        for (recorded, oldest) in [(None, 2), (Some(1), 2), (Some(7), 7), (Some(12), 12)] {
            let explanation = with(recorded, oldest);
            assert!(explanation.holds(), "{recorded:?} {oldest}");
            let expected = serde_json::json!({ "recorded": recorded, "snapshot": 2, "oldest_retained": oldest });
            assert_eq!(
                serde_json::to_value(&explanation.rules_applied[3].evidence).unwrap(),
                expected
            );
        }
        for (recorded, oldest) in [(None, 1), (Some(7), 6), (Some(13), 13)] {
            let conclusion = with(recorded, oldest).conclusion;
            assert_eq!(conclusion.reason.as_deref(), Some("MVG-2"), "{recorded:?} {oldest}");
        }
    }

    #[test]
    fn f_x4_failures_that_stand_are_stated_and_cleared_by_no_recovery() {
        let failure = Failure { rule: RuleId::FV2, evidence: "{}".to_owned() };
        let facts = RecoveryFacts { latched: vec![failure], ..in_order() };
        let explanation = explain(&facts);
        assert!(explanation.holds());
        let stated = explanation.rules_applied.iter().find(|it| it.rule == RuleId::FX4).unwrap();
        assert_eq!(stated.evidence["latched"][0]["rule"], "F-V2");
    }

    #[test]
    fn dis_21_replay_starts_strictly_after_the_checkpoint() {
        assert!(explain(&from_checkpoint()).holds());
        let at_its_end = RecoveryFacts { recovered: at(10), replayed: None, ..from_checkpoint() };
        assert!(explain(&RecoveryFacts { received: Boundary::new(10), ..at_its_end }).holds());
        for first in [10, 12] {
            let replayed = Some(ReplayRange { first: commit(first), last: commit(12) });
            let conclusion = explain(&RecoveryFacts { replayed, ..from_checkpoint() }).conclusion;
            assert_eq!(conclusion.reason.as_deref(), Some("DIS-21"));
        }
        let skipped = RecoveryFacts { replayed: None, ..from_checkpoint() };
        assert_eq!(explain(&skipped).conclusion.status, "halted");
    }

    #[test]
    fn recovery_states_all_its_rules_in_this_order() {
        let explanation = explain(&in_order());
        assert_eq!(explanation.conclusion.status, "recovered");
        let rules: Vec<_> = explanation.rules_applied.iter().map(|rule| rule.rule).collect();
        let order = [
            RuleId::R3,
            RuleId::Dis20,
            RuleId::Dis21,
            RuleId::Mvg2,
            RuleId::Wal8,
            RuleId::Dis16,
            RuleId::Au14,
            RuleId::P5I4,
            RuleId::FX4,
            RuleId::P6A1,
            RuleId::D1,
        ];
        assert_eq!(rules, order);
        assert_eq!(explanation, explain(&in_order()));
    }

    /// The other rules are kept before there is anything to explain: a node on which one of them does not
    /// hold refuses to start. Here they only show what was found.
    #[test]
    fn each_rule_that_recovery_can_find_broken_halts_alone() {
        let mismatch = EpochMismatch { commit: commit(3), found: epoch(2) };
        let cases = [
            (RuleId::Au14, RecoveryFacts { stamp_known: false, ..in_order() }),
            (RuleId::P5I4, RecoveryFacts { epoch_mismatch: Some(mismatch), ..in_order() }),
        ];
        for (rule, facts) in cases {
            let conclusion = explain(&facts).conclusion;
            assert_eq!(conclusion.status, "halted");
            assert_eq!(conclusion.reason.as_deref(), Some(rule.id()));
        }
    }

    #[test]
    fn r3_what_was_set_aside_and_what_is_incomplete_is_stated() {
        let residue = Residue { file: "7.seg".to_owned(), offset: 4096, bytes: 512 };
        let mut facts = RecoveryFacts { received: Boundary::new(13), ..in_order() };
        facts.wal.residue = Some(residue);
        let explanation = explain(&facts);
        assert!(explanation.holds());
        assert_eq!(explanation.rules_applied[0].evidence["complete"], false);
        let tail = &explanation.rules_applied[5].evidence["unproven_tail"][0];
        let expected = serde_json::json!({ "file": "7.seg", "offset": 4096, "bytes": 512 });
        assert_eq!(*tail, expected);
    }
}
