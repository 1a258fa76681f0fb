//! A replica that takes a snapshot over (table 4.5). Nothing but an operator's request begins it, and nothing of
//! an attempt that ended is used by the next one.

use serde::Serialize;

use crate::id::Boundary;
use crate::machine::{Forbidden, Machine, MachineName, Step};
use crate::rules::RuleId;

/// How far the bootstrap has come. Reads are refused from `Transferring` to `Installing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Bootstrap {
    /// None is under way. What an earlier attempt received is discarded.
    NotStarted,
    /// Bytes are arriving in the staging directory.
    Transferring,
    /// All bytes are there, durable; not one of them was looked at.
    TransferComplete,
    /// Every byte is being verified.
    Validating,
    /// The file is what its manifest says, and the decision allows it.
    Validated {
        /// The commit that the snapshot was taken at.
        cut: Boundary,
    },
    /// The old state is in force, or the snapshot is: one rename decides.
    Installing {
        /// The commit that the snapshot was taken at.
        cut: Boundary,
    },
    /// The snapshot is in force; the WAL goes on strictly after it.
    Installed {
        /// The commit that the snapshot was taken at.
        cut: Boundary,
    },
    /// What was received is refused; the replica is as it was, and waits for an operator.
    Rejected {
        /// The rule that it breaks.
        rule: RuleId,
    },
    /// What upstream offered does not continue the snapshot: latched (F-S3).
    Mismatched {
        /// The commit that the snapshot was taken at.
        cut: Boundary,
    },
}

/// What inspection says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum BootstrapProgress {
    /// Nothing is under way, and nothing was installed.
    NotStarted,
    /// An attempt is under way, or a mismatch is latched.
    InProgress,
    /// A snapshot is installed.
    Complete,
}

/// What can happen to it.
#[derive(Debug, PartialEq, Eq)]
pub enum BootstrapEvent {
    /// An operator asks for it.
    Requested,
    /// The last byte is durable.
    Transferred,
    /// The first byte is about to be verified.
    ValidationBegun,
    /// Every byte is right and every rule holds.
    Proven {
        /// The commit that the snapshot was taken at.
        cut: Boundary,
    },
    /// A byte is wrong, or a rule does not hold.
    Rejected {
        /// The rule.
        rule: RuleId,
    },
    /// The snapshot is about to be put into force.
    InstallBegun,
    /// The rename that puts it into force is durable.
    Installed,
    /// The connection is gone, or upstream refuses; what was received is discarded.
    Aborted,
    /// At start: the checkpoint in force is of an installed snapshot.
    FoundInstalled {
        /// The commit that the snapshot was taken at.
        cut: Boundary,
    },
    /// Upstream offers something that does not continue the snapshot.
    MismatchFound,
}

impl Bootstrap {
    /// The three values that inspection distinguishes (P5OBS 3.1).
    #[must_use]
    pub const fn progress(&self) -> BootstrapProgress {
        match self {
            Self::NotStarted | Self::Rejected { .. } => BootstrapProgress::NotStarted,
            Self::Transferring
            | Self::TransferComplete
            | Self::Validating
            | Self::Validated { .. }
            | Self::Installing { .. }
            | Self::Mismatched { .. } => BootstrapProgress::InProgress,
            Self::Installed { .. } => BootstrapProgress::Complete,
        }
    }
}

impl Machine for Bootstrap {
    type Event = BootstrapEvent;
    const NAME: MachineName = MachineName::Bootstrap;
    const RULE: RuleId = RuleId::Rs3;

    fn name(&self) -> &'static str {
        match self {
            Self::NotStarted => "NotStarted",
            Self::Transferring => "Transferring",
            Self::TransferComplete => "TransferComplete",
            Self::Validating => "Validating",
            Self::Validated { .. } => "Validated",
            Self::Installing { .. } => "Installing",
            Self::Installed { .. } => "Installed",
            Self::Rejected { .. } => "Rejected",
            Self::Mismatched { .. } => "Mismatched",
        }
    }

    fn event_name(event: &BootstrapEvent) -> &'static str {
        match event {
            BootstrapEvent::Requested => "requested",
            BootstrapEvent::Transferred => "transferred",
            BootstrapEvent::ValidationBegun => "validation_begun",
            BootstrapEvent::Proven { .. } => "proven",
            BootstrapEvent::Rejected { .. } => "rejected",
            BootstrapEvent::InstallBegun => "install_begun",
            BootstrapEvent::Installed => "installed",
            BootstrapEvent::Aborted => "aborted",
            BootstrapEvent::FoundInstalled { .. } => "found_installed",
            BootstrapEvent::MismatchFound => "mismatch_found",
        }
    }

    fn transition(&self, event: &BootstrapEvent) -> Result<Step<Self>, Forbidden> {
        use BootstrapEvent as E;
        match self {
            Self::NotStarted => match event {
                E::Requested => Step::to(Self::Transferring, "BS1"),
                E::FoundInstalled { cut } => Step::to(Self::Installed { cut: *cut }, "BS9"),
                E::Transferred
                | E::ValidationBegun
                | E::Proven { .. }
                | E::Rejected { .. }
                | E::InstallBegun
                | E::Installed
                | E::Aborted
                | E::MismatchFound => self.forbid(event),
            },
            Self::Transferring => match event {
                E::Transferred => Step::to(Self::TransferComplete, "BS2"),
                E::Aborted => Step::to(Self::NotStarted, "BS7"),
                E::Rejected { rule } => Step::to(Self::Rejected { rule: *rule }, "BS8"),
                E::Requested
                | E::ValidationBegun
                | E::Proven { .. }
                | E::InstallBegun
                | E::Installed
                | E::FoundInstalled { .. }
                | E::MismatchFound => self.forbid(event),
            },
            Self::TransferComplete => match event {
                E::ValidationBegun => Step::to(Self::Validating, "BS3"),
                E::Aborted => Step::to(Self::NotStarted, "BS7"),
                E::Requested
                | E::Transferred
                | E::Proven { .. }
                | E::Rejected { .. }
                | E::InstallBegun
                | E::Installed
                | E::FoundInstalled { .. }
                | E::MismatchFound => self.forbid(event),
            },
            Self::Validating => match event {
                E::Proven { cut } => Step::to(Self::Validated { cut: *cut }, "BS4"),
                E::Rejected { rule } => Step::to(Self::Rejected { rule: *rule }, "BS8"),
                E::Aborted => Step::to(Self::NotStarted, "BS7"),
                E::Requested
                | E::Transferred
                | E::ValidationBegun
                | E::InstallBegun
                | E::Installed
                | E::FoundInstalled { .. }
                | E::MismatchFound => self.forbid(event),
            },
            Self::Validated { cut } => match event {
                E::InstallBegun => Step::to(Self::Installing { cut: *cut }, "BS5"),
                E::Aborted => Step::to(Self::NotStarted, "BS7"),
                E::Requested
                | E::Transferred
                | E::ValidationBegun
                | E::Proven { .. }
                | E::Rejected { .. }
                | E::Installed
                | E::FoundInstalled { .. }
                | E::MismatchFound => self.forbid(event),
            },
            Self::Installing { cut } => match event {
                E::Installed => Step::to(Self::Installed { cut: *cut }, "BS6"),
                E::Requested
                | E::Transferred
                | E::ValidationBegun
                | E::Proven { .. }
                | E::Rejected { .. }
                | E::InstallBegun
                | E::Aborted
                | E::FoundInstalled { .. }
                | E::MismatchFound => self.forbid(event),
            },
            Self::Installed { cut } => match event {
                E::Requested => Step::to(Self::Transferring, "BS1"),
                E::MismatchFound => Step::to(Self::Mismatched { cut: *cut }, "BS10"),
                E::Transferred
                | E::ValidationBegun
                | E::Proven { .. }
                | E::Rejected { .. }
                | E::InstallBegun
                | E::Installed
                | E::Aborted
                | E::FoundInstalled { .. } => self.forbid(event),
            },
            Self::Rejected { .. } | Self::Mismatched { .. } => match event {
                E::Requested => Step::to(Self::Transferring, "BS1"),
                E::Transferred
                | E::ValidationBegun
                | E::Proven { .. }
                | E::Rejected { .. }
                | E::InstallBegun
                | E::Installed
                | E::Aborted
                | E::FoundInstalled { .. }
                | E::MismatchFound => self.forbid(event),
            },
        }
    }

    fn initial() -> Self {
        Self::NotStarted
    }

    fn states() -> Vec<Self> {
        let cut = Boundary::new(1);
        vec![
            Self::NotStarted,
            Self::Transferring,
            Self::TransferComplete,
            Self::Validating,
            Self::Validated { cut },
            Self::Installing { cut },
            Self::Installed { cut },
            Self::Rejected { rule: RuleId::Snp4 },
            Self::Mismatched { cut },
        ]
    }

    fn events() -> Vec<BootstrapEvent> {
        let cut = Boundary::new(1);
        vec![
            BootstrapEvent::Requested,
            BootstrapEvent::Transferred,
            BootstrapEvent::ValidationBegun,
            BootstrapEvent::Proven { cut },
            BootstrapEvent::Rejected { rule: RuleId::Snp4 },
            BootstrapEvent::InstallBegun,
            BootstrapEvent::Installed,
            BootstrapEvent::Aborted,
            BootstrapEvent::FoundInstalled { cut },
            BootstrapEvent::MismatchFound,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::table::rendered;

    #[test]
    fn rs3_the_table_of_the_bootstrap_and_nothing_else() {
        assert_eq!(
            rendered::<Bootstrap>(),
            [
                "BS1 NotStarted --requested--> Transferring",
                "BS9 NotStarted --found_installed--> Installed",
                "BS2 Transferring --transferred--> TransferComplete",
                "BS8 Transferring --rejected--> Rejected",
                "BS7 Transferring --aborted--> NotStarted",
                "BS3 TransferComplete --validation_begun--> Validating",
                "BS7 TransferComplete --aborted--> NotStarted",
                "BS4 Validating --proven--> Validated",
                "BS8 Validating --rejected--> Rejected",
                "BS7 Validating --aborted--> NotStarted",
                "BS5 Validated --install_begun--> Installing",
                "BS7 Validated --aborted--> NotStarted",
                "BS6 Installing --installed--> Installed",
                "BS1 Installed --requested--> Transferring",
                "BS10 Installed --mismatch_found--> Mismatched",
                "BS1 Rejected --requested--> Transferring",
                "BS1 Mismatched --requested--> Transferring",
            ]
        );
    }

    #[test]
    fn f_s1_f_s2_an_attempt_that_ended_early_leaves_nothing_to_go_on_from() {
        for state in Bootstrap::states() {
            if let Ok(step) = state.transition(&BootstrapEvent::Aborted) {
                assert_eq!(step.next, Bootstrap::NotStarted);
            }
        }
        let after = Bootstrap::NotStarted.transition(&BootstrapEvent::Requested).unwrap().next;
        assert_eq!(after, Bootstrap::Transferring, "from byte 0");
    }

    #[test]
    fn the_three_words_of_inspection() {
        use BootstrapProgress::{Complete, InProgress, NotStarted};
        let words: Vec<_> = Bootstrap::states().iter().map(Bootstrap::progress).collect();
        let middle = [InProgress; 5];
        assert_eq!(words[0], NotStarted);
        assert_eq!(words[1..6], middle);
        assert_eq!(words[6..], [Complete, NotStarted, InProgress]);
    }
}
