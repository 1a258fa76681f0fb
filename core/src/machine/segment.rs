//! One received stretch of WAL on a replica (table 4.4).

use serde::Serialize;

use crate::machine::{Forbidden, Machine, MachineName, Step};
use crate::rules::RuleId;

/// What is known about the stretch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Segment {
    /// Bytes in memory; nothing is counted.
    Fragment,
    /// Durable; nothing interpreted.
    Received,
    /// Checksum, continuity, chain and epoch proven.
    Validated,
    /// In the store.
    Applied,
    /// Kept as evidence, never applied.
    Rejected {
        /// The rule that it breaks.
        rule: RuleId,
    },
}

/// What can happen to the stretch.
#[derive(Debug, PartialEq, Eq)]
pub enum SegmentEvent {
    /// The transfer was cut; the bytes are dropped (F-R1).
    Cut,
    /// The bytes are durable.
    Persisted,
    /// They are proven.
    Proven,
    /// They break a rule.
    Failed {
        /// Which one.
        rule: RuleId,
    },
    /// They are in the store.
    Installed,
}

impl Machine for Segment {
    type Event = SegmentEvent;
    const NAME: MachineName = MachineName::Segment;
    const RULE: RuleId = RuleId::P5I5;

    fn name(&self) -> &'static str {
        match self {
            Self::Fragment => "Fragment",
            Self::Received => "Received",
            Self::Validated => "Validated",
            Self::Applied => "Applied",
            Self::Rejected { .. } => "Rejected",
        }
    }

    fn event_name(event: &SegmentEvent) -> &'static str {
        match event {
            SegmentEvent::Cut => "cut",
            SegmentEvent::Persisted => "persisted",
            SegmentEvent::Proven => "proven",
            SegmentEvent::Failed { .. } => "failed",
            SegmentEvent::Installed => "installed",
        }
    }

    fn transition(&self, event: &SegmentEvent) -> Result<Step<Self>, Forbidden> {
        use SegmentEvent as E;
        match self {
            Self::Fragment => match event {
                E::Cut => Step::to(Self::Fragment, "SG1"),
                E::Persisted => Step::to(Self::Received, "SG2"),
                E::Proven | E::Failed { .. } | E::Installed => self.forbid(event),
            },
            Self::Received => match event {
                E::Proven => Step::to(Self::Validated, "SG3"),
                E::Failed { rule } => Step::to(Self::Rejected { rule: *rule }, "SG4"),
                E::Cut | E::Persisted | E::Installed => self.forbid(event),
            },
            Self::Validated => match event {
                E::Installed => Step::to(Self::Applied, "SG5"),
                E::Cut | E::Persisted | E::Proven | E::Failed { .. } => self.forbid(event),
            },
            Self::Applied | Self::Rejected { .. } => match event {
                E::Cut | E::Persisted | E::Proven | E::Failed { .. } | E::Installed => {
                    self.forbid(event)
                }
            },
        }
    }

    fn initial() -> Self {
        Self::Fragment
    }

    fn states() -> Vec<Self> {
        vec![
            Self::Fragment,
            Self::Received,
            Self::Validated,
            Self::Applied,
            Self::Rejected { rule: RuleId::FV1 },
        ]
    }

    fn events() -> Vec<SegmentEvent> {
        vec![
            SegmentEvent::Cut,
            SegmentEvent::Persisted,
            SegmentEvent::Proven,
            SegmentEvent::Failed { rule: RuleId::FV1 },
            SegmentEvent::Installed,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::table::rendered;

    #[test]
    fn p5_i5_the_table_of_a_segment_and_nothing_else() {
        assert_eq!(
            rendered::<Segment>(),
            [
                "SG1 Fragment --cut--> Fragment",
                "SG2 Fragment --persisted--> Received",
                "SG3 Received --proven--> Validated",
                "SG4 Received --failed--> Rejected",
                "SG5 Validated --installed--> Applied",
            ]
        );
    }
}
