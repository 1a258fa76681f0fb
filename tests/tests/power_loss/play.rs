//! A cluster of two nodes that does what it is told, with the oracles looking on.

use aerodb_core::id::Boundary;
use aerodb_core::machine::RoleName;
use aerodb_tests::simulation::{
    Action, Condition, DiskFault, Done, Event, Naming, Reading, Temper, Violation, Watched,
};

/// What survives of what was not synced: nothing, everything, and mixtures of it.
pub(crate) const SURVIVORS: [u64; 5] = [0, 1, 2, 3, 4];

/// The cluster.
pub(crate) struct Play {
    pub(crate) watched: Watched,
    told: Vec<Action>,
}

impl Play {
    pub(crate) fn begin() -> Self {
        Self { watched: Watched::new(&Temper::told(2)), told: Vec::new() }
    }

    fn holds<T>(&self, done: Result<T, Violation>) -> T {
        done.unwrap_or_else(|violation| panic!("{violation}\nafter {:?}", self.told))
    }

    /// Something happens, and nothing is violated by it.
    pub(crate) fn act(&mut self, action: Action) {
        self.told.push(action);
        let acted = self.watched.act(action);
        self.holds(acted);
    }

    /// Everybody has a turn. Whether anybody did something.
    pub(crate) fn round(&mut self) -> bool {
        let went = self.watched.round();
        self.holds(went)
    }

    /// Everybody goes on until nothing moves.
    pub(crate) fn carry(&mut self) {
        let went = self.watched.go_on();
        self.holds(went);
    }

    /// A client writes, and everybody goes on.
    pub(crate) fn put(&mut self, place: usize) {
        self.act(Action::Put(place, 1, Condition::None));
        self.carry();
    }

    /// Every node that runs is asked to write and to read, and whoever is not answered gives up.
    pub(crate) fn ask_all(&mut self) {
        for place in [0, 1] {
            self.act(Action::Put(place, 2, Condition::None));
            self.act(Action::Read(place, 1, Reading::Default));
            self.act(Action::Read(place, 1, Reading::Linearizable));
        }
        let waited = self.watched.wait();
        self.holds(waited);
    }

    /// How many writes each node has acknowledged since this was last asked.
    pub(crate) fn acknowledged(&mut self) -> [u64; 2] {
        let heard = std::mem::take(&mut self.watched.heard);
        let by = |place| {
            let written = |event: &&Event| matches!(event, Event::Answered(node, _, Done::Written(Ok(_))) if *node == place);
            heard.iter().filter(written).count() as u64
        };
        [by(0), by(1)]
    }

    /// The power of a node fails before the change that comes after so many others.
    pub(crate) fn lose_power_after(&mut self, place: usize, changes: u64, survivors: u64) {
        self.act(Action::Fault(place, DiskFault::PowerBefore, changes, survivors));
    }

    /// The power of a node fails now, if it has not yet.
    pub(crate) fn lose_power(&mut self, place: usize, survivors: u64) {
        if self.is_up(place) {
            self.act(Action::PowerLoss(place, survivors));
        }
    }

    /// The node starts, whatever a power loss has left.
    pub(crate) fn start(&mut self, place: usize) {
        self.act(Action::Start(place));
        assert!(self.is_up(place), "n{} does not start", place + 1);
        self.carry();
    }

    pub(crate) fn is_up(&self, place: usize) -> bool {
        self.watched.cluster.shared(place).is_some()
    }

    /// How many changes each disk has seen.
    pub(crate) fn changes(&self) -> [u64; 2] {
        [0, 1].map(|place| self.watched.cluster.disk_changes(place))
    }

    /// How far the node's own history goes.
    pub(crate) fn tip(&self, place: usize) -> Boundary {
        self.watched.cluster.shared(place).expect("it runs").acks.bounds().durable
    }

    pub(crate) fn role(&self, place: usize) -> RoleName {
        self.watched.cluster.shared(place).expect("it runs").view.load().role.role_name()
    }

    pub(crate) fn epoch(&self, place: usize) -> u64 {
        let shared = self.watched.cluster.shared(place).expect("it runs");
        shared.view.load().authority.epoch().get()
    }

    pub(crate) fn is_too_far_behind(&self, place: usize) -> bool {
        self.watched.cluster.shared(place).is_some_and(|it| it.view.load().bootstrap_required)
    }

    pub(crate) fn promote(&mut self, place: usize) {
        self.act(Action::Promote(place, Naming::Shown));
        self.carry();
    }

    /// All is over.
    pub(crate) fn end(mut self) {
        let ended = self.watched.end();
        self.holds(ended);
    }
}
