//! The one gate: signatures, then the fold. Every entry passes it when it is made, adopted from a
//! peer, read back at start, and replayed; what is new to the ledger passes [`adopt_entry`].
//!
//! Keeps: AU-19.

use std::sync::Arc;

use aerodb_core::authority::{
    Authority, Basis, Certificate, DeclineClaim, Entry, EntryBody, Illegal, PresentedDecline,
    SignedDecline, SignedEntry, SignedReceipt,
};
use aerodb_core::hash::{Hash, PublicKey, Signature};
use aerodb_core::id::{NodeId, Seq};
use aerodb_core::rules::RuleId;

use crate::authority::{NodeKey, verify_signature};

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The ledger knows no key of that node.
    #[error("entry {seq} needs a signature of {node_id}, whose key the ledger does not hold")]
    UnknownSigner {
        /// The entry.
        seq: Seq,
        /// The node.
        node_id: NodeId,
    },
    /// The signature is not of that node's key over these bytes.
    #[error("the {of} signature in entry {seq} is not of {node_id}")]
    Invalid {
        /// The entry.
        seq: Seq,
        /// The node that should have signed.
        node_id: NodeId,
        /// Which signature: `entry`, `receipt` or `decline`.
        of: &'static str,
    },
}

/// Why an entry may not be in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// A signature does not count.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The fold does not allow it there.
    #[error(transparent)]
    Illegal(#[from] Illegal),
}

impl Rejected {
    /// The rule that the entry breaks.
    #[must_use]
    pub const fn rule(&self) -> RuleId {
        match self {
            Self::Signature(_) => RuleId::Au15,
            Self::Illegal(illegal) => illegal.rule(),
        }
    }
}

/// Signs an entry as its author.
#[must_use]
pub fn sign_entry(key: &NodeKey, entry: Entry) -> SignedEntry {
    let signature = key.sign(&entry.hash());
    SignedEntry { entry, signature }
}

/// Checks the author's signature and those in embedded certificates, with the keys that the ledger holds
/// before the entry (`None` before genesis, which brings the founder's key itself).
///
/// # Errors
/// The first [`SignatureError`].
pub fn check_signatures(
    authority: Option<&Authority>,
    signed: &SignedEntry,
) -> Result<(), SignatureError> {
    let SignedEntry { entry, signature } = signed;
    let (seq, author) = (entry.seq, &entry.author);
    let key = key_of(authority, entry, author)?;
    if !verify_signature(&key, &entry.hash(), signature) {
        return Err(SignatureError::Invalid { seq, node_id: author.clone(), of: "entry" });
    }
    let certified = |node_id: &NodeId, hash: Hash, signature: &Signature, of: &'static str| {
        let key = key_of(authority, entry, node_id)?;
        if verify_signature(&key, &hash, signature) {
            Ok(())
        } else {
            Err(SignatureError::Invalid { seq, node_id: node_id.clone(), of })
        }
    };
    let declined = |SignedDecline { claim, signature }: &SignedDecline| {
        certified(&claim.node_id, claim.signing_hash(), signature, "decline")
    };
    match &entry.body {
        EntryBody::ObligationEnded { certificate: Certificate::Receipt(receipt), .. } => {
            let SignedReceipt { claim, signature } = receipt;
            certified(&claim.node_id, claim.signing_hash(), signature, "receipt")
        }
        EntryBody::ObligationEnded { certificate: Certificate::Decline(decline), .. } => {
            declined(decline)
        }
        EntryBody::AuthorityGranted(grant) => match &grant.basis {
            Basis::Decline { certificate, .. } => declined(certificate),
            Basis::Relinquishment { .. } | Basis::Designation { .. } => Ok(()),
        },
        EntryBody::Genesis(_)
        | EntryBody::MemberAdmitted { .. }
        | EntryBody::MemberRemoved { .. }
        | EntryBody::SuccessorDesignated { .. }
        | EntryBody::SuccessorReleased { .. }
        | EntryBody::AuthorityRelinquished { .. } => Ok(()),
    }
}

fn key_of(
    authority: Option<&Authority>,
    entry: &Entry,
    node_id: &NodeId,
) -> Result<PublicKey, SignatureError> {
    let known = match (authority, &entry.body) {
        (Some(authority), _) => authority.member(node_id).map(|(member, _)| member.public_key),
        (None, EntryBody::Genesis(genesis)) => {
            (genesis.founder.node_id == *node_id).then_some(genesis.founder.public_key)
        }
        (None, _) => None,
    };
    known.ok_or_else(|| SignatureError::UnknownSigner { seq: entry.seq, node_id: node_id.clone() })
}

/// Signs a decline; only what is durable in the node's own record may be signed (DESIGN 3.3).
#[must_use]
pub fn sign_decline(key: &NodeKey, claim: DeclineClaim) -> SignedDecline {
    let signature = key.sign(&claim.signing_hash());
    SignedDecline { claim, signature }
}

/// Holds a decline that somebody presents against the ledger, its signature against the key that the ledger
/// has for its node.
#[must_use]
pub fn present_decline(authority: &Authority, certificate: SignedDecline) -> PresentedDecline {
    let SignedDecline { claim, signature } = &certificate;
    let signed = authority.member(&claim.node_id).is_some_and(|(member, _)| {
        verify_signature(&member.public_key, &claim.signing_hash(), signature)
    });
    PresentedDecline::new(authority, certificate, signed)
}

/// As [`admit_entry`], for an entry that the ledger does not have yet: made here, or told by another node.
///
/// # Errors
/// [`Rejected`], also for a grant whose decision this program cannot make again (AU-19).
pub fn adopt_entry(
    state: &mut Option<Arc<Authority>>,
    signed: &SignedEntry,
) -> Result<(), Rejected> {
    signed.entry.check_adoptable()?;
    admit_entry(state, signed)
}

/// Takes an entry as the next one after `state` (`None` before genesis). Nothing is copied unless the
/// state is shared, so that folding a ledger costs what reading it costs.
///
/// # Errors
/// [`Rejected`] when a signature does not count or the fold does not allow it; the state is then
/// unchanged.
pub fn admit_entry(
    state: &mut Option<Arc<Authority>>,
    signed: &SignedEntry,
) -> Result<(), Rejected> {
    check_signatures(state.as_deref(), signed)?;
    match state {
        Some(authority) => Arc::make_mut(authority).take(&signed.entry)?,
        None => *state = Some(Arc::new(Authority::found(&signed.entry)?)),
    }
    Ok(())
}
