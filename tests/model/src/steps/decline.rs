//! The heir's decline: durable in its own record before anybody has it.

use aerodb_core::authority::SignedDecline;
use aerodb_core::decision::decline::DeclineFacts;
use aerodb_core::explain::explain;

use crate::cluster::Cluster;
use crate::state::State;
use crate::steps::command::SIGNATURE;
use crate::world::LedgerId;

impl Cluster {
    pub(crate) fn decline(&self, state: &mut State, at: usize) -> Option<()> {
        let node = state.node(at);
        if self.own_decline(node.ledger, node.declined) {
            // It is answered as it was made.
            return None;
        }
        let ledger = node.ledger;
        let approved = self.memos.decline.ask((at, ledger), || {
            let facts = self.decline_facts(at, ledger);
            explain(&facts).holds() && facts.claim().is_some()
        });
        state.node_mut(at).declined = approved.then_some(ledger).or(state.node(at).declined);
        approved.then_some(())
    }

    fn decline_facts(&self, at: usize, ledger: LedgerId) -> DeclineFacts {
        let authority = &self.world.ledgers.get(ledger).authority;
        DeclineFacts::new(authority, self.names[at].clone(), authority.epoch(), true)
    }

    /// What a node that declined on this ledger has handed out.
    pub(crate) fn certificate(&self, at: usize, ledger: LedgerId) -> Option<SignedDecline> {
        let claim = self.decline_facts(at, ledger).claim()?;
        Some(SignedDecline { claim, signature: SIGNATURE })
    }

    /// Whether the node's own record holds a decline of the epoch after that of `ledger`.
    pub(crate) fn own_decline(&self, ledger: LedgerId, declined: Option<LedgerId>) -> bool {
        let epoch = |id| self.world.ledgers.get(id).authority.epoch();
        declined.is_some_and(|on| epoch(on) == epoch(ledger))
    }
}
