//! The clock and the chance of a simulated node.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use aerodb_node::clock::Clock;
use aerodb_node::world::Chance;

/// A clock that moves when an action does.
#[derive(Debug, Default)]
pub(super) struct Steps(AtomicU64);

impl Steps {
    pub(super) fn advance(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Clock for Steps {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Chance from a seed.
#[derive(Debug)]
pub(super) struct Seeded(Mutex<fastrand::Rng>);

impl Seeded {
    pub(super) fn new(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }
}

impl Chance for Seeded {
    fn draw(&self) -> Result<u64, getrandom::Error> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).u64(..))
    }
}
