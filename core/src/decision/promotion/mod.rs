//! Whether this node may be granted the next epoch (DESIGN 3.3).
//!
//! The proof contains no liveness, no clock and no network: only this node's own ledger and history,
//! and the request. Invariant: a grant stands on exactly one [`Basis`], and each basis names one node.
//!
//! Keeps: P6-SC2, P6-D1, P6-AR3, P6-N6, P6-X6, P6-PF2.4, P6-RI6, P6-O2, P6-RO2, P6-RO3, P6-RT4, P6-B2.4,
//! P6-DF3, P6-S3, M-P04, M-P05, M-P06, P6-TS6.

mod condition;
mod remedies;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::authority::{Authority, Basis, Grant, PresentedDecline, Succession, Tenure};
use crate::decision::RecordedDecision;
use crate::explain::{ExplanationType, Facts, Mismatch, ObservedSnapshot, RuleApplied};
use crate::hash::{Chain, ClusterId};
use crate::id::{Boundary, Epoch, NodeId, PromotionId, RequestId};
use crate::machine::RoleName;
use crate::position::{LedgerHead, Position};
use crate::rules::RuleId;
use crate::wal::EpochMismatch;
use condition::Condition;

pub use remedies::remedies;

/// What the ledger says about who may write, as far as the rules read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityFacts {
    /// The current epoch.
    pub epoch: Epoch,
    /// Its holder.
    pub holder: NodeId,
    /// Where it starts.
    pub start: Position,
    /// Whether the holder still holds.
    pub tenure: Tenure,
    /// The heir, if there is one.
    pub succession: Option<Succession>,
}

impl AuthorityFacts {
    /// The one node that can be granted the next epoch, if there is one.
    fn heir(&self) -> Option<&NodeId> {
        match (&self.tenure, &self.succession) {
            (Tenure::Relinquished { successor, .. }, _)
            | (Tenure::Held, Some(Succession::Designated { successor, .. })) => Some(successor),
            (Tenure::Held, Some(Succession::Releasing { .. }) | None) => None,
        }
    }
}

impl From<&Authority> for AuthorityFacts {
    fn from(authority: &Authority) -> Self {
        Self {
            epoch: authority.epoch(),
            holder: authority.holder().clone(),
            start: authority.start(),
            tenure: authority.tenure().clone(),
            succession: authority.succession().cloned(),
        }
    }
}

/// How far each stage of the replica pipeline has come. `applied <= validated <= received`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Durable, nothing interpreted.
    pub received: Boundary,
    /// Checksum, continuity, chain and epoch proven.
    pub validated: Boundary,
    /// In the store.
    pub applied: Boundary,
}

/// Everything that the decision reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromotionFacts {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node that is asked.
    pub node: NodeId,
    /// The epoch that the request names.
    pub expected_epoch: Epoch,
    /// The node that the request names, if it names one.
    pub replica_id: Option<NodeId>,
    /// The end of this node's authority ledger.
    pub ledger: LedgerHead,
    /// What that ledger says.
    pub authority: AuthorityFacts,
    /// Whether the node is an admitted member.
    pub member: bool,
    /// The node's role.
    pub role: RoleName,
    /// The rule of the halt in force, if there is one.
    pub halt: Option<RuleId>,
    /// Whether another attempt is running.
    pub attempt_in_progress: bool,
    /// How far the pipeline has come.
    pub progress: Progress,
    /// The end of this node's validated history.
    pub wal_end: Position,
    /// The chain that this node's history has at the place that the basis names; `None` when the history
    /// does not reach it or there is no basis.
    pub chain_at_basis: Option<Chain>,
    /// The first batch that carries another epoch than its position, if there is one.
    pub epoch_mismatch: Option<EpochMismatch>,
    /// Whether this node has declined the next epoch, by its own record or by the ledger.
    pub declined: bool,
    /// The decline that the request presents, if it presents one.
    pub decline: Option<PresentedDecline>,
}

/// The basis on which `node` could be granted the next epoch, with the place that its history must
/// contain; `None` when the ledger holds none in its favour. The relinquisher has none without its heir's
/// decline.
#[must_use]
pub fn basis_for(
    cluster: &ClusterId,
    authority: &AuthorityFacts,
    node: &NodeId,
    decline: Option<&PresentedDecline>,
) -> Option<(Basis, Position)> {
    match (&authority.tenure, &authority.succession) {
        (Tenure::Relinquished { successor, final_position, entry }, _) if successor == node => {
            Some((Basis::Relinquishment { entry: *entry }, *final_position))
        }
        (Tenure::Relinquished { successor, final_position, entry }, _) => {
            let shown = decline.filter(|decline| {
                decline.shows(cluster, successor, authority.epoch).is_ok()
                    && node == &authority.holder
            })?;
            let certificate = Box::new(shown.certificate.clone());
            Some((Basis::Decline { entry: *entry, certificate }, *final_position))
        }
        (Tenure::Held, Some(Succession::Designated { successor, at, entry })) => {
            (successor == node).then_some((Basis::Designation { entry: *entry }, *at))
        }
        (Tenure::Held, Some(Succession::Releasing { .. }) | None) => None,
    }
}

impl PromotionFacts {
    fn basis(&self) -> Option<(Basis, Position)> {
        basis_for(&self.cluster, &self.authority, &self.node, self.decline.as_ref())
    }
}

impl Facts for PromotionFacts {
    const TYPE: ExplanationType = ExplanationType::Promotion;
    const NO: &'static str = "denied";

    fn yes(&self) -> &'static str {
        "approved"
    }

    fn observed(&self) -> ObservedSnapshot {
        ObservedSnapshot {
            snapshot_id: Some(self.wal_end.chain),
            commit_id: Some(self.wal_end.boundary),
        }
    }

    fn rules(&self) -> Vec<RuleApplied> {
        Condition::ALL.iter().map(|condition| condition.apply(self)).collect()
    }
}

impl Grant {
    /// The grant that an approved decision leads to; `None` where its facts hold no basis, or no epoch follows.
    #[must_use]
    pub fn of(
        promotion_id: PromotionId,
        request_id: Option<RequestId>,
        decision: RecordedDecision,
    ) -> Option<Self> {
        let facts = &decision.facts;
        let (basis, _) = facts.basis()?;
        Some(Self {
            epoch: facts.authority.epoch.next()?,
            holder: facts.node.clone(),
            start: facts.wal_end,
            basis,
            promotion_id,
            request_id,
            decision,
        })
    }
}

/// Checks the decision recorded in a grant against the state that the grant lands on: it must speak of
/// this very state, and the rules must give the recorded answer for its facts. One that was made under rules that
/// this program does not have must have come to a yes; that those rules give it cannot be told
/// ([`crate::authority::Entry::check_adoptable`] is for entries that are new here).
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check_recorded(state: &Authority, grant: &Grant) -> Result<(), &'static str> {
    let facts = &grant.decision.facts;
    let checks = [
        (facts.cluster == *state.cluster(), "it was made for another cluster"),
        (facts.node == grant.holder, "it was made by another node"),
        (facts.ledger == state.head(), "it was made on another ledger head"),
        (facts.authority == AuthorityFacts::from(state), "it was made on another authority"),
        (facts.wal_end == grant.start, "it was made on another end of the history"),
        (
            facts.basis().is_some_and(|(basis, _)| basis == grant.basis),
            "its basis is not the grant's",
        ),
    ];
    // What the facts say of a certificate that the grant stands on is looked up again.
    let stands_on = match &grant.basis {
        Basis::Decline { certificate, .. } => {
            Some(PresentedDecline::new(state, (**certificate).clone(), true))
        }
        Basis::Relinquishment { .. } | Basis::Designation { .. } => facts.decline.clone(),
    };
    if stands_on != facts.decline {
        return Err("it was made on another certificate");
    }
    if let Some((_, what)) = checks.iter().find(|(holds, _)| !holds) {
        return Err(what);
    }
    match grant.decision.replay() {
        Ok(explanation) if explanation.holds() => Ok(()),
        Ok(_) => Err("the rules deny it"),
        Err(Mismatch::Ruleset { .. }) if grant.decision.says_yes() => Ok(()),
        Err(Mismatch::Ruleset { .. }) => Err("its own rules deny it"),
        Err(Mismatch::Outcome { .. }) => Err("the rules give another answer for its facts"),
    }
}
