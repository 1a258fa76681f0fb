//! How large a cluster is explored. Everything is bounded by what the world holds, never by the number of steps.

/// The bounds of one exploration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// Nodes, 2 or 3; the first one founds the cluster.
    pub nodes: usize,
    /// The longest history, in batches of one commit.
    pub commits: u64,
    /// The last epoch that is granted.
    pub epochs: u64,
    /// Faults in all: crashes, each of which keeps what was fsynced, and answers damaged on the way.
    pub faults: u8,
    /// The most entries of a ledger, the founding and the admissions among them.
    pub entries: u64,
    /// Pulls of one node that can be on their way at once. Each may be lost, delayed, delivered out of order and
    /// delivered again.
    pub pulls: usize,
    /// Whether heirs may decline.
    pub declines: bool,
    /// Whether replicas may take a snapshot over.
    pub bootstraps: bool,
}

impl Scope {
    /// Two nodes, three epochs, one crash.
    pub const TWO: Self = Self {
        nodes: 2,
        commits: 2,
        epochs: 3,
        faults: 1,
        entries: 8,
        pulls: 1,
        declines: true,
        bootstraps: true,
    };

    /// What the test suite explores: two nodes, two epochs, one crash.
    pub const BOUNDED: Self = Self { epochs: 2, entries: 6, ..Self::TWO };

    /// The same with two pulls of a node on their way, which can then pass each other.
    pub const REORDERED: Self = Self { pulls: 2, ..Self::BOUNDED };

    /// Three nodes.
    pub const THREE: Self = Self {
        nodes: 3,
        commits: 2,
        epochs: 2,
        faults: 1,
        entries: 8,
        pulls: 1,
        declines: true,
        bootstraps: true,
    };
}
