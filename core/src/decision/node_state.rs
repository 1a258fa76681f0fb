//! What a node is, as far as decisions read it; and the one place where facts are made of that. A running node, an
//! offline dry run and the model ask here, so that all three decide on the same.
//!
//! A decline's facts are made by [`DeclineFacts::new`](crate::decision::decline::DeclineFacts::new): it asks neither
//! role nor halt. What is decided in a node alone (a checkpoint, a recovery, a fork, a relocation) has one maker there.

mod bootstrap;
mod read;
mod write;

use crate::authority::{Authority, PresentedDecline};
use crate::decision::command::{Command, CommandFacts};
use crate::decision::promotion::{AuthorityFacts, Progress, PromotionFacts};
use crate::decision::read::Standing;
use crate::hash::Chain;
use crate::id::{Boundary, Epoch, NodeId};
use crate::machine::RoleName;
use crate::position::Position;
use crate::rules::RuleId;
use crate::wal::EpochMismatch;

pub use bootstrap::Transferred;
pub use read::{ReadAsked, Readable};
pub use write::Writer;

/// A node at one moment.
#[derive(Debug, Clone, Copy)]
pub struct NodeState<'a> {
    /// The node.
    pub node: &'a NodeId,
    /// What its authority ledger says.
    pub authority: &'a Authority,
    /// Its role, as long as nothing halts it.
    pub role: RoleName,
    /// The rule of the halt in force, if there is one.
    pub halt: Option<RuleId>,
}

/// What a promotion is asked with.
#[derive(Debug, Clone)]
pub struct PromotionAsked {
    /// The epoch that the request names.
    pub expected_epoch: Epoch,
    /// The node that the request names, if it names one.
    pub replica_id: Option<NodeId>,
    /// The decline that it presents, if it presents one.
    pub decline: Option<PresentedDecline>,
    /// Whether another attempt is running.
    pub attempt_in_progress: bool,
}

/// What a node's own history and records say to a promotion.
#[derive(Debug, Clone, Copy)]
pub struct History {
    /// The end of the validated history.
    pub wal_end: Position,
    /// Where the durable but not validated bytes end.
    pub received: Boundary,
    /// The chain at the place that the basis names; `None` when the history does not reach it or there is no basis.
    pub chain_at_basis: Option<Chain>,
    /// The first batch that carries another epoch than its position, if there is one.
    pub epoch_mismatch: Option<EpochMismatch>,
    /// Whether the node's own record says that it declined the next epoch.
    pub declined: bool,
}

impl NodeState<'_> {
    /// A halted node is that and nothing else (RM-5).
    fn role(&self) -> RoleName {
        if self.halt.is_some() { RoleName::ReplicationHalted } else { self.role }
    }

    /// What the gate's answers stand on (F-RS2).
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing { role: self.role(), epoch: self.authority.epoch(), halt: self.halt }
    }

    /// What a command on authority is decided on, the validated history ending there. `pulling` says whether the
    /// node that it is about pulls now.
    #[must_use]
    pub fn of_command(
        &self,
        command: Command,
        expected_epoch: Option<Epoch>,
        wal_end: Position,
        pulling: bool,
    ) -> CommandFacts {
        let Self { node, authority, halt, .. } = *self;
        let subject = command.subject();
        let key_known = match &command {
            Command::Admit(member) => {
                authority.members().any(|(known, _)| known.public_key == member.public_key)
            }
            Command::Remove(_)
            | Command::Designate(_)
            | Command::Release(_)
            | Command::Relinquish(_)
            | Command::EndObligation(_) => false,
        };
        CommandFacts {
            cluster: *authority.cluster(),
            node: node.clone(),
            expected_epoch,
            ledger: authority.head(),
            authority: AuthorityFacts::from(authority),
            role: self.role(),
            halt,
            wal_end,
            membership: authority.member(subject).map(|(_, membership)| membership),
            key_known,
            pulling,
            declined: authority.has_declined(subject),
            command,
        }
    }

    /// What a promotion of this node is decided on.
    #[must_use]
    pub fn of_promotion(&self, asked: PromotionAsked, history: History) -> PromotionFacts {
        let Self { node, authority, halt, .. } = *self;
        let wal_end = history.wal_end;
        let validated = wal_end.boundary;
        PromotionFacts {
            cluster: *authority.cluster(),
            member: authority.admitted(node).is_some(),
            node: node.clone(),
            expected_epoch: asked.expected_epoch,
            replica_id: asked.replica_id,
            ledger: authority.head(),
            authority: AuthorityFacts::from(authority),
            role: self.role(),
            halt,
            attempt_in_progress: asked.attempt_in_progress,
            progress: Progress { received: history.received, validated, applied: validated },
            wal_end,
            chain_at_basis: history.chain_at_basis,
            epoch_mismatch: history.epoch_mismatch,
            declined: authority.has_declined(node) || history.declined,
            decline: asked.decline,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::tests_support::{Story, at, node};

    /// n1 of this story, as the holder that nothing halts.
    pub(super) fn holder(story: &Story) -> NodeState<'_> {
        let authority = story.authority();
        NodeState { node: authority.holder(), authority, role: RoleName::PrimaryActive, halt: None }
    }

    #[test]
    fn rm_5_whoever_is_halted_decides_as_that_whatever_its_role_was() {
        let story = Story::founded().admit("n2");
        let mut state = holder(&story);
        let release = || Command::Release(node("n2"));
        let decides = |state: &NodeState<'_>| state.of_command(release(), None, at(12), true).role;
        assert_eq!(decides(&state), RoleName::PrimaryActive);
        assert_eq!(state.standing().role, RoleName::PrimaryActive);
        state.halt = Some(RuleId::FV2);
        let halted = state.of_command(release(), None, at(12), true);
        assert_eq!((halted.role, halted.halt), (RoleName::ReplicationHalted, Some(RuleId::FV2)));
        let standing = state.standing();
        assert_eq!((standing.role, standing.halt), (halted.role, halted.halt));
    }

    #[test]
    fn a_key_that_was_ever_admitted_is_known_and_another_is_not() {
        let story = Story::founded().admit("n2");
        let state = holder(&story);
        let (known, _) = story.authority().member(&node("n2")).unwrap();
        let mut member = known.clone();
        member.node_id = node("n3");
        let admit = |member| state.of_command(Command::Admit(member), None, at(12), false);
        assert!(admit(member.clone()).key_known);
        member.public_key.0[0] ^= 1;
        assert!(!admit(member).key_known);
    }

    /// By the ledger or by its own record: one of them is enough, the other may not have it yet.
    #[test]
    fn a_node_has_declined_where_the_ledger_or_its_own_record_says_so() {
        let designated = Story::founded().admit("n2").designate("n2", 10);
        let declined = designated.clone().end_by_decline("n2");
        let n2 = node("n2");
        for (story, by_record, expected) in [
            (&designated, false, false),
            (&designated, true, true),
            (&declined, false, true),
            (&declined, true, true),
        ] {
            let state = NodeState {
                node: &n2,
                authority: story.authority(),
                role: RoleName::ReplicaActive,
                halt: None,
            };
            let asked = PromotionAsked {
                expected_epoch: Epoch::FIRST,
                replica_id: None,
                decline: None,
                attempt_in_progress: false,
            };
            let history = History {
                wal_end: at(12),
                received: at(12).boundary,
                chain_at_basis: None,
                epoch_mismatch: None,
                declined: by_record,
            };
            assert_eq!(state.of_promotion(asked, history).declined, expected);
        }
    }
}
