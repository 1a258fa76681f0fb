//! Which of two directories of one node has its identity from now on (DESIGN 3.3 "Copies and old backups").
//!
//! Nothing that a copy holds shows that the original does not run: two processes in one node's name could have
//! a write receipted by one and the next epoch granted to the other. So the one that is not kept has to be there,
//! stopped, to be retired; where it cannot be reached there is no proof, and the answer is no.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::directory::{DirectoryId, Retired};
use crate::evidence;
use crate::explain::{
    Evaluation, Evidence, ExplanationType, Facts, ObservedSnapshot, Remedy, RuleApplied,
};
use crate::hash::{ClusterId, PublicKey};
use crate::id::{Boundary, NodeId};
use crate::position::{LedgerHead, Position};
use crate::rules::RuleId;

/// What a directory says that it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryFacts {
    /// Its node's cluster.
    pub cluster: ClusterId,
    /// Its node.
    pub node: NodeId,
    /// Its node's key.
    pub public_key: PublicKey,
    /// The directory that its identity belongs to.
    pub bound_to: DirectoryId,
    /// The directory that it is.
    pub here: DirectoryId,
    /// Why it is never started again, if it is not.
    pub retired: Option<Retired>,
    /// What lies in it; `None` where nobody looked: an original needs no comparison with its copy.
    pub holds: Option<Holdings>,
}

/// How far the logs of a directory reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holdings {
    /// The end of the authority ledger.
    pub ledger: LedgerHead,
    /// The end of the decision ledger; of the one that is kept as far as the other one's reaches: what a halted copy
    /// has recorded since are refusals.
    pub decisions: Option<LedgerHead>,
    /// The end of the validated history.
    pub history: Position,
    /// The end of what was received.
    pub received: Boundary,
}

impl DirectoryFacts {
    const fn is_original(&self) -> bool {
        self.bound_to.device == self.here.device && self.bound_to.inode == self.here.inode
    }
}

/// Everything that the decision reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelocateFacts {
    /// The directory that shall have the identity.
    pub kept: DirectoryFacts,
    /// The directory that shall be retired; `None` where nothing that can be read is.
    pub left: Option<DirectoryFacts>,
}

impl RelocateFacts {
    /// Whether all of it was carried out before.
    #[must_use]
    pub fn is_done(&self) -> bool {
        let to = self.kept.here;
        self.kept.is_original()
            && self
                .left
                .as_ref()
                .is_some_and(|left| left.retired == Some(Retired::Relocated { to }))
    }

    fn rule(
        &self,
        rule: RuleId,
        holds: impl Fn(&DirectoryFacts) -> bool,
        evidence: Evidence,
    ) -> RuleApplied {
        let evaluation = match &self.left {
            Some(left) => Evaluation::from(holds(left)),
            None => Evaluation::NotEvaluable,
        };
        RuleApplied::new(rule, evaluation, evidence)
    }

    /// One identity, in two places.
    fn one_node(&self) -> RuleApplied {
        let kept = &self.kept;
        let same = |left: &DirectoryFacts| {
            left.cluster == kept.cluster
                && left.node == kept.node
                && left.public_key == kept.public_key
                && left.here != kept.here
        };
        let who = |facts: &DirectoryFacts| {
            let DirectoryFacts { cluster, node, public_key, .. } = facts;
            json!({ "cluster": cluster, "node": node, "public_key": public_key })
        };
        let evidence = evidence! {
            "kept" => who(kept),
            "left" => self.left.as_ref().map(who),
            "kept_directory" => kept.here,
            "left_directory" => self.left.as_ref().map(|left| left.here),
        };
        self.rule(RuleId::Dir1, same, evidence)
    }

    /// The one that is left is what the identity is bound to, or was left for the one that is kept before; or
    /// the one that is kept is what it is bound to, and the other a copy.
    fn original_gives_way(&self) -> RuleApplied {
        let kept = &self.kept;
        let may_go = |left: &DirectoryFacts| match left.retired {
            Some(Retired::Relocated { to }) => to == kept.here,
            Some(Retired::Forked { .. }) => false,
            None => kept.is_original() || (left.is_original() && kept.bound_to == left.here),
        };
        let evidence = evidence! {
            "kept_bound_to" => kept.bound_to,
            "kept_directory" => kept.here,
            "kept_retired" => kept.retired,
            "left_bound_to" => self.left.as_ref().map(|left| left.bound_to),
            "left_directory" => self.left.as_ref().map(|left| left.here),
            "left_retired" => self.left.as_ref().and_then(|left| left.retired),
        };
        self.rule(RuleId::Dir2, |left| kept.retired.is_none() && may_go(left), evidence)
    }

    fn nothing_left_behind(&self) -> RuleApplied {
        let kept = &self.kept;
        let evidence = evidence! {
            "kept_is_original" => kept.is_original(),
            "kept" => kept.holds,
            "left" => self.left.as_ref().and_then(|left| left.holds),
        };
        let same = |left: &DirectoryFacts| {
            kept.is_original() || (left.holds.is_some() && left.holds == kept.holds)
        };
        self.rule(RuleId::Dir3, same, evidence)
    }
}

impl Facts for RelocateFacts {
    const TYPE: ExplanationType = ExplanationType::Command;
    const NO: &'static str = "refused";

    fn yes(&self) -> &'static str {
        "approved"
    }

    fn observed(&self) -> ObservedSnapshot {
        let history = self.kept.holds.map(|holds| holds.history);
        ObservedSnapshot {
            snapshot_id: history.map(|history| history.chain),
            commit_id: history.map(|history| history.boundary),
        }
    }

    fn rules(&self) -> Vec<RuleApplied> {
        vec![self.one_node(), self.original_gives_way(), self.nothing_left_behind()]
    }
}

/// What an operator can do about each failed rule, in the order of the rules.
#[must_use]
pub fn remedies(facts: &RelocateFacts, failed: &[RuleId]) -> Vec<Remedy> {
    failed.iter().flat_map(|rule| remedies_of(facts, *rule)).collect()
}

fn remedies_of(facts: &RelocateFacts, rule: RuleId) -> Vec<Remedy> {
    let by_hand = |action, path| Remedy::by_hand(rule, action, &facts.kept.node, path);
    let join = by_hand(
        "join with an empty directory under a new node id: nothing then hangs on where the old one is",
        "aerodb join --data-dir DIR --node-id NEW_ID --listen HOST:PORT --upstream URL",
    );
    let fork = by_hand(
        "where no node of the cluster can go on, found a new cluster from this directory",
        "aerodb fork --data-dir DIR --into DIR --expected-epoch N --reason TEXT",
    );
    let again = by_hand(
        "copy the directory again while its node is stopped, then relocate the copy",
        "cp -a LEFT KEPT",
    );
    let original = by_hand(
        "name as --from the directory that the identity is bound to, see the evidence",
        "aerodb relocate --data-dir DIR --from DIR --reason TEXT",
    );
    if rule == RuleId::Dir3 && facts.left.is_some() {
        vec![again]
    } else if rule == RuleId::Dir2 && facts.left.is_some() {
        vec![original, join, fork]
    } else {
        // There is no second directory of this node to give up.
        vec![join, fork]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::tests_support::{Story, at, member, node};
    use crate::explain::explain;

    const OLD: DirectoryId = DirectoryId { device: 1, inode: 10 };
    const NEW: DirectoryId = DirectoryId { device: 2, inode: 20 };

    fn directory(here: DirectoryId, bound_to: DirectoryId) -> DirectoryFacts {
        let story = Story::founded();
        DirectoryFacts {
            cluster: *story.authority().cluster(),
            node: node("n1"),
            public_key: member("n1").public_key,
            bound_to,
            here,
            retired: None,
            holds: Some(Holdings {
                ledger: story.head(),
                decisions: None,
                history: at(7),
                received: at(7).boundary,
            }),
        }
    }

    /// A copy that shall take the place of its original.
    fn moved() -> (DirectoryFacts, DirectoryFacts) {
        (directory(NEW, OLD), directory(OLD, OLD))
    }

    fn failed((kept, left): (DirectoryFacts, DirectoryFacts)) -> Vec<RuleId> {
        let facts = RelocateFacts { kept, left: Some(left) };
        let failed: Vec<_> = explain(&facts).failed().map(|rule| rule.rule).collect();
        assert_eq!(remedies(&facts, &failed).is_empty(), failed.is_empty());
        failed
    }

    #[test]
    fn dir2_the_identity_moves_original_gives_way_alone_and_stays_with_it_when_a_copy_is_left() {
        assert_eq!(failed(moved()), []);
        let (copy, original) = moved();
        assert_eq!(failed((original.clone(), copy.clone())), [], "the copy is given up");
        let third = DirectoryId { device: 2, inode: 30 };
        assert_eq!(failed((copy.clone(), directory(third, OLD))), [RuleId::Dir2], "two copies");
        let other = directory(third, third);
        assert_eq!(failed((copy, other)), [RuleId::Dir2], "not what it is a copy of");
    }

    /// Two file systems number their directories from the same number on.
    #[test]
    fn dir2_a_directory_is_the_original_only_by_device_and_inode_together() {
        let (_, original) = moved();
        for here in [DirectoryId { inode: 10, ..NEW }, DirectoryId { device: 1, ..NEW }] {
            assert!(!directory(here, OLD).is_original());
            assert_eq!(failed((directory(here, OLD), original.clone())), []);
            assert_eq!(failed((original.clone(), directory(here, OLD))), []);
            assert_eq!(failed((directory(NEW, OLD), directory(here, OLD))), [RuleId::Dir2]);
        }
        assert!(original.is_original());
        let facts = RelocateFacts { kept: original, left: Some(moved().0) };
        let explanation = explain(&facts);
        assert_eq!(explanation.conclusion.status, "approved");
        assert_eq!(explanation.observed_snapshot.commit_id, Some(at(7).boundary));
        assert_eq!(explanation.observed_snapshot.snapshot_id, Some(at(7).chain));
    }

    #[test]
    fn dir2_a_retired_directory_comes_back_only_as_the_end_of_what_was_begun() {
        let (copy, mut original) = moved();
        original.retired = Some(Retired::Relocated { to: NEW });
        assert_eq!(failed((copy.clone(), original.clone())), [], "cut short before its last step");
        let facts = RelocateFacts { kept: copy.clone(), left: Some(original.clone()) };
        assert!(!facts.is_done());
        let kept = DirectoryFacts { bound_to: NEW, ..copy.clone() };
        assert!(RelocateFacts { kept, left: Some(original.clone()) }.is_done());

        original.retired = Some(Retired::Relocated { to: OLD });
        assert_eq!(failed((copy.clone(), original.clone())), [RuleId::Dir2]);
        assert_eq!(failed((original.clone(), copy.clone())), [RuleId::Dir2], "it stays retired");
        original.retired = Some(Retired::Forked { cluster: original.cluster });
        assert_eq!(failed((copy, original)), [RuleId::Dir2]);
    }

    #[test]
    fn dir1_directories_of_two_nodes_or_one_directory_twice_are_refused() {
        let (copy, original) = moved();
        let other = DirectoryFacts { node: node("n2"), ..original.clone() };
        assert_eq!(failed((copy.clone(), other)), [RuleId::Dir1]);
        let other = DirectoryFacts { public_key: member("n2").public_key, ..original.clone() };
        assert_eq!(failed((copy, other)), [RuleId::Dir1]);
        assert_eq!(failed((original.clone(), original)), [RuleId::Dir1]);
    }

    #[test]
    fn dir3_a_copy_that_lacks_what_the_original_has_is_not_kept() {
        let (copy, original) = moved();
        let all = original.holds.unwrap();
        let shorter = [
            Holdings { history: at(6), ..all },
            Holdings { received: at(8).boundary, ..all },
            Holdings { decisions: Some(all.ledger), ..all },
            Holdings { ledger: Story::founded().admit("n2").head(), ..all },
        ];
        for holds in shorter {
            let stale = DirectoryFacts { holds: Some(holds), ..copy.clone() };
            assert_eq!(failed((stale, original.clone())), [RuleId::Dir3]);
        }
    }

    #[test]
    fn each_refusal_of_a_relocation_offers_the_commands_that_could_change_it() {
        let (kept, left) = moved();
        let offered = |left: Option<DirectoryFacts>, rule| -> Vec<String> {
            let facts = RelocateFacts { kept: kept.clone(), left };
            let remedies = remedies(&facts, &[rule]);
            assert!(remedies.iter().all(|it| it.rule == rule && it.method == Remedy::BY_HAND));
            assert!(remedies.iter().all(|it| it.node_id.as_ref() == Some(&node("n1"))));
            let command = |it: &Remedy| it.path.split(" -").next().unwrap_or_default().to_owned();
            remedies.iter().map(command).collect()
        };
        let (join, fork) = ("aerodb join", "aerodb fork");
        assert_eq!(offered(Some(left.clone()), RuleId::Dir1), [join, fork]);
        assert_eq!(offered(Some(left.clone()), RuleId::Dir2), ["aerodb relocate", join, fork]);
        assert_eq!(offered(Some(left), RuleId::Dir3), ["cp"]);
        for rule in [RuleId::Dir1, RuleId::Dir2, RuleId::Dir3] {
            assert_eq!(offered(None, rule), [join, fork]);
        }
    }

    #[test]
    fn an_original_that_cannot_be_reached_leaves_it_undetermined_and_says_the_ways_on() {
        let facts = RelocateFacts { kept: directory(NEW, OLD), left: None };
        let explanation = explain(&facts);
        assert_eq!(explanation.conclusion.status, "undetermined");
        let failed: Vec<_> = explanation.failed().map(|rule| rule.rule).collect();
        assert_eq!(failed, [RuleId::Dir1, RuleId::Dir2, RuleId::Dir3]);
        let paths: Vec<_> = remedies(&facts, &failed).iter().map(|it| it.path).collect();
        assert!(paths.iter().any(|path| path.starts_with("aerodb join")), "{paths:?}");
        assert!(paths.iter().any(|path| path.starts_with("aerodb fork")), "{paths:?}");
    }
}
