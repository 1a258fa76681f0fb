//! A cluster with the oracles looking on: nothing happens to it that they do not look at.

use super::action::{Action, Condition, Reading};
use super::cluster::{Cluster, Event};
use super::operator::DEADLINE_MS;
use super::oracle::{Oracles, Violation};
use super::temper::{Part, Temper};

/// The most rounds until nothing moves.
const ROUNDS_MAX: usize = 300;
/// So often the time that a caller waits passes when all is over: a request may wait for one that waits.
const DEADLINES: usize = 3;

/// A cluster, and what must hold of it.
#[derive(Debug)]
pub struct Watched {
    /// The cluster.
    pub cluster: Cluster,
    /// What must hold.
    pub oracles: Oracles,
    /// What has happened since this was last taken.
    pub heard: Vec<Event>,
}

impl Watched {
    /// A cluster of this sort, at its start.
    #[must_use]
    pub fn new(temper: &Temper) -> Self {
        let cluster = Cluster::new(temper);
        let oracles = Oracles::new(cluster.size());
        Self { cluster, oracles, heard: Vec::new() }
    }

    /// Something happens. Whether anything came of it.
    ///
    /// # Errors
    /// What is violated by it.
    pub fn act(&mut self, action: Action) -> Result<bool, Violation> {
        let did = self.cluster.apply(action);
        if did {
            let events = self.cluster.events();
            let checked = self.oracles.check(&self.cluster, &events);
            self.heard.extend(events);
            checked?;
        }
        Ok(did)
    }

    /// Everybody has a turn, and every message arrives. Whether anybody but tasks, which always have one, did
    /// something.
    ///
    /// # Errors
    /// What is violated by it.
    pub fn round(&mut self) -> Result<bool, Violation> {
        let mut did = false;
        for place in 0..self.cluster.size() {
            for part in Part::ALL {
                did |= self.act(part.turn(place))? && part != Part::Tasks;
            }
        }
        while self.act(Action::Net(0))? {
            did = true;
        }
        Ok(did)
    }

    /// Everybody goes on until nothing moves.
    ///
    /// # Errors
    /// What is violated by it.
    pub fn go_on(&mut self) -> Result<(), Violation> {
        // Two rounds in which nothing is done: what tasks did in the first may have been all.
        let mut idle = 0;
        for _ in 0..ROUNDS_MAX {
            idle = if self.round()? { 0 } else { idle + 1 };
            if idle == 2 {
                break;
            }
        }
        Ok(())
    }

    /// Everybody goes on, and time passes until whoever waits has given up.
    ///
    /// # Errors
    /// What is violated by it.
    pub fn wait(&mut self) -> Result<(), Violation> {
        for _ in 0..DEADLINES {
            self.go_on()?;
            for place in 0..self.cluster.size() {
                self.act(Action::Tick(place, DEADLINE_MS + 1))?;
            }
        }
        self.go_on()
    }

    /// All is over: nothing fails any more, everybody gets their turns, and a last write and a last read are asked
    /// of every node. Whoever waits is answered.
    ///
    /// # Errors
    /// What is violated by it, or in the end.
    pub fn end(&mut self) -> Result<(), Violation> {
        self.act(Action::Heal)?;
        self.wait()?;
        for place in 0..self.cluster.size() {
            self.act(Action::Start(place))?;
            self.act(Action::Put(place, 0, Condition::None))?;
            self.act(Action::Read(place, 0, Reading::Default))?;
        }
        self.wait()?;
        self.oracles.finish(&self.cluster)
    }
}
