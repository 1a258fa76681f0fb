//! A process dies and starts again: on the disk is what was fsynced, in memory nothing.

use aerodb_core::decision::acknowledge::Floor;
use aerodb_core::decision::tenure::Tenure;
use aerodb_core::id::{Boundary, Seq};
use aerodb_core::rules::RuleId;

use crate::cluster::Cluster;
use crate::mutant::Lie;
use crate::state::{Answer, Node, State};

impl Cluster {
    pub(crate) fn crash(&self, state: &mut State, at: usize) -> Option<()> {
        state.faults += 1;
        let node = state.node_mut(at);
        self.lose(at, node);
        self.restart(at, node);
        state.answers[at] = None;
        Some(())
    }

    /// Entries are adopted in one append; what follows from them has not happened.
    pub(crate) fn crash_adopting(&self, state: &mut State, at: usize) -> Option<()> {
        let Answer::News { base_ledger, ledger, .. } = state.answers[at]? else { return None };
        if ledger == base_ledger {
            return None;
        }
        state.node_mut(at).ledger = self.adopted(at, base_ledger, ledger).ok()?;
        self.crash(state, at)
    }

    /// Batches are written and read back: an opening makes them durable, unless it lies.
    pub(crate) fn crash_receiving(&self, state: &mut State, at: usize) -> Option<()> {
        let before = state.node(at).history;
        self.take_batches(state, at)?;
        if state.node(at).history == before {
            return None;
        }
        self.crash(state, at)?;
        state.node_mut(at).unsynced = true;
        Some(())
    }

    /// What arrives is not what was sent: nothing of it is taken, and the replica halts (F-V1).
    pub(crate) fn damage(state: &mut State, at: usize) -> Option<()> {
        state.answers[at]?;
        state.faults += 1;
        Self::halt(state.node_mut(at), RuleId::FV1);
        Some(())
    }

    /// The directory is put back from a backup whose ledger ends earlier.
    pub(crate) fn restore(&self, state: &mut State, at: usize, last: Seq) -> Option<()> {
        let node = state.node_mut(at);
        node.ledger = self.world.ledgers.prefix(node.ledger, last)?;
        self.crash(state, at)
    }

    /// What is not durable after all, by the lies that are told.
    fn lose(&self, at: usize, node: &mut Node) {
        if node.unsynced {
            let histories = &self.world.histories;
            node.history = histories.get(node.history).shorter.last().copied().unwrap_or_default();
            node.unsynced = false;
        }
        if self.lies(Lie::DeclineNotDurable) {
            node.declined = None;
        }
        let ledger = self.world.ledgers.get(node.ledger);
        let own_grant = ledger.entry.body.kind() == "authority_granted"
            && ledger.entry.author == self.names[at];
        if own_grant && self.lies(Lie::GrantUnsynced) {
            node.ledger = ledger.shorter.last().copied().unwrap_or_default();
        }
        node.approved = None;
    }

    /// A start reads everything, in order, and refuses or halts over what does not hold.
    pub(crate) fn restart(&self, at: usize, node: &mut Node) {
        if node.halt.is_none() {
            node.halt = self.broken(node);
        }
        self.start(at, node);
        if self.lies(Lie::RecoveredAcknowledged)
            && let Some(tenure) = self.tenure(node)
        {
            let (floor, head) = (Floor::Known(self.durable(node)), self.authority(node).head().seq);
            let told = Tenure::new(tenure.obligation().cloned(), floor, head, None);
            self.set_tenure(node, told);
        }
    }

    /// The rule that what is on the disk breaks.
    fn broken(&self, node: &Node) -> Option<RuleId> {
        let (histories, mut tip) = (&self.world.histories, 0);
        while let Some(next) = histories.next_towards(tip, node.history) {
            let stamp = histories.get(next).last.as_ref().map(|(batch, _)| batch.stamp());
            if stamp.is_some_and(|stamp| !self.authority(node).reaches(&stamp)) {
                return Some(RuleId::Au14);
            }
            if let Err(rule) = self.proven(node.ledger, tip, next) {
                return Some(rule);
            }
            tip = next;
        }
        None
    }

    /// The end of what the ledger proves of a history.
    pub(crate) fn proven_end(&self, node: &Node) -> Option<(u16, Boundary)> {
        let (histories, mut tip) = (&self.world.histories, 0);
        while let Some(next) = histories.next_towards(tip, node.history) {
            let stamp = histories.get(next).last.as_ref().map(|(batch, _)| batch.stamp());
            if stamp.is_some_and(|stamp| !self.authority(node).reaches(&stamp)) {
                return None;
            }
            if self.proven(node.ledger, tip, next).is_err() {
                break;
            }
            tip = next;
        }
        Some((tip, histories.get(tip).end.boundary))
    }
}
