//! Declining the next epoch on a running node. What is answered is durable in the node's own record first:
//! from then on, through every restart, no promotion to that epoch is approved here (AU-17).

use aerodb_core::authority::{Annotation, SignedDecline};
use aerodb_core::decision::decline::{DeclineFacts, remedies};
use aerodb_core::decision::record::{DecisionBody, RequestRef};
use aerodb_core::explain::{Explanation, Recorded, explain};
use aerodb_core::id::{Epoch, Seq};
use aerodb_core::rules::RuleId;
use aerodb_http_api::code::Code;
use aerodb_http_api::problem::Problem;
use aerodb_ledger::authority::sign_decline;

use crate::declines::decline_of;
use crate::supervisor::requests::{Known, reused};
use crate::supervisor::state::{Fatal, Supervisor};

/// A request to decline.
#[derive(Debug)]
pub struct DeclineAsked {
    /// The epoch that the request names; the next one is declined.
    pub expected_epoch: Epoch,
    /// The operator's name for it.
    pub request: Option<RequestRef>,
    /// Who, when and why.
    pub annotation: Annotation,
}

/// The node's word and where it stands in its record.
pub(super) type DeclineAnswer = (Seq, SignedDecline);

impl Supervisor {
    pub(super) fn decline(
        &mut self,
        asked: DeclineAsked,
    ) -> Result<Result<DeclineAnswer, Problem>, Fatal> {
        match self.requests.find(asked.request.as_ref()) {
            Ok(Some(known)) => return Ok(self.recorded_decline(&known)),
            Ok(None) => {}
            Err(problem) => return Ok(Err(problem)),
        }
        let next = asked.expected_epoch.next();
        let given = next.and_then(|next| decline_of(&self.shared().decision_entries, next));
        if let Some(given) = given {
            return Ok(Ok(given));
        }
        let node = self.shared().identity.node_id.clone();
        let latch = self.shared().machines.latch.get();
        let original = latch.failures().all(|failure| failure.rule != RuleId::St2);
        let facts = DeclineFacts::new(&self.authority(), node, asked.expected_epoch, original);
        let (decision, explanation) = Recorded::decide(facts);
        let request = asked.request;
        match decision.facts.claim().filter(|_| explanation.holds()) {
            Some(claim) => {
                let certificate = sign_decline(&self.parts.key, claim);
                let answer = certificate.clone();
                let body = DecisionBody::Declined { decision, certificate, request };
                let seq = self.record(body, asked.annotation)?;
                Ok(Ok((seq, answer)))
            }
            None => {
                let problem = refusal(&decision.facts, &explanation);
                let body = DecisionBody::DeclineRefused { decision, request };
                self.record(body, asked.annotation)?;
                Ok(Err(problem))
            }
        }
    }

    fn recorded_decline(&self, known: &Known) -> Result<DeclineAnswer, Problem> {
        let other = || reused("the request id was used for another kind of request");
        let Known::Decision(seq) = known else { return Err(other()) };
        let stored = self.shared().decision_entries.entry(*seq);
        match stored.as_ref().map(|stored| &stored.entry.entry.body) {
            Some(DecisionBody::Declined { certificate, .. }) => Ok((*seq, certificate.clone())),
            Some(DecisionBody::DeclineRefused { decision, .. }) => {
                Err(refusal(&decision.facts, &explain(&decision.facts)))
            }
            Some(_) | None => Err(other()),
        }
    }
}

/// The refusal of a decline, with what could change the answer.
fn refusal(facts: &DeclineFacts, explanation: &Explanation) -> Problem {
    let failed: Vec<RuleId> = explanation.failed().map(|rule| rule.rule).collect();
    let reason = explanation.conclusion.reason.as_deref().unwrap_or("undetermined");
    let problem = Problem::new(Code::CommandRefused, format!("decline is refused: {reason}"));
    problem.explained(explanation, remedies(facts, &failed)).with("epoch", facts.authority.epoch)
}
