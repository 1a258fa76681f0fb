//! Whether a snapshot that was received takes the place of a replica's history: `snapshot.bootstrap`.

use serde::{Deserialize, Serialize};

use crate::decision::promotion::AuthorityFacts;
use crate::evidence;
use crate::explain::{Evaluation, Evidence, ExplanationType, Facts, ObservedSnapshot, RuleApplied};
use crate::hash::{ClusterId, Hash};
use crate::id::{Boundary, Epoch, NodeId};
use crate::machine::RoleName;
use crate::position::{LedgerHead, Position};
use crate::rules::RuleId;

/// A snapshot, every byte of which fits its manifest, as that describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotReceived {
    /// The cluster.
    pub cluster: ClusterId,
    /// The history that it holds.
    pub position: Position,
    /// The epoch of the last commit in it.
    pub epoch: Epoch,
    /// The authority ledger when it was taken.
    pub ledger: LedgerHead,
    /// The lowest commit that can be read from it.
    pub oldest_retained: Boundary,
    /// The place of the designation that its history covers.
    pub designation: Option<Position>,
    /// Keys in it, absent ones that are still remembered among them.
    pub keys: u64,
    /// Versions in it.
    pub versions: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// The hash of its manifest.
    pub manifest: Hash,
}

/// Everything that the decision reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootstrapFacts {
    /// The node's cluster.
    pub cluster: ClusterId,
    /// The node.
    pub node: NodeId,
    /// The node that sent it.
    pub source: NodeId,
    /// The end of this node's authority ledger.
    pub ledger: LedgerHead,
    /// What the ledger says.
    pub authority: AuthorityFacts,
    /// The node's role.
    pub role: RoleName,
    /// The rule of the first failure that is latched.
    pub halt: Option<RuleId>,
    /// The end of this node's validated history, all of which it may have receipted.
    pub own: Position,
    /// What was received; `None` when some byte of it is wrong.
    pub snapshot: Option<SnapshotReceived>,
    /// Where in what was received the first damage is.
    pub damage_at: Option<u64>,
    /// Whether this node's ledger contains the snapshot's ledger head.
    pub ledger_known: bool,
    /// The epoch that the ledger gives the cut.
    pub epoch_by_ledger: Option<Epoch>,
}

impl BootstrapFacts {
    fn judge(&self, holds: impl FnOnce(&SnapshotReceived) -> bool) -> Evaluation {
        self.snapshot.as_ref().map_or(Evaluation::NotEvaluable, |found| holds(found).into())
    }

    /// The place of the designation in force, by the ledger.
    fn designated_at(&self) -> Option<Position> {
        self.authority.succession.as_ref().map(crate::authority::Succession::designated_at)
    }

    fn is_obliged(&self) -> bool {
        let heir = self.authority.succession.as_ref().map(crate::authority::Succession::successor);
        heir == Some(&self.node)
    }

    /// Asked for explicitly, on a replica that no other failure halts (RS-6).
    fn asked_of_a_replica(&self) -> RuleApplied {
        let halted_by_mismatch =
            self.role == RoleName::ReplicationHalted && self.halt == Some(RuleId::FS3);
        let replica = self.role == RoleName::ReplicaActive && self.halt.is_none();
        let evidence = evidence! { "role" => self.role, "halt" => self.halt };
        RuleApplied::new(RuleId::Rs6, replica || halted_by_mismatch, evidence)
    }

    fn sent_by_the_holder(&self) -> RuleApplied {
        let holder = &self.authority.holder;
        let holds = self.source == *holder && self.source != self.node;
        RuleApplied::new(
            RuleId::Rs1,
            holds,
            evidence! { "source" => self.source, "holder" => holder },
        )
    }

    fn of_this_cluster(&self) -> RuleApplied {
        let holds = self.judge(|found| found.cluster == self.cluster);
        let found = self.snapshot.map(|found| found.cluster);
        RuleApplied::new(
            RuleId::Rs2,
            holds,
            evidence! { "cluster" => self.cluster, "snapshot_cluster" => found },
        )
    }

    fn ledger_seen(&self) -> RuleApplied {
        let holds = self.judge(|_| self.ledger_known);
        let found = self.snapshot.map(|found| found.ledger);
        RuleApplied::new(
            RuleId::Au14,
            holds,
            evidence! { "ledger" => self.ledger, "snapshot_ledger" => found },
        )
    }

    fn epoch_by_position(&self) -> RuleApplied {
        let holds = self.judge(|found| Some(found.epoch) == self.epoch_by_ledger);
        let evidence = evidence! {
            "snapshot_epoch" => self.snapshot.map(|found| found.epoch),
            "ledger_epoch" => self.epoch_by_ledger,
        };
        RuleApplied::new(RuleId::P5I4, holds, evidence)
    }

    /// What the ledger says of the history that the snapshot covers, the snapshot says too. Of a designation
    /// at its very end it need not: that may have been made after it was taken, and its own chain is the one.
    fn designation_kept(&self) -> RuleApplied {
        let by_ledger = self.designated_at();
        let holds = self.judge(|found| {
            let covered = by_ledger.filter(|at| at.boundary <= found.position.boundary);
            covered.is_none_or(|at| found.designation == Some(at) || found.position == at)
        });
        let evidence = evidence! {
            "designation" => by_ledger,
            "snapshot_designation" => self.snapshot.and_then(|found| found.designation),
        };
        RuleApplied::new(RuleId::P6S2, holds, evidence)
    }

    /// Never below, or beside, what was receipted. What an obliged node receipted may be more than it has
    /// now; it never needs a snapshot, because nothing is acknowledged without it.
    fn never_backwards(&self) -> RuleApplied {
        let holds =
            self.judge(|found| found.position.boundary > self.own.boundary && !self.is_obliged());
        let evidence: Evidence = evidence! {
            "own" => self.own,
            "snapshot" => self.snapshot.map(|found| found.position),
            "obliged" => self.is_obliged(),
        };
        RuleApplied::new(RuleId::Au13, holds, evidence)
    }
}

impl Facts for BootstrapFacts {
    const TYPE: ExplanationType = ExplanationType::Bootstrap;
    const NO: &'static str = "rejected";

    fn yes(&self) -> &'static str {
        "accepted"
    }

    fn observed(&self) -> ObservedSnapshot {
        let (snapshot_id, commit_id) = (Some(self.own.chain), Some(self.own.boundary));
        ObservedSnapshot { snapshot_id, commit_id }
    }

    fn rules(&self) -> Vec<RuleApplied> {
        let verified = evidence! {
            "bytes" => self.snapshot.map(|found| found.bytes),
            "damage_at" => self.damage_at,
            "manifest" => self.snapshot.map(|found| found.manifest),
        };
        vec![
            self.asked_of_a_replica(),
            self.sent_by_the_holder(),
            RuleApplied::new(RuleId::Snp4, self.snapshot.is_some(), verified),
            self.of_this_cluster(),
            self.ledger_seen(),
            self.epoch_by_position(),
            self.designation_kept(),
            self.never_backwards(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::tests_support::{Story, at, epoch, forked_at, node};
    use crate::explain::explain;

    /// n3 has 3 commits and is given the first 12; n2 was designated at commit 5.
    fn in_order() -> BootstrapFacts {
        let story = Story::founded().admit("n2").admit("n3").designate("n2", 5);
        let cluster = *story.authority().cluster();
        BootstrapFacts {
            cluster,
            node: node("n3"),
            source: node("n1"),
            ledger: story.head(),
            authority: AuthorityFacts::from(story.authority()),
            role: RoleName::ReplicaActive,
            halt: None,
            own: at(3),
            snapshot: Some(SnapshotReceived {
                cluster,
                position: at(12),
                epoch: epoch(1),
                ledger: story.head(),
                oldest_retained: Boundary::new(10),
                designation: Some(at(5)),
                keys: 2,
                versions: 3,
                bytes: 400,
                manifest: Hash([9; 32]),
            }),
            damage_at: None,
            ledger_known: true,
            epoch_by_ledger: Some(epoch(1)),
        }
    }

    fn snapshot(change: impl FnOnce(&mut SnapshotReceived)) -> BootstrapFacts {
        let mut facts = in_order();
        facts.snapshot.as_mut().map(change).unwrap();
        facts
    }

    #[test]
    fn a_snapshot_in_order_is_accepted_on_these_rules_in_this_order() {
        let explanation = explain(&in_order());
        assert_eq!(explanation.conclusion.status, "accepted");
        let rules: Vec<_> = explanation.rules_applied.iter().map(|rule| rule.rule.id()).collect();
        assert_eq!(rules, ["RS-6", "RS-1", "SNP-4", "RS-2", "AU-14", "P5-I4", "P6-S2", "AU-13"]);
    }

    #[test]
    fn each_rule_rejects_alone() {
        let other = ClusterId([7; 32]);
        let cases = [
            (RuleId::Rs6, BootstrapFacts { role: RoleName::PrimaryActive, ..in_order() }),
            (RuleId::Rs6, BootstrapFacts { halt: Some(RuleId::Ri3), ..in_order() }),
            (RuleId::Rs6, BootstrapFacts { halt: Some(RuleId::FS3), ..in_order() }),
            (RuleId::Rs6, BootstrapFacts { role: RoleName::ReplicationHalted, ..in_order() }),
            (
                RuleId::Rs6,
                BootstrapFacts {
                    role: RoleName::ReplicationHalted,
                    halt: Some(RuleId::Ri3),
                    ..in_order()
                },
            ),
            (RuleId::Rs1, BootstrapFacts { source: node("n2"), ..in_order() }),
            (RuleId::Rs2, snapshot(|found| found.cluster = other)),
            (RuleId::Au14, BootstrapFacts { ledger_known: false, ..in_order() }),
            (RuleId::P5I4, BootstrapFacts { epoch_by_ledger: Some(epoch(2)), ..in_order() }),
            (RuleId::P6S2, snapshot(|found| found.designation = None)),
            (RuleId::P6S2, snapshot(|found| found.designation = Some(forked_at(5)))),
            (RuleId::Au13, BootstrapFacts { own: at(12), ..in_order() }),
            (RuleId::Au13, BootstrapFacts { own: at(13), ..in_order() }),
            (RuleId::Au13, BootstrapFacts { node: node("n2"), ..in_order() }),
        ];
        for (rule, facts) in cases {
            let conclusion = explain(&facts).conclusion;
            let reason = conclusion.reason.as_deref();
            assert_eq!((conclusion.status.as_str(), reason), ("rejected", Some(rule.id())));
        }
    }

    #[test]
    fn snp4_damaged_bytes_leave_nothing_to_judge() {
        let facts = BootstrapFacts { snapshot: None, damage_at: Some(64), ..in_order() };
        let explanation = explain(&facts);
        assert_eq!(explanation.conclusion.status, "undetermined");
        assert_eq!(explanation.first_failed(), Some(RuleId::Snp4));
        assert_eq!(explanation.rules_applied[2].evidence["damage_at"], 64);
    }

    #[test]
    fn f_s3_a_latched_mismatch_is_what_another_bootstrap_is_for() {
        let (role, halt) = (RoleName::ReplicationHalted, Some(RuleId::FS3));
        assert!(explain(&BootstrapFacts { role, halt, ..in_order() }).holds());
    }

    #[test]
    fn p6_s2_a_snapshot_taken_where_the_designation_was_made_later_has_its_chain() {
        let at_the_cut = |position| {
            snapshot(|found| {
                found.position = position;
                found.designation = None;
            })
        };
        assert!(explain(&at_the_cut(at(5))).holds());
        assert_eq!(explain(&at_the_cut(forked_at(5))).first_failed(), Some(RuleId::P6S2));
        assert_eq!(explain(&at_the_cut(at(6))).first_failed(), Some(RuleId::P6S2));
    }

    #[test]
    fn a_designation_past_the_cut_is_not_in_the_snapshot() {
        let facts = snapshot(|found| {
            found.position = at(4);
            found.designation = None;
        });
        assert!(explain(&facts).holds());
    }
}
