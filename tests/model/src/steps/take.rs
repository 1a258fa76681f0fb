//! A replica takes an answer: ledger before history, each durable before anything is said of it.

use aerodb_core::decision::follow::{histories_agree, own_unknown};
use aerodb_core::machine::{Role, RoleEvent};
use aerodb_core::rules::RuleId;
use aerodb_core::wal::{Discontinuity, Divergence, prove};

use crate::cluster::Cluster;
use crate::mutant::Lie;
use crate::state::{Answer, Node, State};
use crate::world::{HistoryId, LedgerId};

impl Cluster {
    pub(crate) fn take_entries(&self, state: &mut State, at: usize) -> Option<()> {
        match state.answers[at]? {
            Answer::Parted { rule, .. } => {
                Self::halt(state.node_mut(at), rule);
                Some(())
            }
            Answer::News { base_ledger, ledger, .. } if ledger == base_ledger => None,
            Answer::News { base_history, ledger, history, told, .. } => {
                self.adopt(state.node_mut(at), at, ledger);
                let base_ledger = ledger;
                state.answers[at] =
                    Some(Answer::News { base_ledger, base_history, ledger, history, told });
                Some(())
            }
        }
    }

    /// Makes entries from elsewhere durable, each checked where it lands, and follows what they say.
    pub(crate) fn adopt(&self, node: &mut Node, at: usize, target: LedgerId) {
        match self.adopted(at, node.ledger, target) {
            Err(rule) => Self::halt(node, rule),
            Ok(ledger) => {
                let epoch = self.authority(node).epoch();
                node.ledger = ledger;
                if self.authority(node).epoch() > epoch {
                    self.give_way(at, node);
                }
            }
        }
    }

    /// The ledger with the entries that `target` has past it.
    pub(crate) fn adopted(
        &self,
        at: usize,
        own: LedgerId,
        target: LedgerId,
    ) -> Result<LedgerId, RuleId> {
        self.memos.adopt.ask((at, own, target), || {
            let ledgers = &self.world.ledgers;
            let after = ledgers.get(own).entry.seq;
            if own_unknown(&self.names[at], ledgers.entries_after(target, after)).is_some() {
                return Err(RuleId::St2);
            }
            ledgers.entries_after(target, after).try_fold(own, |ledger, entry| {
                ledgers.append(ledger, entry).map_err(|illegal| illegal.rule())
            })
        })
    }

    /// A later grant is in the ledger: whoever held holds no more, and the history must be a prefix of what the
    /// grant starts from.
    fn give_way(&self, at: usize, node: &mut Node) {
        let epoch = self.authority(node).epoch();
        if let Role::PrimaryActive { .. } | Role::ReplicaActive { .. } = node.role {
            Self::step_role(node, &RoleEvent::LaterGrantLearnt { epoch });
        }
        if let Err(rule) = self.agree(node)
            && !self.lies(Lie::HistoriesAgree)
        {
            return Self::halt(node, rule);
        }
        if let Role::PrimarySealed { .. } = node.role {
            Self::step_role(node, &RoleEvent::HistoriesAgree { epoch });
            (node.tenure, node.told) = (None, None);
        }
        let told = node.told.take();
        self.show(at, node);
        node.told = told;
    }

    fn agree(&self, node: &Node) -> Result<(), RuleId> {
        self.memos.agree.ask((node.ledger, node.history), || {
            let history = self.world.histories.get(node.history);
            let (tip, received) = (&history.end, history.end.boundary);
            histories_agree(self.authority(node), tip, received, &history.epochs)
                .map_err(|disagreement| disagreement.rule())
        })
    }

    pub(crate) fn halt(node: &mut Node, rule: RuleId) {
        Self::step_role(node, &RoleEvent::Failed { rule });
        node.halt = Some(rule);
        (node.tenure, node.told, node.shown, node.approved) = (None, None, None, None);
    }

    pub(crate) fn take_batches(&self, state: &mut State, at: usize) -> Option<()> {
        let Answer::News { base_ledger, ledger, history, told, .. } = state.answers[at]? else {
            return None;
        };
        if ledger != base_ledger {
            return None;
        }
        state.answers[at] = None;
        let node = state.node_mut(at);
        match self.extended(node.ledger, node.history, history) {
            Err(rule) => Self::halt(node, rule),
            Ok(history) => {
                node.unsynced = self.lies(Lie::ReplicaUnsynced) && history != node.history;
                node.history = history;
                node.told = told;
                self.show(at, node);
            }
        }
        Some(())
    }

    /// The history with the batches that `target` has past it, as far as the ledger knows their stamps.
    fn extended(
        &self,
        ledger: LedgerId,
        own: HistoryId,
        target: HistoryId,
    ) -> Result<HistoryId, RuleId> {
        let histories = &self.world.histories;
        let mut tip = own;
        while let Some(next) = histories.next_towards(tip, target) {
            let stamp = histories.get(next).last.as_ref().map(|(batch, _)| batch.stamp());
            let authority = &self.world.ledgers.get(ledger).authority;
            if stamp.is_some_and(|stamp| !authority.reaches(&stamp)) {
                break;
            }
            self.proven(ledger, tip, next)?;
            tip = next;
        }
        Ok(tip)
    }

    /// Whether the last batch of `next` continues `tip`, by this ledger.
    pub(crate) fn proven(
        &self,
        ledger: LedgerId,
        tip: HistoryId,
        next: HistoryId,
    ) -> Result<(), RuleId> {
        self.memos.prove.ask((ledger, tip, next), || {
            let (histories, ledger) = (&self.world.histories, self.world.ledgers.get(ledger));
            let Some((_, raw)) = &histories.get(next).last else { return Ok(()) };
            match prove(raw, &histories.get(tip).end, &ledger.authority) {
                Ok(_) => Ok(()),
                Err(Divergence::Discontinuity(Discontinuity::Epoch { .. }))
                    if self.lies(Lie::EpochAsAsked) =>
                {
                    Ok(())
                }
                Err(divergence) => Err(divergence.rule()),
            }
        })
    }
}
