//! Authority commands on the directory of a stopped node (DESIGN 3.3): the same decisions as on a running one,
//! and the same records. The directory is locked meanwhile, and what is answered is durable.

mod contents;
mod decline;
mod error;
mod fork;
mod relinquish;
mod relocate;
#[cfg(test)]
mod tests;

pub use decline::{Declining, decline};
pub use error::StoppedError;
pub use fork::{ForkAsked, Forking, Founded, Founder, fork};
pub use relinquish::{Relinquishing, relinquish};
pub use relocate::{Relocating, relocate};

use aerodb_core::explain::{Explanation, Remedy};

/// A command that was refused: why, and what could change the answer.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub explanation: Explanation,
    /// What could change it.
    pub remedies: Vec<Remedy>,
}
