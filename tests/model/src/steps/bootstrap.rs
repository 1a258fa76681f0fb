//! A snapshot takes the place of a replica's history.

use aerodb_core::decision::bootstrap::{BootstrapFacts, SnapshotReceived};
use aerodb_core::decision::checkpoint::CutByLedger;
use aerodb_core::decision::node_state::Transferred;
use aerodb_core::explain::explain;
use aerodb_core::hash::Hash;
use aerodb_core::id::Boundary;
use aerodb_core::position::Position;

use crate::cluster::Cluster;
use crate::mutant::Lie;
use crate::state::{Node, State};
use crate::world::HistoryId;

impl Cluster {
    pub(crate) fn bootstrap(&self, state: &mut State, at: usize, from: usize) -> Option<()> {
        let (node, source) = (state.node(at), state.node(from));
        if !node.is_replica() || source.tenure.is_none() {
            return None;
        }
        // A snapshot is never taken above the acknowledged bound.
        let cut = self.bounds(source).acknowledged.filter(|cut| *cut > Boundary::ORIGIN)?;
        let snapshot = self.world.histories.prefix(source.history, cut)?;
        let key = (self.asking(at, node), from, source.ledger, snapshot);
        let accepted = self.memos.bootstrap.ask(key, || {
            self.bootstrap_facts(at, node, from, source, snapshot)
                .is_some_and(|facts| explain(&facts).holds())
        });
        if !accepted {
            return None;
        }
        let node = state.node_mut(at);
        (node.history, node.unsynced) = (snapshot, false);
        self.restart(at, node);
        state.answers[at] = None;
        Some(())
    }

    fn bootstrap_facts(
        &self,
        at: usize,
        node: &Node,
        from: usize,
        source: &Node,
        snapshot: HistoryId,
    ) -> Option<BootstrapFacts> {
        let (theirs, held) = (self.authority(source), self.world.histories.get(snapshot));
        let cut = CutByLedger::of(theirs, held.end.boundary)?;
        let received = SnapshotReceived {
            cluster: *theirs.cluster(),
            position: held.end,
            epoch: cut.epoch,
            ledger: cut.ledger,
            oldest_retained: held.end.boundary,
            designation: cut.designation,
            keys: 1,
            versions: 1,
            bytes: 0,
            manifest: Hash::NONE_BEFORE,
        };
        let source = self.names[from].clone();
        let own = self.world.histories.get(node.history).end;
        let transferred = Transferred { source, snapshot: Some(received), damage_at: None };
        let mut facts = self.state(at, node).of_bootstrap(own, transferred);
        if self.lies(Lie::BootstrapUntold) {
            facts.own = Position::origin(&facts.cluster);
            facts.authority.succession = None;
        }
        Some(facts)
    }
}
