//! Promotion: the receiver has stopped, the decision is made on what is durable, and its grant is appended in one
//! step.

use aerodb_core::authority::{EntryBody, Grant, PresentedDecline};
use aerodb_core::decision::node_state::{History, PromotionAsked};
use aerodb_core::decision::promotion::{AuthorityFacts, PromotionFacts, basis_for};
use aerodb_core::decision::tenure::Tenure;
use aerodb_core::explain::Recorded;
use aerodb_core::hash::Hash;
use aerodb_core::id::PromotionId;
use aerodb_core::machine::{Machine, Promotion, PromotionEvent, Role, RoleEvent, RoleName};

use crate::cluster::Cluster;
use crate::mutant::Lie;
use crate::property::Violation;
use crate::state::{Node, State};
use crate::world::{HistoryId, LedgerId};

/// What came of a promotion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promoted {
    /// It is denied.
    Denied,
    /// The ledger with the grant.
    Granted(LedgerId),
    /// The rules approve and the fold refuses: the node stops.
    FoldRefused,
}

impl Cluster {
    pub(crate) fn promote(&self, state: &mut State, at: usize, heir: Option<usize>) -> Option<()> {
        let node = state.node(at);
        let presented = match heir {
            Some(heir) if self.lies(Lie::ForgedForPromotion) => {
                Some((heir, state.node(heir).declined.unwrap_or(node.ledger)))
            }
            Some(heir) => Some((heir, state.node(heir).declined?)),
            None => None,
        };
        let decided_on = node.approved.unwrap_or(node.history);
        let declined =
            self.own_decline(node.ledger, node.declined) && !self.lies(Lie::NothingDeclined);
        let mut asking = self.asking(at, node);
        asking.2 = decided_on;
        let mark = self.mark(state);
        let key = (asking, declined, presented, mark);
        let promoted = self
            .memos
            .promote
            .ask(key, || self.judge(at, node, decided_on, declined, presented, mark));
        match promoted {
            Promoted::Denied => None,
            Promoted::FoldRefused => {
                state.seen.violation = Some(Violation::FoldRefused);
                Some(())
            }
            Promoted::Granted(_) if self.lies(Lie::DecidedBefore) && node.approved.is_none() => {
                state.node_mut(at).approved = Some(decided_on);
                Some(())
            }
            Promoted::Granted(ledger) => {
                self.take_over(state.node_mut(at), ledger);
                Some(())
            }
        }
    }

    /// The grant is durable: this node holds, and its puller has ended.
    fn take_over(&self, node: &mut Node, ledger: LedgerId) {
        if let Role::ReplicationHalted { .. } = node.role {
            // Only a lie brings a halted node here, and the machine knows no way from there.
            node.role = Role::ReplicaActive { epoch: self.authority(node).epoch() };
        }
        node.ledger = ledger;
        let authority = self.authority(node);
        Self::step_role(node, &RoleEvent::AuthorityGranted { epoch: authority.epoch() });
        (node.told, node.shown, node.approved) = (None, None, None);
        self.set_tenure(node, Tenure::granted(authority));
    }

    fn judge(
        &self,
        at: usize,
        node: &Node,
        decided_on: HistoryId,
        declined: bool,
        presented: Option<(usize, LedgerId)>,
        mark: u8,
    ) -> Promoted {
        let decline = match presented {
            Some((heir, ledger)) => match self.certificate(heir, ledger) {
                Some(certificate) => {
                    Some(PresentedDecline::new(self.authority(node), certificate, true))
                }
                None => return Promoted::Denied,
            },
            None => None,
        };
        let facts = self.promotion_facts(at, node, decided_on, declined, decline);
        let (decision, explanation) = Recorded::decide(facts);
        let digest = decision.digest;
        if !attempted(explanation.first_failed(), digest) {
            return Promoted::Denied;
        }
        // Its number in the decision ledger names an attempt: one after a crash is another one.
        let id = PromotionId::new(format!("{}-{}", self.names[at], mark + 1));
        let Some(grant) = id.ok().and_then(|id| Grant::of(id, None, decision)) else {
            return Promoted::Denied;
        };
        let body = EntryBody::AuthorityGranted(Box::new(grant));
        let entry = self.world.ledgers.next_entry(node.ledger, &self.names[at], body);
        match self.world.ledgers.append(node.ledger, &entry) {
            Ok(ledger) => Promoted::Granted(ledger),
            Err(_) if self.is_production() => Promoted::FoldRefused,
            Err(_) => Promoted::Denied,
        }
    }

    fn promotion_facts(
        &self,
        at: usize,
        node: &Node,
        decided_on: HistoryId,
        declined: bool,
        decline: Option<PresentedDecline>,
    ) -> PromotionFacts {
        let authority = self.authority(node);
        let facts = AuthorityFacts::from(authority);
        let basis = basis_for(authority.cluster(), &facts, &self.names[at], decline.as_ref());
        let history = self.world.histories.get(decided_on);
        let mut wal_end = history.end;
        let mut chain_at_basis = basis.as_ref().and_then(|(_, place)| {
            self.chain_at(decided_on, place.boundary)
                .map(|chain| if self.lies(Lie::ChainAsAsked) { place.chain } else { chain })
        });
        if let Some((_, place)) = basis.filter(|_| self.lies(Lie::EndsAtFinal))
            && facts.tenure != aerodb_core::authority::Tenure::Held
        {
            (wal_end, chain_at_basis) = (place, Some(place.chain));
        }
        let mismatch = history.epochs.first_mismatch(authority);
        let halted_untold = self.lies(Lie::NotHaltedForPromotion) && node.halt.is_some();
        let asked = PromotionAsked {
            expected_epoch: authority.epoch(),
            replica_id: None,
            decline,
            attempt_in_progress: false,
        };
        let told = History {
            wal_end,
            received: wal_end.boundary,
            chain_at_basis,
            epoch_mismatch: mismatch.filter(|_| !self.lies(Lie::EpochAsAsked)),
            declined,
        };
        let mut state = self.state(at, node);
        if halted_untold {
            (state.role, state.halt) = (RoleName::ReplicaActive, None);
        }
        state.of_promotion(asked, told)
    }
}

/// The attempt's own machine, from the request to the end. True where it applies a grant.
fn attempted(failed: Option<aerodb_core::rules::RuleId>, digest: Hash) -> bool {
    let approved = failed.is_none();
    let mut events = vec![
        PromotionEvent::Request,
        PromotionEvent::Begin,
        PromotionEvent::Verdict { failed, digest },
    ];
    if approved {
        events.extend([PromotionEvent::Apply { digest }, PromotionEvent::Durable]);
    }
    events.push(PromotionEvent::Return);
    let mut attempt = Promotion::initial();
    for event in &events {
        attempt = attempt
            .transition(event)
            .unwrap_or_else(|forbidden| panic!("the promotion machine: {forbidden}"))
            .next;
    }
    approved
}
