//! What sort of run a seed gives: how many nodes, and what happens how often. Runs of one sort reach what runs of
//! another never would.

mod mutant;

pub use mutant::Mutant;

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
    /// A known bug that is put back.
    pub mutant: Option<Mutant>,
}

impl Temper {
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
            mutant,
        }
    }
}
