//! One read (table 4.11): admitted at one view, served only if what admitted it still stands.

use serde::Serialize;

use crate::decision::read::Standing;
use crate::id::{Boundary, Epoch};
use crate::machine::{Forbidden, Machine, MachineName, RoleName, Step};
use crate::rules::RuleId;

/// Where a read is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Read {
    /// It was asked for.
    Requested,
    /// The gate has let it through.
    Admitted {
        /// The one view that it sees.
        view: Boundary,
        /// What admitted it.
        standing: Standing,
    },
    /// The state moved under it: what it has seen is thrown away, and the gate is asked once more.
    Reevaluated,
    /// The gate has let it through again.
    Readmitted {
        /// The one view that it sees.
        view: Boundary,
        /// What admitted it.
        standing: Standing,
    },
    /// Its result is answered.
    Served {
        /// The view that the answer names.
        view: Boundary,
    },
    /// It is refused.
    Refused {
        /// The rule that refuses it.
        rule: RuleId,
    },
}

/// What can happen to a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadEvent {
    /// The gate lets it through.
    GateAdmitted {
        /// At this view.
        view: Boundary,
        /// In this state.
        standing: Standing,
    },
    /// The gate does not.
    GateRefused {
        /// By this rule.
        rule: RuleId,
    },
    /// A commit above the view was applied.
    WalAdvanced,
    /// Pruning passed the view before it was open.
    ViewPruned,
    /// The result is built, and the state is looked at again.
    Rechecked {
        /// The state now.
        standing: Standing,
    },
}

impl Read {
    /// The view and what admitted it, while there is a result to be built.
    #[must_use]
    pub const fn admission(&self) -> Option<(Boundary, Standing)> {
        match self {
            Self::Admitted { view, standing } | Self::Readmitted { view, standing } => {
                Some((*view, *standing))
            }
            Self::Requested | Self::Reevaluated | Self::Served { .. } | Self::Refused { .. } => {
                None
            }
        }
    }
}

impl Machine for Read {
    type Event = ReadEvent;
    const NAME: MachineName = MachineName::Read;
    const RULE: RuleId = RuleId::FRs2;

    fn name(&self) -> &'static str {
        match self {
            Self::Requested => "Requested",
            Self::Admitted { .. } => "Admitted",
            Self::Reevaluated => "Reevaluated",
            Self::Readmitted { .. } => "Readmitted",
            Self::Served { .. } => "Served",
            Self::Refused { .. } => "Refused",
        }
    }

    fn event_name(event: &ReadEvent) -> &'static str {
        match event {
            ReadEvent::GateAdmitted { .. } => "gate_admitted",
            ReadEvent::GateRefused { .. } => "gate_refused",
            ReadEvent::WalAdvanced => "wal_advanced",
            ReadEvent::ViewPruned => "view_pruned",
            ReadEvent::Rechecked { .. } => "rechecked",
        }
    }

    fn transition(&self, event: &ReadEvent) -> Result<Step<Self>, Forbidden> {
        match *self {
            Self::Requested => match *event {
                ReadEvent::GateAdmitted { view, standing } => {
                    Step::to(Self::Admitted { view, standing }, "RE1")
                }
                ReadEvent::GateRefused { rule } => Step::to(Self::Refused { rule }, "RE2"),
                ReadEvent::WalAdvanced | ReadEvent::ViewPruned | ReadEvent::Rechecked { .. } => {
                    self.forbid(event)
                }
            },
            Self::Admitted { view, standing: admitted } => match *event {
                ReadEvent::WalAdvanced => Step::to(*self, "RE3"),
                ReadEvent::ViewPruned => Step::to(Self::Reevaluated, "RE4"),
                ReadEvent::Rechecked { standing } if standing == admitted => {
                    Step::to(Self::Served { view }, "RE5")
                }
                ReadEvent::Rechecked { .. } => Step::to(Self::Reevaluated, "RE6"),
                ReadEvent::GateAdmitted { .. } | ReadEvent::GateRefused { .. } => {
                    self.forbid(event)
                }
            },
            Self::Reevaluated => match *event {
                ReadEvent::GateAdmitted { view, standing } => {
                    Step::to(Self::Readmitted { view, standing }, "RE7")
                }
                ReadEvent::GateRefused { rule } => Step::to(Self::Refused { rule }, "RE8"),
                ReadEvent::WalAdvanced | ReadEvent::ViewPruned | ReadEvent::Rechecked { .. } => {
                    self.forbid(event)
                }
            },
            Self::Readmitted { view, standing: admitted } => match *event {
                ReadEvent::WalAdvanced => Step::to(*self, "RE9"),
                ReadEvent::ViewPruned => Step::to(Self::Refused { rule: RuleId::Mvg2 }, "RE10"),
                ReadEvent::Rechecked { standing } if standing == admitted => {
                    Step::to(Self::Served { view }, "RE11")
                }
                ReadEvent::Rechecked { .. } => {
                    Step::to(Self::Refused { rule: RuleId::FRs2 }, "RE12")
                }
                ReadEvent::GateAdmitted { .. } | ReadEvent::GateRefused { .. } => {
                    self.forbid(event)
                }
            },
            Self::Served { .. } | Self::Refused { .. } => match *event {
                ReadEvent::GateAdmitted { .. }
                | ReadEvent::GateRefused { .. }
                | ReadEvent::WalAdvanced
                | ReadEvent::ViewPruned
                | ReadEvent::Rechecked { .. } => self.forbid(event),
            },
        }
    }

    fn initial() -> Self {
        Self::Requested
    }

    fn states() -> Vec<Self> {
        let (view, standing) = (Boundary::new(10), standing(RoleName::ReplicaActive));
        vec![
            Self::Requested,
            Self::Admitted { view, standing },
            Self::Reevaluated,
            Self::Readmitted { view, standing },
            Self::Served { view },
            Self::Refused { rule: RuleId::FRs1 },
        ]
    }

    fn events() -> Vec<ReadEvent> {
        let same = standing(RoleName::ReplicaActive);
        vec![
            ReadEvent::GateAdmitted { view: Boundary::new(10), standing: same },
            ReadEvent::GateRefused { rule: RuleId::FRs1 },
            ReadEvent::WalAdvanced,
            ReadEvent::ViewPruned,
            ReadEvent::Rechecked { standing: same },
            ReadEvent::Rechecked { standing: standing(RoleName::ReplicationHalted) },
        ]
    }
}

const fn standing(role: RoleName) -> Standing {
    Standing { role, epoch: Epoch::FIRST, halt: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::table::rendered;

    #[test]
    fn f_rs2_a_read_whose_ground_moves_is_looked_at_once_more_and_then_refused() {
        assert_eq!(
            rendered::<Read>(),
            [
                "RE1 Requested --gate_admitted--> Admitted",
                "RE2 Requested --gate_refused--> Refused",
                "RE3 Admitted --wal_advanced--> Admitted",
                "RE4 Admitted --view_pruned--> Reevaluated",
                "RE5 Admitted --rechecked--> Served",
                "RE6 Admitted --rechecked--> Reevaluated",
                "RE7 Reevaluated --gate_admitted--> Readmitted",
                "RE8 Reevaluated --gate_refused--> Refused",
                "RE9 Readmitted --wal_advanced--> Readmitted",
                "RE10 Readmitted --view_pruned--> Refused",
                "RE11 Readmitted --rechecked--> Served",
                "RE12 Readmitted --rechecked--> Refused",
            ]
        );
    }

    #[test]
    fn f_rs2_a_change_of_role_epoch_or_halt_alone_moves_the_ground() {
        let here = standing(RoleName::ReplicaActive);
        let admitted = Read::Admitted { view: Boundary::new(3), standing: here };
        for moved in [
            Standing { role: RoleName::PrimaryActive, ..here },
            Standing { epoch: Epoch::new(2).unwrap(), ..here },
            Standing { halt: Some(RuleId::FV2), ..here },
        ] {
            let step = admitted.transition(&ReadEvent::Rechecked { standing: moved }).unwrap();
            assert_eq!(step.next, Read::Reevaluated);
        }
    }

    #[test]
    fn a_read_has_a_view_only_while_its_result_is_built() {
        let (view, standing) = (Boundary::new(3), standing(RoleName::ReplicaActive));
        let of = |name| Read::states().into_iter().find(|read| read.name() == name).unwrap();
        for admitted in [Read::Admitted { view, standing }, Read::Readmitted { view, standing }] {
            assert_eq!(admitted.admission(), Some((view, standing)));
        }
        for other in ["Requested", "Reevaluated", "Served", "Refused"] {
            assert_eq!(of(other).admission(), None, "{other}");
        }
    }
}
