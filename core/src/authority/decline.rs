//! A decline that somebody presents, held against a ledger.

use serde::{Deserialize, Serialize};

use crate::authority::{Authority, SignedDecline};
use crate::hash::ClusterId;
use crate::id::{Epoch, NodeId};

/// A decline with what a ledger makes of it: together they decide whether it shows that its node will never
/// be granted the next epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresentedDecline {
    /// What is presented.
    pub certificate: SignedDecline,
    /// Whether the signature is of the key that the ledger holds for the node.
    pub signed: bool,
    /// Whether the entry that it names stands in this ledger, and named that node heir in this epoch.
    pub named_here: bool,
    /// Whether this ledger contains the one that it was made on, and that one the entry that it names.
    pub ledger_here: bool,
}

impl PresentedDecline {
    /// Holds the certificate against the ledger; the signature is for the caller to check.
    #[must_use]
    pub fn new(authority: &Authority, certificate: SignedDecline, signed: bool) -> Self {
        let claim = &certificate.claim;
        let named_here = authority.named(&claim.node_id, &claim.named_by);
        let ledger_here =
            claim.ledger.seq >= claim.named_by.seq && authority.contains(&claim.ledger);
        Self { certificate, signed, named_here, ledger_here }
    }

    /// What keeps it from showing that `node` declined the epoch after `current` in this cluster.
    ///
    /// # Errors
    /// The first thing that it fails to show.
    pub fn shows(
        &self,
        cluster: &ClusterId,
        node: &NodeId,
        current: Epoch,
    ) -> Result<(), &'static str> {
        let claim = &self.certificate.claim;
        let shown = [
            (claim.cluster == *cluster, "it is of another cluster"),
            (claim.node_id == *node, "it is of another node"),
            (current.next() == Some(claim.epoch), "it is of another epoch"),
            (self.signed, "its signature is not of that node"),
            (self.named_here, "the entry that it names did not name that node heir in this epoch"),
            (self.ledger_here, "its ledger is not this one"),
        ];
        match shown.iter().find(|(holds, _)| !holds) {
            Some((_, what)) => Err(what),
            None => Ok(()),
        }
    }
}
