//! Promotion of this node, in the order of DESIGN 3.3:
//!
//! 1. look: decide on what is there; a dry run ends here, and so does a moved digest
//! 2. record the request in the decision ledger: its frame, fsynced; the trailer is owed
//! 3. denied: record; the receiver has not noticed
//! 4. it would be approved: stop the receiver, so that from here on no receipt and no echo of the old epoch
//!    leaves, then hold the WAL's owner still
//! 5. decide again, on what is durable now; denied this time: record, go on as before
//! 6. approved: append the grant, fsync, trailer. One durable step: before it the old authority, after
//!    it the new. Any error from there on ends the process
//! 7. rebind the role, publish, let the owner write, answer
//! 8. record the outcome in the decision ledger, behind the trailer that is owed ([`super::outcome`])
//!
//! What an operator waits for is three fsyncs: the request's frame, the grant's frame, its trailer. The request's
//! comes first because the grant is named after its number: a start that finds the grant knows that the request
//! was durable ([`crate::witness`]), and takes it for no tail, which is all that its trailer would say. It is
//! shown to nobody before the trailer. The outcome says what the grant says, which is in the authority ledger.
//!
//! A crash before the grant is whole leaves a request without an outcome, which means nothing (DIS-7); one after
//! it leaves the grant in force, with or without its record.
//!
//! Keeps: P6-V1, P6-SC4, P6-AR2, P6-B1.1, P6-B1.2, P6-B2.3, P6-B3.3, P6-DF5, P6-RF1.1, P6-PF2.1, P6-B4.3,
//! M-P13, M-P15, M-P18, M-P21, M-P19.

mod asked;
mod facts;

use std::time::Instant;

use aerodb_core::authority::{Annotation, EntryBody, Grant};
use aerodb_core::decision::RecordedDecision;
use aerodb_core::decision::record::{DecisionBody, RequestRef};
use aerodb_core::decision::tenure::Tenure;
use aerodb_core::explain::explain;
use aerodb_core::hash::Hash;
use aerodb_core::id::PromotionId;
use aerodb_core::machine::{PipelineEvent, PromotionEvent, RoleEvent, RoleName, WalWriter};
use aerodb_ledger::crash::{self, Point};

use crate::journal::Attempt;
use crate::supervisor::requests::{Known, reused};
use crate::supervisor::state::{Fatal, Supervisor, owner_ended};
use crate::wal::Paused;
use asked::{Answer, Decided, answer, check_digest};
pub use asked::{PromotionAnswer, PromotionRequest};

impl Supervisor {
    pub(super) fn promote(&mut self, request: PromotionRequest) -> Result<Answer, Fatal> {
        let taken_up = Instant::now();
        crash::reached(Point::PromoBeforeRequest);
        if !request.dry_run {
            match self.requests.find(request.request.as_ref()) {
                Ok(Some(known)) => {
                    if let Some(recorded) = self.recorded_promotion(&known) {
                        return Ok(recorded);
                    }
                }
                Ok(None) => {}
                Err(problem) => return Ok(Err(problem)),
            }
        }
        let Some(standing) = self.shared().owner.look_blocking() else {
            return Ok(Err(owner_ended()));
        };
        let facts = match self.promotion_facts(&request, &standing) {
            Ok(facts) => facts,
            Err(problem) => return Ok(Err(problem)),
        };
        let first = Decided::on(facts);
        if let Err(moved) = check_digest(&request, &first.explanation) {
            return Ok(Err(moved));
        }
        if request.dry_run {
            return Ok(first.answer(None));
        }
        self.announce(&request, taken_up);
        self.step(&PromotionEvent::Request);
        if first.explanation.holds() {
            // It ends beside the fsync of the record; nothing is decided before both are over.
            self.ask_puller_to_stop();
        }
        let body = DecisionBody::PromotionRequested {
            expected_epoch: request.expected_epoch,
            replica_id: request.replica_id.clone(),
            request: request.request.clone(),
        };
        let requested = self.note(body, request.annotation.clone())?;
        crash::reached(Point::PromoRequested);
        let id = PromotionId::asked_in(&self.shared().identity.node_id, requested)
            .ok_or_else(|| Fatal("the promotion id is not valid".to_owned()))?;
        if first.explanation.holds() {
            self.attempt(request, &id, first)
        } else {
            self.step(&PromotionEvent::Begin);
            self.deny(&id, first, request.annotation)
        }
    }

    /// The receiver is stopped before the decision that may be carried out, not merely before the grant:
    /// what it brings after the first look can turn a denial into an approval, and is then for the next
    /// request to find.
    fn attempt(
        &mut self,
        request: PromotionRequest,
        id: &PromotionId,
        first: Decided,
    ) -> Result<Answer, Fatal> {
        let was_pulling = self.end_puller();
        crash::reached_at(Point::PromoValidating, 1);
        let Some(paused) = self.shared().owner.pause() else { return Ok(Err(owner_ended())) };
        if was_pulling {
            self.transport_lost();
        }
        crash::reached_at(Point::PromoValidating, 2);
        let facts = match self.promotion_facts(&request, &paused.standing) {
            Ok(facts) => facts,
            Err(problem) => return Err(Fatal(problem.to_string())),
        };
        crash::reached_at(Point::PromoValidating, 3);
        let decided = first.again(facts);
        crash::reached_at(Point::PromoValidating, 4);
        if let Err(moved) = check_digest(&request, &decided.explanation) {
            self.step(&PromotionEvent::Reject);
            self.as_before(paused, was_pulling);
            self.settle()?;
            return Ok(Err(moved));
        }
        self.step(&PromotionEvent::Begin);
        if !decided.explanation.holds() {
            self.as_before(paused, was_pulling);
            return self.deny(id, decided, request.annotation);
        }
        self.step(&PromotionEvent::Verdict { failed: None, digest: decided.decision.digest });
        self.grant(request, id, paused, &decided.decision)?;
        self.step(&PromotionEvent::Return);
        Ok(decided.answer(Some(id)))
    }

    fn deny(
        &mut self,
        id: &PromotionId,
        decided: Decided,
        annotation: Annotation,
    ) -> Result<Answer, Fatal> {
        let (failed, decision) = (decided.explanation.first_failed(), decided.decision.clone());
        self.step(&PromotionEvent::Verdict { failed, digest: decision.digest });
        let answer = decided.answer(Some(id));
        self.record(
            DecisionBody::PromotionDenied { promotion_id: id.clone(), decision },
            annotation,
        )?;
        self.step(&PromotionEvent::Return);
        Ok(answer)
    }

    /// Tells the journal what its next steps belong to; for observers only.
    fn announce(&self, request: &PromotionRequest, taken_up: Instant) {
        let current_primary = self.authority().holder().clone();
        let reason = request.annotation.reason.clone();
        let attempt = Attempt { current_primary, reason };
        self.shared().machines.journal.begin_attempt(attempt, taken_up);
    }

    fn step(&self, event: &PromotionEvent) {
        let machines = &self.shared().machines;
        machines.promotion.must_step(&machines.journal, event);
    }

    fn as_before(&mut self, paused: Paused, was_pulling: bool) {
        self.go_on(paused);
        if was_pulling {
            self.start_pulling();
        }
    }

    fn grant(
        &mut self,
        request: PromotionRequest,
        id: &PromotionId,
        paused: Paused,
        decision: &RecordedDecision,
    ) -> Result<(), Fatal> {
        // Re-read and compared: the approval carries out only the decision that was approved (PR6).
        let digest = match self.promotion_facts(&request, &paused.standing) {
            Ok(facts) if facts == decision.facts => decision.digest,
            Ok(facts) => explain(&facts).digest,
            Err(_) => Hash::NONE_BEFORE,
        };
        self.step(&PromotionEvent::Apply { digest });

        let brought = self.with_evidence(&request.entries);
        let fresh = brought.map_err(|problem| Fatal(problem.to_string()))?.fresh;
        let annotation = request.annotation;
        let body = grant_body(id, request.request, decision)?;
        crash::reached(Point::PromoApproved);
        self.append_after(fresh, body, annotation.clone())?;
        crash::reached(Point::PromoRoleRebind);
        self.take_over(paused);
        crash::reached(Point::PromoSucceeded);
        self.step(&PromotionEvent::Durable);
        let entry = self.authority().head();
        let granted = DecisionBody::PromotionGranted { promotion_id: id.clone(), entry };
        self.owe_outcome(granted, annotation);
        Ok(())
    }

    /// The grant is durable: this node holds.
    fn take_over(&mut self, paused: Paused) {
        let shared = self.parts.shared.clone();
        let (machines, authority) = (&shared.machines, self.authority());
        if machines.role.get().role_name() == RoleName::ReplicaActive {
            machines.pipeline.must_step(&machines.journal, &PipelineEvent::Stopped);
        }
        let event = RoleEvent::AuthorityGranted { epoch: authority.epoch() };
        let write =
            machines.role.must_step_with(&machines.journal, &event, |step| step.into_authority());
        machines.writer.renew(WalWriter::Open { epoch: authority.epoch() });
        shared.acks.hold(Tenure::granted(&authority));
        self.parts.upstream = None;
        self.detached = None;
        self.publish();
        match write {
            Some(write) => paused.resume(self.holding(write)),
            None => drop(paused),
        }
    }

    /// The recorded outcome of an attempt, made again from its facts; `None` when a crash cut it short,
    /// for then there is none, and the request is looked at anew (P6-B3.3).
    fn recorded_promotion(&self, known: &Known) -> Option<Answer> {
        let Known::Promotion(id) = known else {
            return Some(Err(reused("the request id was used for another kind of request")));
        };
        let decision = crate::attempts::decision_of(self.shared(), id)?;
        Some(answer(&decision.facts, Some(id), explain(&decision.facts)))
    }
}

fn grant_body(
    id: &PromotionId,
    request: Option<RequestRef>,
    decision: &RecordedDecision,
) -> Result<EntryBody, Fatal> {
    Grant::of(id.clone(), request.map(|request| request.request_id), decision.clone())
        .map(|grant| EntryBody::AuthorityGranted(Box::new(grant)))
        .ok_or_else(|| Fatal("an approval without a basis, or no epoch is left".to_owned()))
}
