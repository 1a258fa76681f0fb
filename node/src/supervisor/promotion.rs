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
//! 8. record the outcome in the decision ledger, behind the trailer that is owed
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

use std::time::Instant;

use aerodb_core::authority::{Annotation, EntryBody, Grant, SignedDecline, SignedEntry};
use aerodb_core::decision::RecordedDecision;
use aerodb_core::decision::node_state::{History, PromotionAsked};
use aerodb_core::decision::promotion::{AuthorityFacts, PromotionFacts, basis_for, remedies};
use aerodb_core::decision::record::{DecisionBody, RequestRef};
use aerodb_core::decision::tenure::Tenure;
use aerodb_core::explain::{Explanation, Recorded, Remedy, explain};
use aerodb_core::hash::{Chain, Hash};
use aerodb_core::id::{Boundary, Epoch, NodeId, PromotionId};
use aerodb_core::machine::{
    PipelineEvent, Promotion, PromotionEvent, RoleEvent, RoleName, WalWriter,
};
use aerodb_core::position::Position;
use aerodb_core::rules::RuleId;
use aerodb_http_api::code::Code;
use aerodb_http_api::problem::Problem;
use aerodb_ledger::authority::present_decline;
use aerodb_ledger::crash::{self, Point};
use serde_json::json;

use crate::declines::has_declined_after;
use crate::evidence::{Extended, Unfit, extend};
use crate::journal::Attempt;
use crate::replication::unreadable_history;
use crate::supervisor::requests::{Known, promotion_id, reused};
use crate::supervisor::state::{Done, Fatal, Supervisor, owner_ended};
use crate::wal::{Paused, Standing};

/// A request for promotion.
#[derive(Debug)]
pub struct PromotionRequest {
    /// The epoch that the request names.
    pub expected_epoch: Epoch,
    /// The node that it names, if it names one.
    pub replica_id: Option<NodeId>,
    /// The operator's name for it.
    pub request: Option<RequestRef>,
    /// The heir's decline, on which this node would be granted what it relinquished.
    pub decline: Option<SignedDecline>,
    /// Ledger entries that this node has not pulled.
    pub entries: Vec<SignedEntry>,
    /// The digest of an earlier dry run: nothing that the decision reads may have moved since.
    pub expected_digest: Option<Hash>,
    /// Whether only the answer is wanted.
    pub dry_run: bool,
    /// Who, when and why.
    pub annotation: Annotation,
}

/// An approval.
#[derive(Debug, Clone, PartialEq)]
pub struct PromotionAnswer {
    /// The attempt; `None` for a dry run.
    pub promotion_id: Option<PromotionId>,
    /// The epoch granted.
    pub epoch: Epoch,
    /// Its holder.
    pub holder: NodeId,
    /// Where it starts.
    pub start: Position,
    /// Why.
    pub explanation: Explanation,
}

type Answer = Result<PromotionAnswer, Problem>;

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
        let (decision, explanation) = Recorded::decide(facts);
        if let Err(moved) = check_digest(&request, &explanation) {
            return Ok(Err(moved));
        }
        if request.dry_run {
            return Ok(answer(&decision.facts, None, explanation));
        }
        self.announce(&request, taken_up);
        self.step(&PromotionEvent::Request);
        if explanation.holds() {
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
        let id = promotion_id(&self.shared().identity.node_id, requested)
            .ok_or_else(|| Fatal("the promotion id is not valid".to_owned()))?;
        if explanation.holds() {
            self.attempt(request, &id)
        } else {
            self.step(&PromotionEvent::Begin);
            self.deny(&id, decision, explanation, request.annotation)
        }
    }

    /// The receiver is stopped before the decision that may be carried out, not merely before the grant:
    /// what it brings after the first look can turn a denial into an approval, and is then for the next
    /// request to find.
    fn attempt(&mut self, request: PromotionRequest, id: &PromotionId) -> Result<Answer, Fatal> {
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
        let (decision, explanation) = Recorded::decide(facts);
        crash::reached_at(Point::PromoValidating, 4);
        if let Err(moved) = check_digest(&request, &explanation) {
            self.step(&PromotionEvent::Reject);
            self.as_before(paused, was_pulling);
            return Ok(Err(moved));
        }
        self.step(&PromotionEvent::Begin);
        if !explanation.holds() {
            self.as_before(paused, was_pulling);
            return self.deny(id, decision, explanation, request.annotation);
        }
        self.step(&PromotionEvent::Verdict { failed: None, digest: decision.digest });
        self.grant(request, id, paused, decision.clone())?;
        self.step(&PromotionEvent::Return);
        Ok(answer(&decision.facts, Some(id), explanation))
    }

    fn deny(
        &mut self,
        id: &PromotionId,
        decision: RecordedDecision,
        explanation: Explanation,
        annotation: Annotation,
    ) -> Result<Answer, Fatal> {
        let failed = explanation.first_failed();
        self.step(&PromotionEvent::Verdict { failed, digest: decision.digest });
        let answer = answer(&decision.facts, Some(id), explanation);
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
        decision: RecordedDecision,
    ) -> Result<(), Fatal> {
        // Re-read and compared: the approval carries out only the decision that was approved (PR6).
        let again = self.promotion_facts(&request, &paused.standing);
        let digest = again.map_or(Hash::NONE_BEFORE, |facts| explain(&facts).digest);
        self.step(&PromotionEvent::Apply { digest });

        let brought = self.with_evidence(&request.entries);
        let fresh = brought.map_err(|problem| Fatal(problem.to_string()))?.fresh;
        let annotation = request.annotation;
        let body = grant_body(id, request.request, &decision)?;
        crash::reached(Point::PromoApproved);
        self.append_after(fresh, body, annotation.clone())?;
        crash::reached(Point::PromoRoleRebind);
        self.take_over(paused);
        crash::reached(Point::PromoSucceeded);
        self.step(&PromotionEvent::Durable);
        let entry = self.authority().head();
        let granted = DecisionBody::PromotionGranted { promotion_id: id.clone(), entry };
        self.unrecorded = Some((granted, annotation));
        Ok(())
    }

    /// What is left to record of an attempt that was answered. Nothing else is taken up before.
    pub(super) fn after_promotion(&mut self) -> Done {
        if let Some((granted, annotation)) = self.unrecorded.take() {
            self.record(granted, annotation)?;
            crash::reached(Point::PromoRecorded);
        }
        self.settle()
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

    pub(super) fn promotion_facts(
        &self,
        request: &PromotionRequest,
        standing: &Standing,
    ) -> Result<PromotionFacts, Problem> {
        let shared = self.shared();
        let authority = self.with_evidence(&request.entries)?.authority;
        let node = shared.identity.node_id.clone();
        let facts = AuthorityFacts::from(&*authority);
        let decline = request.decline.clone().map(|decline| present_decline(&authority, decline));
        let basis = basis_for(&shared.identity.cluster, &facts, &node, decline.as_ref());
        let chain_at_basis = match basis {
            Some((_, position)) => self.chain_at(position.boundary, standing)?,
            None => None,
        };
        let asked = PromotionAsked {
            expected_epoch: request.expected_epoch,
            replica_id: request.replica_id.clone(),
            decline,
            attempt_in_progress: self.another_attempt(),
        };
        let history = History {
            wal_end: standing.tip,
            received: standing.received,
            chain_at_basis,
            epoch_mismatch: standing.epochs.first_mismatch(&authority),
            declined: has_declined_after(&shared.decision_entries, authority.epoch()),
        };
        Ok(self.state(&authority).of_promotion(asked, history))
    }

    /// This node's ledger with what the request brings behind it.
    fn with_evidence(&self, entries: &[SignedEntry]) -> Result<Extended, Problem> {
        let node = &self.shared().identity.node_id;
        extend(&self.authority(), node, entries).map_err(|unfit| unfit_evidence(&unfit, node))
    }

    /// One message is handled after the other, so the attempt that asks is the only one that can be in
    /// these states.
    fn another_attempt(&self) -> bool {
        match self.shared().machines.promotion.get() {
            Promotion::Steady
            | Promotion::PromotionRequested
            | Promotion::PromotionValidating
            | Promotion::PromotionApproved { .. } => false,
            Promotion::AuthorityTransitioning
            | Promotion::PromotionSucceeded
            | Promotion::PromotionDenied { .. } => true,
        }
    }

    fn chain_at(&self, boundary: Boundary, standing: &Standing) -> Result<Option<Chain>, Problem> {
        if boundary > standing.tip.boundary {
            return Ok(None);
        }
        if boundary == Boundary::ORIGIN {
            return Ok(Some(Position::origin(&self.shared().identity.cluster).chain));
        }
        if let Some(kept) = self.kept_by_the_checkpoint(boundary) {
            return Ok(Some(kept.chain));
        }
        let end = self.shared().wal.batch_end_at(boundary).map_err(|fault| {
            Problem::new(Code::Halted, format!("the history cannot be read: {fault}"))
                .rule(RuleId::P3D9, unreadable_history(&self.shared().identity.node_id))
        })?;
        Ok(end.map(|position| position.chain))
    }

    /// A place of which the checkpoint keeps the chain: the log may have let go of it.
    fn kept_by_the_checkpoint(&self, boundary: Boundary) -> Option<Position> {
        let standing = self.shared().shelf.standing()?;
        standing.marker.known_places().find(|place| place.boundary == boundary)
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

fn unfit_evidence(unfit: &Unfit, node: &NodeId) -> Problem {
    let rule = unfit.rule();
    let action = "see the end of this node's ledger; bring what comes after it, in order";
    let path = "/v1/ledger?log=authority";
    Problem::new(Code::CommandRefused, format!("the evidence does not count: {unfit}"))
        .rule(rule, vec![Remedy::look(rule, action, Some(node.clone()), path)])
        .with("field", "evidence")
}

fn check_digest(request: &PromotionRequest, explanation: &Explanation) -> Result<(), Problem> {
    match request.expected_digest {
        Some(expected) if expected != explanation.digest => {
            let detail = "something that the decision reads has moved since the dry run";
            let again = Remedy {
                rule: RuleId::P6F1,
                action: "look again, and send the digest of what is decided now",
                node_id: None,
                method: "POST",
                path: "/v1/promotions?dry_run=true",
                body: Some(json!({ "expected_epoch": request.expected_epoch, "reason": "" })),
            };
            Err(Problem::new(Code::DecisionMoved, detail)
                .rule(RuleId::P6F1, vec![again])
                .with("expected_digest", expected)
                .with("digest", explanation.digest))
        }
        Some(_) | None => Ok(()),
    }
}

fn answer(facts: &PromotionFacts, id: Option<&PromotionId>, explanation: Explanation) -> Answer {
    let failed: Vec<RuleId> = explanation.failed().map(|rule| rule.rule).collect();
    match facts.authority.epoch.next() {
        Some(epoch) if failed.is_empty() => Ok(PromotionAnswer {
            promotion_id: id.cloned(),
            epoch,
            holder: facts.node.clone(),
            start: facts.wal_end,
            explanation,
        }),
        Some(_) | None => {
            Err(Problem::promotion_denied(id, &explanation, remedies(facts, &failed)))
        }
    }
}
