//! Whether all is there that is known to have been there. A chain walk cannot see a cut tail, so this is
//! judged by what others have seen of a log: the stamp in the identity, the WAL's stamps of the authority
//! ledger, the commits that the node's own ledger entries name, and the requests that its grants are named after.

use aerodb_core::authority::Authority;
use aerodb_core::hash::PublicKey;
use aerodb_core::id::{Boundary, NodeId, Seq};
use aerodb_core::position::LedgerHead;
use aerodb_core::rules::RuleId;
use serde::Serialize;

use crate::log::Recovery;

/// Whether anything is missing that is known to have been there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "status", content = "missing", rename_all = "snake_case")]
pub enum Completeness {
    /// The log reaches every place that is known of it.
    Ok,
    /// It does not.
    Fault(Vec<Missing>),
    /// Nothing is known of it, or it could not be read to its end.
    Unknown,
}

/// A place that a log is known to have reached, and does not reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "witness", rename_all = "snake_case")]
pub enum Missing {
    /// The identity was stamped when the log had more appends (DIS-16).
    #[error(
        "the log ends with append {last}, the identity's stamp says that {stamped} was durable"
    )]
    IdentityStamp {
        /// DIS-16.
        rule: RuleId,
        /// The append that was durable.
        stamped: u64,
        /// The log's last; 0 for none.
        last: u64,
    },
    /// The WAL has seen a ledger that this one does not contain (AU-14).
    #[error(
        "the WAL has seen entry {} ({}), the ledger ends at {} ({})",
        seen.seq, seen.hash, head.seq, head.hash
    )]
    WalStamp {
        /// AU-14.
        rule: RuleId,
        /// What the WAL has seen last.
        seen: LedgerHead,
        /// Where the ledger ends.
        head: LedgerHead,
    },
    /// A grant to this node is named after an entry of its own record, which was durable before it (DIS-16).
    #[error("the ledger ends at entry {last}, a grant to this node was asked for in entry {asked}")]
    OwnGrant {
        /// DIS-16.
        rule: RuleId,
        /// The number of the entry that was durable.
        asked: Seq,
        /// The ledger's last; 0 for none.
        last: u64,
    },
    /// An entry that this node wrote into the authority ledger names a commit (DIS-16).
    #[error("the WAL ends at commit {last}, an authority entry of this node names commit {named}")]
    OwnEntry {
        /// DIS-16.
        rule: RuleId,
        /// The commit that was durable.
        named: Boundary,
        /// The WAL's last; 0 for none.
        last: Boundary,
    },
}

impl Missing {
    /// The rule that says that it must not be missing.
    #[must_use]
    pub const fn rule(&self) -> RuleId {
        match self {
            Self::IdentityStamp { rule, .. }
            | Self::WalStamp { rule, .. }
            | Self::OwnGrant { rule, .. }
            | Self::OwnEntry { rule, .. } => *rule,
        }
    }
}

/// What the identity of a directory says of it; nothing where the identity is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Known<'a> {
    /// Whose directory it is.
    pub node: Option<&'a NodeId>,
    /// The key that its files must belong to.
    pub owner: Option<&'a PublicKey>,
    /// The last append to each log that was durable when the identity was stamped.
    pub stamps: Option<Stamps>,
}

/// Numbers of appends that were durable; 0 for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamps {
    /// In the authority ledger.
    pub authority: u64,
    /// In the decision ledger.
    pub decision: u64,
    /// In the WAL.
    pub wal: u64,
}

impl Completeness {
    /// Whether something is known to be missing.
    #[must_use]
    pub const fn is_fault(&self) -> bool {
        match self {
            Self::Fault(_) => true,
            Self::Ok | Self::Unknown => false,
        }
    }

    /// Against the stamp.
    pub(super) fn by_stamp(recovery: &Recovery, stamped: Option<u64>) -> Self {
        let last = recovery.last_frame_seq.unwrap_or(0);
        match stamped {
            None => Self::Unknown,
            Some(stamped) if stamped <= last => Self::Ok,
            Some(stamped) => {
                Self::Fault(vec![Missing::IdentityStamp { rule: RuleId::Dis16, stamped, last }])
            }
        }
    }

    /// When a witness could not be heard to its end.
    pub(super) fn unproven(self) -> Self {
        match self {
            Self::Fault(missing) => Self::Fault(missing),
            Self::Ok | Self::Unknown => Self::Unknown,
        }
    }

    /// With what another witness says.
    pub(super) fn and(self, found: Option<Missing>) -> Self {
        match (self, found) {
            (Self::Fault(mut missing), found) => {
                missing.extend(found);
                Self::Fault(missing)
            }
            (Self::Ok | Self::Unknown, Some(found)) => Self::Fault(vec![found]),
            (Self::Ok | Self::Unknown, None) => Self::Ok,
        }
    }
}

/// The authority ledger against what the WAL has seen of it.
pub(super) fn by_wal(authority: &Authority, seen: LedgerHead) -> Option<Missing> {
    let head = authority.head();
    (!authority.contains(&seen)).then_some(Missing::WalStamp { rule: RuleId::Au14, seen, head })
}

/// The WAL against what the node itself has said of it.
pub(super) fn by_own_entry(last: Boundary, named: Boundary) -> Option<Missing> {
    (last < named).then_some(Missing::OwnEntry { rule: RuleId::Dis16, named, last })
}

/// The decision ledger against the grants that this node was given.
pub(super) fn by_own_grant(head: Option<LedgerHead>, asked: Seq) -> Option<Missing> {
    let last = head.map_or(0, |head| head.seq.get());
    (last < asked.get()).then_some(Missing::OwnGrant { rule: RuleId::Dis16, asked, last })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wal_that_reaches_what_the_node_named_lacks_nothing_of_it() {
        let found = |last, named| by_own_entry(Boundary::new(last), Boundary::new(named));
        assert_eq!([found(5, 5), found(6, 5), found(0, 0)], [None, None, None]);
        let (named, last) = (Boundary::new(5), Boundary::new(4));
        assert_eq!(found(4, 5), Some(Missing::OwnEntry { rule: RuleId::Dis16, named, last }));
    }
}
