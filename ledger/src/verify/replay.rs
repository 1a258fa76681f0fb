//! Every recorded decision, made again from its recorded facts.

use aerodb_core::authority::{EntryBody, SignedEntry};
use aerodb_core::decision::record::{DecisionBody, SignedDecision};
use aerodb_core::explain::{Facts, Mismatch, Recorded};
use aerodb_core::hash::Hash;
use aerodb_core::id::Seq;
use serde::Serialize;

use crate::log::LogKind;

/// What became of a decision that was made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything recorded comes out again.
    Same,
    /// Something comes out differently.
    Differs,
    /// It was made under rules that this program does not have, and was not made again.
    OtherRuleset,
}

/// One recorded decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReplayedDecision {
    /// The ledger that it stands in.
    pub log: LogKind,
    /// The entry.
    pub seq: Seq,
    /// The entry's kind.
    pub kind: &'static str,
    /// The version of the rules that it was made under.
    pub ruleset: u32,
    /// The digest recorded.
    pub recorded: Hash,
    /// The digest of the decision made again; `null` when it was not.
    pub replayed: Option<Hash>,
    /// How the two compare.
    pub verdict: Verdict,
}

/// The decision recorded in an entry of the authority ledger, if it is a grant. That the entry folds was
/// checked when it was read.
#[must_use]
pub fn replay_authority_entry(signed: &SignedEntry) -> Option<ReplayedDecision> {
    let entry = &signed.entry;
    match &entry.body {
        EntryBody::AuthorityGranted(grant) => {
            Some(again(LogKind::Authority, entry.seq, entry.body.kind(), &grant.decision))
        }
        EntryBody::Genesis(_)
        | EntryBody::MemberAdmitted { .. }
        | EntryBody::MemberRemoved { .. }
        | EntryBody::SuccessorDesignated { .. }
        | EntryBody::SuccessorReleased { .. }
        | EntryBody::ObligationEnded { .. }
        | EntryBody::AuthorityRelinquished { .. } => None,
    }
}

/// The decision recorded in an entry of a decision ledger, if it is a denial, a command, a bootstrap, a
/// decline, a relocation or a fork.
#[must_use]
pub fn replay_decision_entry(signed: &SignedDecision) -> Option<ReplayedDecision> {
    let (seq, body) = (signed.entry.seq, &signed.entry.body);
    match body {
        DecisionBody::PromotionDenied { decision, .. } => {
            Some(again(LogKind::Decision, seq, body.kind(), decision))
        }
        DecisionBody::CommandRefused { decision, .. }
        | DecisionBody::CommandDone { decision, .. } => {
            Some(again(LogKind::Decision, seq, body.kind(), decision))
        }
        DecisionBody::BootstrapDecided { decision, .. } => {
            Some(again(LogKind::Decision, seq, body.kind(), decision))
        }
        DecisionBody::Declined { decision, .. } | DecisionBody::DeclineRefused { decision, .. } => {
            Some(again(LogKind::Decision, seq, body.kind(), decision))
        }
        DecisionBody::Relocated { decision } | DecisionBody::RelocateRefused { decision } => {
            Some(again(LogKind::Decision, seq, body.kind(), decision))
        }
        DecisionBody::Forked { decision, .. } | DecisionBody::ForkRefused { decision } => {
            Some(again(LogKind::Decision, seq, body.kind(), decision))
        }
        DecisionBody::BootstrapRequested { .. }
        | DecisionBody::PromotionRequested { .. }
        | DecisionBody::PromotionGranted { .. }
        | DecisionBody::Followed { .. }
        | DecisionBody::Resumed { .. }
        | DecisionBody::Halted { .. }
        | DecisionBody::SuffixDiscarded { .. }
        | DecisionBody::FailureCleared { .. }
        | DecisionBody::CheckpointRequested { .. } => None,
    }
}

fn again<F: Facts>(
    log: LogKind,
    seq: Seq,
    kind: &'static str,
    decision: &Recorded<F>,
) -> ReplayedDecision {
    let (replayed, verdict) = match decision.replay() {
        Ok(explanation) => (Some(explanation.digest), Verdict::Same),
        Err(Mismatch::Outcome { replayed, .. }) => (Some(replayed), Verdict::Differs),
        Err(Mismatch::Ruleset { .. }) => (None, Verdict::OtherRuleset),
    };
    let (ruleset, recorded) = (decision.ruleset, decision.digest);
    ReplayedDecision { log, seq, kind, ruleset, recorded, replayed, verdict }
}
