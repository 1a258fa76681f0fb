//! The entries of the authority ledger (DESIGN 3.1), their canonical bytes and their hash.
//!
//! Keeps: P6-AR5, P6-FZ5.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::authority::{Certificate, Durability, Member, SignedDecline};
use crate::decision::RecordedDecision;
use crate::hash::{ClusterId, Hash, Signature};
use crate::id::{Boundary, ClusterName, Epoch, NodeId, PromotionId, Reason, RequestId, Seq};
use crate::position::{LedgerHead, Position};

/// The first entry: it founds the cluster and grants epoch 1 to the founder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genesis {
    /// A label for people.
    pub cluster_name: ClusterName,
    /// Random, so that no two clusters have the same id.
    pub nonce: Hash,
    /// The first member and the holder of epoch 1.
    pub founder: Member,
    /// Writes weaker than this are refused.
    pub minimum_durability: Durability,
    /// The version of the rules that decisions are made under.
    pub ruleset: u32,
    /// Where this cluster was forked off another one, if it was.
    pub ancestor: Option<Ancestor>,
}

/// The cluster that another one was forked from, as far as the directory could prove that was forked (DESIGN 3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ancestor {
    /// Its id.
    pub cluster: ClusterId,
    /// The epoch that its ledger was in there.
    pub epoch: Epoch,
    /// The last commit that could be proven. What was acknowledged after it is unknown.
    pub proven: Position,
    /// The end of its ledger there.
    pub ledger: LedgerHead,
}

impl Genesis {
    /// Where epoch 1 of the cluster of this id starts: commits go on from those of the ancestor, so that a commit
    /// id that a client holds means the same here; the chain begins anew, so that no batch, receipt or entry of
    /// one cluster fits the other.
    #[must_use]
    pub fn start(&self, cluster: &ClusterId) -> Position {
        match &self.ancestor {
            Some(ancestor) if ancestor.proven.boundary > Boundary::ORIGIN => {
                Position::forked(cluster, &ancestor.proven)
            }
            Some(_) | None => Position::origin(cluster),
        }
    }
}

/// What a grant stands on; each names one node, so two grants of one epoch cannot exist (DESIGN 3.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The ledger holds the former holder's relinquishment in the grantee's favour.
    Relinquishment {
        /// That entry.
        entry: LedgerHead,
    },
    /// The ledger names the grantee successor, unreleased.
    Designation {
        /// The designation.
        entry: LedgerHead,
    },
    /// The ledger holds the grantee's own relinquishment, and its heir has declined.
    Decline {
        /// The relinquishment.
        entry: LedgerHead,
        /// The heir's word.
        certificate: Box<SignedDecline>,
    },
}

impl Basis {
    /// The word used in JSON and tables.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Relinquishment { .. } => "relinquishment",
            Self::Designation { .. } => "designation",
            Self::Decline { .. } => "decline",
        }
    }
}

/// The grant of an epoch with all that it was decided on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The new epoch.
    pub epoch: Epoch,
    /// Who may write in it.
    pub holder: NodeId,
    /// Where it starts: everything through here counts as acknowledged.
    pub start: Position,
    /// What the grant stands on.
    pub basis: Basis,
    /// The attempt that led to it.
    pub promotion_id: PromotionId,
    /// The operator's own name for the request.
    pub request_id: Option<RequestId>,
    /// The whole decision: inputs, rules, conclusion.
    pub decision: RecordedDecision,
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryBody {
    /// The cluster begins.
    Genesis(Genesis),
    /// A node may take part.
    MemberAdmitted {
        /// The epoch in which it was said.
        epoch: Epoch,
        /// The node.
        member: Member,
    },
    /// A node may not take part any more.
    MemberRemoved {
        /// The epoch in which it was said.
        epoch: Epoch,
        /// The node.
        node_id: NodeId,
    },
    /// From here on every acknowledgement needs this node's receipt.
    SuccessorDesignated {
        /// The epoch whose heir it is.
        epoch: Epoch,
        /// The heir.
        successor: NodeId,
        /// The end of the history at that moment.
        at: Position,
    },
    /// The successor shall be heir no more.
    SuccessorReleased {
        /// The epoch.
        epoch: Epoch,
        /// The heir so far.
        successor: NodeId,
    },
    /// Acknowledgements need this node's receipt no more.
    ObligationEnded {
        /// The epoch.
        epoch: Epoch,
        /// The node.
        node_id: NodeId,
        /// What proves that it can no longer promote itself on the designation.
        certificate: Certificate,
    },
    /// The holder's last entry of its epoch.
    AuthorityRelinquished {
        /// The epoch that ends.
        epoch: Epoch,
        /// The one node that may be granted the next.
        successor: NodeId,
        /// The end of the history; nothing after it was or will be acknowledged in this epoch.
        #[serde(rename = "final")]
        final_position: Position,
    },
    /// An epoch begins.
    AuthorityGranted(Box<Grant>),
}

impl EntryBody {
    /// The entry's kind as DESIGN 3.1 spells it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Genesis(_) => "genesis",
            Self::MemberAdmitted { .. } => "member_admitted",
            Self::MemberRemoved { .. } => "member_removed",
            Self::SuccessorDesignated { .. } => "successor_designated",
            Self::SuccessorReleased { .. } => "successor_released",
            Self::ObligationEnded { .. } => "obligation_ended",
            Self::AuthorityRelinquished { .. } => "authority_relinquished",
            Self::AuthorityGranted(_) => "authority_granted",
        }
    }

    /// The end of the history that it names: durable at its author when the author wrote it. A cluster that was
    /// forked begins with what its founder has.
    #[must_use]
    pub fn names(&self) -> Option<Boundary> {
        match self {
            Self::Genesis(genesis) => genesis.ancestor.map(|ancestor| ancestor.proven.boundary),
            Self::SuccessorDesignated { at, .. } => Some(at.boundary),
            Self::AuthorityRelinquished { final_position, .. } => Some(final_position.boundary),
            Self::AuthorityGranted(grant) => Some(grant.start.boundary),
            Self::MemberAdmitted { .. }
            | Self::MemberRemoved { .. }
            | Self::SuccessorReleased { .. }
            | Self::ObligationEnded { .. } => None,
        }
    }

    /// The entry of `node`'s decision ledger that a grant to it is named after: durable there before the grant was.
    #[must_use]
    pub fn asked_of(&self, node: &NodeId) -> Option<Seq> {
        match self {
            Self::AuthorityGranted(grant) => grant.promotion_id.request_of(node),
            Self::Genesis(_)
            | Self::MemberAdmitted { .. }
            | Self::MemberRemoved { .. }
            | Self::SuccessorDesignated { .. }
            | Self::SuccessorReleased { .. }
            | Self::ObligationEnded { .. }
            | Self::AuthorityRelinquished { .. } => None,
        }
    }
}

/// What people may want to know about an entry: under its hash, read by no rule, part of no digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Annotation {
    /// Wall clock of the node when the request arrived, milliseconds since 1970-01-01 UTC.
    pub received_at_ms: u64,
    /// The principal of the request.
    pub operator: String,
    /// The operator's reason.
    pub reason: Reason,
}

/// One entry, as it is hashed and signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Format version, 1.
    pub format: u16,
    /// Its place in the ledger.
    pub seq: Seq,
    /// The hash of the entry before it; [`Hash::NONE_BEFORE`] at genesis.
    pub previous: Hash,
    /// The node whose key signs it.
    pub author: NodeId,
    /// What it says.
    pub body: EntryBody,
    /// What people may want to know.
    pub annotation: Annotation,
}

/// An entry with its signature: what is stored and shipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedEntry {
    /// The entry.
    pub entry: Entry,
    /// The author's signature over the entry's hash.
    pub signature: Signature,
}

/// Bytes that are not an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// They do not decode.
    #[error("the bytes are not a ledger entry")]
    Malformed,
    /// They decode, but are not the canonical encoding of what they say.
    #[error("the bytes are not the canonical encoding of the entry")]
    NotCanonical,
    /// There are more of them than an entry can have.
    #[error("an entry of {bytes} bytes is larger than any can be ({ENTRY_BYTES_MAX})")]
    TooLarge {
        /// How many there are.
        bytes: usize,
    },
    /// A format that this program does not know.
    #[error("ledger entry format {found} is not known")]
    Format {
        /// The version in the entry.
        found: u16,
    },
}

/// The most bytes that an entry of either ledger has, its signature included: any node can take any entry
/// of another into one batch of its own, whatever the sizes of their segments.
pub const ENTRY_BYTES_MAX: usize = 16 << 10;

/// Looks at the format, which comes first, before anything that another format may have changed, and at
/// the size.
///
/// # Errors
/// [`EntryError::Format`] for a format other than `known`, [`EntryError::TooLarge`].
pub(crate) fn check_format(bytes: &[u8], known: u16) -> Result<(), EntryError> {
    if bytes.len() > ENTRY_BYTES_MAX {
        return Err(EntryError::TooLarge { bytes: bytes.len() });
    }
    let (found, _) = postcard::take_from_bytes::<u16>(bytes).map_err(|_| EntryError::Malformed)?;
    if found == known { Ok(()) } else { Err(EntryError::Format { found }) }
}

impl Entry {
    /// The format that this program writes.
    pub const FORMAT: u16 = 1;

    /// The entry's identity: BLAKE3 over its canonical bytes, the signature left out.
    #[must_use]
    pub fn hash(&self) -> Hash {
        // Encoding a value of our own types into memory has no way to fail.
        let bytes = postcard::to_stdvec(self).unwrap_or_default();
        Hash::of("aerodb 2026 authority entry", &[&bytes])
    }

    /// Its sequence number and hash.
    #[must_use]
    pub fn head(&self) -> LedgerHead {
        LedgerHead { seq: self.seq, hash: self.hash() }
    }
}

impl SignedEntry {
    /// The bytes that are stored and shipped (postcard).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// Reads an entry. The signature is not checked here.
    ///
    /// # Errors
    /// [`EntryError`] for bytes that are not exactly one canonical entry of a known format.
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        check_format(bytes, Entry::FORMAT)?;
        let entry: Self = postcard::from_bytes(bytes).map_err(|_| EntryError::Malformed)?;
        if entry.encode() != bytes { Err(EntryError::NotCanonical) } else { Ok(entry) }
    }
}

#[cfg(test)]
mod tests;
