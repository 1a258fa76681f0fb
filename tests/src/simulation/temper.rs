//! What sort of run a seed gives: how many nodes, and what happens how often. Runs of one sort reach what runs of
//! another never would.

mod mutant;
mod starved;

pub use mutant::Mutant;
pub use starved::{Part, Starved};

/// The sort of a run.
#[derive(Debug, Clone)]
pub struct Temper {
    /// The seed that it was drawn from.
    pub seed: u64,
    /// How many nodes.
    pub nodes: usize,
    /// Whether the cluster refuses writes that are durable on the holder alone.
    pub paired: bool,
    /// Whether replicas reconnect by themselves.
    pub reconnect: bool,
    /// How many actions.
    pub actions: usize,
    /// Of 100 actions, how many are not a node or a message going on.
    pub outer: u32,
    /// How often clients, operators, crashes, failures of disks and of the network come, against each other.
    pub clients: u32,
    /// See [`Temper::clients`].
    pub operators: u32,
    /// See [`Temper::clients`].
    pub crashes: u32,
    /// See [`Temper::clients`].
    pub disks: u32,
    /// See [`Temper::clients`].
    pub network: u32,
    /// Of 100 operators' actions, how many make no sense.
    pub foolish: u32,
    /// How many keys there are.
    pub keys: u8,
    /// Of 100 clients' questions, how many ask a node that believes to hold for what is newest.
    pub fresh: u32,
    /// Of 100 failures of the network, how many are questions that stay on their way, or go on.
    pub late: u32,
    /// Of 100 outer actions, how many begin a story: a failover, step by step, with what is late for it.
    pub stories: u32,
    /// A part of a node that gets no turn before all is over: no fair scheduling is assumed (P3-G12).
    pub starved: Option<Starved>,
    /// A known bug that is put back.
    pub mutant: Option<Mutant>,
}

impl Temper {
    /// A cluster of so many nodes to which nothing happens but what it is told, and in which a holder writes alone
    /// unless it has named a successor.
    #[must_use]
    pub fn told(nodes: usize) -> Self {
        Self {
            seed: 0,
            nodes,
            paired: false,
            reconnect: false,
            actions: 0,
            outer: 0,
            clients: 0,
            operators: 0,
            crashes: 0,
            disks: 0,
            network: 0,
            foolish: 0,
            keys: 4,
            fresh: 0,
            late: 0,
            stories: 0,
            starved: None,
            mutant: None,
        }
    }

    /// The sort of run that a seed gives.
    #[must_use]
    pub fn of(seed: u64, mutant: Option<Mutant>) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed ^ 0x7e3a_9e1f);
        let mut some = |often: &[u32]| often[rng.usize(0..often.len())];
        let (clients, operators) = (some(&[10, 20, 40]), some(&[5, 10, 20]));
        let (crashes, disks) = (some(&[0, 2, 4, 8]), some(&[0, 0, 1, 3]));
        let (network, foolish) = (some(&[0, 2, 5]), some(&[0, 10, 30]));
        let outer = some(&[4, 8, 15, 30]);
        let nodes = some(&[1, 2, 2, 2, 2, 3, 3, 3]) as usize;
        let (fresh, late) = (some(&[0, 0, 20, 50]), some(&[0, 0, 40, 80]));
        let (stories, starved) = (some(&[0, 0, 3, 10]), some(&[0, 0, 0, 1]) > 0);
        let starved = starved.then(|| Starved::draw(&mut rng, nodes));
        Self {
            seed,
            nodes,
            paired: rng.bool(),
            reconnect: rng.u8(0..3) > 0,
            actions: rng.usize(600..2000),
            outer,
            clients,
            operators,
            crashes,
            disks,
            network,
            foolish,
            keys: rng.u8(2..6),
            fresh,
            late,
            stories,
            starved,
            mutant,
        }
    }
}
