//! The WAL writer of one epoch (table 4.14).

use serde::Serialize;

use crate::id::Epoch;
use crate::machine::{Forbidden, Machine, MachineName, Step};
use crate::rules::RuleId;

/// Whether the WAL can be appended to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum WalWriter {
    /// Appends are possible in this epoch.
    Open {
        /// The epoch of the authority in hand.
        epoch: Epoch,
    },
    /// A write or an fsync failed; nothing is appended any more and the process ends (WAL-13).
    Poisoned,
    /// The authority was given up, or there is none.
    Closed,
}

/// What can happen to the writer.
#[derive(Debug, PartialEq, Eq)]
pub enum WalWriterEvent {
    /// A batch was written and its fsync returned.
    Appended,
    /// A write or an fsync failed.
    Failed,
    /// The authority is given up, or the node stops.
    Sealed,
}

impl Machine for WalWriter {
    type Event = WalWriterEvent;
    const NAME: MachineName = MachineName::WalWriter;
    const RULE: RuleId = RuleId::Wal13;

    fn name(&self) -> &'static str {
        match self {
            Self::Open { .. } => "Open",
            Self::Poisoned => "Poisoned",
            Self::Closed => "Closed",
        }
    }

    fn event_name(event: &WalWriterEvent) -> &'static str {
        match event {
            WalWriterEvent::Appended => "appended",
            WalWriterEvent::Failed => "failed",
            WalWriterEvent::Sealed => "sealed",
        }
    }

    fn transition(&self, event: &WalWriterEvent) -> Result<Step<Self>, Forbidden> {
        use WalWriterEvent as E;
        match self {
            Self::Open { .. } => match event {
                E::Appended => Step::to(self.clone(), "WW1"),
                E::Failed => Step::to(Self::Poisoned, "WW2"),
                E::Sealed => Step::to(Self::Closed, "WW3"),
            },
            Self::Poisoned | Self::Closed => match event {
                E::Appended | E::Failed | E::Sealed => self.forbid(event),
            },
        }
    }

    fn initial() -> Self {
        Self::Closed
    }

    fn states() -> Vec<Self> {
        vec![Self::Open { epoch: Epoch::FIRST }, Self::Poisoned, Self::Closed]
    }

    fn events() -> Vec<WalWriterEvent> {
        vec![WalWriterEvent::Appended, WalWriterEvent::Failed, WalWriterEvent::Sealed]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::table::rendered;

    #[test]
    fn wal_13_a_poisoned_writer_appends_nothing_any_more() {
        assert_eq!(
            rendered::<WalWriter>(),
            [
                "WW1 Open --appended--> Open",
                "WW2 Open --failed--> Poisoned",
                "WW3 Open --sealed--> Closed"
            ]
        );
    }
}
