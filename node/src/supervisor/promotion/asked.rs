//! What is asked for, and what is answered.

use aerodb_core::authority::{Annotation, SignedDecline, SignedEntry};
use aerodb_core::decision::RecordedDecision;
use aerodb_core::decision::promotion::{PromotionFacts, remedies};
use aerodb_core::decision::record::RequestRef;
use aerodb_core::explain::{Explanation, Recorded, Remedy};
use aerodb_core::hash::Hash;
use aerodb_core::id::{Epoch, NodeId, PromotionId};
use aerodb_core::position::Position;
use aerodb_core::rules::RuleId;
use aerodb_http_api::code::Code;
use aerodb_http_api::problem::Problem;
use serde_json::json;

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

pub(super) type Answer = Result<PromotionAnswer, Problem>;

/// A decision with what it says.
pub(super) struct Decided {
    pub(super) decision: RecordedDecision,
    pub(super) explanation: Explanation,
}

impl Decided {
    pub(super) fn on(facts: PromotionFacts) -> Self {
        let (decision, explanation) = Recorded::decide(facts);
        Self { decision, explanation }
    }

    /// Decides again. A decision depends on its facts alone: on the same ones it is this one.
    pub(super) fn again(self, facts: PromotionFacts) -> Self {
        if facts == self.decision.facts { self } else { Self::on(facts) }
    }

    pub(super) fn answer(self, id: Option<&PromotionId>) -> Answer {
        answer(&self.decision.facts, id, self.explanation)
    }
}

pub(super) fn check_digest(
    request: &PromotionRequest,
    explanation: &Explanation,
) -> Result<(), Problem> {
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

pub(super) fn answer(
    facts: &PromotionFacts,
    id: Option<&PromotionId>,
    explanation: Explanation,
) -> Answer {
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
