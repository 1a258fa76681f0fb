//! Whether a new cluster is founded from what a directory holds (DESIGN 3.4): the way out where no basis for a
//! promotion is left. It is never a promotion: the new cluster has an id, a ledger and a history of its own, and
//! says in its first entry where it was forked off.
//!
//! What is asked is little, because little is claimed: that the history through the provable commit is genuine.
//! What the ancestor acknowledged after it is unknown, here and for good.

use serde::{Deserialize, Serialize};

use crate::authority::{Authority, Succession, Tenure};
use crate::decision::promotion::AuthorityFacts;
use crate::directory::Retired;
use crate::evidence;
use crate::explain::{ExplanationType, Facts, ObservedSnapshot, Remedy, RuleApplied};
use crate::hash::ClusterId;
use crate::id::{Boundary, Epoch, NodeId};
use crate::machine::RoleName;
use crate::position::{LedgerHead, Position};
use crate::rules::RuleId;

/// Everything that the decision reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForkFacts {
    /// The cluster that is forked.
    pub cluster: ClusterId,
    /// The node whose directory it is.
    pub node: NodeId,
    /// The epoch that the request names.
    pub expected_epoch: Epoch,
    /// The end of the directory's authority ledger.
    pub ledger: LedgerHead,
    /// What that ledger says.
    pub authority: AuthorityFacts,
    /// The role that it gives the node.
    pub role: RoleName,
    /// Whether the directory is the one that its identity belongs to. A copy can be forked, like any backup; what
    /// the original does, or has done since, is not touched by it.
    pub original: bool,
    /// Why the directory is never started again, if it is not.
    pub retired: Option<Retired>,
    /// The end of the validated history: the last commit that can be proven.
    pub proven: Position,
    /// The end of what was received; what lies past the proven commit is not taken along.
    pub received: Boundary,
    /// How much of it is known to have been acknowledged by the ancestor.
    pub acknowledged: Option<Boundary>,
    /// Whether the node could be granted the next epoch, and declines it for good with the fork.
    pub declines: bool,
}

impl ForkFacts {
    /// What is decided on in a directory of `node`, whose ledger says this.
    #[must_use]
    pub fn heir_of(authority: &Authority) -> Option<&NodeId> {
        match authority.tenure() {
            Tenure::Relinquished { successor, .. } => Some(successor),
            Tenure::Held => authority.succession().map(Succession::successor),
        }
    }

    /// Whether a fork of this cluster is all that was done with the directory.
    #[must_use]
    pub fn forked_into(&self) -> Option<ClusterId> {
        match self.retired {
            Some(Retired::Forked { cluster }) => Some(cluster),
            Some(Retired::Relocated { .. }) | None => None,
        }
    }
}

impl Facts for ForkFacts {
    const TYPE: ExplanationType = ExplanationType::Command;
    const NO: &'static str = "refused";

    fn yes(&self) -> &'static str {
        "approved"
    }

    fn observed(&self) -> ObservedSnapshot {
        ObservedSnapshot {
            snapshot_id: Some(self.proven.chain),
            commit_id: Some(self.proven.boundary),
        }
    }

    fn rules(&self) -> Vec<RuleApplied> {
        let (expected, current) = (self.expected_epoch, self.authority.epoch);
        let evidence = evidence! { "expected_epoch" => expected, "ledger_epoch" => current };
        let explicit = RuleApplied::new(RuleId::P6A3, expected == current, evidence);
        let evidence = evidence! {
            "retired" => self.retired,
            "original" => self.original,
            "declines" => self.declines,
        };
        let once = RuleApplied::new(RuleId::Fk1, self.retired.is_none(), evidence);
        // A history of nothing proves nothing: a new cluster without an ancestor has as much.
        let proven = self.proven.boundary > Boundary::ORIGIN
            && self.proven.boundary <= self.received
            && self.acknowledged.is_none_or(|bound| bound <= self.proven.boundary);
        let evidence = evidence! {
            "proven" => self.proven,
            "received" => self.received,
            "acknowledged_at_least" => self.acknowledged,
            "after_it" => "unknown",
        };
        vec![explicit, once, RuleApplied::new(RuleId::Fk2, proven, evidence)]
    }
}

/// What an operator can do about each failed rule, in the order of the rules.
#[must_use]
pub fn remedies(facts: &ForkFacts, failed: &[RuleId]) -> Vec<Remedy> {
    failed.iter().map(|rule| remedy_of(facts, *rule)).collect()
}

fn remedy_of(facts: &ForkFacts, rule: RuleId) -> Remedy {
    let by_hand = |action, command| Remedy::by_hand(rule, action, &facts.node, command);
    if rule == RuleId::P6A3 {
        return by_hand(
            "see the epoch that the directory's ledger is in, and name it",
            "aerodb ledger show --data-dir DIR",
        );
    }
    match facts.retired.filter(|_| rule == RuleId::Fk1) {
        Some(Retired::Forked { .. }) => by_hand(
            "start the directory of the cluster that was founded from it",
            "aerodb serve --data-dir INTO",
        ),
        Some(Retired::Relocated { .. }) => by_hand(
            "fork the directory that was given the identity",
            "aerodb fork --data-dir KEPT --into DIR --expected-epoch N --reason TEXT",
        ),
        None => by_hand(
            "fork a directory that holds history, or found a cluster without an ancestor",
            "aerodb init --data-dir DIR --node-id ID --listen HOST:PORT",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::tests_support::{Story, at, epoch, node};
    use crate::explain::explain;

    fn facts() -> ForkFacts {
        let story = Story::founded().admit("n2").designate("n2", 3);
        let authority = story.authority();
        ForkFacts {
            cluster: *authority.cluster(),
            node: node("n2"),
            expected_epoch: authority.epoch(),
            ledger: authority.head(),
            authority: AuthorityFacts::from(authority),
            role: RoleName::ReplicaActive,
            original: true,
            retired: None,
            proven: at(7),
            received: at(9).boundary,
            acknowledged: Some(at(5).boundary),
            declines: ForkFacts::heir_of(authority) == Some(&node("n2")),
        }
    }

    /// The commands that a refusal offers, each of a failed rule.
    fn offered(facts: &ForkFacts, failed: &[RuleId]) -> Vec<(RuleId, &'static str)> {
        let offered = remedies(facts, failed);
        assert!(offered.iter().all(|it| it.method == Remedy::BY_HAND && it.body.is_none()));
        assert!(offered.iter().all(|it| it.node_id.as_ref() == Some(&facts.node)));
        offered.iter().map(|it| (it.rule, it.path)).collect()
    }

    #[test]
    fn each_refusal_of_a_fork_offers_the_command_that_could_change_it() {
        let cluster = facts().cluster;
        let to = crate::directory::DirectoryId { device: 1, inode: 2 };
        let forked = ForkFacts { retired: Some(Retired::Forked { cluster }), ..facts() };
        let moved = ForkFacts { retired: Some(Retired::Relocated { to }), ..facts() };
        let show = "aerodb ledger show --data-dir DIR";
        let serve = "aerodb serve --data-dir INTO";
        let fork = "aerodb fork --data-dir KEPT --into DIR --expected-epoch N --reason TEXT";
        let init = "aerodb init --data-dir DIR --node-id ID --listen HOST:PORT";
        let all = [RuleId::P6A3, RuleId::Fk1, RuleId::Fk2];
        let [epoch, once, proven] = all;
        assert_eq!(offered(&forked, &all), [(epoch, show), (once, serve), (proven, init)]);
        assert_eq!(offered(&moved, &all), [(epoch, show), (once, fork), (proven, init)]);
        assert_eq!(offered(&facts(), &[]), []);
    }

    fn failed(facts: &ForkFacts) -> Vec<RuleId> {
        let failed: Vec<_> = explain(facts).failed().map(|rule| rule.rule).collect();
        assert_eq!(remedies(facts, &failed).len(), failed.len());
        failed
    }

    #[test]
    fn fk2_a_fork_starts_from_the_proven_commit_and_says_that_what_followed_is_unknown() {
        let facts = facts();
        assert!(facts.declines);
        assert_eq!(failed(&facts), []);
        let explanation = explain(&facts);
        assert_eq!(explanation.conclusion.status, "approved");
        assert_eq!(explanation.observed_snapshot.commit_id, Some(Boundary::new(7)));
        assert_eq!(explanation.rules_applied[2].evidence["after_it"], "unknown");
    }

    #[test]
    fn fk2_what_holds_no_history_is_not_forked() {
        let cluster = facts().cluster;
        let empty = ForkFacts { proven: Position::origin(&cluster), acknowledged: None, ..facts() };
        assert_eq!(failed(&empty), [RuleId::Fk2]);
    }

    #[test]
    fn fk1_a_directory_is_forked_once_and_never_after_it_was_given_up() {
        let cluster = facts().cluster;
        let to = crate::directory::DirectoryId { device: 1, inode: 2 };
        for retired in [Retired::Forked { cluster }, Retired::Relocated { to }] {
            let again = ForkFacts { retired: Some(retired), ..facts() };
            assert_eq!(failed(&again), [RuleId::Fk1]);
            assert_eq!(again.forked_into().is_some(), retired == Retired::Forked { cluster });
        }
    }

    #[test]
    fn p6_a3_a_fork_names_the_epoch_and_a_copy_is_forked_like_any_backup() {
        let stale = ForkFacts { expected_epoch: epoch(2), ..facts() };
        assert_eq!(failed(&stale), [RuleId::P6A3]);
        let copy = ForkFacts { original: false, declines: false, ..facts() };
        assert_eq!(failed(&copy), []);
    }
}
