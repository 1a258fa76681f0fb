//! Whether the holder carries out an authority command, and the entry that doing so appends
//! (DESIGN 3.1, 3.2).

mod condition;
mod remedies;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::authority::{Certificate, EntryBody, Member, Membership, PresentedDecline};
use crate::decision::promotion::AuthorityFacts;
use crate::explain::{ExplanationType, Facts, ObservedSnapshot, RuleApplied};
use crate::hash::ClusterId;
use crate::id::{Epoch, NodeId};
use crate::machine::RoleName;
use crate::position::{LedgerHead, Position};
use crate::rules::RuleId;
use condition::Condition;

pub use remedies::remedies;

/// What an operator may ask of the holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Let a node take part.
    Admit(Member),
    /// Let it take part no more.
    Remove(NodeId),
    /// Name the heir of the current epoch.
    Designate(NodeId),
    /// Take the heir's title back.
    Release(NodeId),
    /// End the epoch in a node's favour.
    Relinquish(NodeId),
    /// End the obligation towards a node that has declined the next epoch.
    EndObligation(Box<PresentedDecline>),
}

impl Command {
    /// The word used in paths, JSON and tables.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Admit(_) => "admit",
            Self::Remove(_) => "remove",
            Self::Designate(_) => "designate",
            Self::Release(_) => "release",
            Self::Relinquish(_) => "relinquish",
            Self::EndObligation(_) => "end_obligation",
        }
    }

    /// The node that it is about.
    #[must_use]
    pub fn subject(&self) -> &NodeId {
        match self {
            Self::Admit(member) => &member.node_id,
            Self::Remove(node)
            | Self::Designate(node)
            | Self::Release(node)
            | Self::Relinquish(node) => node,
            Self::EndObligation(decline) => &decline.certificate.claim.node_id,
        }
    }
}

/// Everything that the decision reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandFacts {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node that is asked.
    pub node: NodeId,
    /// What is asked.
    pub command: Command,
    /// The epoch that the request names; only admitting and removing may leave it out.
    pub expected_epoch: Option<Epoch>,
    /// The end of this node's authority ledger.
    pub ledger: LedgerHead,
    /// What that ledger says.
    pub authority: AuthorityFacts,
    /// The node's role.
    pub role: RoleName,
    /// The rule of the halt in force, if there is one.
    pub halt: Option<RuleId>,
    /// The end of the node's history, the writer being quiesced.
    pub wal_end: Position,
    /// Whether the node that the command is about was ever admitted, and still is.
    pub membership: Option<Membership>,
    /// Whether the public key in the command was ever admitted.
    pub key_known: bool,
    /// Whether that node is pulling from this one now.
    pub pulling: bool,
    /// Whether the ledger shows that node to have declined the next epoch.
    pub declined: bool,
}

impl CommandFacts {
    /// The entry that an approved command appends.
    #[must_use]
    pub fn entry(&self) -> EntryBody {
        let epoch = self.authority.epoch;
        match &self.command {
            Command::Admit(member) => EntryBody::MemberAdmitted { epoch, member: member.clone() },
            Command::Remove(node) => EntryBody::MemberRemoved { epoch, node_id: node.clone() },
            Command::Designate(node) => {
                EntryBody::SuccessorDesignated { epoch, successor: node.clone(), at: self.wal_end }
            }
            Command::Release(node) => {
                EntryBody::SuccessorReleased { epoch, successor: node.clone() }
            }
            Command::Relinquish(node) => EntryBody::AuthorityRelinquished {
                epoch,
                successor: node.clone(),
                final_position: self.wal_end,
            },
            Command::EndObligation(decline) => EntryBody::ObligationEnded {
                epoch,
                node_id: decline.certificate.claim.node_id.clone(),
                certificate: Certificate::Decline(decline.certificate.clone()),
            },
        }
    }
}

impl Facts for CommandFacts {
    const TYPE: ExplanationType = ExplanationType::Command;
    const NO: &'static str = "refused";

    fn yes(&self) -> &'static str {
        "approved"
    }

    fn observed(&self) -> ObservedSnapshot {
        ObservedSnapshot {
            snapshot_id: Some(self.wal_end.chain),
            commit_id: Some(self.wal_end.boundary),
        }
    }

    fn rules(&self) -> Vec<RuleApplied> {
        Condition::of(&self.command).iter().map(|condition| condition.apply(self)).collect()
    }
}
