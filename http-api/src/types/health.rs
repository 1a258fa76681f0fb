//! What the probes of load balancers and orchestrators are answered from.

use aerodb_core::machine::RoleName;
use aerodb_core::rules::RuleId;

use crate::code::Code;

/// What stands against something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// The code that a request would be answered with.
    pub code: Code,
    /// The rule behind it, where one applies.
    pub rule: Option<RuleId>,
    /// For people.
    pub detail: String,
}

/// Open, or what stands in the way.
pub type Gate = Result<(), Obstacle>;

/// The facts that every probe is decided from; one consistent look at the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Whether the process works at all; it does while it recovers, and not with a poisoned log.
    pub live: Gate,
    /// Whether recovery is over and the node runs, in whatever role.
    pub ready: Gate,
    /// The role.
    pub role: RoleName,
    /// Whether a write would be admitted now.
    pub writes: Gate,
    /// Whether a read would be served now.
    pub reads: Gate,
    /// Commits that the holder is known to have and this node has not applied; `None` is unknown.
    pub lag: Option<u64>,
    /// Whether this node is the effective successor: every acknowledged write is durable here.
    pub sync: Gate,
}
