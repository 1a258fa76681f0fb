//! What a peer that pulls may have, and whether it is one that anything may be served to or counted of.

use crate::authority::{Authority, Obligation};
use crate::decision::tenure::Bounds;
use crate::hash::{Chain, Hash};
use crate::id::{Boundary, NodeId, Seq};
use crate::machine::RoleName;
use crate::position::{LedgerHead, Position};
use crate::rules::RuleId;

/// What a peer may have now; `None` is nothing, because it is unknown how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The last ledger entry.
    pub ledger: Option<Seq>,
    /// The end of the history.
    pub wal: Option<Boundary>,
    /// The acknowledged bound that goes with it.
    pub acknowledged: Option<Boundary>,
}

/// The obliged node may have everything durable, every other what is acknowledged and covered; nothing while
/// that is unknown.
#[must_use]
pub fn due(authority: &Authority, node: &NodeId, bounds: &Bounds) -> Due {
    let obliged = authority.obligation().is_some_and(|owed| &owed.node_id == node);
    if obliged {
        let (ledger, wal) = (Some(authority.head().seq), Some(bounds.durable));
        Due { ledger, wal, acknowledged: bounds.acknowledged }
    } else {
        Due { ledger: bounds.covered, wal: bounds.acknowledged, acknowledged: bounds.acknowledged }
    }
}

/// The obligation of the node `this`, if it is the holder's and towards this peer.
#[must_use]
pub fn owed_to(authority: &Authority, this: &NodeId, peer: &NodeId) -> Option<Obligation> {
    let ours = authority.holder() == this;
    authority.obligation().filter(|owed| ours && &owed.node_id == peer)
}

/// Whether a node in this role serves anybody: a halted one does not.
#[must_use]
pub const fn serves(role: RoleName) -> bool {
    match role {
        RoleName::PrimaryActive | RoleName::ReplicaActive | RoleName::PrimarySealed => true,
        RoleName::Uninitialized | RoleName::ReplicationHalted => false,
    }
}

/// Why a peer is sent away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeerRefused {
    /// Its ledger has another entry where both have one.
    #[error("ledger entry {seq} is not this ledger's")]
    LedgerParted {
        /// The entry.
        seq: Seq,
    },
    /// Its ledger is longer than this one.
    #[error("its ledger is ahead of this node's, at entry {seq}")]
    LedgerAhead {
        /// Its end.
        seq: Seq,
    },
    /// Its history is longer than the holder's.
    #[error("its history runs to {peer}, that of this node, the holder, to {durable}")]
    HistoryAhead {
        /// Where the peer's ends.
        peer: Boundary,
        /// Where this one ends.
        durable: Boundary,
    },
    /// Its history is another one.
    #[error("its history at {at} is not this one")]
    HistoryParted {
        /// Where it ends.
        at: Boundary,
    },
}

impl PeerRefused {
    /// The rule that its ledger or history breaks.
    #[must_use]
    pub const fn rule(&self) -> RuleId {
        match self {
            Self::LedgerParted { .. } | Self::LedgerAhead { .. } => RuleId::P6A2,
            Self::HistoryAhead { .. } | Self::HistoryParted { .. } => RuleId::Ri3,
        }
    }

    /// Whether the two have parted for good, so that the peer halts over it.
    #[must_use]
    pub const fn is_parted(&self) -> bool {
        match self {
            Self::LedgerParted { .. } | Self::HistoryParted { .. } => true,
            Self::LedgerAhead { .. } | Self::HistoryAhead { .. } => false,
        }
    }
}

/// Checks that the peer's ledger is a prefix of this node's, whose entry at that place has this hash (`None`
/// where there is none).
///
/// # Errors
/// [`PeerRefused`].
pub fn check_ledger(peer: &LedgerHead, hash_here: Option<Hash>) -> Result<(), PeerRefused> {
    match hash_here {
        Some(hash) if hash != peer.hash => Err(PeerRefused::LedgerParted { seq: peer.seq }),
        Some(_) => Ok(()),
        None => Err(PeerRefused::LedgerAhead { seq: peer.seq }),
    }
}

/// Checks that the node `this`, if it is the holder, has all of the peer's history. A peer that has more has what
/// the holder has lost, and is sent away unharmed: taken in, it would be counted as attached, the next write would
/// give its commit a second content, and the only whole history would halt over it.
///
/// # Errors
/// [`PeerRefused::HistoryAhead`].
pub fn check_not_ahead(
    authority: &Authority,
    this: &NodeId,
    peer: &Position,
    durable: Boundary,
) -> Result<(), PeerRefused> {
    if authority.holder() == this && peer.boundary > durable {
        Err(PeerRefused::HistoryAhead { peer: peer.boundary, durable })
    } else {
        Ok(())
    }
}

/// Checks that the peer's history is a prefix of this one, which has the chain `chain_here` at its end; a
/// history past the end of this one is not judged, for there is nothing to serve.
///
/// # Errors
/// [`PeerRefused::HistoryParted`].
pub fn check_history(
    peer: &Position,
    durable: Boundary,
    chain_here: Option<Chain>,
) -> Result<(), PeerRefused> {
    if peer.boundary <= durable && chain_here != Some(peer.chain) {
        Err(PeerRefused::HistoryParted { at: peer.boundary })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::tests_support::{Story, at, forked_at, node, seq};

    const fn boundary(commits: u64) -> Boundary {
        Boundary::new(commits)
    }

    #[test]
    fn the_obliged_node_may_have_everything_durable_and_the_others_what_is_acknowledged() {
        let story = Story::founded().admit("n2").admit("n3").designate("n2", 5);
        let (acknowledged, covered) = (Some(boundary(6)), Some(seq(3)));
        let bounds = Bounds { durable: boundary(8), acknowledged, covered };
        let due = |name| due(story.authority(), &node(name), &bounds);
        let all = Due { ledger: Some(seq(4)), wal: Some(boundary(8)), acknowledged };
        assert_eq!(due("n2"), all);
        assert_eq!(due("n3"), Due { ledger: covered, wal: acknowledged, acknowledged });
    }

    #[test]
    fn only_the_holder_owes_a_receipts_count_and_only_to_the_heir() {
        let story = Story::founded().admit("n2").admit("n3").designate("n2", 5);
        let owed = |this, peer| owed_to(story.authority(), &node(this), &node(peer));
        assert_eq!(owed("n1", "n2"), story.authority().obligation());
        assert_eq!((owed("n3", "n2"), owed("n1", "n3")), (None, None));
    }

    #[test]
    fn rm5_a_halted_node_serves_nobody() {
        let serving = [RoleName::PrimaryActive, RoleName::ReplicaActive, RoleName::PrimarySealed];
        assert!(serving.into_iter().all(serves));
        assert!(!serves(RoleName::ReplicationHalted) && !serves(RoleName::Uninitialized));
    }

    #[test]
    fn p6_a2_a_ledger_that_is_no_prefix_is_refused() {
        let head = Story::founded().admit("n2").head();
        assert_eq!(check_ledger(&head, Some(head.hash)), Ok(()));
        let parted = check_ledger(&head, Some(Hash([7; 32]))).unwrap_err();
        assert!(parted.is_parted());
        let ahead = check_ledger(&head, None).unwrap_err();
        assert_eq!((ahead.is_parted(), ahead.rule()), (false, RuleId::P6A2));
    }

    #[test]
    fn ri3_a_history_that_is_no_prefix_is_refused() {
        let (peer, end) = (at(5), boundary(8));
        assert_eq!(check_history(&peer, end, Some(peer.chain)), Ok(()));
        assert_eq!(check_history(&peer, boundary(4), None), Ok(()), "past the end of this one");
        for here in [None, Some(forked_at(5).chain)] {
            let refused = check_history(&peer, end, here).unwrap_err();
            assert_eq!((refused.is_parted(), refused.rule()), (true, RuleId::Ri3));
        }
    }

    #[test]
    fn ri3_only_the_holder_sends_a_peer_away_that_is_ahead_of_it() {
        let (story, peer) = (Story::founded().admit("n2"), at(5));
        let check = |this, durable| {
            check_not_ahead(story.authority(), &node(this), &peer, boundary(durable))
        };
        assert!(!check("n1", 4).unwrap_err().is_parted());
        assert_eq!((check("n1", 5), check("n2", 4)), (Ok(()), Ok(())));
    }
}
