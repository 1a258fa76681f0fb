//! One checkpoint, from its snapshot's first byte to the last segment that it lets go of (table 4.9).
//! Each checkpoint is a machine of its own: nothing of an earlier one is ever written again.
//!
//! Keeps: P3-K3, CKP-2.

use serde::Serialize;

use crate::id::Boundary;
use crate::machine::{Forbidden, Machine, MachineName, Step};
use crate::rules::RuleId;

/// How far the checkpoint has come. Recovery may use it from `Recorded` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Checkpoint {
    /// There is none, or what there was of one was given up.
    Absent,
    /// Its snapshot is being written under a temporary name.
    Tentative {
        /// The commit that it is taken at.
        boundary: Boundary,
    },
    /// Every byte of the snapshot is written, not all are synced.
    Written {
        /// The commit that it is taken at.
        boundary: Boundary,
    },
    /// The snapshot is durable under its name; no record names it.
    SnapshotDurable {
        /// The commit that it is taken at.
        boundary: Boundary,
    },
    /// The marker that names it is durable: recovery starts from it.
    Recorded {
        /// The commit that it is taken at.
        boundary: Boundary,
    },
    /// Segments of the WAL below it are being removed.
    Truncating {
        /// The commit that it is taken at.
        boundary: Boundary,
    },
    /// What it let go of is gone, durably.
    Complete {
        /// The commit that it is taken at.
        boundary: Boundary,
    },
    /// Its bytes are not what was written; it is never passed over silently (DIS-20).
    Damaged {
        /// The commit that it is taken at.
        boundary: Boundary,
    },
}

/// What can happen to the checkpoint.
#[derive(Debug, PartialEq, Eq)]
pub enum CheckpointEvent {
    /// Its snapshot is begun.
    Begun {
        /// The commit that it is taken at.
        boundary: Boundary,
    },
    /// The last byte of the snapshot is written.
    Written,
    /// The snapshot, its name and its directory are durable.
    Synced,
    /// The marker and its name are durable.
    Recorded,
    /// The first segment below it is about to be removed.
    TruncationBegun,
    /// The last one is gone, and the directory synced.
    Truncated,
    /// It was given up before it was recorded.
    Aborted,
    /// Its bytes are not what was written.
    FoundDamaged,
}

impl Machine for Checkpoint {
    type Event = CheckpointEvent;
    const NAME: MachineName = MachineName::Checkpoint;
    const RULE: RuleId = RuleId::Ckp2;

    fn name(&self) -> &'static str {
        match self {
            Self::Absent => "Absent",
            Self::Tentative { .. } => "Tentative",
            Self::Written { .. } => "Written",
            Self::SnapshotDurable { .. } => "SnapshotDurable",
            Self::Recorded { .. } => "Recorded",
            Self::Truncating { .. } => "Truncating",
            Self::Complete { .. } => "Complete",
            Self::Damaged { .. } => "Damaged",
        }
    }

    fn event_name(event: &CheckpointEvent) -> &'static str {
        match event {
            CheckpointEvent::Begun { .. } => "begun",
            CheckpointEvent::Written => "written",
            CheckpointEvent::Synced => "synced",
            CheckpointEvent::Recorded => "recorded",
            CheckpointEvent::TruncationBegun => "truncation_begun",
            CheckpointEvent::Truncated => "truncated",
            CheckpointEvent::Aborted => "aborted",
            CheckpointEvent::FoundDamaged => "found_damaged",
        }
    }

    fn transition(&self, event: &CheckpointEvent) -> Result<Step<Self>, Forbidden> {
        use CheckpointEvent as E;
        match *self {
            Self::Absent => match event {
                E::Begun { boundary } => Step::to(Self::Tentative { boundary: *boundary }, "CK1"),
                E::Written
                | E::Synced
                | E::Recorded
                | E::TruncationBegun
                | E::Truncated
                | E::Aborted
                | E::FoundDamaged => self.forbid(event),
            },
            Self::Tentative { boundary } => match event {
                E::Written => Step::to(Self::Written { boundary }, "CK2"),
                E::Aborted => Step::to(Self::Absent, "CK3"),
                E::Begun { .. }
                | E::Synced
                | E::Recorded
                | E::TruncationBegun
                | E::Truncated
                | E::FoundDamaged => self.forbid(event),
            },
            Self::Written { boundary } => match event {
                E::Synced => Step::to(Self::SnapshotDurable { boundary }, "CK4"),
                E::Aborted => Step::to(Self::Absent, "CK5"),
                E::Begun { .. }
                | E::Written
                | E::Recorded
                | E::TruncationBegun
                | E::Truncated
                | E::FoundDamaged => self.forbid(event),
            },
            Self::SnapshotDurable { boundary } => match event {
                E::Recorded => Step::to(Self::Recorded { boundary }, "CK6"),
                E::Aborted => Step::to(Self::Absent, "CK7"),
                E::Begun { .. }
                | E::Written
                | E::Synced
                | E::TruncationBegun
                | E::Truncated
                | E::FoundDamaged => self.forbid(event),
            },
            Self::Recorded { boundary } => match event {
                E::TruncationBegun => Step::to(Self::Truncating { boundary }, "CK8"),
                E::FoundDamaged => Step::to(Self::Damaged { boundary }, "CK9"),
                E::Begun { .. }
                | E::Written
                | E::Synced
                | E::Recorded
                | E::Truncated
                | E::Aborted => self.forbid(event),
            },
            Self::Truncating { boundary } => match event {
                E::Truncated => Step::to(Self::Complete { boundary }, "CK10"),
                E::FoundDamaged => Step::to(Self::Damaged { boundary }, "CK11"),
                E::Begun { .. }
                | E::Written
                | E::Synced
                | E::Recorded
                | E::TruncationBegun
                | E::Aborted => self.forbid(event),
            },
            Self::Complete { boundary } => match event {
                E::FoundDamaged => Step::to(Self::Damaged { boundary }, "CK12"),
                E::Begun { .. }
                | E::Written
                | E::Synced
                | E::Recorded
                | E::TruncationBegun
                | E::Truncated
                | E::Aborted => self.forbid(event),
            },
            Self::Damaged { .. } => match event {
                E::Begun { .. }
                | E::Written
                | E::Synced
                | E::Recorded
                | E::TruncationBegun
                | E::Truncated
                | E::Aborted
                | E::FoundDamaged => self.forbid(event),
            },
        }
    }

    fn initial() -> Self {
        Self::Absent
    }

    fn states() -> Vec<Self> {
        let boundary = Boundary::new(1);
        vec![
            Self::Absent,
            Self::Tentative { boundary },
            Self::Written { boundary },
            Self::SnapshotDurable { boundary },
            Self::Recorded { boundary },
            Self::Truncating { boundary },
            Self::Complete { boundary },
            Self::Damaged { boundary },
        ]
    }

    fn events() -> Vec<CheckpointEvent> {
        vec![
            CheckpointEvent::Begun { boundary: Boundary::new(1) },
            CheckpointEvent::Written,
            CheckpointEvent::Synced,
            CheckpointEvent::Recorded,
            CheckpointEvent::TruncationBegun,
            CheckpointEvent::Truncated,
            CheckpointEvent::Aborted,
            CheckpointEvent::FoundDamaged,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::table::rendered;

    #[test]
    fn ckp_2_the_table_of_a_checkpoint_and_nothing_else() {
        assert_eq!(
            rendered::<Checkpoint>(),
            [
                "CK1 Absent --begun--> Tentative",
                "CK2 Tentative --written--> Written",
                "CK3 Tentative --aborted--> Absent",
                "CK4 Written --synced--> SnapshotDurable",
                "CK5 Written --aborted--> Absent",
                "CK6 SnapshotDurable --recorded--> Recorded",
                "CK7 SnapshotDurable --aborted--> Absent",
                "CK8 Recorded --truncation_begun--> Truncating",
                "CK9 Recorded --found_damaged--> Damaged",
                "CK10 Truncating --truncated--> Complete",
                "CK11 Truncating --found_damaged--> Damaged",
                "CK12 Complete --found_damaged--> Damaged",
            ]
        );
    }

    #[test]
    fn p3_k3_nothing_is_truncated_before_the_record_is_durable() {
        for state in Checkpoint::states() {
            let recorded = matches!(state, Checkpoint::Recorded { .. });
            assert_eq!(state.transition(&CheckpointEvent::TruncationBegun).is_ok(), recorded);
        }
    }
}
