//! What must hold after each action, one file per invariant (`rules/0-reading.md`, section 0.3).

mod ack;
mod census;
mod history;
mod latch;
mod progress;
mod start;
mod vis;

use std::fmt;

use super::cluster::{Cluster, Event};
use ack::Acks;
use census::Census;
use history::History;
use latch::Latches;
use start::Starts;

/// Something that must hold and does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The oracle that found it.
    pub oracle: &'static str,
    /// What it found.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.oracle, self.detail)
    }
}

fn violated<T>(oracle: &'static str, detail: String) -> Result<T, Violation> {
    Err(Violation { oracle, detail })
}

/// All of them.
#[derive(Debug)]
pub struct Oracles {
    history: History,
    acks: Acks,
    census: Census,
    latches: Latches,
    starts: Starts,
}

impl Oracles {
    /// Over a cluster of so many nodes.
    #[must_use]
    pub fn new(nodes: usize) -> Self {
        Self {
            history: History::new(nodes),
            acks: Acks::default(),
            census: Census::default(),
            latches: Latches::new(nodes),
            starts: Starts::new(nodes),
        }
    }

    /// Looks after an action.
    ///
    /// # Errors
    /// The first [`Violation`].
    pub fn check(&mut self, cluster: &Cluster, events: &[Event]) -> Result<(), Violation> {
        for event in events {
            self.history.heard(event);
            self.latches.heard(event);
            self.starts.heard(event)?;
        }
        let before = self.history.length();
        self.census.look(cluster, before)?;
        self.history.look(cluster, self.census.newest())?;
        for event in events {
            let Event::Answered(node, asked, done) = event else { continue };
            self.acks.heard(*node, asked, done, &self.history, &self.census)?;
            vis::heard(*node, asked, done, &self.history)?;
        }
        self.acks.look(&self.history)?;
        self.latches.look(cluster)?;
        progress::look(cluster)
    }

    /// Looks once more when all is over: whoever asked is answered, and nodes that show the same place show the
    /// same.
    ///
    /// # Errors
    /// The first [`Violation`].
    pub fn finish(&self, cluster: &Cluster) -> Result<(), Violation> {
        progress::all_answered(cluster)?;
        vis::same_state(cluster)
    }

    /// How many commits are acknowledged.
    #[must_use]
    pub const fn acknowledged(&self) -> u64 {
        self.history.length()
    }

    /// How many epochs there were.
    #[must_use]
    pub fn epochs(&self) -> u64 {
        self.census.newest()
    }
}
