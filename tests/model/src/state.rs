//! A cluster at one moment, in few bytes: ledgers, histories and tenures are named by their numbers in the
//! [`world`](crate::world).

use aerodb_core::machine::{Role, RoleName};
use aerodb_core::rules::RuleId;

use crate::property::Violation;
use crate::world::{HistoryId, LedgerId, TenureId};

/// The most nodes of a cluster.
pub const NODES_MAX: usize = 3;
/// The most pulls of one node that are on their way.
pub const PULLS_MAX: usize = 2;

/// One node: what is on its disk, and what its process knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Node {
    /// Durable: its authority ledger.
    pub ledger: LedgerId,
    /// Durable: its history.
    pub history: HistoryId,
    /// Durable: the ledger on which it last declined the epoch that follows there.
    pub declined: Option<LedgerId>,
    /// Durable: the rule of the failure that is latched.
    pub halt: Option<RuleId>,
    /// Its role.
    pub role: Role,
    /// As holder, or sealed: its tenure.
    pub tenure: Option<TenureId>,
    /// As a replica: the bound that its puller was told.
    pub told: Option<u64>,
    /// As a replica: the bound that it shows.
    pub shown: Option<u64>,
    /// The last batch is not fsynced. Only a mutant lets anybody see such a batch, so of the rules it never is:
    /// a batch that a crash loses is one that was never appended.
    pub unsynced: bool,
    /// What was approved and not carried out yet. Only a mutant lets anything come between the two.
    pub approved: Option<HistoryId>,
}

impl Node {
    /// The name of its role.
    #[must_use]
    pub const fn role_name(&self) -> RoleName {
        self.role.role_name()
    }

    /// Whether it follows a holder, so that its puller runs.
    #[must_use]
    pub const fn is_replica(&self) -> bool {
        matches!(self.role, Role::ReplicaActive { .. })
    }
}

/// A pull on its way. What it says of its node follows from the two: position, ledger head, epoch, and whether
/// it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pull {
    /// To whom.
    pub to: u8,
    /// The node's ledger when it was sent.
    pub ledger: LedgerId,
    /// Its history when it was sent.
    pub history: HistoryId,
}

/// An answer on its way. It is taken by a node that is still where the pull said that it was: a connection has
/// one pull at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// Entries and batches.
    News {
        /// The ledger that was pulled for.
        base_ledger: LedgerId,
        /// The history that was pulled for.
        base_history: HistoryId,
        /// The ledger with the entries.
        ledger: LedgerId,
        /// The history with the batches.
        history: HistoryId,
        /// The acknowledged bound that goes with it.
        told: Option<u64>,
    },
    /// Ledgers or histories have parted, by this rule.
    Parted {
        /// The ledger that was pulled for.
        base_ledger: LedgerId,
        /// The history that was pulled for.
        base_history: HistoryId,
        /// The rule.
        rule: RuleId,
    },
}

impl Answer {
    /// Where the node was that pulled.
    #[must_use]
    pub const fn base(&self) -> (LedgerId, HistoryId) {
        match self {
            Self::News { base_ledger, base_history, .. }
            | Self::Parted { base_ledger, base_history, .. } => (*base_ledger, *base_history),
        }
    }
}

/// What an observer of the whole cluster has seen: no node knows it, and no step reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seen {
    /// The longest history that a holder has acknowledged.
    pub acknowledged: HistoryId,
    /// The longest ledger that may have been answered 200.
    pub covered: LedgerId,
    /// The first property that was broken.
    pub violation: Option<Violation>,
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// Its nodes; those past the scope's number are not there.
    pub nodes: [Option<Node>; NODES_MAX],
    /// Each node's pulls on their way, in order of content.
    pub pulls: [[Option<Pull>; PULLS_MAX]; NODES_MAX],
    /// Each node's answer on its way.
    pub answers: [Option<Answer>; NODES_MAX],
    /// Faults so far.
    pub faults: u8,
    /// The observer.
    pub seen: Seen,
}

impl State {
    /// The node of this index.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn node(&self, at: usize) -> &Node {
        self.nodes[at].as_ref().unwrap_or_else(|| panic!("there is no node {at}"))
    }

    /// The node of this index.
    ///
    /// # Panics
    /// When there is none.
    pub fn node_mut(&mut self, at: usize) -> &mut Node {
        self.nodes[at].as_mut().unwrap_or_else(|| panic!("there is no node {at}"))
    }

    /// The nodes with their indices.
    pub fn all(&self) -> impl Iterator<Item = (usize, &Node)> {
        self.nodes.iter().enumerate().filter_map(|(at, node)| Some((at, node.as_ref()?)))
    }
}
