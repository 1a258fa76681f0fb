//! What a node finds around itself. All that it does not decide by itself comes from here, so that whoever holds
//! the world holds the node: with the same world, the same requests in the same order lead to the same bytes.

mod dial;
mod hands;

use std::fmt::Debug;
use std::sync::Arc;

use aerodb_ledger::disk::{Disk, RealDisk};

use crate::clock::{Clock, WallClock};

pub use dial::{Coming, Dial, HttpDial, Link};
pub use hands::Hands;

/// Where numbers come from that nobody can know before.
pub trait Chance: Debug + Send + Sync {
    /// A number.
    ///
    /// # Errors
    /// When the system has none.
    fn draw(&self) -> Result<u64, getrandom::Error>;
}

/// The system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemChance;

impl Chance for SystemChance {
    fn draw(&self) -> Result<u64, getrandom::Error> {
        getrandom::u64()
    }
}

/// The world of one node.
#[derive(Debug, Clone)]
pub struct World {
    /// Its disk.
    pub disk: Arc<dyn Disk>,
    /// Its clock, for annotations alone.
    pub clock: Arc<dyn Clock>,
    /// Its randomness.
    pub chance: Arc<dyn Chance>,
    /// The way to other nodes.
    pub dial: Arc<dyn Dial>,
    /// Who carries its parts.
    pub hands: Hands,
}

impl World {
    /// The world that a process finds.
    #[must_use]
    pub fn real() -> Self {
        Self {
            disk: Arc::new(RealDisk),
            clock: Arc::new(WallClock),
            chance: Arc::new(SystemChance),
            dial: Arc::new(HttpDial),
            hands: Hands::Threads,
        }
    }
}
