//! Compare-and-set: what a write may insist on, judged against the log's tip.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::id::CommitId;

/// What is expected of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expect {
    /// Its newest version is of this commit.
    Version(CommitId),
    /// It is absent.
    Absent,
    /// It is there.
    Present,
}

impl Expect {
    /// Whether it holds of a key whose newest version is of `found` (`None` when the key is absent).
    #[must_use]
    pub fn holds(self, found: Option<CommitId>) -> bool {
        match self {
            Self::Version(commit) => found == Some(commit),
            Self::Absent => found.is_none(),
            Self::Present => found.is_some(),
        }
    }
}

/// One condition of a write; all of them hold, or nothing is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// The key.
    pub key: Bytes,
    /// What is expected of it.
    pub expect: Expect,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::tests_support::commit;

    #[test]
    fn what_is_expected_of_a_key_holds_of_its_newest_version_alone() {
        let found = [None, Some(commit(6)), Some(commit(7)), Some(commit(8))];
        let held = |expect: Expect| found.map(|found| expect.holds(found));
        assert_eq!(held(Expect::Version(commit(7))), [false, false, true, false]);
        assert_eq!(held(Expect::Absent), [true, false, false, false]);
        assert_eq!(held(Expect::Present), [false, true, true, true]);
    }
}
