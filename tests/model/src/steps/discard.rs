//! The operator's way back from a halt: what the log holds past the validated history is set aside.

use aerodb_core::machine::{Failure, Latch};

use crate::cluster::Cluster;
use crate::state::State;

impl Cluster {
    pub(crate) fn discard(&self, state: &mut State, at: usize) -> Option<()> {
        let node = state.node(at);
        let first = Failure { rule: node.halt?, evidence: String::new() };
        let latch = Latch::Latched { first, later: Vec::new() };
        latch.cleared_by_discarding().ok()??;
        let authority = self.authority(node);
        if authority.holder() == &self.names[at] {
            return None;
        }
        let (kept, boundary) = self.proven_end(node)?;
        let start = authority.start();
        let end = self.world.histories.get(kept).end;
        if boundary == start.boundary && end.chain != start.chain {
            return None;
        }
        let node = state.node_mut(at);
        (node.history, node.halt, node.unsynced) = (kept, None, false);
        self.restart(at, node);
        Some(())
    }
}
