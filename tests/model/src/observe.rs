//! What an observer of the whole cluster sees after each step, and what must never be seen.

use aerodb_core::authority::{Relation, Side, compare};
use aerodb_core::id::{Boundary, Seq};
use aerodb_core::machine::Role;

use crate::action::Action;
use crate::cluster::Cluster;
use crate::property::Violation;
use crate::state::{Node, State};
use crate::world::LedgerId;

/// How two ledgers relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pair {
    /// One is a prefix of the other.
    Prefixes,
    /// They hold two grants of one epoch.
    TwoGrants,
    /// They part at `at`, where this side's suffix holds no grant: it is a deposed holder's.
    Deposed {
        /// The side with the lower epoch.
        side: Side,
        /// The first entry that differs.
        at: Seq,
    },
    /// They part in any other way.
    Parted,
}

impl Cluster {
    /// Brings the observer up to date, and notes the first property that the step broke.
    pub(crate) fn observe(&self, last: &State, next: &mut State, action: Action) {
        if next.seen.violation.is_none() {
            next.seen.violation = halted_acted(last, action)
                .or_else(|| self.acknowledged(next))
                .or_else(|| self.shown(next))
                .or_else(|| self.held(next))
                .or_else(|| self.ledgers(next))
                .or_else(|| self.covered(next));
        }
    }

    /// What holders have acknowledged is one history, ever longer.
    fn acknowledged(&self, state: &mut State) -> Option<Violation> {
        let histories = &self.world.histories;
        let mut longest = state.seen.acknowledged;
        for (_, node) in state.all().filter(|(_, node)| node.tenure.is_some()) {
            let Some(bound) = self.bounds(node).acknowledged else { continue };
            let reached = histories.prefix(node.history, bound)?;
            if histories.extends(reached, longest) {
                longest = reached;
            } else if !histories.extends(longest, reached) {
                return Some(Violation::AcknowledgedLost);
            }
        }
        state.seen.acknowledged = longest;
        None
    }

    /// What replicas show has been acknowledged.
    fn shown(&self, state: &State) -> Option<Violation> {
        let histories = &self.world.histories;
        let beyond = |at, node: &Node| {
            let shown = histories.prefix(node.history, self.readable(at, node)?)?;
            Some(!histories.extends(state.seen.acknowledged, shown))
        };
        let replicas = state.all().filter(|(_, node)| node.tenure.is_none());
        let broken = replicas.into_iter().any(|(at, node)| beyond(at, node) == Some(true));
        broken.then_some(Violation::ShownUnacknowledged)
    }

    /// The holder of the last epoch has everything acknowledged, and nobody else can acknowledge.
    fn held(&self, state: &State) -> Option<Violation> {
        let last = state.all().map(|(_, node)| self.authority(node).epoch()).max()?;
        let mut alone = 0;
        for (at, node) in state.all() {
            let Role::PrimaryActive { epoch } = node.role else { continue };
            if epoch == last && !self.has_all(state, node) {
                return Some(Violation::AcknowledgedLost);
            }
            if self.can_acknowledge(at, node) {
                if epoch < last {
                    return Some(Violation::TwoAcknowledge);
                }
                alone += 1;
            }
        }
        (alone > 1).then_some(Violation::TwoAcknowledge)
    }

    /// Whether everything acknowledged is in the holder's history, and where it is older than the holder's epoch,
    /// at or below the place from which that starts: past it nobody else would take it.
    fn has_all(&self, state: &State, node: &Node) -> bool {
        let (histories, authority) = (&self.world.histories, self.authority(node));
        let acknowledged = state.seen.acknowledged;
        let past_start = authority.start().boundary.next_commit();
        let first = past_start.and_then(|at| histories.prefix(acknowledged, Boundary::from(at)));
        let first = first.and_then(|id| histories.get(id).last.as_ref());
        histories.extends(node.history, acknowledged)
            && first.is_none_or(|(batch, _)| batch.epoch() == authority.epoch())
    }

    /// Whether one more write would be acknowledged at once, on nobody's word.
    fn can_acknowledge(&self, at: usize, node: &Node) -> bool {
        let next = Boundary::new(self.durable(node).get() + 1);
        node.halt.is_none()
            && self.bounds_at(node, next).acknowledged == Some(next)
            && self.admits(at, node)
    }

    /// Ledgers are prefixes of each other, but for what a deposed holder has appended and nobody was told.
    fn ledgers(&self, state: &State) -> Option<Violation> {
        for (a, one) in state.all() {
            for (b, other) in state.all().filter(|(b, _)| *b > a) {
                let key = (one.ledger, other.ledger);
                let broken = match self.memos.pair.ask(key, || self.pair(key.0, key.1)) {
                    Pair::Prefixes => None,
                    Pair::TwoGrants => Some(Violation::TwoGrants),
                    Pair::Parted => Some(Violation::LedgersParted),
                    Pair::Deposed { side, at } => {
                        let (index, node) = match side {
                            Side::A => (a, one),
                            Side::B => (b, other),
                        };
                        let own = self.index_of(self.authority(node).holder()) == Some(index);
                        let told = node.tenure.is_some() && self.bounds(node).covered >= Some(at);
                        (!own || told).then_some(Violation::LedgersParted)
                    }
                };
                if broken.is_some() {
                    return broken;
                }
            }
        }
        None
    }

    fn pair(&self, a: LedgerId, b: LedgerId) -> Pair {
        let (a, b) = (self.world.ledgers.get(a), self.world.ledgers.get(b));
        let granted = a.authority.epochs().iter().zip(b.authority.epochs());
        if granted.into_iter().any(|(a, b)| a.granted_by != b.granted_by) {
            return Pair::TwoGrants;
        }
        match compare(&a.authority, &b.authority).relation {
            Relation::Identical | Relation::Prefix { .. } => Pair::Prefixes,
            Relation::Foreign => Pair::Parted,
            Relation::Forked { at } => {
                let (of_a, of_b) = (a.authority.epoch(), b.authority.epoch());
                let side = match of_a.cmp(&of_b) {
                    std::cmp::Ordering::Less => Side::A,
                    std::cmp::Ordering::Greater => Side::B,
                    std::cmp::Ordering::Equal => return Pair::Parted,
                };
                // The last grant of the lower side is in both, so it stands before the place where they part.
                Pair::Deposed { side, at }
            }
        }
    }

    /// What may have been answered 200 is one ledger, ever longer.
    fn covered(&self, state: &mut State) -> Option<Violation> {
        let ledgers = &self.world.ledgers;
        let mut longest = state.seen.covered;
        for (_, node) in state.all().filter(|(_, node)| node.halt.is_none()) {
            let Some(last) = self.bounds(node).covered else { continue };
            let reached = ledgers.prefix(node.ledger, last)?;
            if ledgers.extends(reached, longest) {
                longest = reached;
            } else if !ledgers.extends(longest, reached) {
                return Some(Violation::LedgersParted);
            }
        }
        state.seen.covered = longest;
        None
    }
}

/// A halted node gives up what it could claim, and is set right by an operator; nothing else.
fn halted_acted(last: &State, action: Action) -> Option<Violation> {
    let actor = match action {
        Action::Write(at)
        | Action::Fsync(at)
        | Action::Command(at, _)
        | Action::Promote(at)
        | Action::PromoteOnDecline(at, _)
        | Action::Pull { from: at, .. }
        | Action::TakeEntries(at)
        | Action::TakeBatches(at)
        | Action::Follow(at, _)
        | Action::Bootstrap(at, _) => at,
        Action::Serve { from, pull } => usize::from(last.pulls[from][pull]?.to),
        Action::Decline(_)
        | Action::Crash(_)
        | Action::CrashAdopting(_)
        | Action::CrashReceiving(_)
        | Action::Damage(_)
        | Action::Restore(..)
        | Action::Discard(_) => return None,
    };
    last.node(actor).halt.map(|_| Violation::HaltedActed)
}
