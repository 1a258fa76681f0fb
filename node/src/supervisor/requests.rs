//! Requests that their operators named: asking again gives the recorded outcome (DESIGN section 8). The
//! table is derived from the two ledgers, so it survives a restart.
//!
//! Keeps: P6-DF5.

use std::collections::BTreeMap;

use aerodb_core::decision::record::{DecisionBody, RequestRef, SignedDecision};
use aerodb_core::explain::Remedy;
use aerodb_core::hash::Hash;
use aerodb_core::id::{PromotionId, RequestId, Seq};
use aerodb_core::rules::RuleId;
use aerodb_http_api::code::Code;
use aerodb_http_api::problem::Problem;

/// What is known of a named request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// A promotion attempt; its outcome is in the ledgers.
    Promotion(PromotionId),
    /// An entry of the decision ledger that says what came of a command or an intervention.
    Decision(Seq),
}

/// The table.
#[derive(Debug, Default)]
pub struct Requests {
    known: BTreeMap<RequestId, (Hash, Known)>,
    learnt: Option<Seq>,
}

/// The answer to a request whose id stands for another one.
pub(super) fn reused(detail: &str) -> Problem {
    let rule = RuleId::P6Df5;
    let look = |action, path| Remedy::look(rule, action, None, path);
    Problem::new(Code::RequestIdReused, detail).rule(
        rule,
        vec![
            look(
                "see what the id was used for, and what came of it; then send the new request under a new id",
                "/v1/ledger?log=decision",
            ),
            look("for an attempt at a promotion: see its outcome", "/v1/promotions"),
        ],
    )
}

impl Requests {
    /// Takes one entry of the decision ledger.
    pub fn learn(&mut self, signed: &SignedDecision) {
        let entry = &signed.entry;
        self.learnt = Some(entry.seq);
        let (request, known) = match &entry.body {
            DecisionBody::PromotionRequested { request, .. } => {
                (request, PromotionId::asked_in(&entry.author, entry.seq).map(Known::Promotion))
            }
            DecisionBody::CommandRefused { request, .. }
            | DecisionBody::CommandDone { request, .. }
            | DecisionBody::Declined { request, .. }
            | DecisionBody::DeclineRefused { request, .. }
            | DecisionBody::Followed { request, .. }
            | DecisionBody::Resumed { request, .. }
            | DecisionBody::BootstrapRequested { request, .. }
            | DecisionBody::SuffixDiscarded { request, .. }
            | DecisionBody::FailureCleared { request, .. } => {
                (request, Some(Known::Decision(entry.seq)))
            }
            DecisionBody::PromotionDenied { .. }
            | DecisionBody::PromotionGranted { .. }
            | DecisionBody::Halted { .. }
            | DecisionBody::BootstrapDecided { .. }
            | DecisionBody::Relocated { .. }
            | DecisionBody::RelocateRefused { .. }
            | DecisionBody::Forked { .. }
            | DecisionBody::ForkRefused { .. }
            | DecisionBody::CheckpointRequested { .. } => return,
        };
        if let (Some(RequestRef { request_id, body_digest }), Some(known)) = (request, known) {
            self.known.insert(request_id.clone(), (*body_digest, known));
        }
    }

    /// The last entry that was taken.
    #[must_use]
    pub const fn learnt(&self) -> Option<Seq> {
        self.learnt
    }

    /// What is recorded of a request of this name; `None` for a new one.
    ///
    /// # Errors
    /// `REQUEST_ID_REUSED` when the name was used with another body.
    pub fn find(&self, request: Option<&RequestRef>) -> Result<Option<Known>, Problem> {
        let Some(RequestRef { request_id, body_digest }) = request else { return Ok(None) };
        match self.known.get(request_id) {
            Some((digest, known)) if digest == body_digest => Ok(Some(known.clone())),
            Some(_) => Err(reused(&format!(
                "request id {request_id} was used with another body; a new request needs a new id"
            ))),
            None => Ok(None),
        }
    }
}
