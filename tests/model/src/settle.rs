//! Takes out of a state what can make no difference to any later one, so that states which differ in nothing else
//! are one.

use crate::cluster::Cluster;
use crate::state::{NODES_MAX, PULLS_MAX, Pull, State};

impl Cluster {
    pub(crate) fn settle(&self, state: &mut State) {
        for at in 0..self.scope.nodes {
            self.forget_told(state, at);
            self.forget_answer(state, at);
            self.forget_pulls(state, at);
        }
        self.forget_declines(state);
    }

    /// What a replica was told that nothing is owed of: a later designation is at what was acknowledged then, or
    /// past it.
    fn forget_told(&self, state: &mut State, at: usize) {
        let node = state.node(at);
        if node.told.is_some() && !self.is_obliged(at, node.ledger) {
            state.node_mut(at).told = None;
        }
    }

    /// An answer that nobody is waiting for.
    fn forget_answer(&self, state: &mut State, at: usize) {
        let node = state.node(at);
        let here = (node.ledger, node.history);
        let waits = state.answers[at].is_some_and(|answer| answer.base() == here);
        if !waits || !node.is_replica() {
            state.answers[at] = None;
        }
    }

    /// A pull whose answer nobody waits for, and whose receipt cannot count.
    fn forget_pulls(&self, state: &mut State, at: usize) {
        for index in 0..PULLS_MAX {
            let dead = state.pulls[at][index].is_some_and(|pull| !self.matters(state, at, &pull));
            if dead {
                state.pulls[at][index] = None;
            }
        }
        state.pulls[at].sort_unstable_by_key(|pull| (pull.is_none(), *pull));
    }

    /// A receipt counts in the epoch that it names, with the holder of that epoch, as long as that is in it.
    fn matters(&self, state: &State, from: usize, pull: &Pull) -> bool {
        let (node, to) = (state.node(from), usize::from(pull.to));
        let answerable =
            node.is_replica() && (pull.ledger, pull.history) == (node.ledger, node.history);
        let named = &self.world.ledgers.get(pull.ledger).authority;
        let there = self.authority(state.node(to));
        let countable = named.holder() == &self.names[to] && named.epoch() == there.epoch();
        answerable || countable
    }

    /// A decline of an epoch that every node has reached.
    fn forget_declines(&self, state: &mut State) {
        let Some(least) = state.all().map(|(_, node)| self.authority(node).epoch()).min() else {
            return;
        };
        for node in state.nodes.iter_mut().take(NODES_MAX).flatten() {
            let on = node.declined.map(|on| self.world.ledgers.get(on).authority.epoch());
            if on.is_some_and(|on| on < least) {
                node.declined = None;
            }
        }
    }
}
