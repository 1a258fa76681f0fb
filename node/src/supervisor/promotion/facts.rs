//! What a promotion is decided on, as this node has it.

use aerodb_core::authority::SignedEntry;
use aerodb_core::decision::node_state::{History, PromotionAsked};
use aerodb_core::decision::promotion::{AuthorityFacts, PromotionFacts, basis_for};
use aerodb_core::explain::Remedy;
use aerodb_core::hash::Chain;
use aerodb_core::id::{Boundary, NodeId};
use aerodb_core::machine::Promotion;
use aerodb_core::position::Position;
use aerodb_core::rules::RuleId;
use aerodb_http_api::code::Code;
use aerodb_http_api::problem::Problem;
use aerodb_ledger::authority::present_decline;

use super::PromotionRequest;
use crate::declines::has_declined_after;
use crate::evidence::{Extended, Unfit, extend};
use crate::replication::unreadable_history;
use crate::supervisor::state::Supervisor;
use crate::wal::Standing;

impl Supervisor {
    pub(in crate::supervisor) fn promotion_facts(
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
    pub(super) fn with_evidence(&self, entries: &[SignedEntry]) -> Result<Extended, Problem> {
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
}

fn unfit_evidence(unfit: &Unfit, node: &NodeId) -> Problem {
    let rule = unfit.rule();
    let action = "see the end of this node's ledger; bring what comes after it, in order";
    let path = "/v1/ledger?log=authority";
    Problem::new(Code::CommandRefused, format!("the evidence does not count: {unfit}"))
        .rule(rule, vec![Remedy::look(rule, action, Some(node.clone()), path)])
        .with("field", "evidence")
}
