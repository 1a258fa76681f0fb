//! The entries of the decision ledger: one node's own record of attempts, refusals, halts and operator
//! interventions. It is for audit; decisions read of it only what the node has declined, and what it answered
//! to a repeated request id.

mod lasting;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use lasting::Lasting;

use crate::authority::{Annotation, EntryError, SignedDecline, check_format};
use crate::decision::RecordedDecision;
use crate::decision::bootstrap::BootstrapFacts;
use crate::decision::command::CommandFacts;
use crate::decision::decline::DeclineFacts;
use crate::decision::fork::ForkFacts;
use crate::decision::relocate::RelocateFacts;
use crate::explain::Recorded;
use crate::hash::{ClusterId, Hash, Signature};
use crate::id::{Address, Boundary, Epoch, NodeId, PromotionId, RequestId, Seq};
use crate::position::{LedgerHead, Position};
use crate::rules::RuleId;

/// A request that its operator named, so that asking again gives the recorded outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRef {
    /// The operator's name for it.
    pub request_id: RequestId,
    /// The hash of the canonical body: the same id with another body is refused.
    pub body_digest: Hash,
}

/// One entry of the authority ledger that was set aside; it was never covered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EntryAside {
    /// The number that it had here; it may be another entry's by now.
    pub seq: Seq,
    /// Its hash.
    pub hash: Hash,
    /// What kind it is, for example `successor_released`.
    pub entry: String,
}

/// The most entries of the authority ledger that are listed in one entry, which they must fit into; the
/// quarantined ledger has all of them, and the last one's hash is over those before it.
pub const ENTRIES_ASIDE_MAX: usize = 100;

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionBody {
    /// A promotion was asked for; written before it is looked at. Its promotion id is made of this
    /// entry's number.
    PromotionRequested {
        /// The epoch that the request names.
        expected_epoch: Epoch,
        /// The node that the request names, if it names one.
        replica_id: Option<NodeId>,
        /// The operator's name for the request.
        request: Option<RequestRef>,
    },
    /// It was denied.
    PromotionDenied {
        /// The attempt.
        promotion_id: PromotionId,
        /// The whole decision.
        decision: RecordedDecision,
    },
    /// It was granted; the decision is in the authority ledger.
    PromotionGranted {
        /// The attempt.
        promotion_id: PromotionId,
        /// The grant.
        entry: LedgerHead,
    },
    /// An authority command was refused.
    CommandRefused {
        /// The whole decision.
        decision: Recorded<CommandFacts>,
        /// The operator's name for the request.
        request: Option<RequestRef>,
    },
    /// An authority command was carried out.
    CommandDone {
        /// The whole decision.
        decision: Recorded<CommandFacts>,
        /// The entry that it appended.
        entry: LedgerHead,
        /// The operator's name for the request.
        request: Option<RequestRef>,
    },
    /// The operator gave the replica another node to pull from.
    Followed {
        /// Its address.
        upstream: Address,
        /// The operator's name for the request.
        request: Option<RequestRef>,
    },
    /// The operator let the replica pull again.
    Resumed {
        /// From where.
        upstream: Address,
        /// The operator's name for the request.
        request: Option<RequestRef>,
    },
    /// The node stopped itself.
    Halted {
        /// The rule that was broken.
        rule: RuleId,
        /// The values that disagreed, as JSON text.
        evidence: String,
    },
    /// The operator set aside what the WAL holds past the end of this node's validated history. None of it
    /// was ever receipted or acknowledged by anyone.
    SuffixDiscarded {
        /// The failure that this clears, if one was latched.
        cleared: Option<RuleId>,
        /// Where the history ends from here on.
        kept: Position,
        /// Where the bytes set aside ended.
        discarded: Boundary,
        /// The directory in `quarantine/` that holds the WAL as it was.
        quarantine: String,
        /// How many commits could be read of it.
        commits_total: u64,
        /// How many entries of the authority ledger were set aside with it, past the parent of a later grant.
        entries_total: u64,
        /// The first of these; at most [`ENTRIES_ASIDE_MAX`].
        entries: Vec<EntryAside>,
        /// The operator's name for the request.
        request: Option<RequestRef>,
    },
    /// The operator let the replica take a snapshot over.
    BootstrapRequested {
        /// From where.
        upstream: Address,
        /// The operator's name for the request.
        request: Option<RequestRef>,
    },
    /// A snapshot was received, and it was decided whether it takes the place of the history; written before it
    /// does.
    BootstrapDecided {
        /// The whole decision.
        decision: Recorded<BootstrapFacts>,
        /// The failure that it clears, if it was accepted and one was latched.
        cleared: Option<RuleId>,
    },
    /// The operator named a latched failure whose cause is gone: nothing of what broke the rule is in the
    /// WAL. With it every failure latched after it is cleared.
    FailureCleared {
        /// The first failure's rule.
        rule: RuleId,
        /// The operator's name for the request.
        request: Option<RequestRef>,
    },
    /// The node declined an epoch: from here on it is never granted it (AU-17).
    Declined {
        /// The whole decision.
        decision: Recorded<DeclineFacts>,
        /// What it hands out.
        certificate: SignedDecline,
        /// The operator's name for the request.
        request: Option<RequestRef>,
    },
    /// It was asked to, and refused.
    DeclineRefused {
        /// The whole decision.
        decision: Recorded<DeclineFacts>,
        /// The operator's name for the request.
        request: Option<RequestRef>,
    },
    /// One of two directories of this node keeps its identity, the other is retired; written before it is.
    Relocated {
        /// The whole decision.
        decision: Recorded<RelocateFacts>,
    },
    /// A cluster was founded from what this directory holds; written before the directory is retired. The
    /// founder's own record begins with it too.
    Forked {
        /// The whole decision.
        decision: Recorded<ForkFacts>,
        /// The new cluster.
        cluster: ClusterId,
    },
    /// It was asked for, and refused.
    ForkRefused {
        /// The whole decision.
        decision: Recorded<ForkFacts>,
    },
    /// The operator asked for a checkpoint; written before it is taken.
    CheckpointRequested {
        /// What was acknowledged then; `None` while unknown.
        acknowledged: Option<Boundary>,
    },
    /// It was asked which of two directories keeps the identity, and this one was refused it.
    RelocateRefused {
        /// The whole decision.
        decision: Recorded<RelocateFacts>,
    },
}

impl DecisionBody {
    /// The entry's kind, as JSON spells it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::PromotionRequested { .. } => "promotion_requested",
            Self::PromotionDenied { .. } => "promotion_denied",
            Self::PromotionGranted { .. } => "promotion_granted",
            Self::CommandRefused { .. } => "command_refused",
            Self::CommandDone { .. } => "command_done",
            Self::Followed { .. } => "followed",
            Self::Resumed { .. } => "resumed",
            Self::Halted { .. } => "halted",
            Self::SuffixDiscarded { .. } => "suffix_discarded",
            Self::BootstrapRequested { .. } => "bootstrap_requested",
            Self::BootstrapDecided { .. } => "bootstrap_decided",
            Self::FailureCleared { .. } => "failure_cleared",
            Self::Declined { .. } => "declined",
            Self::DeclineRefused { .. } => "decline_refused",
            Self::Relocated { .. } => "relocated",
            Self::Forked { .. } => "forked",
            Self::ForkRefused { .. } => "fork_refused",
            Self::CheckpointRequested { .. } => "checkpoint_requested",
            Self::RelocateRefused { .. } => "relocate_refused",
        }
    }
}

/// One entry, as it is hashed and signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionEntry {
    /// Format version, 1.
    pub format: u16,
    /// Its place in the ledger.
    pub seq: Seq,
    /// The hash of the entry before it; [`Hash::NONE_BEFORE`] at the first.
    pub previous: Hash,
    /// The node whose record this is; its key signs.
    pub author: NodeId,
    /// What it says.
    pub body: DecisionBody,
    /// What people may want to know.
    pub annotation: Annotation,
}

/// An entry with its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedDecision {
    /// The entry.
    pub entry: DecisionEntry,
    /// The author's signature over the entry's hash.
    pub signature: Signature,
}

impl DecisionEntry {
    /// The format that this program writes.
    pub const FORMAT: u16 = 1;

    /// The entry's identity: BLAKE3 over its canonical bytes, the signature left out.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let bytes = postcard::to_stdvec(self).unwrap_or_default();
        Hash::of("aerodb 2026 decision entry", &[&bytes])
    }

    /// Its sequence number and hash.
    #[must_use]
    pub fn head(&self) -> LedgerHead {
        LedgerHead { seq: self.seq, hash: self.hash() }
    }
}

impl SignedDecision {
    /// The bytes that are stored (postcard).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// Reads an entry. The signature is not checked here.
    ///
    /// # Errors
    /// [`EntryError`] for bytes that are not exactly one canonical entry of a known format.
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        check_format(bytes, DecisionEntry::FORMAT)?;
        let entry: Self = postcard::from_bytes(bytes).map_err(|_| EntryError::Malformed)?;
        if entry.encode() != bytes { Err(EntryError::NotCanonical) } else { Ok(entry) }
    }
}

#[cfg(test)]
mod tests;
