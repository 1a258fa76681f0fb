//! What the holder knows of its own tenure: how far its history is acknowledged, and how much of its ledger may
//! leave (DESIGN 3.2). The bound itself is computed by [`holder_bound`]; this is what it is computed from.

use crate::authority::{Authority, Durability, Obligation};
use crate::decision::acknowledge::{Floor, holder_bound, replica_bound};
use crate::id::{Boundary, NodeId, Seq};

/// What of a node's history and ledger is acknowledged or covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The durable end of the validated history.
    pub durable: Boundary,
    /// The acknowledged bound; `None` while unknown.
    pub acknowledged: Option<Boundary>,
    /// The last ledger entry that may be answered 200 and served to everyone; `None` while unknown.
    pub covered: Option<Seq>,
}

impl Bounds {
    /// Those of a replica that has applied its history this far and was told of this acknowledged bound. All that it
    /// has of the ledger is covered: what comes to the obliged node is once it is durable there, and to every other
    /// only what already was.
    #[must_use]
    pub fn of_replica(
        authority: &Authority,
        node: &NodeId,
        applied: Boundary,
        told: Option<Boundary>,
    ) -> Self {
        let acknowledged = Some(replica_bound(authority, node, applied, told));
        Self { durable: applied, acknowledged, covered: Some(authority.head().seq) }
    }
}

/// The parts of a tenure that the bounds are computed from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tenure {
    obligation: Option<Obligation>,
    receipt: Option<Boundary>,
    floor: Floor,
    ledger_head: Seq,
    ledger_receipt: Option<Seq>,
    ledger_floor: Option<Seq>,
}

impl Tenure {
    /// A tenure of which this much is known without a receipt.
    #[must_use]
    pub const fn new(
        obligation: Option<Obligation>,
        floor: Floor,
        ledger_head: Seq,
        ledger_floor: Option<Seq>,
    ) -> Self {
        Self { obligation, receipt: None, floor, ledger_head, ledger_receipt: None, ledger_floor }
    }

    /// A tenure that begins with the grant that is the last entry: everything through its start counts as
    /// acknowledged.
    #[must_use]
    pub fn granted(authority: &Authority) -> Self {
        let (floor, head) = (Floor::Known(authority.start().boundary), authority.head().seq);
        Self::new(authority.obligation(), floor, head, Some(head))
    }

    /// A tenure that a start finds in the ledger, with the history recovered through `durable`. What the process
    /// before had acknowledged is not known; under an obligation only a receipt can say it.
    #[must_use]
    pub fn found(authority: &Authority, durable: Boundary) -> Self {
        let obligation = authority.obligation();
        let floor = match obligation {
            Some(_) => Floor::UnknownUntil(durable),
            None => Floor::Known(durable),
        };
        Self::new(obligation, floor, authority.head().seq, None)
    }

    /// Whose receipt is needed.
    #[must_use]
    pub const fn obligation(&self) -> Option<&Obligation> {
        self.obligation.as_ref()
    }

    /// What a write that is acknowledged now is durable on.
    #[must_use]
    pub const fn durability(&self) -> Durability {
        match self.obligation {
            Some(_) => Durability::Paired,
            None => Durability::Local,
        }
    }

    /// The last ledger entry that a receipt of the obliged node has shown.
    #[must_use]
    pub const fn ledger_receipt(&self) -> Option<Seq> {
        self.ledger_receipt
    }

    /// The ledger has grown: its head and the obligation may have changed. What was acknowledged and covered
    /// before, as `now` says, stays so. True when the obligation is another one.
    pub fn ledger_grown(
        &mut self,
        now: &Bounds,
        obligation: Option<Obligation>,
        ledger_head: Seq,
    ) -> bool {
        let changed = self.obligation != obligation;
        if changed {
            // The old obligation's receipts say nothing about the new one.
            (self.receipt, self.ledger_receipt) = (None, None);
            self.floor = now.acknowledged.map_or(self.floor, Floor::Known);
            self.ledger_floor = now.covered;
            self.obligation = obligation;
        }
        self.ledger_head = ledger_head;
        changed
    }

    /// The holder's last entry of the epoch is durable: nothing is owed anew, and receipts of the heir still
    /// count, for what may be shown and served.
    pub const fn sealed(&mut self, ledger_head: Seq) {
        self.ledger_head = ledger_head;
    }

    /// A receipt that counts, for this obligation. False when that is not the one in force.
    pub fn receipt(
        &mut self,
        obligation: &Obligation,
        position: Boundary,
        ledger: Option<Seq>,
    ) -> bool {
        let owed = self.obligation.as_ref() == Some(obligation);
        if owed {
            self.receipt = self.receipt.max(Some(position));
            self.ledger_receipt = self.ledger_receipt.max(ledger);
        }
        owed
    }

    /// The bounds of a history that is durable this far. The acknowledged one, once known, never goes back.
    pub fn bounds(&mut self, durable: Boundary) -> Bounds {
        let obliged = self.obligation.is_some();
        let acknowledged = holder_bound(durable, obliged, self.receipt, self.floor);
        if let Some(known) = acknowledged {
            self.floor = Floor::Known(known);
            // A receipt that the bound has reached says nothing more.
            self.receipt = self.receipt.filter(|receipt| *receipt > known);
        }
        let covered = if obliged {
            self.ledger_receipt.max(self.ledger_floor)
        } else {
            Some(self.ledger_head)
        };
        Bounds { durable, acknowledged, covered }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::tests_support::{Story, node, seq};

    const fn at(commits: u64) -> Boundary {
        Boundary::new(commits)
    }

    fn bounds(durable: u64, acknowledged: Option<u64>, covered: Option<u64>) -> Bounds {
        let acknowledged = acknowledged.map(Boundary::new);
        Bounds { durable: at(durable), acknowledged, covered: covered.and_then(Seq::new) }
    }

    #[test]
    fn a_replica_goes_by_what_it_was_told_where_it_is_obliged_and_by_what_it_applied_elsewhere() {
        let story = Story::founded().admit("n2").admit("n3").designate("n2", 5);
        let of = |name, told| Bounds::of_replica(story.authority(), &node(name), at(8), told);
        assert_eq!(of("n2", None), bounds(8, Some(5), Some(4)));
        assert_eq!(of("n2", Some(at(7))), bounds(8, Some(7), Some(4)));
        assert_eq!(of("n3", None), bounds(8, Some(8), Some(4)));
    }

    #[test]
    fn a_designation_keeps_what_was_acknowledged_and_needs_receipts_for_the_rest() {
        let members = Story::founded().admit("n2");
        let mut tenure = Tenure::found(members.authority(), at(5));
        let now = tenure.bounds(at(5));
        assert_eq!(now, bounds(5, Some(5), Some(2)));
        let designated = members.designate("n2", 5);
        let owed = designated.authority().obligation();
        assert!(tenure.ledger_grown(&now, owed.clone(), seq(3)));
        assert_eq!(tenure.bounds(at(7)), bounds(7, Some(5), Some(2)));
        assert!(tenure.receipt(&owed.unwrap(), at(6), Some(seq(3))));
        assert_eq!(tenure.bounds(at(7)), bounds(7, Some(6), Some(3)));
        assert_eq!(tenure.durability(), Durability::Paired);
        assert_eq!(tenure.ledger_receipt(), Some(seq(3)));
    }

    #[test]
    fn without_an_obligation_a_write_is_local_and_its_bounds_are_those_of_the_node_alone() {
        let mut tenure = Tenure::found(Story::founded().admit("n2").authority(), at(5));
        assert_eq!((tenure.obligation(), tenure.durability()), (None, Durability::Local));
        assert_eq!(tenure.ledger_receipt(), None);
        assert_eq!(tenure.bounds(at(8)), bounds(8, Some(8), Some(2)));
        let now = tenure.bounds(at(8));
        assert!(!tenure.ledger_grown(&now, None, seq(3)), "the obligation is as it was");
        assert_eq!(tenure.bounds(at(8)), bounds(8, Some(8), Some(3)));
        tenure.sealed(seq(4));
        assert_eq!(tenure.bounds(at(8)), bounds(8, Some(8), Some(4)));
    }

    #[test]
    fn receipts_only_add_to_each_other() {
        let designated = Story::founded().admit("n2").designate("n2", 5);
        let mut tenure = Tenure::found(designated.authority(), at(5));
        let owed = tenure.obligation().cloned().unwrap();
        tenure.receipt(&owed, at(8), Some(seq(4)));
        tenure.receipt(&owed, at(6), Some(seq(3)));
        assert_eq!(tenure.bounds(at(9)), bounds(9, Some(8), Some(4)));
        tenure.receipt(&owed, at(7), None);
        assert_eq!(tenure.bounds(at(9)), bounds(9, Some(8), Some(4)), "the bound never goes back");
        assert_eq!(tenure.bounds(at(7)), bounds(7, Some(8), Some(4)));
        // A receipt ahead of what is durable here counts as far as that goes, then and later.
        tenure.receipt(&owed, at(12), None);
        assert_eq!(tenure.bounds(at(10)).acknowledged, Some(at(10)));
        assert_eq!(tenure.bounds(at(13)).acknowledged, Some(at(12)));
    }

    #[test]
    fn found_under_an_obligation_nothing_is_known_until_a_receipt_covers_the_tip() {
        let designated = Story::founded().admit("n2").designate("n2", 5);
        let mut tenure = Tenure::found(designated.authority(), at(7));
        let owed = tenure.obligation().cloned().unwrap();
        assert_eq!(tenure.bounds(at(7)), bounds(7, None, None));
        tenure.receipt(&owed, at(6), Some(seq(3)));
        assert_eq!(tenure.bounds(at(7)), bounds(7, None, Some(3)));
        tenure.receipt(&owed, at(7), None);
        assert_eq!(tenure.bounds(at(7)), bounds(7, Some(7), Some(3)));
    }

    #[test]
    fn a_receipt_for_another_obligation_counts_for_nothing() {
        let designated = Story::founded().admit("n2").designate("n2", 5);
        let later = Story::promoted_at(5).admit("n3").designate("n3", 5);
        let mut tenure = Tenure::found(designated.authority(), at(7));
        assert!(!tenure.receipt(&later.authority().obligation().unwrap(), at(7), None));
        assert_eq!(tenure.bounds(at(7)).acknowledged, None);
    }

    #[test]
    fn a_grant_begins_with_everything_through_its_start_acknowledged() {
        let mut tenure = Tenure::granted(Story::promoted_at(14).authority());
        assert_eq!(tenure.bounds(at(14)), bounds(14, Some(14), Some(4)));
    }
}
