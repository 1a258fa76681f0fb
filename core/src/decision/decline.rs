//! Whether a node may decline the next epoch, and the certificate that says so (DESIGN 3.3).
//!
//! Only the heir has something to decline, and only in the directory that its identity belongs to: what a copy
//! says does not bind the original. Nothing else is asked: halted, detached or behind, it may give up what it
//! could claim.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::authority::{Authority, DeclineClaim, Succession, Tenure};
use crate::decision::promotion::AuthorityFacts;
use crate::evidence;
use crate::explain::{ExplanationType, Facts, ObservedSnapshot, Remedy, RuleApplied};
use crate::hash::ClusterId;
use crate::id::{Epoch, NodeId};
use crate::position::LedgerHead;
use crate::rules::RuleId;

/// Everything that the decision reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclineFacts {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node that is asked.
    pub node: NodeId,
    /// The epoch that the request names; the next one is declined.
    pub expected_epoch: Epoch,
    /// The end of this node's authority ledger.
    pub ledger: LedgerHead,
    /// What that ledger says.
    pub authority: AuthorityFacts,
    /// The last entry of this epoch that named the node heir.
    pub named_by: Option<LedgerHead>,
    /// Whether nothing shows that the directory is a copy, or that another one has its identity.
    pub original: bool,
}

impl DeclineFacts {
    /// What `node` decides on, whose ledger says this.
    #[must_use]
    pub fn new(authority: &Authority, node: NodeId, expected_epoch: Epoch, original: bool) -> Self {
        Self {
            cluster: *authority.cluster(),
            expected_epoch,
            ledger: authority.head(),
            authority: AuthorityFacts::from(authority),
            named_by: authority.naming_of(&node),
            node,
            original,
        }
    }

    /// What an approved decline says; `None` where no entry names the node, or no epoch follows.
    #[must_use]
    pub fn claim(&self) -> Option<DeclineClaim> {
        Some(DeclineClaim {
            cluster: self.cluster,
            node_id: self.node.clone(),
            epoch: self.authority.epoch.next()?,
            named_by: self.named_by?,
            ledger: self.ledger,
        })
    }

    /// The node that the ledger names heir, or that the holder still owes.
    fn named(&self) -> Option<&NodeId> {
        match &self.authority.tenure {
            Tenure::Relinquished { successor, .. } => Some(successor),
            Tenure::Held => self.authority.succession.as_ref().map(Succession::successor),
        }
    }
}

impl Facts for DeclineFacts {
    const TYPE: ExplanationType = ExplanationType::Command;
    const NO: &'static str = "refused";

    fn yes(&self) -> &'static str {
        "approved"
    }

    /// A decline speaks of the ledger alone, wherever the history ends.
    fn observed(&self) -> ObservedSnapshot {
        ObservedSnapshot { snapshot_id: None, commit_id: None }
    }

    fn rules(&self) -> Vec<RuleApplied> {
        let (expected, current) = (self.expected_epoch, self.authority.epoch);
        let evidence = evidence! { "expected_epoch" => expected, "ledger_epoch" => current };
        let explicit = RuleApplied::new(RuleId::P6A3, expected == current, evidence);
        let heir = self.named();
        let named = heir == Some(&self.node) && self.claim().is_some();
        let evidence = evidence! {
            "node_id" => self.node,
            "heir" => heir,
            "named_by" => self.named_by,
            "next_epoch" => current.next(),
        };
        let heir = RuleApplied::new(RuleId::Au16, named, evidence);
        let evidence = evidence! { "original" => self.original };
        vec![explicit, heir, RuleApplied::new(RuleId::St2, self.original, evidence)]
    }
}

/// What an operator can do about each failed rule, in the order of the rules.
#[must_use]
pub fn remedies(facts: &DeclineFacts, failed: &[RuleId]) -> Vec<Remedy> {
    let other_heir = facts.named().filter(|heir| *heir != &facts.node);
    let remedy = |rule: &RuleId| {
        if let (RuleId::Au16, Some(heir)) = (rule, other_heir) {
            let body = json!({ "expected_epoch": facts.authority.epoch, "reason": "" });
            return Remedy {
                rule: *rule,
                action: "ask the node that the ledger names heir",
                node_id: Some(heir.clone()),
                method: "POST",
                path: "/v1/authority/decline",
                body: Some(body),
            };
        }
        if *rule == RuleId::St2 {
            let action = "decline in the original directory, or give this one its identity first";
            let command = "aerodb relocate --data-dir DIR --from DIR --reason TEXT";
            return Remedy::by_hand(*rule, action, &facts.node, command);
        }
        let action = "see the epoch that the ledger is in, and whom it names heir";
        Remedy::look(*rule, action, Some(facts.node.clone()), "/v1/authority")
    };
    failed.iter().map(remedy).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::PresentedDecline;
    use crate::authority::tests_support::{SIGNATURE, Story, epoch, node};
    use crate::explain::explain;

    fn members() -> Story {
        Story::founded().admit("n2").admit("n3")
    }

    fn facts(story: &Story, name: &str) -> DeclineFacts {
        DeclineFacts::new(story.authority(), node(name), story.authority().epoch(), true)
    }

    fn failed(facts: &DeclineFacts) -> Vec<RuleId> {
        explain(facts).failed().map(|rule| rule.rule).collect()
    }

    #[test]
    fn au16_the_successor_the_released_and_the_heir_may_decline_and_nobody_else() {
        let designated = members().designate("n2", 10);
        let releasing = designated.clone().release("n2");
        let ended = releasing.clone().end_obligation("n2");
        let handed_on = ended.clone().relinquish("n3", 12);
        for (story, heir) in [
            (members(), None),
            (designated.clone(), Some("n2")),
            (designated.relinquish("n2", 12), Some("n2")),
            (releasing, Some("n2")),
            (ended, None),
            (handed_on, Some("n3")),
        ] {
            for name in ["n1", "n2", "n3", "n4"] {
                let facts = facts(&story, name);
                let expected = if heir == Some(name) { vec![] } else { vec![RuleId::Au16] };
                assert_eq!(failed(&facts), expected, "{facts:?}");
                let status = explain(&facts).conclusion.status;
                assert_eq!(status == "approved", heir == Some(name));
            }
        }
    }

    #[test]
    fn p6_a3_a_decline_names_the_epoch_that_the_ledger_is_in() {
        let story = members().designate("n2", 10);
        let stale = DeclineFacts { expected_epoch: epoch(2), ..facts(&story, "n2") };
        assert_eq!(failed(&stale), [RuleId::P6A3]);
    }

    #[test]
    fn st2_what_a_copy_says_binds_nobody() {
        let story = members().designate("n2", 10);
        let copy = DeclineFacts { original: false, ..facts(&story, "n2") };
        assert_eq!(failed(&copy), [RuleId::St2]);
        assert!(remedies(&copy, &failed(&copy))[0].path.starts_with("aerodb relocate"));
    }

    /// What is declined shows its worth in the ledger that it was made on, and in every longer one.
    #[test]
    fn an_approved_decline_is_one_that_the_holder_can_use() {
        let designated = members().designate("n2", 10);
        let claim = facts(&designated, "n2").claim().unwrap();
        assert_eq!(claim.epoch, epoch(2));
        assert_eq!(claim.named_by, designated.head());
        let certificate = crate::authority::SignedDecline { claim, signature: SIGNATURE };
        for story in [designated.clone(), designated.release("n2").relinquish("n2", 12)] {
            let authority = story.authority();
            let presented = PresentedDecline::new(authority, certificate.clone(), true);
            let (cluster, current) = (authority.cluster(), authority.epoch());
            assert_eq!(presented.shows(cluster, &node("n2"), current), Ok(()));
        }
    }

    #[test]
    fn every_failed_rule_has_a_remedy() {
        let story = members().designate("n2", 10);
        let elsewhere = remedies(&facts(&story, "n3"), &[RuleId::P6A3, RuleId::Au16]);
        assert_eq!(elsewhere[0].path, "/v1/authority");
        assert_eq!(elsewhere[1].path, "/v1/authority/decline");
        assert_eq!(elsewhere[1].node_id, Some(node("n2")));
        let nobody = remedies(&facts(&members(), "n3"), &[RuleId::Au16]);
        assert_eq!(nobody[0].path, "/v1/authority");
    }
}
