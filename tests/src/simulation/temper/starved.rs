//! A part of a node that gets no turn: whoever orders threads may be as unfair as this.

use fastrand::Rng;

use crate::simulation::Action;

/// What carries a node on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The tasks: requests, pulls, transfers.
    Tasks,
    /// The supervisor.
    Supervisor,
    /// The WAL's owner.
    Wal,
    /// Whoever takes checkpoints.
    Checkpoints,
    /// Whoever prunes.
    Prune,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Tasks, Self::Supervisor, Self::Wal, Self::Checkpoints, Self::Prune];

    /// Its turn.
    #[must_use]
    pub const fn turn(self, node: usize) -> Action {
        match self {
            Self::Tasks => Action::Tasks(node),
            Self::Supervisor => Action::Supervisor(node),
            Self::Wal => Action::Wal(node),
            Self::Checkpoints => Action::Checkpoints(node),
            Self::Prune => Action::Prune(node),
        }
    }
}

/// One part of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Starved {
    /// The node, by its place.
    pub node: usize,
    /// The part.
    pub part: Part,
}

impl Starved {
    pub(super) fn draw(rng: &mut Rng, nodes: usize) -> Self {
        Self { node: rng.usize(0..nodes), part: Part::ALL[rng.usize(0..Part::ALL.len())] }
    }

    /// Whether this would be its turn. Tasks get one too when their timers are told that time has passed.
    #[must_use]
    pub fn takes(self, action: Action) -> bool {
        match action {
            Action::Tick(node, _) => node == self.node && self.part == Part::Tasks,
            action => action == self.part.turn(self.node),
        }
    }
}
