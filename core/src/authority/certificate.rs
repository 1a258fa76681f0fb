//! Receipts and declines, and their signed form: what one node says about its own disk, in a shape that
//! a third party can check later.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hash::{ClusterId, Hash, Signature};
use crate::id::{Epoch, NodeId};
use crate::position::{LedgerHead, Position};

/// "Everything through this position, and my authority ledger through this head, is durable and
/// validated here, in this epoch."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptClaim {
    /// The cluster that it speaks of.
    pub cluster: ClusterId,
    /// The node that says so.
    pub node_id: NodeId,
    /// The epoch in whose name it is said.
    pub epoch: Epoch,
    /// The end of its validated history.
    pub position: Position,
    /// The end of its authority ledger.
    pub ledger: LedgerHead,
}

impl ReceiptClaim {
    /// What the node signs.
    #[must_use]
    pub fn signing_hash(&self) -> Hash {
        let parts: [&[u8]; 7] = [
            self.cluster.as_bytes(),
            &self.epoch.get().to_le_bytes(),
            &self.position.boundary.get().to_le_bytes(),
            self.position.chain.as_bytes(),
            &self.ledger.seq.get().to_le_bytes(),
            self.ledger.hash.as_bytes(),
            self.node_id.as_str().as_bytes(),
        ];
        Hash::of("aerodb 2026 receipt", &parts)
    }
}

/// A receipt that has become evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedReceipt {
    /// What is said.
    pub claim: ReceiptClaim,
    /// By whom: the signature of the claim's node over [`ReceiptClaim::signing_hash`].
    pub signature: Signature,
}

/// "I will never be granted this epoch": said by the node that the ledger names heir, once that is durable in
/// its own record (DESIGN 3.3). It binds whatever the basis would be, so a later naming changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclineClaim {
    /// The cluster that it speaks of.
    pub cluster: ClusterId,
    /// The node that says so.
    pub node_id: NodeId,
    /// The epoch that it declines: the one after that of its ledger.
    pub epoch: Epoch,
    /// The designation or relinquishment that names it heir.
    pub named_by: LedgerHead,
    /// The end of its authority ledger.
    pub ledger: LedgerHead,
}

impl DeclineClaim {
    /// What the node signs.
    #[must_use]
    pub fn signing_hash(&self) -> Hash {
        let parts: [&[u8]; 7] = [
            self.cluster.as_bytes(),
            &self.epoch.get().to_le_bytes(),
            &self.named_by.seq.get().to_le_bytes(),
            self.named_by.hash.as_bytes(),
            &self.ledger.seq.get().to_le_bytes(),
            self.ledger.hash.as_bytes(),
            self.node_id.as_str().as_bytes(),
        ];
        Hash::of("aerodb 2026 decline", &parts)
    }
}

/// A decline as it is handed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedDecline {
    /// What is said.
    pub claim: DeclineClaim,
    /// By whom: the signature of the claim's node over [`DeclineClaim::signing_hash`].
    pub signature: Signature,
}

/// What ends an obligation (DESIGN 3.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certificate {
    /// A receipt showing that the successor has the release in its own ledger, durably.
    Receipt(SignedReceipt),
    /// The successor will never be granted the next epoch.
    Decline(SignedDecline),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::tests_support::{Story, at, epoch, forked_at, node, seq};

    type Change = fn(&mut ReceiptClaim);

    #[test]
    fn every_field_of_a_decline_is_under_its_signature() {
        let claim = Story::founded().admit("n2").designate("n2", 1).decline("n2").claim;
        let changes: [fn(&mut DeclineClaim); 7] = [
            |claim| claim.cluster = ClusterId([7; 32]),
            |claim| claim.node_id = node("n3"),
            |claim| claim.epoch = epoch(3),
            |claim| claim.named_by.seq = seq(9),
            |claim| claim.named_by.hash = Hash([7; 32]),
            |claim| claim.ledger.seq = seq(9),
            |claim| claim.ledger.hash = Hash([8; 32]),
        ];
        let mut hashes = vec![claim.signing_hash()];
        for change in changes {
            let mut changed = claim.clone();
            change(&mut changed);
            hashes.push(changed.signing_hash());
        }
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), 8);
    }

    #[test]
    fn every_field_of_a_claim_is_under_its_signature() {
        let claim = Story::founded().admit("n2").receipt("n2");
        let changes: [Change; 7] = [
            |claim| claim.cluster = ClusterId([7; 32]),
            |claim| claim.node_id = node("n3"),
            |claim| claim.epoch = epoch(2),
            |claim| claim.position.boundary = at(21).boundary,
            |claim| claim.position.chain = forked_at(20).chain,
            |claim| claim.ledger.seq = seq(9),
            |claim| claim.ledger.hash = Hash([7; 32]),
        ];
        let mut hashes = vec![claim.signing_hash()];
        for change in changes {
            let mut changed = claim.clone();
            change(&mut changed);
            hashes.push(changed.signing_hash());
        }
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), 8);
    }
}
