//! A client's write: admitted, formed, appended, fsynced. It is acknowledged once the bound passes it.

use aerodb_core::authority::Tenure;
use aerodb_core::decision::node_state::Writer;
use aerodb_core::decision::write::WriteLive;
use aerodb_core::machine::Role;

use crate::cluster::Cluster;
use crate::mutant::Lie;
use crate::state::{Node, State};

impl Cluster {
    pub(crate) fn write(&self, state: &mut State, at: usize) -> Option<()> {
        let node = state.node(at);
        let Role::PrimaryActive { epoch } = node.role else { return None };
        if !self.admits(at, node) {
            return None;
        }
        let stamp = self.authority(node).head();
        let history = self.world.histories.append(node.history, epoch, stamp, self.mark(state))?;
        let unsynced = self.lies(Lie::HolderUnsynced) || self.lies(Lie::ShippedUnsynced);
        let node = state.node_mut(at);
        (node.history, node.unsynced) = (history, unsynced);
        let tenure = self.tenure(node)?;
        self.set_tenure(node, tenure);
        Some(())
    }

    /// Only a lie lets anything happen between an append and its fsync.
    pub(crate) fn fsync(&self, state: &mut State, at: usize) -> Option<()> {
        let node = state.node_mut(at);
        node.unsynced = false;
        let tenure = self.tenure(node)?;
        self.set_tenure(node, tenure);
        Some(())
    }

    /// Whether the node admits a write. The obliged node counts as attached: whether it is decides nothing that
    /// is safe or not.
    pub(crate) fn admits(&self, at: usize, node: &Node) -> bool {
        let mut asking = self.asking(at, node);
        asking.2 = 0;
        self.memos.write.ask(asking, || {
            let live = WriteLive {
                successor_attached: self.authority(node).obligation().map(|_| true),
                acknowledged: None,
                store_bytes: 0,
            };
            let writer = Writer { poisoned: false, store_bytes_max: u64::MAX };
            let mut facts = self.state(at, node).of_write(writer, live);
            if self.lies(Lie::StillHeld) || self.lies(Lie::HeldAtStart) {
                facts.authority.tenure = Tenure::Held;
            }
            facts.admit(&live).is_ok()
        })
    }
}
