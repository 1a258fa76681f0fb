//! Every recorded decision, made again from its recorded facts.

use aerodb_core::authority::{EntryBody, SignedEntry};
use aerodb_core::decision::record::{DecisionBody, SignedDecision};
use aerodb_core::explain::{Facts, Mismatch, Recorded};
use aerodb_core::hash::Hash;
use aerodb_core::id::Seq;
use serde::Serialize;

use crate::chronicle::Entries;
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
    /// The digest recorded.
    pub recorded: Hash,
    /// The digest of the decision made again; `null` when it was not.
    pub replayed: Option<Hash>,
    /// How the two compare.
    pub verdict: Verdict,
}

/// The grants of an authority ledger, in order. That the entries fold at all was checked when they were
/// read.
#[must_use]
pub fn replay_authority(entries: &Entries<SignedEntry>) -> Vec<ReplayedDecision> {
    let mut replayed = Vec::new();
    for stored in entries.after(None, usize::MAX) {
        let entry = &stored.entry.entry;
        match &entry.body {
            EntryBody::AuthorityGranted(grant) => replayed.push(again(
                LogKind::Authority,
                entry.seq,
                entry.body.kind(),
                &grant.decision,
            )),
            EntryBody::Genesis(_)
            | EntryBody::MemberAdmitted { .. }
            | EntryBody::MemberRemoved { .. }
            | EntryBody::SuccessorDesignated { .. }
            | EntryBody::SuccessorReleased { .. }
            | EntryBody::ObligationEnded { .. }
            | EntryBody::AuthorityRelinquished { .. } => {}
        }
    }
    replayed
}

/// The denials and commands of a decision ledger, in order.
#[must_use]
pub fn replay_decisions(entries: &Entries<SignedDecision>) -> Vec<ReplayedDecision> {
    let mut replayed = Vec::new();
    for stored in entries.after(None, usize::MAX) {
        let (seq, body) = (stored.entry.entry.seq, &stored.entry.entry.body);
        match body {
            DecisionBody::PromotionDenied { decision, .. } => {
                replayed.push(again(LogKind::Decision, seq, body.kind(), decision));
            }
            DecisionBody::CommandRefused { decision, .. }
            | DecisionBody::CommandDone { decision, .. } => {
                replayed.push(again(LogKind::Decision, seq, body.kind(), decision));
            }
            DecisionBody::PromotionRequested { .. }
            | DecisionBody::PromotionGranted { .. }
            | DecisionBody::Followed { .. }
            | DecisionBody::Resumed { .. }
            | DecisionBody::Halted { .. }
            | DecisionBody::SuffixDiscarded { .. } => {}
        }
    }
    replayed
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
    ReplayedDecision { log, seq, kind, recorded: decision.digest, replayed, verdict }
}
