//! The failures that a node's own record leaves standing: the latch machine, run over the decision ledger.

use aerodb_core::decision::record::{DecisionBody, SignedDecision};
use aerodb_core::machine::{Failure, Latch, LatchEvent, Machine};
use aerodb_ledger::Entries;

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
