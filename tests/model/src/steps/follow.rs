//! A node that held is told to follow another one: it must see a later grant before it may pull at all.

use aerodb_core::decision::serving::{check_ledger, serves};
use aerodb_core::machine::Role;

use crate::cluster::Cluster;
use crate::state::State;

impl Cluster {
    pub(crate) fn follow(&self, state: &mut State, at: usize, other: usize) -> Option<()> {
        let (node, upstream) = (state.node(at), state.node(other));
        let held = matches!(node.role, Role::PrimaryActive { .. } | Role::PrimarySealed { .. });
        if !held || !serves(upstream.role_name()) {
            return None;
        }
        let head = self.authority(node).head();
        check_ledger(&head, self.authority(upstream).hash_at(head.seq)).ok()?;
        let upto = self.due(upstream, at).ledger.filter(|upto| *upto > head.seq)?;
        let ledger = self.world.ledgers.prefix(upstream.ledger, upto)?;
        self.adopt(state.node_mut(at), at, ledger);
        Some(())
    }
}
