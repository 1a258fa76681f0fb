//! The node's lifecycle (table 4.10): strictly ordered, nothing is served before it is verified.
//!
//! Keeps: BT-2.

use serde::Serialize;

use crate::machine::{Forbidden, Machine, MachineName, Step};
use crate::rules::RuleId;

/// How far the process has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Lifecycle {
    /// Nothing is read yet.
    Uninitialized,
    /// Lock, configuration, identity and ledgers are being read.
    Initializing,
    /// The WAL is being replayed.
    Recovering,
    /// What was replayed is checked against the ledger.
    Verifying,
    /// Requests are answered, by role.
    Serving,
    /// Started, but a failure is latched: inspection only.
    StartedHalted,
    /// No new requests.
    ShuttingDown,
    /// The process ends.
    Terminated,
}

/// What moves it on.
#[derive(Debug, PartialEq, Eq)]
pub enum LifecycleEvent {
    /// The process starts.
    Started,
    /// Lock, configuration, identity and ledgers are in order.
    Initialized,
    /// The WAL is replayed.
    Replayed,
    /// History and ledger agree.
    Verified,
    /// They do not, or a failure is latched.
    Halted,
    /// The operator ends the process.
    StopRequested,
    /// The last request is answered.
    Drained,
    /// Something needed is damaged or failed.
    Refused,
}

impl Lifecycle {
    /// The word of `/v1/status`: `booting`, `recovering`, `running`, `stopping` or `terminated`.
    #[must_use]
    pub const fn status(self) -> &'static str {
        match self {
            Self::Uninitialized | Self::Initializing => "booting",
            Self::Recovering | Self::Verifying => "recovering",
            Self::Serving | Self::StartedHalted => "running",
            Self::ShuttingDown => "stopping",
            Self::Terminated => "terminated",
        }
    }
}

impl Machine for Lifecycle {
    type Event = LifecycleEvent;
    const NAME: MachineName = MachineName::Lifecycle;
    const RULE: RuleId = RuleId::R3;

    fn name(&self) -> &'static str {
        match self {
            Self::Uninitialized => "Uninitialized",
            Self::Initializing => "Initializing",
            Self::Recovering => "Recovering",
            Self::Verifying => "Verifying",
            Self::Serving => "Serving",
            Self::StartedHalted => "StartedHalted",
            Self::ShuttingDown => "ShuttingDown",
            Self::Terminated => "Terminated",
        }
    }

    fn event_name(event: &LifecycleEvent) -> &'static str {
        match event {
            LifecycleEvent::Started => "started",
            LifecycleEvent::Initialized => "initialized",
            LifecycleEvent::Replayed => "replayed",
            LifecycleEvent::Verified => "verified",
            LifecycleEvent::Halted => "halted",
            LifecycleEvent::StopRequested => "stop_requested",
            LifecycleEvent::Drained => "drained",
            LifecycleEvent::Refused => "refused",
        }
    }

    fn transition(&self, event: &LifecycleEvent) -> Result<Step<Self>, Forbidden> {
        use LifecycleEvent as E;
        match self {
            Self::Uninitialized => match event {
                E::Started => Step::to(Self::Initializing, "LC1"),
                E::Initialized
                | E::Replayed
                | E::Verified
                | E::Halted
                | E::StopRequested
                | E::Drained
                | E::Refused => self.forbid(event),
            },
            Self::Initializing => match event {
                E::Initialized => Step::to(Self::Recovering, "LC2"),
                E::Refused => Step::to(Self::Terminated, "LC8"),
                E::Started
                | E::Replayed
                | E::Verified
                | E::Halted
                | E::StopRequested
                | E::Drained => self.forbid(event),
            },
            Self::Recovering => match event {
                E::Replayed => Step::to(Self::Verifying, "LC3"),
                E::Refused => Step::to(Self::Terminated, "LC8"),
                E::Started
                | E::Initialized
                | E::Verified
                | E::Halted
                | E::StopRequested
                | E::Drained => self.forbid(event),
            },
            Self::Verifying => match event {
                E::Verified => Step::to(Self::Serving, "LC4"),
                E::Halted => Step::to(Self::StartedHalted, "LC5"),
                E::Refused => Step::to(Self::Terminated, "LC8"),
                E::Started | E::Initialized | E::Replayed | E::StopRequested | E::Drained => {
                    self.forbid(event)
                }
            },
            Self::Serving => match event {
                E::Halted => Step::to(Self::StartedHalted, "LC5"),
                E::StopRequested => Step::to(Self::ShuttingDown, "LC6"),
                E::Refused => Step::to(Self::Terminated, "LC8"),
                E::Started | E::Initialized | E::Replayed | E::Verified | E::Drained => {
                    self.forbid(event)
                }
            },
            Self::StartedHalted => match event {
                E::StopRequested => Step::to(Self::ShuttingDown, "LC6"),
                E::Refused => Step::to(Self::Terminated, "LC8"),
                E::Started
                | E::Initialized
                | E::Replayed
                | E::Verified
                | E::Halted
                | E::Drained => self.forbid(event),
            },
            Self::ShuttingDown => match event {
                E::Drained => Step::to(Self::Terminated, "LC7"),
                E::Refused => Step::to(Self::Terminated, "LC8"),
                E::Started
                | E::Initialized
                | E::Replayed
                | E::Verified
                | E::Halted
                | E::StopRequested => self.forbid(event),
            },
            Self::Terminated => match event {
                E::Started
                | E::Initialized
                | E::Replayed
                | E::Verified
                | E::Halted
                | E::StopRequested
                | E::Drained
                | E::Refused => self.forbid(event),
            },
        }
    }

    fn initial() -> Self {
        Self::Uninitialized
    }

    fn states() -> Vec<Self> {
        vec![
            Self::Uninitialized,
            Self::Initializing,
            Self::Recovering,
            Self::Verifying,
            Self::Serving,
            Self::StartedHalted,
            Self::ShuttingDown,
            Self::Terminated,
        ]
    }

    fn events() -> Vec<LifecycleEvent> {
        vec![
            LifecycleEvent::Started,
            LifecycleEvent::Initialized,
            LifecycleEvent::Replayed,
            LifecycleEvent::Verified,
            LifecycleEvent::Halted,
            LifecycleEvent::StopRequested,
            LifecycleEvent::Drained,
            LifecycleEvent::Refused,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::table::{rendered, table};

    #[test]
    fn the_table_of_the_lifecycle_and_nothing_else() {
        assert_eq!(
            rendered::<Lifecycle>(),
            [
                "LC1 Uninitialized --started--> Initializing",
                "LC2 Initializing --initialized--> Recovering",
                "LC8 Initializing --refused--> Terminated",
                "LC3 Recovering --replayed--> Verifying",
                "LC8 Recovering --refused--> Terminated",
                "LC4 Verifying --verified--> Serving",
                "LC5 Verifying --halted--> StartedHalted",
                "LC8 Verifying --refused--> Terminated",
                "LC5 Serving --halted--> StartedHalted",
                "LC6 Serving --stop_requested--> ShuttingDown",
                "LC8 Serving --refused--> Terminated",
                "LC6 StartedHalted --stop_requested--> ShuttingDown",
                "LC8 StartedHalted --refused--> Terminated",
                "LC7 ShuttingDown --drained--> Terminated",
                "LC8 ShuttingDown --refused--> Terminated",
            ]
        );
    }

    #[test]
    fn the_word_of_each_state_is_the_one_that_the_status_shows() {
        let words: Vec<_> = Lifecycle::states().into_iter().map(Lifecycle::status).collect();
        assert_eq!(
            words,
            [
                "booting",
                "booting",
                "recovering",
                "recovering",
                "running",
                "running",
                "stopping",
                "terminated",
            ]
        );
    }

    /// Proves: BT-2.
    #[test]
    fn serving_is_reached_through_every_stage_only() {
        let rows = table::<Lifecycle>();
        let into = |to: &str| {
            rows.iter().filter(|row| row.to == to).map(|row| row.from).collect::<Vec<_>>()
        };
        assert_eq!(into("Serving"), ["Verifying"]);
        assert_eq!(into("Verifying"), ["Recovering"]);
        assert_eq!(into("Recovering"), ["Initializing"]);
        assert!(rows.iter().all(|row| row.from != "Terminated"));
    }
}
