//! How far a node's history is acknowledged, and how far it is shown.

use aerodb_core::authority::Succession;
use aerodb_core::decision::acknowledge::Floor;
use aerodb_core::decision::node_state::{ReadAsked, Readable};
use aerodb_core::decision::read::Consistency;
use aerodb_core::decision::tenure::{Bounds, Tenure};
use aerodb_core::id::Boundary;

use crate::cluster::Cluster;
use crate::mutant::Lie;
use crate::state::Node;

impl Cluster {
    /// Keeps the tenure as it is once its bounds are published.
    pub(crate) fn set_tenure(&self, node: &mut Node, mut tenure: Tenure) {
        let _ = tenure.bounds(self.synced(node));
        node.tenure = Some(self.world.tenure(tenure));
    }

    pub(crate) fn tenure(&self, node: &Node) -> Option<Tenure> {
        node.tenure.map(|id| self.world.tenures.get(id).clone())
    }

    /// The bounds that the node goes by.
    pub(crate) fn bounds(&self, node: &Node) -> Bounds {
        self.bounds_at(node, self.synced(node))
    }

    /// The bounds that it would go by, with its history durable through `durable`.
    pub(crate) fn bounds_at(&self, node: &Node, durable: Boundary) -> Bounds {
        match self.tenure(node) {
            Some(tenure) => self.as_told(node, tenure).bounds(durable),
            None => Bounds {
                durable,
                acknowledged: node.shown.map(Boundary::new),
                covered: Some(self.authority(node).head().seq),
            },
        }
    }

    fn synced(&self, node: &Node) -> Boundary {
        let end = self.durable(node);
        if node.unsynced && self.lies(Lie::ShippedUnsynced) {
            Boundary::new(end.get() - 1)
        } else {
            end
        }
    }

    /// The tenure with the lies that are told about what is owed.
    fn as_told(&self, node: &Node, tenure: Tenure) -> Tenure {
        let heir = self.authority(node).succession();
        let unknown = matches!(heir, Some(Succession::Designated { entry, .. })
            if tenure.ledger_receipt() < Some(entry.seq));
        let released = matches!(heir, Some(Succession::Releasing { .. }));
        let nothing_owed = self.lies(Lie::NothingOwed)
            || (self.lies(Lie::NothingOwedBeforeKnown) && unknown)
            || (self.lies(Lie::NothingOwedOnceReleased) && released);
        if nothing_owed && tenure.obligation().is_some() {
            let head = self.authority(node).head().seq;
            Tenure::new(None, Floor::Known(Boundary::ORIGIN), head, Some(head))
        } else {
            tenure
        }
    }

    /// A replica shows what it applied as far as it was told.
    pub(crate) fn show(&self, at: usize, node: &mut Node) {
        let (authority, applied) = (self.authority(node), self.durable(node));
        let told =
            if self.lies(Lie::ToldAll) { Some(applied) } else { node.told.map(Boundary::new) };
        let bounds = Bounds::of_replica(authority, &self.names[at], applied, told);
        let shown = bounds.acknowledged.filter(|_| !self.lies(Lie::ShowsNothing));
        node.shown = shown.map(Boundary::get);
    }

    /// How far a read that takes a snapshot sees; `None` where the gate refuses it.
    pub(crate) fn readable(&self, at: usize, node: &Node) -> Option<Boundary> {
        let asked =
            ReadAsked { at: None, min_commit: None, consistency: Some(Consistency::Snapshot) };
        let readable = Readable {
            acknowledged: self.bounds(node).acknowledged,
            oldest_retained: Boundary::ORIGIN,
            echoed: None,
        };
        self.state(at, node).of_read(asked, readable).admit().ok()
    }
}
