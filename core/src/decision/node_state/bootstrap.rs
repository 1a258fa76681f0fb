//! What it is decided on whether a snapshot takes the place of a replica's history.

use super::NodeState;
use crate::decision::bootstrap::{BootstrapFacts, SnapshotReceived};
use crate::decision::promotion::AuthorityFacts;
use crate::id::{CommitId, NodeId};
use crate::position::Position;

/// What a transfer brought.
#[derive(Debug, Clone)]
pub struct Transferred {
    /// The node that sent it.
    pub source: NodeId,
    /// What was received; `None` when some byte of it is wrong.
    pub snapshot: Option<SnapshotReceived>,
    /// Where in what was received the first damage is.
    pub damage_at: Option<u64>,
}

impl NodeState<'_> {
    /// What it is decided on whether that takes the place of this node's history, which ends at `own`. Whether the
    /// snapshot's ledger is known, and which epoch its cut is of, is asked of this node's ledger alone.
    #[must_use]
    pub fn of_bootstrap(&self, own: Position, transferred: Transferred) -> BootstrapFacts {
        let Self { node, authority, halt, .. } = *self;
        let Transferred { source, snapshot, damage_at } = transferred;
        let last = snapshot.and_then(|found| CommitId::new(found.position.boundary.get()));
        BootstrapFacts {
            cluster: *authority.cluster(),
            node: node.clone(),
            source,
            ledger: authority.head(),
            authority: AuthorityFacts::from(authority),
            role: self.role(),
            halt,
            own,
            snapshot,
            damage_at,
            ledger_known: snapshot.is_some_and(|found| authority.contains(&found.ledger)),
            epoch_by_ledger: last.map(|commit| authority.epoch_at(commit)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::tests_support::{Story, at, epoch, node};
    use crate::explain::explain;
    use crate::hash::Hash;
    use crate::id::Boundary;
    use crate::machine::RoleName;
    use crate::rules::RuleId;

    fn snapshot(story: &Story, commits: u64) -> SnapshotReceived {
        SnapshotReceived {
            cluster: *story.authority().cluster(),
            position: at(commits),
            epoch: story.authority().epoch(),
            ledger: story.head(),
            oldest_retained: Boundary::new(commits),
            designation: None,
            keys: 1,
            versions: 1,
            bytes: 400,
            manifest: Hash([9; 32]),
        }
    }

    /// On n3, a replica with 3 commits, from n1.
    fn facts(
        story: &Story,
        halt: Option<RuleId>,
        snapshot: Option<SnapshotReceived>,
    ) -> BootstrapFacts {
        let (n3, source) = (node("n3"), node("n1"));
        let role = RoleName::ReplicaActive;
        let state = NodeState { node: &n3, authority: story.authority(), role, halt };
        let damage_at = snapshot.is_none().then_some(7);
        state.of_bootstrap(at(3), Transferred { source, snapshot, damage_at })
    }

    #[test]
    fn a_replica_judges_a_snapshot_by_its_own_ledger() {
        let story = Story::founded().admit("n2").admit("n3");
        let sent = snapshot(&story, 12);
        let judged = facts(&story, None, Some(sent));
        assert!(explain(&judged).holds());
        assert_eq!((judged.own, judged.ledger), (at(3), story.head()));
        assert_eq!((judged.source.clone(), judged.snapshot), (node("n1"), Some(sent)));
        assert_eq!((judged.ledger_known, judged.epoch_by_ledger), (true, Some(epoch(1))));
        let ledger = Story::promoted_at(14).head();
        let unknown = facts(&story, None, Some(SnapshotReceived { ledger, ..sent }));
        assert!(!unknown.ledger_known);
    }

    #[test]
    fn what_is_damaged_says_nothing_of_ledger_or_epoch() {
        let story = Story::founded().admit("n2").admit("n3");
        let judged = facts(&story, None, None);
        assert_eq!((judged.ledger_known, judged.epoch_by_ledger), (false, None));
        assert_eq!((judged.snapshot, judged.damage_at), (None, Some(7)));
    }

    #[test]
    fn a_snapshot_of_nothing_has_no_epoch() {
        let story = Story::founded().admit("n2").admit("n3");
        let judged = facts(&story, None, Some(snapshot(&story, 0)));
        assert_eq!((judged.ledger_known, judged.epoch_by_ledger), (true, None));
    }

    #[test]
    fn rs_6_a_replica_that_halts_over_the_last_snapshot_is_halted_and_may_ask() {
        let story = Story::founded().admit("n2").admit("n3");
        let judged = |halt| facts(&story, Some(halt), Some(snapshot(&story, 12)));
        assert_eq!(judged(RuleId::FS3).role, RoleName::ReplicationHalted);
        assert!(explain(&judged(RuleId::FS3)).holds());
        assert!(!explain(&judged(RuleId::FV2)).holds());
    }
}
