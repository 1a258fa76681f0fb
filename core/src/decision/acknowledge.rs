//! How far the history is acknowledged, and so may be seen (DESIGN 3.2). Nothing above the bound is
//! ever shown.
//!
//! Keeps: P3-R7, MVS-1.

use crate::authority::{
    Authority, Certificate, EntryBody, Obligation, ReceiptClaim, SignedReceipt, Succession,
};
use crate::hash::Chain;
use crate::id::{Boundary, NodeId, Seq};
use crate::position::Position;

/// What is known of the bound without a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Floor {
    /// At least this far: it was acknowledged before, or counts as acknowledged.
    Known(Boundary),
    /// After a restart under obligation: what was acknowledged is unknown until a receipt covers the
    /// recovered tip.
    UnknownUntil(Boundary),
}

/// The holder's acknowledged bound. Without an obligation its own fsync is enough; under one, a commit
/// counts once the obliged node's receipt covers it.
#[must_use]
pub fn holder_bound(
    durable: Boundary,
    obliged: bool,
    receipt: Option<Boundary>,
    floor: Floor,
) -> Option<Boundary> {
    if !obliged {
        return Some(durable);
    }
    let covered = receipt.map(|receipt| receipt.min(durable));
    match floor {
        Floor::Known(floor) => Some(covered.map_or(floor, |covered| covered.max(floor))),
        Floor::UnknownUntil(tip) => covered.filter(|covered| *covered >= tip),
    }
}

/// A replica's acknowledged bound. A node under obligation is served what is not acknowledged yet, so it
/// goes by what it is told, and by the designation, up to which everything was acknowledged. Any other
/// replica is served acknowledged commits only.
#[must_use]
pub fn replica_bound(
    authority: &Authority,
    node: &NodeId,
    applied: Boundary,
    told: Option<Boundary>,
) -> Boundary {
    match authority.succession().filter(|heir| heir.successor() == node) {
        Some(heir) => {
            let designated = heir.designated_at().boundary;
            applied.min(told.map_or(designated, |told| told.max(designated)))
        }
        None => applied,
    }
}

/// Why a receipt does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptRefused {
    /// There is no obligation towards that node in that epoch.
    #[error("there is no obligation towards {node} in the epoch of its receipt")]
    NotOwed {
        /// The node of the receipt.
        node: NodeId,
    },
    /// It speaks of another history.
    #[error("the receipt of {node} has another chain at {at} than this history")]
    Chain {
        /// The node of the receipt.
        node: NodeId,
        /// The boundary that it names.
        at: Boundary,
    },
}

/// Checks a receipt against the obligation in force and this node's own history, whose chain at the
/// receipt's boundary is `chain_here` (`None` when no batch ends there).
///
/// # Errors
/// [`ReceiptRefused`] when it is not owed or speaks of another history.
pub fn check_receipt(
    obligation: Option<&Obligation>,
    claim: &ReceiptClaim,
    chain_here: Option<Chain>,
) -> Result<(), ReceiptRefused> {
    let node = claim.node_id.clone();
    let owed = obligation.is_some_and(|owed| owed.node_id == node && owed.epoch == claim.epoch);
    if !owed {
        return Err(ReceiptRefused::NotOwed { node });
    }
    if chain_here != Some(claim.position.chain) {
        return Err(ReceiptRefused::Chain { node, at: claim.position.boundary });
    }
    Ok(())
}

/// What a node whose ledger says this, and whose history is durable and validated through `position`, says of
/// itself in a receipt.
#[must_use]
pub fn claim(authority: &Authority, node: &NodeId, position: Position) -> ReceiptClaim {
    ReceiptClaim {
        cluster: *authority.cluster(),
        node_id: node.clone(),
        epoch: authority.epoch(),
        position,
        ledger: authority.head(),
    }
}

/// Whether a node signs its receipts: its own ledger shows that it is released, so that the next one ends the
/// obligation (DESIGN 3.2).
#[must_use]
pub fn signs(authority: &Authority, node: &NodeId) -> bool {
    match authority.succession() {
        Some(Succession::Releasing { successor, .. }) => successor == node,
        Some(Succession::Designated { .. }) | None => false,
    }
}

/// How much of this ledger the receipt shows to be durable at its node; `None` when its ledger is not a
/// prefix of this one.
#[must_use]
pub fn ledger_covered(authority: &Authority, claim: &ReceiptClaim) -> Option<Seq> {
    authority.contains(&claim.ledger).then_some(claim.ledger.seq)
}

/// The end of the obligation that this receipt shows: of the released successor, whose ledger has the release
/// (DESIGN 3.2). `None` when it shows none. The fold checks the certificate where it lands.
#[must_use]
pub fn covered_release(authority: &Authority, receipt: SignedReceipt) -> Option<EntryBody> {
    let Some(Succession::Releasing { successor, entry, .. }) = authority.succession() else {
        return None;
    };
    let shows = receipt.claim.node_id == *successor && receipt.claim.ledger.seq >= entry.seq;
    shows.then(|| EntryBody::ObligationEnded {
        epoch: authority.epoch(),
        node_id: successor.clone(),
        certificate: Certificate::Receipt(receipt),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::tests_support::{SIGNATURE, Story, epoch, forked_at, node, seq};
    use crate::hash::Hash;

    const fn at(commits: u64) -> Boundary {
        Boundary::new(commits)
    }

    #[test]
    fn a_receipt_says_where_its_nodes_ledger_and_history_end() {
        let story = Story::promoted_at(14).admit("n3");
        let end = crate::authority::tests_support::at(16);
        let claim = claim(story.authority(), &node("n3"), end);
        assert_eq!((claim.node_id.clone(), claim.position), (node("n3"), end));
        assert_eq!((claim.epoch, claim.ledger), (epoch(2), story.head()));
        assert_eq!(claim.cluster, *story.authority().cluster());
    }

    #[test]
    fn only_the_successor_whose_ledger_has_its_release_signs() {
        let designated = Story::founded().admit("n2").admit("n3").designate("n2", 5);
        let signs = |story: &Story, name| signs(story.authority(), &node(name));
        assert!(!signs(&designated, "n2"));
        let released = designated.release("n2");
        assert!(signs(&released, "n2") && !signs(&released, "n3"));
    }

    /// Proves: P3-R7.
    #[test]
    fn without_an_obligation_the_holders_fsync_is_enough() {
        assert_eq!(holder_bound(at(7), false, None, Floor::Known(at(0))), Some(at(7)));
        assert_eq!(holder_bound(at(7), false, None, Floor::UnknownUntil(at(7))), Some(at(7)));
    }

    /// Proves: RV-1.
    #[test]
    fn under_obligation_the_bound_follows_the_receipt_and_never_passes_the_durable_end() {
        let floor = Floor::Known(at(3));
        assert_eq!(holder_bound(at(7), true, None, floor), Some(at(3)));
        assert_eq!(holder_bound(at(7), true, Some(at(2)), floor), Some(at(3)));
        assert_eq!(holder_bound(at(7), true, Some(at(5)), floor), Some(at(5)));
        assert_eq!(holder_bound(at(7), true, Some(at(9)), floor), Some(at(7)));
    }

    #[test]
    fn after_a_restart_under_obligation_the_bound_is_unknown_until_the_tip_is_covered() {
        let floor = Floor::UnknownUntil(at(7));
        assert_eq!(holder_bound(at(7), true, None, floor), None);
        assert_eq!(holder_bound(at(7), true, Some(at(6)), floor), None);
        assert_eq!(holder_bound(at(7), true, Some(at(7)), floor), Some(at(7)));
        assert_eq!(holder_bound(at(9), true, Some(at(8)), floor), Some(at(8)));
    }

    #[test]
    fn a_replica_that_owes_nothing_shows_all_that_it_applied() {
        let story = Story::founded().admit("n2").admit("n3").designate("n2", 10);
        let bound = |name, told| replica_bound(story.authority(), &node(name), at(14), told);
        assert_eq!(bound("n3", None), at(14));
        assert_eq!(bound("n3", Some(at(2))), at(14));
        let ended = story.clone().release("n2").end_obligation("n2");
        assert_eq!(replica_bound(ended.authority(), &node("n2"), at(14), None), at(14));
    }

    #[test]
    fn the_obliged_node_shows_what_it_is_told_and_at_least_the_designation() {
        let designated = Story::founded().admit("n2").designate("n2", 10);
        let releasing = designated.clone().release("n2");
        for story in [designated, releasing] {
            let bound =
                |applied, told| replica_bound(story.authority(), &node("n2"), at(applied), told);
            assert_eq!(bound(14, None), at(10));
            assert_eq!(bound(14, Some(at(9))), at(10));
            assert_eq!(bound(14, Some(at(12))), at(12));
            assert_eq!(bound(14, Some(at(20))), at(14), "never past what is applied");
            assert_eq!(bound(8, None), at(8), "still catching up");
        }
    }

    #[test]
    fn a_grant_makes_everything_up_to_its_start_visible_to_the_others() {
        let story = Story::founded().admit("n2").admit("n3").designate("n2", 10).grant("n2", 14);
        assert_eq!(replica_bound(story.authority(), &node("n1"), at(14), None), at(14));
    }

    #[test]
    fn a_receipt_that_has_the_release_ends_the_obligation_and_no_other_does() {
        let designated = Story::founded().admit("n2").designate("n2", 10);
        let released = designated.clone().release("n2");
        let ends = |story: &Story, claim| {
            let receipt = SignedReceipt { claim, signature: SIGNATURE };
            covered_release(story.authority(), receipt).is_some()
        };
        assert!(ends(&released, released.receipt("n2")));
        assert!(!ends(&released, designated.receipt("n2")), "it does not have the release");
        assert!(!ends(&released, released.receipt("n3")), "it is of another node");
        assert!(!ends(&designated, designated.receipt("n2")), "there is no release");
    }

    fn owed() -> (Obligation, ReceiptClaim) {
        let story = Story::founded().admit("n2").designate("n2", 10);
        (story.authority().obligation().unwrap(), story.receipt("n2"))
    }

    #[test]
    fn a_receipt_counts_when_it_is_owed_and_of_this_history() {
        let (obligation, claim) = owed();
        assert_eq!(check_receipt(Some(&obligation), &claim, Some(claim.position.chain)), Ok(()));
    }

    #[test]
    fn a_receipt_of_another_node_or_epoch_or_without_an_obligation_is_not_owed() {
        let (obligation, claim) = owed();
        let here = Some(claim.position.chain);
        let other = ReceiptClaim { node_id: node("n3"), ..claim.clone() };
        let late = ReceiptClaim { epoch: epoch(2), ..claim.clone() };
        for (obligation, claim) in
            [(Some(&obligation), other), (Some(&obligation), late), (None, claim)]
        {
            let refused = ReceiptRefused::NotOwed { node: claim.node_id.clone() };
            assert_eq!(check_receipt(obligation, &claim, here), Err(refused));
        }
    }

    #[test]
    fn ri3_a_receipt_of_another_history_or_past_this_one_does_not_count() {
        let (obligation, claim) = owed();
        let at = claim.position.boundary;
        for here in [None, Some(forked_at(at.get()).chain)] {
            let refused = ReceiptRefused::Chain { node: node("n2"), at };
            assert_eq!(check_receipt(Some(&obligation), &claim, here), Err(refused));
        }
    }

    #[test]
    fn a_receipt_covers_this_ledger_through_the_prefix_that_it_names() {
        let early = Story::founded().admit("n2");
        let claim = early.receipt("n2");
        let story = early.designate("n2", 10);
        assert_eq!(ledger_covered(story.authority(), &claim), Some(seq(2)));
        let mut forked = claim.clone();
        forked.ledger.hash = Hash([7; 32]);
        assert_eq!(ledger_covered(story.authority(), &forked), None);
        let mut ahead = claim;
        ahead.ledger.seq = seq(4);
        assert_eq!(ledger_covered(story.authority(), &ahead), None);
    }
}
