//! The cluster as the explorer takes it: where it starts, what can happen, what that leads to.

use aerodb_core::authority::Authority;
use aerodb_core::decision::node_state::NodeState;
use aerodb_core::decision::tenure::Tenure;
use aerodb_core::id::{Boundary, InvalidId, NodeId, Seq};
use aerodb_core::machine::{Machine, Role, RoleEvent, RoleName, Step, WriteAuthority};
use aerodb_core::rules::RuleId;
use stateright::{Model, Property};

use crate::action::{Action, Asked};
use crate::mutant::Lie;
use crate::observe::Pair;
use crate::property::properties;
use crate::scope::Scope;
use crate::state::{NODES_MAX, Node, PULLS_MAX, Seen, State};
use crate::steps::command::Commanded;
use crate::steps::promote::Promoted;
use crate::world::{HistoryId, LedgerId, Ledgers, Memo, World};

/// What a rule answered about a node: its index, ledger, history, role and latch.
pub type Asking = (usize, LedgerId, HistoryId, Role, Option<RuleId>);

/// What a promotion is asked with, besides: whether the node has declined, the decline that is presented, and what
/// sets the attempt apart.
type Attempt = (Asking, bool, Option<(usize, LedgerId)>, u8);

/// Answers of the rules.
#[derive(Debug, Default)]
pub struct Memos {
    pub(crate) write: Memo<Asking, bool>,
    pub(crate) command: Memo<(Asking, Asked, Option<LedgerId>), Commanded>,
    pub(crate) decline: Memo<(usize, LedgerId), bool>,
    pub(crate) promote: Memo<Attempt, Promoted>,
    pub(crate) prove: Memo<(LedgerId, HistoryId, HistoryId), Result<(), RuleId>>,
    pub(crate) agree: Memo<(LedgerId, HistoryId), Result<(), RuleId>>,
    pub(crate) adopt: Memo<(usize, LedgerId, LedgerId), Result<LedgerId, RuleId>>,
    pub(crate) release: Memo<(LedgerId, usize, LedgerId, HistoryId), Option<LedgerId>>,
    pub(crate) bootstrap: Memo<(Asking, usize, LedgerId, HistoryId), bool>,
    pub(crate) pair: Memo<(LedgerId, LedgerId), Pair>,
}

/// A cluster to explore.
#[derive(Debug)]
pub struct Cluster {
    /// How large it is.
    pub scope: Scope,
    /// The values that its states refer to.
    pub world: World,
    pub(crate) names: Vec<NodeId>,
    pub(crate) memos: Memos,
    lies: &'static [Lie],
    members: LedgerId,
}

impl Cluster {
    /// A cluster in which these lies are told; none is told in production.
    ///
    /// # Errors
    /// [`InvalidId`] where a name is none.
    ///
    /// # Panics
    /// When the scope has more nodes or pulls than a state has room for.
    pub fn new(scope: Scope, lies: &'static [Lie]) -> Result<Self, InvalidId> {
        assert!((2..=NODES_MAX).contains(&scope.nodes), "2 or 3 nodes");
        assert!((1..=PULLS_MAX).contains(&scope.pulls), "1 or 2 pulls");
        let names = (1..=scope.nodes).map(|number| NodeId::new(format!("n{number}")));
        let names = names.collect::<Result<Vec<_>, _>>()?;
        let ledgers = Ledgers::founded(&names[0])?;
        let mut members = 0;
        for name in &names[1..] {
            members = ledgers.admit(members, name)?;
        }
        let (world, memos) = (World::new(ledgers), Memos::default());
        Ok(Self { scope, world, names, memos, lies, members })
    }

    /// Whether this lie is told.
    #[must_use]
    pub fn lies(&self, lie: Lie) -> bool {
        self.lies.contains(&lie)
    }

    /// What sets a write or an attempt after a crash apart from one before it. A node that keeps what was fsynced
    /// never writes the same place of one epoch twice, so only a lie makes a difference.
    pub(crate) fn mark(&self, state: &State) -> u8 {
        if self.is_production() { 0 } else { state.faults }
    }

    /// Whether no lie is told.
    #[must_use]
    pub const fn is_production(&self) -> bool {
        self.lies.is_empty()
    }

    pub(crate) fn authority(&self, node: &Node) -> &Authority {
        &self.world.ledgers.get(node.ledger).authority
    }

    /// What decisions read of a node.
    pub(crate) fn state<'a>(&'a self, at: usize, node: &'a Node) -> NodeState<'a> {
        NodeState {
            node: &self.names[at],
            authority: self.authority(node),
            role: node.role_name(),
            halt: node.halt,
        }
    }

    pub(crate) fn durable(&self, node: &Node) -> Boundary {
        self.world.histories.get(node.history).end.boundary
    }

    pub(crate) fn asking(&self, at: usize, node: &Node) -> Asking {
        (at, node.ledger, node.history, node.role.clone(), node.halt)
    }

    pub(crate) fn index_of(&self, name: &NodeId) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// Whether a ledger says that receipts of this node are needed.
    pub(crate) fn is_obliged(&self, at: usize, ledger: LedgerId) -> bool {
        let heir = self.world.ledgers.get(ledger).authority.succession();
        heir.is_some_and(|heir| heir.successor() == &self.names[at])
    }

    /// Moves the role by its machine, which must know the way: a node that is told otherwise stops.
    pub(crate) fn step_role(node: &mut Node, event: &RoleEvent) -> Option<WriteAuthority> {
        let step = node
            .role
            .transition(event)
            .unwrap_or_else(|forbidden| panic!("the role machine: {forbidden}"));
        node.role = step.next.clone();
        Step::into_authority(step)
    }

    /// A node whose process starts over what is on its disk: role by the ledger or the latch, and of the bounds
    /// only what needs nobody's word.
    pub(crate) fn start(&self, at: usize, node: &mut Node) {
        node.role = Role::initial();
        (node.tenure, node.told, node.shown) = (None, None, None);
        if let Some(rule) = node.halt {
            Self::step_role(node, &RoleEvent::Failed { rule });
            return;
        }
        let (authority, durable) = (self.authority(node), self.durable(node));
        let mut role = RoleName::by_ledger(authority, &self.names[at]);
        if role == RoleName::PrimarySealed && self.lies(Lie::HeldAtStart) {
            role = RoleName::PrimaryActive;
        }
        Self::step_role(node, &RoleEvent::found(role, authority.epoch()));
        if role == RoleName::ReplicaActive {
            self.show(at, node);
        } else {
            let found = Tenure::found(authority, durable);
            self.set_tenure(node, found);
        }
    }

    fn first(&self, at: usize) -> Node {
        let mut node = Node {
            ledger: self.members,
            history: 0,
            declined: None,
            halt: None,
            role: Role::initial(),
            tenure: None,
            told: None,
            shown: None,
            unsynced: false,
            approved: None,
        };
        self.start(at, &mut node);
        node
    }

    fn node_actions(&self, state: &State, at: usize, node: &Node, actions: &mut Vec<Action>) {
        let length = self.world.ledgers.get(node.ledger).length();
        let epoch = self.authority(node).epoch().get();
        if self.durable(node).get() < self.scope.commits {
            actions.push(Action::Write(at));
        }
        if node.unsynced && self.lies(Lie::ShippedUnsynced) {
            actions.push(Action::Fsync(at));
        }
        if epoch < self.scope.epochs {
            actions.push(Action::Promote(at));
        }
        if self.scope.declines {
            actions.push(Action::Decline(at));
        }
        for (other, peer) in state.all().filter(|(other, _)| *other != at) {
            if length < self.scope.entries {
                actions.extend([
                    Action::Command(at, Asked::Designate(other)),
                    Action::Command(at, Asked::Release(other)),
                    Action::Command(at, Asked::Relinquish(other)),
                    Action::Command(at, Asked::End(other)),
                ]);
            }
            if epoch < self.scope.epochs {
                actions.push(Action::PromoteOnDecline(at, other));
            }
            actions.push(Action::Follow(at, other));
            self.pull_actions(state, at, other, actions);
            if self.scope.bootstraps && peer.tenure.is_some() {
                actions.push(Action::Bootstrap(at, other));
            }
        }
        actions.extend([Action::TakeEntries(at), Action::TakeBatches(at), Action::Discard(at)]);
        actions.extend((0..PULLS_MAX).map(|pull| Action::Serve { from: at, pull }));
        if state.faults < self.scope.faults {
            actions.extend([Action::Crash(at), Action::CrashAdopting(at), Action::Damage(at)]);
            if self.lies(Lie::ReadBackUnsynced) {
                actions.push(Action::CrashReceiving(at));
            }
            if self.lies(Lie::Backup) {
                let first = self.world.ledgers.get(self.members).length();
                actions.extend((first..length).map(|seq| Action::Restore(at, seq)));
            }
        }
    }

    fn pull_actions(&self, state: &State, at: usize, to: usize, actions: &mut Vec<Action>) {
        let room = state.pulls[at].iter().take(self.scope.pulls).any(Option::is_none);
        if room {
            actions.push(Action::Pull { from: at, to, lost: None });
        } else {
            let lost = (0..self.scope.pulls).map(Some);
            actions.extend(lost.map(|lost| Action::Pull { from: at, to, lost }));
        }
    }

    fn perform(&self, state: &mut State, action: Action) -> Option<()> {
        match action {
            Action::Write(at) => self.write(state, at),
            Action::Fsync(at) => self.fsync(state, at),
            Action::Command(at, asked) => self.command(state, at, asked),
            Action::Decline(at) => self.decline(state, at),
            Action::Promote(at) => self.promote(state, at, None),
            Action::PromoteOnDecline(at, heir) => self.promote(state, at, Some(heir)),
            Action::Pull { from, to, lost } => self.pull(state, from, to, lost),
            Action::Serve { from, pull } => self.serve(state, from, pull),
            Action::TakeEntries(at) => self.take_entries(state, at),
            Action::TakeBatches(at) => self.take_batches(state, at),
            Action::Follow(at, other) => self.follow(state, at, other),
            Action::Crash(at) => self.crash(state, at),
            Action::CrashAdopting(at) => self.crash_adopting(state, at),
            Action::CrashReceiving(at) => self.crash_receiving(state, at),
            Action::Damage(at) => Self::damage(state, at),
            Action::Restore(at, seq) => Seq::new(seq).and_then(|seq| self.restore(state, at, seq)),
            Action::Discard(at) => self.discard(state, at),
            Action::Bootstrap(at, from) => self.bootstrap(state, at, from),
        }
    }
}

impl Model for Cluster {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let node = |at| (at < self.scope.nodes).then(|| self.first(at));
        vec![State {
            nodes: std::array::from_fn(node),
            pulls: [[None; PULLS_MAX]; NODES_MAX],
            answers: [None; NODES_MAX],
            faults: 0,
            seen: Seen { acknowledged: 0, covered: 0, violation: None },
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.seen.violation.is_some() {
            return;
        }
        for (at, node) in state.all() {
            self.node_actions(state, at, node, actions);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        self.perform(&mut next, action)?;
        self.settle(&mut next);
        if next == *last {
            return None;
        }
        self.observe(last, &mut next, action);
        Some(next)
    }

    fn format_action(&self, action: &Action) -> String {
        action.to_string()
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties()
    }
}
