//! Why the fold refuses an entry.

use crate::hash::Hash;
use crate::id::{Epoch, NodeId, Seq};
use crate::position::Position;
use crate::rules::{RULESET, RuleId};

/// Why an entry may not stand where it stands. Each carries the values that disagreed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// The number is not the next one.
    #[error("entry {found} stands where {expected} must")]
    Number {
        /// The next number.
        expected: Seq,
        /// The entry's.
        found: Seq,
    },
    /// The entry continues another ledger.
    #[error("entry {seq} continues {found}, the ledger ends with {expected}")]
    Previous {
        /// The entry.
        seq: Seq,
        /// The hash of the ledger's last entry.
        expected: Hash,
        /// What the entry says is before it.
        found: Hash,
    },
    /// A ledger starts with genesis and has one only.
    #[error("a ledger starts with its only genesis entry; entry {seq} is {kind}")]
    Genesis {
        /// The entry.
        seq: Seq,
        /// Its kind.
        kind: &'static str,
    },
    /// Another node than the one entitled wrote it.
    #[error("{found} may not write this entry, only {entitled} may")]
    Author {
        /// Who may.
        entitled: NodeId,
        /// Who did.
        found: NodeId,
    },
    /// It speaks of another epoch than the current one.
    #[error("the entry speaks of epoch {found}, the ledger is in {expected}")]
    Epoch {
        /// The epoch it must name.
        expected: Epoch,
        /// The epoch it names.
        found: Epoch,
    },
    /// The holder has relinquished; only a grant may follow.
    #[error("epoch {epoch} is relinquished; only a grant may follow")]
    Relinquished {
        /// The epoch.
        epoch: Epoch,
    },
    /// A node id or key is already taken.
    #[error("{node_id} was already admitted, or its key was")]
    MemberTaken {
        /// The node.
        node_id: NodeId,
    },
    /// The node is no member, or may not be what the entry makes of it.
    #[error("{node_id} cannot be {what}")]
    Member {
        /// The node.
        node_id: NodeId,
        /// For example `successor`, `removed`.
        what: &'static str,
    },
    /// There is an obligation that stands against it, or none where one must be.
    #[error("the obligation in force is towards {found:?}, the entry needs {needed:?}")]
    Obligation {
        /// The node under obligation.
        found: Option<NodeId>,
        /// The node that must be.
        needed: Option<NodeId>,
    },
    /// The position lies before one that the ledger has already named, or beside it.
    #[error("the entry names boundary {found}, it must be at least {least}", found = found.boundary, least = least.boundary)]
    Position {
        /// The least place.
        least: Position,
        /// The place named.
        found: Position,
    },
    /// The certificate does not show what it must.
    #[error("the certificate does not end the obligation: {what}")]
    Certificate {
        /// What it fails to show.
        what: &'static str,
    },
    /// The node has declined the epoch that would come next.
    #[error("{node_id} has declined the epoch after {epoch}")]
    Declined {
        /// The node.
        node_id: NodeId,
        /// The epoch that the ledger is in.
        epoch: Epoch,
    },
    /// The grant's basis is not in this ledger.
    #[error("the ledger holds no {basis} in favour of {holder}")]
    Basis {
        /// The basis claimed.
        basis: &'static str,
        /// The grantee.
        holder: NodeId,
    },
    /// The grant's decision was made under rules that this program does not have.
    #[error(
        "the grant's decision was made under ruleset {found}; this program has ruleset {RULESET} and cannot make it again"
    )]
    Ruleset {
        /// The version recorded.
        found: u32,
    },
    /// The decision recorded in the grant is not the one that the rules give, or speaks of another state.
    #[error("the recorded decision does not stand: {what}")]
    Decision {
        /// What is wrong with it.
        what: &'static str,
    },
}

impl Illegal {
    /// The rule that the entry breaks.
    #[must_use]
    pub const fn rule(&self) -> RuleId {
        match self {
            Self::Number { .. } | Self::Previous { .. } | Self::Genesis { .. } => RuleId::P6A2,
            Self::Author { .. } | Self::Relinquished { .. } | Self::Basis { .. } => RuleId::P6A1,
            Self::Epoch { .. } | Self::MemberTaken { .. } | Self::Member { .. } => RuleId::P6A3,
            Self::Obligation { .. } | Self::Certificate { .. } => RuleId::P6Sb3,
            Self::Position { .. } => RuleId::P6S2,
            Self::Decision { .. } => RuleId::P6F1,
            Self::Declined { .. } => RuleId::Au17,
            Self::Ruleset { .. } => RuleId::Au19,
        }
    }
}
