//! A snapshot takes the place of a replica's history.

use aerodb_core::decision::bootstrap::{BootstrapFacts, SnapshotReceived};
use aerodb_core::decision::promotion::AuthorityFacts;
use aerodb_core::explain::explain;
use aerodb_core::hash::Hash;
use aerodb_core::id::{Boundary, CommitId};
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
        let (authority, held) = (self.authority(node), self.world.histories.get(snapshot));
        let theirs = self.authority(source);
        let covered = |place: &Position| place.boundary <= held.end.boundary;
        let designation = theirs.succession().map(|heir| heir.designated_at()).filter(covered);
        let last = CommitId::new(held.end.boundary.get())?;
        let received = SnapshotReceived {
            cluster: *theirs.cluster(),
            position: held.end,
            epoch: held.last.as_ref()?.0.epoch(),
            ledger: theirs.head(),
            oldest_retained: held.end.boundary,
            designation,
            keys: 1,
            versions: 1,
            bytes: 0,
            manifest: Hash::NONE_BEFORE,
        };
        let mut facts = BootstrapFacts {
            cluster: *authority.cluster(),
            node: self.names[at].clone(),
            source: self.names[from].clone(),
            ledger: authority.head(),
            authority: AuthorityFacts::from(authority),
            role: node.role_name(),
            halt: node.halt,
            own: self.world.histories.get(node.history).end,
            snapshot: Some(received),
            damage_at: None,
            ledger_known: authority.contains(&theirs.head()),
            epoch_by_ledger: Some(authority.epoch_at(last)),
        };
        if self.lies(Lie::BootstrapUntold) {
            facts.own = Position::origin(authority.cluster());
            facts.authority.succession = None;
        }
        Some(facts)
    }
}
