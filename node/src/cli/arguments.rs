//! Arguments that are numbers of ours.

use aerodb_core::id::{Boundary, CommitId, Epoch};

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text:?} is not a number"))
}

/// An epoch, at least 1.
///
/// # Errors
/// A text for the usage message.
pub(super) fn epoch(text: &str) -> Result<Epoch, String> {
    Epoch::new(number(text)?).ok_or_else(|| "epochs start at 1".to_owned())
}

/// A commit, at least 1.
///
/// # Errors
/// A text for the usage message.
pub(super) fn commit(text: &str) -> Result<CommitId, String> {
    CommitId::new(number(text)?).ok_or_else(|| "commit ids start at 1".to_owned())
}

/// A place in the history; 0 lies before the first commit.
///
/// # Errors
/// A text for the usage message.
pub(super) fn boundary(text: &str) -> Result<Boundary, String> {
    number(text).map(Boundary::new)
}
