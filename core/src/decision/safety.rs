//! Whether reads on this node are safe now: `replication.safety` (F-RS1, O5-5).
//!
//! Keeps: O5-5.

use serde::Serialize;

use crate::decision::promotion::Progress;
use crate::evidence;
use crate::explain::{ExplanationType, Facts, ObservedSnapshot, RuleApplied};
use crate::hash::ClusterId;
use crate::id::{Boundary, Epoch, NodeId};
use crate::machine::{Failure, RoleName};
use crate::position::Position;
use crate::rules::RuleId;

/// Everything that the answer rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SafetyFacts {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node.
    pub node: NodeId,
    /// The current epoch by its ledger.
    pub epoch: Epoch,
    /// The node's role.
    pub role: RoleName,
    /// The pipeline's state by name.
    pub pipeline: &'static str,
    /// The rule of the halt in force, if there is one.
    pub halt: Option<RuleId>,
    /// Every failure that is latched, the first cause first.
    pub latched: Vec<Failure>,
    /// How far the pipeline has come.
    pub progress: Progress,
    /// The end of the validated history.
    pub wal_end: Position,
    /// The acknowledged bound; `None` while unknown.
    pub acknowledged: Option<Boundary>,
    /// The upstream's tip as last told; `None` when never told.
    pub upstream_tip: Option<Boundary>,
}

impl Facts for SafetyFacts {
    const TYPE: ExplanationType = ExplanationType::Safety;
    const NO: &'static str = "not_read_safe";

    fn yes(&self) -> &'static str {
        "read_safe"
    }

    fn observed(&self) -> ObservedSnapshot {
        ObservedSnapshot { snapshot_id: Some(self.wal_end.chain), commit_id: self.acknowledged }
    }

    fn rules(&self) -> Vec<RuleApplied> {
        let Progress { received, validated, applied } = self.progress;
        let serves = match self.role {
            RoleName::PrimaryActive | RoleName::ReplicaActive | RoleName::PrimarySealed => true,
            RoleName::Uninitialized | RoleName::ReplicationHalted => false,
        };
        let ordered = applied <= validated && validated <= received;
        let within = self.acknowledged.is_none_or(|bound| bound <= applied);
        vec![
            RuleApplied::new(RuleId::Rm5, self.halt.is_none(), evidence! { "halt" => self.halt }),
            self.unbroken(RuleId::FV1),
            self.unbroken(RuleId::FV2),
            RuleApplied::new(
                RuleId::FRs1,
                serves,
                evidence! { "role" => self.role, "pipeline" => self.pipeline },
            ),
            RuleApplied::new(
                RuleId::Ri3,
                ordered,
                evidence! { "received" => received, "validated" => validated, "applied" => applied },
            ),
            RuleApplied::new(
                RuleId::Au12,
                self.acknowledged.is_some(),
                evidence! { "acknowledged" => self.acknowledged },
            ),
            RuleApplied::new(
                RuleId::P5I12,
                within,
                evidence! { "acknowledged" => self.acknowledged, "applied" => applied },
            ),
        ]
    }
}

impl SafetyFacts {
    /// The rule of a received segment, with what broke it, if that is latched.
    fn unbroken(&self, rule: RuleId) -> RuleApplied {
        let broken: Vec<&str> = self
            .latched
            .iter()
            .filter(|failure| failure.rule == rule)
            .map(|failure| failure.evidence.as_str())
            .collect();
        RuleApplied::new(rule, broken.is_empty(), evidence! { "latched" => broken })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::tests_support::{Story, at, node};
    use crate::explain::explain;

    /// A replica that has received 14, validated 13 and applied 12 commits, 10 of them acknowledged.
    fn on_replica() -> SafetyFacts {
        let story = Story::founded();
        SafetyFacts {
            cluster: *story.authority().cluster(),
            node: node("n2"),
            epoch: story.authority().epoch(),
            role: RoleName::ReplicaActive,
            pipeline: "ReceivingWal",
            halt: None,
            latched: Vec::new(),
            progress: Progress {
                received: Boundary::new(14),
                validated: Boundary::new(13),
                applied: Boundary::new(12),
            },
            wal_end: at(13),
            acknowledged: Some(Boundary::new(10)),
            upstream_tip: None,
        }
    }

    #[test]
    fn reads_are_safe_in_every_role_that_serves() {
        let serving = [RoleName::PrimaryActive, RoleName::ReplicaActive, RoleName::PrimarySealed];
        for role in serving {
            let explanation = explain(&SafetyFacts { role, ..on_replica() });
            assert_eq!(explanation.conclusion.status, "read_safe");
            let rules: Vec<_> = explanation.rules_applied.iter().map(|rule| rule.rule).collect();
            let order = [
                RuleId::Rm5,
                RuleId::FV1,
                RuleId::FV2,
                RuleId::FRs1,
                RuleId::Ri3,
                RuleId::Au12,
                RuleId::P5I12,
            ];
            assert_eq!(rules, order);
        }
    }

    type Change = fn(&mut SafetyFacts);

    fn latched(rule: RuleId) -> Failure {
        Failure { rule, evidence: "{}".to_owned() }
    }

    /// Proves: O5-5.
    #[test]
    fn each_rule_alone_makes_reads_unsafe_and_is_named() {
        let changes: [(RuleId, Change); 9] = [
            (RuleId::FV1, |facts| facts.latched = vec![latched(RuleId::FV1)]),
            (RuleId::FV2, |facts| facts.latched = vec![latched(RuleId::FV2)]),
            (RuleId::Rm5, |facts| facts.halt = Some(RuleId::FV1)),
            (RuleId::FRs1, |facts| facts.role = RoleName::Uninitialized),
            (RuleId::FRs1, |facts| facts.role = RoleName::ReplicationHalted),
            (RuleId::Ri3, |facts| facts.progress.validated = Boundary::new(15)),
            (RuleId::Ri3, |facts| facts.progress.applied = Boundary::new(14)),
            (RuleId::Au12, |facts| facts.acknowledged = None),
            (RuleId::P5I12, |facts| facts.acknowledged = Some(Boundary::new(13))),
        ];
        for (rule, change) in changes {
            let mut facts = on_replica();
            change(&mut facts);
            let conclusion = explain(&facts).conclusion;
            assert_eq!(conclusion.status, "not_read_safe");
            assert_eq!(conclusion.reason.as_deref(), Some(rule.id()));
        }
    }
}
