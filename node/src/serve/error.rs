//! Why a node does not serve, or serves no more.

use aerodb_core::rules::RuleId;

use crate::open::StartError;
use crate::supervisor::Fatal;

/// Why a node ended otherwise than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The listener, a thread or the runtime could not be had.
    #[error("cannot {what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// No randomness.
    #[error("cannot draw random bytes: {0}")]
    Randomness(getrandom::Error),
    /// The disk failed while it ran (WAL-13).
    #[error("WAL_POISONED: {0} ({rule})", rule = RuleId::Wal13)]
    Fatal(Fatal),
}

pub(super) fn system<T>(what: &'static str, done: std::io::Result<T>) -> Result<T, ServeError> {
    done.map_err(|source| ServeError::System { what, source })
}
