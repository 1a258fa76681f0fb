//! What a read is answered on.

use super::NodeState;
use crate::decision::read::{Consistency, ReadFacts};
use crate::id::Boundary;
use crate::machine::RoleName;

/// What a read asks for, apart from the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadAsked {
    /// The boundary that it names.
    pub at: Option<Boundary>,
    /// The boundary that must at least be reached.
    pub min_commit: Option<Boundary>,
    /// What it insists on; `None` leaves that to the node.
    pub consistency: Option<Consistency>,
}

/// What of a node's history can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readable {
    /// The acknowledged bound, wholly applied; `None` while unknown.
    pub acknowledged: Option<Boundary>,
    /// The oldest boundary that can still be read.
    pub oldest_retained: Boundary,
    /// Whether the obliged node has echoed a barrier made after the read began; `None` where none was made.
    pub echoed: Option<bool>,
}

impl NodeState<'_> {
    /// What the read insists on. Where it does not say, the holder's answer is linearizable, unless a boundary is
    /// named, which is a snapshot by itself; everyone else answers from a snapshot.
    fn consistency(&self, asked: &ReadAsked) -> Consistency {
        let default = match self.role() {
            RoleName::PrimaryActive if asked.at.is_none() => Consistency::Linearizable,
            RoleName::PrimaryActive
            | RoleName::ReplicaActive
            | RoleName::PrimarySealed
            | RoleName::Uninitialized
            | RoleName::ReplicationHalted => Consistency::Snapshot,
        };
        asked.consistency.unwrap_or(default)
    }

    /// Whether the obliged node must echo a barrier first (AU-11): it alone could have been granted the next epoch.
    /// Without an obligation the holder's own durable authority suffices.
    #[must_use]
    pub fn needs_echo(&self, asked: &ReadAsked) -> bool {
        let Self { node, authority, .. } = *self;
        self.consistency(asked) == Consistency::Linearizable
            && authority.holder() == node
            && authority.obligation().is_some()
    }

    /// What a read is answered on. Where an echo is needed, none made counts as none come.
    #[must_use]
    pub fn of_read(&self, asked: ReadAsked, readable: Readable) -> ReadFacts {
        let Self { node, authority, halt, .. } = *self;
        ReadFacts {
            cluster: *authority.cluster(),
            node: node.clone(),
            epoch: authority.epoch(),
            holder: authority.holder().clone(),
            role: self.role(),
            halt,
            acknowledged: readable.acknowledged,
            oldest_retained: readable.oldest_retained,
            consistency: self.consistency(&asked),
            barrier_echoed: self.needs_echo(&asked).then(|| readable.echoed.unwrap_or(false)),
            at: asked.at,
            min_commit: asked.min_commit,
            moved_to: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::tests_support::{Story, node};
    use crate::decision::node_state::tests::holder;
    use crate::decision::read::ReadRefusal;
    use crate::rules::RuleId;

    const ANY: ReadAsked = ReadAsked { at: None, min_commit: None, consistency: None };
    const READABLE: Readable = Readable {
        acknowledged: Some(Boundary::new(9)),
        oldest_retained: Boundary::new(3),
        echoed: None,
    };

    #[test]
    fn a_read_that_does_not_say_is_linearizable_on_the_holder_and_a_snapshot_elsewhere() {
        let story = Story::founded().admit("n2");
        let holder = holder(&story);
        let asked = |state: NodeState<'_>, asked| state.of_read(asked, READABLE).consistency;
        assert_eq!(asked(holder, ANY), Consistency::Linearizable);
        let named = ReadAsked { at: Some(Boundary::new(5)), ..ANY };
        assert_eq!(asked(holder, named), Consistency::Snapshot);
        for role in [RoleName::PrimarySealed, RoleName::ReplicaActive] {
            assert_eq!(asked(NodeState { role, ..holder }, ANY), Consistency::Snapshot);
        }
        let insists = ReadAsked { consistency: Some(Consistency::Snapshot), ..ANY };
        assert_eq!(asked(holder, insists), Consistency::Snapshot);
    }

    #[test]
    fn au_11_a_linearizable_read_under_an_obligation_needs_an_echo_and_no_other_does() {
        let (alone, paired) =
            (Story::founded().admit("n2"), Story::founded().admit("n2").designate("n2", 5));
        assert!(!holder(&alone).needs_echo(&ANY));
        assert_eq!(holder(&alone).of_read(ANY, READABLE).barrier_echoed, None);
        let state = holder(&paired);
        assert!(state.needs_echo(&ANY));
        let unconfirmed = Err((ReadRefusal::Unconfirmed, RuleId::Au11));
        for (echoed, answer) in
            [(None, unconfirmed), (Some(false), unconfirmed), (Some(true), Ok(Boundary::new(9)))]
        {
            let facts = state.of_read(ANY, Readable { echoed, ..READABLE });
            assert_eq!(facts.admit(), answer, "{echoed:?}");
        }
        let snapshot = ReadAsked { consistency: Some(Consistency::Snapshot), ..ANY };
        assert!(!state.needs_echo(&snapshot));
        assert_eq!(state.of_read(snapshot, READABLE).barrier_echoed, None);
        let n2 = node("n2");
        let elsewhere = NodeState { node: &n2, role: RoleName::ReplicaActive, ..state };
        let linearizable = ReadAsked { consistency: Some(Consistency::Linearizable), ..ANY };
        assert!(!elsewhere.needs_echo(&linearizable), "it owes nobody anything");
    }

    #[test]
    fn a_read_is_answered_on_the_ledger_and_on_what_can_be_read() {
        let story = Story::founded().admit("n2");
        let (at, min_commit) = (Some(Boundary::new(4)), Some(Boundary::new(6)));
        let facts = holder(&story).of_read(ReadAsked { at, min_commit, ..ANY }, READABLE);
        let authority = story.authority();
        assert_eq!((facts.cluster, facts.epoch), (*authority.cluster(), authority.epoch()));
        assert_eq!((&facts.node, &facts.holder), (authority.holder(), authority.holder()));
        assert_eq!((facts.at, facts.min_commit, facts.moved_to), (at, min_commit, None));
        let Readable { acknowledged, oldest_retained, .. } = READABLE;
        assert_eq!((facts.acknowledged, facts.oldest_retained), (acknowledged, oldest_retained));
    }

    #[test]
    fn rm_5_a_halted_node_is_refused_a_read_for_its_halt() {
        let story = Story::founded().admit("n2");
        let halted = NodeState { halt: Some(RuleId::FV2), ..holder(&story) };
        let facts = halted.of_read(ANY, READABLE);
        assert_eq!(facts.consistency, Consistency::Snapshot);
        assert_eq!(facts.admit(), Err((ReadRefusal::Halted, RuleId::Rm5)));
    }
}
