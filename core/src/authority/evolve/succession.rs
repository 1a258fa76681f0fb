//! The heir, and the holder's obligation towards it.

use crate::authority::evolve::change::Change;
use crate::authority::evolve::check_at_least;
use crate::authority::{
    Authority, Certificate, Illegal, PresentedDecline, ReceiptClaim, SignedDecline, Succession,
};
use crate::id::NodeId;
use crate::position::{LedgerHead, Position};

pub(super) fn check_designation(
    state: &Authority,
    successor: &NodeId,
    at: Position,
    entry: LedgerHead,
) -> Result<Change, Illegal> {
    check_heir(state, successor)?;
    check_obligation(state, None)?;
    check_not_declined(state, successor)?;
    check_at_least(state.reached, at)?;
    Ok(Change::Designated { successor: successor.clone(), at, entry })
}

pub(super) fn check_release(
    state: &Authority,
    successor: &NodeId,
    entry: LedgerHead,
) -> Result<Change, Illegal> {
    match &state.succession {
        Some(Succession::Designated { successor: heir, at, .. }) if heir == successor => {
            let (successor, at) = (successor.clone(), *at);
            Ok(Change::Releasing(Succession::Releasing { successor, at, entry }))
        }
        Some(Succession::Designated { .. } | Succession::Releasing { .. }) | None => {
            Err(obligation_mismatch(state, Some(successor)))
        }
    }
}

pub(super) fn check_relinquishment(
    state: &Authority,
    successor: &NodeId,
    final_position: Position,
    entry: LedgerHead,
) -> Result<Change, Illegal> {
    check_heir(state, successor)?;
    if state.succession.is_some() {
        check_obligation(state, Some(successor))?;
    }
    check_at_least(state.reached, final_position)?;
    Ok(Change::Relinquished { successor: successor.clone(), final_position, entry })
}

pub(super) fn check_heir(state: &Authority, node_id: &NodeId) -> Result<(), Illegal> {
    if node_id != state.holder() && state.admitted(node_id).is_some() {
        Ok(())
    } else {
        Err(Illegal::Member { node_id: node_id.clone(), what: "successor" })
    }
}

/// A node that cannot be granted the next epoch would be an heir in name only.
pub(super) fn check_not_declined(state: &Authority, node_id: &NodeId) -> Result<(), Illegal> {
    if state.has_declined(node_id) {
        Err(Illegal::Declined { node_id: node_id.clone(), epoch: state.epoch() })
    } else {
        Ok(())
    }
}

pub(super) fn obligation_mismatch(state: &Authority, needed: Option<&NodeId>) -> Illegal {
    let found = state.succession.as_ref().map(|heir| heir.successor().clone());
    Illegal::Obligation { found, needed: needed.cloned() }
}

pub(super) fn check_obligation(state: &Authority, needed: Option<&NodeId>) -> Result<(), Illegal> {
    if state.succession.as_ref().map(Succession::successor) == needed {
        Ok(())
    } else {
        Err(obligation_mismatch(state, needed))
    }
}

/// What ends an obligation (DESIGN 3.2): the released node's receipt, or the obliged node's decline.
pub(super) fn check_certificate(
    state: &Authority,
    node_id: &NodeId,
    certificate: &Certificate,
) -> Result<Change, Illegal> {
    match certificate {
        Certificate::Receipt(receipt) => check_receipt(state, node_id, &receipt.claim),
        Certificate::Decline(decline) => check_decline(state, node_id, decline),
    }
}

/// The covered release: the receipt is of the released node, of this epoch, and its ledger is this ledger at
/// least through the release.
fn check_receipt(
    state: &Authority,
    node_id: &NodeId,
    claim: &ReceiptClaim,
) -> Result<Change, Illegal> {
    let Some(Succession::Releasing { successor, entry: release, .. }) = &state.succession else {
        return Err(obligation_mismatch(state, Some(node_id)));
    };
    if successor != node_id {
        return Err(obligation_mismatch(state, Some(node_id)));
    }
    let shown = [
        (claim.cluster == state.cluster, "it is of another cluster"),
        (claim.node_id == *node_id, "it is of another node"),
        (claim.epoch == state.epoch(), "it is of another epoch"),
        (claim.ledger.seq >= release.seq, "its ledger ends before the release"),
        (state.contains(&claim.ledger), "its ledger is not this one"),
    ];
    match shown.iter().find(|(holds, _)| !holds) {
        Some((_, what)) => Err(Illegal::Certificate { what }),
        None => Ok(Change::ObligationEnded { declined: None }),
    }
}

/// A node that has declined is granted the next epoch on no basis, so the obligation towards it can end
/// released or not. Signatures are checked before the fold.
fn check_decline(
    state: &Authority,
    node_id: &NodeId,
    decline: &SignedDecline,
) -> Result<Change, Illegal> {
    check_obligation(state, Some(node_id))?;
    let presented = PresentedDecline::new(state, decline.clone(), true);
    match presented.shows(&state.cluster, node_id, state.epoch()) {
        Ok(()) => Ok(Change::ObligationEnded { declined: Some(node_id.clone()) }),
        Err(what) => Err(Illegal::Certificate { what }),
    }
}
