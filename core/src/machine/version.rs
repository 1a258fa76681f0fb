//! One version of one key in the store (table 4.13). There are millions of them, so their steps are
//! taken without being journalled.

use serde::Serialize;

use crate::id::{Boundary, CommitId};
use crate::machine::{Forbidden, Machine, MachineName, Step};
use crate::rules::RuleId;

/// What is known about the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Version {
    /// The newest of its key; it never goes (MVG-4).
    Live,
    /// It says that the key is absent from a commit on, which is what no version says as well: it goes without
    /// there being a newer one, and is the only kind that does.
    Tombstone {
        /// The commit that made it.
        at: CommitId,
    },
    /// There is a newer one.
    Obsolete {
        /// The commit that made the newer one.
        by: CommitId,
    },
    /// The newer one, or the tombstone itself, lies at or below the floor: no read that is still answered can
    /// miss it.
    Reclaimable,
    /// Gone.
    Collected,
}

/// What can happen to the version.
#[derive(Debug, PartialEq, Eq)]
pub enum VersionEvent {
    /// The commit that made it made the key absent.
    Deletes {
        /// That commit.
        at: CommitId,
    },
    /// A later commit gave the key another version.
    Superseded {
        /// That commit.
        by: CommitId,
    },
    /// Everything from this floor on stays readable; the floor never goes back.
    FloorAt(Boundary),
    /// It was taken out of the store.
    Removed,
}

impl Machine for Version {
    type Event = VersionEvent;
    const NAME: MachineName = MachineName::Version;
    const RULE: RuleId = RuleId::Mvg1;

    fn name(&self) -> &'static str {
        match self {
            Self::Live => "Live",
            Self::Tombstone { .. } => "Tombstone",
            Self::Obsolete { .. } => "Obsolete",
            Self::Reclaimable => "Reclaimable",
            Self::Collected => "Collected",
        }
    }

    fn event_name(event: &VersionEvent) -> &'static str {
        match event {
            VersionEvent::Deletes { .. } => "deletes",
            VersionEvent::Superseded { .. } => "superseded",
            VersionEvent::FloorAt(_) => "floor_at",
            VersionEvent::Removed => "removed",
        }
    }

    fn transition(&self, event: &VersionEvent) -> Result<Step<Self>, Forbidden> {
        use VersionEvent as E;
        match self {
            Self::Live => match event {
                E::Superseded { by } => Step::to(Self::Obsolete { by: *by }, "VE1"),
                E::Deletes { at } => Step::to(Self::Tombstone { at: *at }, "VE4"),
                E::FloorAt(_) | E::Removed => self.forbid(event),
            },
            Self::Tombstone { at } => match event {
                E::FloorAt(floor) if floor.covers(*at) => Step::to(Self::Reclaimable, "VE5"),
                // The floor covers it before it covers that one.
                E::Superseded { .. } => Step::to(*self, "VE6"),
                E::FloorAt(_) | E::Deletes { .. } | E::Removed => self.forbid(event),
            },
            Self::Obsolete { by } => match event {
                E::FloorAt(floor) if floor.covers(*by) => Step::to(Self::Reclaimable, "VE2"),
                E::FloorAt(_) | E::Deletes { .. } | E::Superseded { .. } | E::Removed => {
                    self.forbid(event)
                }
            },
            Self::Reclaimable => match event {
                E::Removed => Step::to(Self::Collected, "VE3"),
                E::Deletes { .. } | E::Superseded { .. } | E::FloorAt(_) => self.forbid(event),
            },
            Self::Collected => match event {
                E::Deletes { .. } | E::Superseded { .. } | E::FloorAt(_) | E::Removed => {
                    self.forbid(event)
                }
            },
        }
    }

    fn initial() -> Self {
        Self::Live
    }

    fn states() -> Vec<Self> {
        vec![
            Self::Live,
            Self::Tombstone { at: CommitId::FIRST },
            Self::Obsolete { by: CommitId::FIRST },
            Self::Reclaimable,
            Self::Collected,
        ]
    }

    fn events() -> Vec<VersionEvent> {
        vec![
            VersionEvent::Deletes { at: CommitId::FIRST },
            VersionEvent::Superseded { by: CommitId::FIRST },
            VersionEvent::FloorAt(Boundary::ORIGIN),
            VersionEvent::FloorAt(Boundary::from(CommitId::FIRST)),
            VersionEvent::Removed,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::table::rendered;

    #[test]
    fn mvg_1_the_table_of_a_version_and_nothing_else() {
        assert_eq!(
            rendered::<Version>(),
            [
                "VE4 Live --deletes--> Tombstone",
                "VE1 Live --superseded--> Obsolete",
                "VE6 Tombstone --superseded--> Tombstone",
                "VE5 Tombstone --floor_at--> Reclaimable",
                "VE2 Obsolete --floor_at--> Reclaimable",
                "VE3 Reclaimable --removed--> Collected",
            ]
        );
    }

    #[test]
    fn mvg_4_of_the_newest_only_a_tombstone_goes_once_the_floor_covers_it() {
        let version = Version::Tombstone { at: CommitId::new(7).unwrap() };
        let at_floor = |floor| version.transition(&VersionEvent::FloorAt(Boundary::new(floor)));
        assert!(at_floor(6).is_err());
        assert_eq!(at_floor(7).unwrap().next, Version::Reclaimable);
        assert!(Version::Live.transition(&VersionEvent::FloorAt(Boundary::new(7))).is_err());
    }

    #[test]
    fn mvg_1_a_version_is_needed_until_the_floor_covers_the_one_that_hides_it() {
        let version = Version::Obsolete { by: CommitId::new(7).unwrap() };
        let at_floor = |floor| version.transition(&VersionEvent::FloorAt(Boundary::new(floor)));
        assert!(at_floor(6).is_err());
        assert_eq!(at_floor(7).unwrap().next, Version::Reclaimable);
    }
}
