//! Promotion attempts, as the two ledgers tell them: the authority ledger has the grants of all nodes,
//! the decision ledger this node's requests and denials.

use std::collections::BTreeMap;

use aerodb_core::authority::{Annotation, EntryBody, Grant};
use aerodb_core::decision::RecordedDecision;
use aerodb_core::decision::record::DecisionBody;
use aerodb_core::explain::explain;
use aerodb_core::id::{Epoch, PromotionId, RequestId};
use aerodb_http_api::types::{Outcome, PromotionView};

use crate::shared::Shared;

/// Every attempt that the ledgers know, in the order of the authority ledger first, then of this node's
/// own record.
#[must_use]
pub fn all(shared: &Shared) -> Vec<PromotionView> {
    let mut attempts: BTreeMap<PromotionId, PromotionView> = BTreeMap::new();
    let mut order: Vec<PromotionId> = Vec::new();
    for stored in shared.authority_entries.after(None, usize::MAX) {
        if let EntryBody::AuthorityGranted(grant) = &stored.entry.entry.body {
            order.push(grant.promotion_id.clone());
            attempts
                .insert(grant.promotion_id.clone(), granted(grant, &stored.entry.entry.annotation));
        }
    }
    for stored in shared.decision_entries.after(None, usize::MAX) {
        let entry = &stored.entry.entry;
        match &entry.body {
            DecisionBody::PromotionRequested { expected_epoch, request, .. } => {
                let Some(id) = PromotionId::asked_in(&entry.author, entry.seq) else { continue };
                attempts.entry(id.clone()).or_insert_with(|| {
                    order.push(id.clone());
                    let request_id = request.as_ref().map(|request| request.request_id.clone());
                    requested(id, *expected_epoch, request_id, &entry.annotation)
                });
            }
            DecisionBody::PromotionDenied { promotion_id, decision } => {
                if let Some(attempt) = attempts.get_mut(promotion_id) {
                    attempt.outcome = Some(Outcome::Denied);
                    attempt.explanation =
                        Some(aerodb_core::explain_value(&explain(&decision.facts)));
                }
            }
            DecisionBody::PromotionGranted { .. }
            | DecisionBody::CommandRefused { .. }
            | DecisionBody::CommandDone { .. }
            | DecisionBody::Declined { .. }
            | DecisionBody::DeclineRefused { .. }
            | DecisionBody::Followed { .. }
            | DecisionBody::Resumed { .. }
            | DecisionBody::Halted { .. }
            | DecisionBody::SuffixDiscarded { .. }
            | DecisionBody::BootstrapRequested { .. }
            | DecisionBody::CheckpointRequested { .. }
            | DecisionBody::BootstrapDecided { .. }
            | DecisionBody::FailureCleared { .. }
            | DecisionBody::Relocated { .. }
            | DecisionBody::RelocateRefused { .. }
            | DecisionBody::Forked { .. }
            | DecisionBody::ForkRefused { .. } => {}
        }
    }
    order.iter().filter_map(|id| attempts.remove(id)).collect()
}

/// The decision of an attempt; `None` when it is not known or was cut short.
#[must_use]
pub fn decision_of(shared: &Shared, id: &PromotionId) -> Option<RecordedDecision> {
    let granted =
        shared.authority_entries.after(None, usize::MAX).into_iter().find_map(
            |stored| match &stored.entry.entry.body {
                EntryBody::AuthorityGranted(grant) if &grant.promotion_id == id => {
                    Some(grant.decision.clone())
                }
                _ => None,
            },
        );
    granted.or_else(|| {
        shared.decision_entries.after(None, usize::MAX).into_iter().find_map(|stored| match &stored
            .entry
            .entry
            .body
        {
            DecisionBody::PromotionDenied { promotion_id, decision } if promotion_id == id => {
                Some(decision.clone())
            }
            _ => None,
        })
    })
}

fn granted(grant: &Grant, annotation: &Annotation) -> PromotionView {
    PromotionView {
        promotion_id: grant.promotion_id.clone(),
        outcome: Some(Outcome::Approved),
        epoch: Some(grant.epoch),
        holder: Some(grant.holder.clone()),
        start_commit: Some(grant.start.boundary),
        expected_epoch: Some(grant.decision.facts.expected_epoch),
        request_id: grant.request_id.clone(),
        reason: Some(annotation.reason.clone()),
        operator: Some(annotation.operator.clone()),
        explanation: Some(aerodb_core::explain_value(&explain(&grant.decision.facts))),
    }
}

/// A request without an outcome: still under way, or cut short by a crash. It never took effect.
fn requested(
    promotion_id: PromotionId,
    expected_epoch: Epoch,
    request_id: Option<RequestId>,
    annotation: &Annotation,
) -> PromotionView {
    PromotionView {
        promotion_id,
        outcome: Some(Outcome::Aborted),
        epoch: None,
        holder: None,
        start_commit: None,
        expected_epoch: Some(expected_epoch),
        request_id,
        reason: Some(annotation.reason.clone()),
        operator: Some(annotation.operator.clone()),
        explanation: None,
    }
}
