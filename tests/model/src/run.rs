//! One exploration, and what came of it.

use std::time::{Duration, Instant};

use aerodb_core::id::InvalidId;
use stateright::{Checker, Expectation, HasDiscoveries, Model};

use crate::cluster::Cluster;
use crate::mutant::{Lie, Mutant};
use crate::scope::Scope;

/// How far to go.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Threads that explore.
    pub threads: usize,
    /// When to stop, whatever is left.
    pub time: Option<Duration>,
    /// Whether the first broken property ends it.
    pub until_broken: bool,
}

/// A property that was broken, and the shortest way that was found to break it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The property.
    pub property: &'static str,
    /// The steps, as text.
    pub steps: Vec<String>,
}

/// What came of an exploration.
#[derive(Debug, Clone)]
pub struct Explored {
    /// Different states.
    pub states: usize,
    /// Steps taken, those to a state met before among them.
    pub steps: usize,
    /// The most steps to a state.
    pub depth: usize,
    /// How long it took.
    pub time: Duration,
    /// Whether every state that can be reached was.
    pub complete: bool,
    /// Ledgers that were folded.
    pub ledgers: usize,
    /// What must never be and was.
    pub broken: Vec<Broken>,
    /// What must be possible and was not met.
    pub missing: Vec<&'static str>,
}

/// Explores a cluster in which these lies are told.
///
/// # Errors
/// [`InvalidId`] where a name is none.
pub fn explore(scope: Scope, lies: &'static [Lie], limits: Limits) -> Result<Explored, InvalidId> {
    let cluster = Cluster::new(scope, lies)?;
    let started = Instant::now();
    // With nothing to find, everything is explored.
    let finish =
        if limits.until_broken { HasDiscoveries::AnyFailures } else { HasDiscoveries::All };
    let mut builder = cluster.checker().threads(limits.threads).finish_when(finish);
    if let Some(time) = limits.time {
        builder = builder.timeout(time);
    }
    let checker = builder.spawn_bfs().join();
    let time = started.elapsed();
    let cluster = checker.model();
    let found = checker.discoveries();
    let steps = |actions: Vec<crate::action::Action>| {
        actions.iter().map(|action| cluster.format_action(action)).collect()
    };
    let (mut broken, mut missing) = (Vec::new(), Vec::new());
    for property in cluster.properties() {
        match (property.expectation, found.get(property.name)) {
            (Expectation::Always, Some(path)) => broken.push(Broken {
                property: property.name,
                steps: steps(path.clone().into_actions()),
            }),
            (Expectation::Sometimes, None) => missing.push(property.name),
            (Expectation::Always, None) | (Expectation::Sometimes, Some(_)) => {}
            (Expectation::Eventually, _) => {}
        }
    }
    Ok(Explored {
        states: checker.unique_state_count(),
        steps: checker.state_count(),
        depth: checker.max_depth(),
        time,
        complete: limits.time.is_none_or(|limit| time < limit) && broken.is_empty(),
        ledgers: cluster.world.ledgers.count(),
        broken,
        missing,
    })
}

/// Looks for a mutant, on one thread: the figures are then the same each time.
///
/// # Errors
/// [`InvalidId`] where a name is none.
pub fn hunt(mutant: &Mutant) -> Result<Explored, InvalidId> {
    let limits = Limits { threads: 1, time: None, until_broken: true };
    explore(mutant.scope, mutant.lies, limits)
}
