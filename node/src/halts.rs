//! The failures that a node's own record leaves standing: the latch machine, run over the decision ledger.

use aerodb_core::decision::record::{DecisionBody, SignedDecision};
use aerodb_core::machine::{Failure, Latch, LatchEvent, Machine, Pipeline};
use aerodb_ledger::Entries;
use serde_json::Value;

/// The field of a halt's evidence that says where the pipeline of a replica stopped.
pub const PIPELINE: &str = "pipeline";

/// Where the pipeline stopped by a failure's evidence; `None` where the node was no replica, or where what is
/// there is no state's name.
#[must_use]
pub fn stopped_at(failure: &Failure) -> Option<Pipeline> {
    let evidence: Value = serde_json::from_str(&failure.evidence).ok()?;
    let name = evidence.get(PIPELINE)?.as_str()?;
    Pipeline::states().into_iter().find(|state| state.name() == name)
}

/// The latch as the record leaves it. An entry that clears another rule than the first cause clears
/// nothing (F-X4).
#[must_use]
pub fn latch_of(entries: &Entries<SignedDecision>) -> Latch {
    entries.after(None, usize::MAX).iter().fold(Latch::initial(), |latch, stored| {
        let event = match &stored.entry.entry.body {
            DecisionBody::Halted { rule, evidence } => {
                LatchEvent::Failed(Failure { rule: *rule, evidence: evidence.clone() })
            }
            DecisionBody::SuffixDiscarded { cleared: Some(rule), .. }
            | DecisionBody::BootstrapDecided { cleared: Some(rule), .. }
            | DecisionBody::FailureCleared { rule, .. } => LatchEvent::Cleared { rule: *rule },
            DecisionBody::SuffixDiscarded { cleared: None, .. }
            | DecisionBody::BootstrapDecided { cleared: None, .. }
            | DecisionBody::BootstrapRequested { .. }
            | DecisionBody::CheckpointRequested { .. }
            | DecisionBody::PromotionRequested { .. }
            | DecisionBody::PromotionDenied { .. }
            | DecisionBody::PromotionGranted { .. }
            | DecisionBody::CommandRefused { .. }
            | DecisionBody::CommandDone { .. }
            | DecisionBody::Declined { .. }
            | DecisionBody::DeclineRefused { .. }
            | DecisionBody::Followed { .. }
            | DecisionBody::Resumed { .. }
            | DecisionBody::Relocated { .. }
            | DecisionBody::RelocateRefused { .. }
            | DecisionBody::Forked { .. }
            | DecisionBody::ForkRefused { .. } => return latch,
        };
        latch.transition(&event).map_or(latch, |step| step.next)
    })
}
