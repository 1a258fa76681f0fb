//! The replica pipeline as the supervisor sees it (table 4.3). The failure latch is orthogonal: while
//! it is set the pipeline stays where it stopped.

use serde::Serialize;

use crate::machine::{Forbidden, Machine, MachineName, Step};
use crate::rules::RuleId;

/// Whether reads are proven safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Gate {
    /// The gate's predicate holds.
    ReadSafe,
    /// It does not, or has not been evaluated since the last change.
    ReadBlocked,
}

/// Where the pipeline is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Pipeline {
    /// This node is not a replica.
    Disabled,
    /// A replica is starting.
    Initializing,
    /// The WAL is being verified and replayed.
    Recovering,
    /// All that was received is applied.
    Ready(Gate),
    /// Bytes are being made durable.
    ReceivingWal,
    /// Checksum, continuity, chain and epoch are being proven.
    ValidatingWal,
    /// A proven batch is going into the store.
    ApplyingWal,
    /// Not pulling: the connection was lost or there never was one. Stays so until told (DESIGN 6).
    Detached(Gate),
}

/// What can happen to the pipeline.
#[derive(Debug, PartialEq, Eq)]
pub enum PipelineEvent {
    /// The node takes the replica role.
    Started,
    /// Identity, ledger and WAL are there and readable.
    MetadataValid,
    /// Everything durable is replayed.
    ReplayDone,
    /// Durable bytes are not validated yet.
    UnvalidatedFound,
    /// The gate's predicate was evaluated.
    GateJudged(Gate),
    /// A pull is under way.
    Attached,
    /// Bytes have arrived.
    BytesArrived,
    /// They are durable.
    Persisted,
    /// They are proven.
    Proven,
    /// They are in the store.
    Applied,
    /// The connection is gone.
    TransportLost,
    /// The node leaves the replica role.
    Stopped,
}

impl Machine for Pipeline {
    type Event = PipelineEvent;
    const NAME: MachineName = MachineName::Pipeline;
    const RULE: RuleId = RuleId::P5I5;

    fn name(&self) -> &'static str {
        match self {
            Self::Disabled => "Disabled",
            Self::Initializing => "Initializing",
            Self::Recovering => "Recovering",
            Self::Ready(Gate::ReadSafe) => "Ready(read_safe)",
            Self::Ready(Gate::ReadBlocked) => "Ready(read_blocked)",
            Self::ReceivingWal => "ReceivingWAL",
            Self::ValidatingWal => "ValidatingWAL",
            Self::ApplyingWal => "ApplyingWAL",
            Self::Detached(Gate::ReadSafe) => "Detached(read_safe)",
            Self::Detached(Gate::ReadBlocked) => "Detached(read_blocked)",
        }
    }

    fn event_name(event: &PipelineEvent) -> &'static str {
        match event {
            PipelineEvent::Started => "started",
            PipelineEvent::MetadataValid => "metadata_valid",
            PipelineEvent::ReplayDone => "replay_done",
            PipelineEvent::UnvalidatedFound => "unvalidated_found",
            PipelineEvent::GateJudged(Gate::ReadSafe) => "gate_proven",
            PipelineEvent::GateJudged(Gate::ReadBlocked) => "gate_blocked",
            PipelineEvent::Attached => "attached",
            PipelineEvent::BytesArrived => "bytes_arrived",
            PipelineEvent::Persisted => "persisted",
            PipelineEvent::Proven => "proven",
            PipelineEvent::Applied => "applied",
            PipelineEvent::TransportLost => "transport_lost",
            PipelineEvent::Stopped => "stopped",
        }
    }

    fn transition(&self, event: &PipelineEvent) -> Result<Step<Self>, Forbidden> {
        use PipelineEvent as E;
        match self {
            Self::Disabled => match event {
                E::Started => Step::to(Self::Initializing, "PL1"),
                E::MetadataValid
                | E::ReplayDone
                | E::UnvalidatedFound
                | E::GateJudged(_)
                | E::Attached
                | E::BytesArrived
                | E::Persisted
                | E::Proven
                | E::Applied
                | E::TransportLost
                | E::Stopped => self.forbid(event),
            },
            Self::Initializing => match event {
                E::MetadataValid => Step::to(Self::Recovering, "PL2"),
                E::Stopped => Step::to(Self::Disabled, "PL14"),
                E::Started
                | E::ReplayDone
                | E::UnvalidatedFound
                | E::GateJudged(_)
                | E::Attached
                | E::BytesArrived
                | E::Persisted
                | E::Proven
                | E::Applied
                | E::TransportLost => self.forbid(event),
            },
            Self::Recovering => match event {
                E::ReplayDone => Step::to(Self::Detached(Gate::ReadBlocked), "PL3"),
                E::UnvalidatedFound => Step::to(Self::ValidatingWal, "PL4"),
                E::Stopped => Step::to(Self::Disabled, "PL14"),
                E::Started
                | E::MetadataValid
                | E::GateJudged(_)
                | E::Attached
                | E::BytesArrived
                | E::Persisted
                | E::Proven
                | E::Applied
                | E::TransportLost => self.forbid(event),
            },
            Self::Ready(gate) => match event {
                E::GateJudged(judged) => Step::to(Self::Ready(*judged), "PL5"),
                E::BytesArrived => Step::to(Self::ReceivingWal, "PL6"),
                E::TransportLost => Step::to(Self::Detached(*gate), "PL10"),
                E::Stopped => Step::to(Self::Disabled, "PL14"),
                E::Started
                | E::MetadataValid
                | E::ReplayDone
                | E::UnvalidatedFound
                | E::Attached
                | E::Persisted
                | E::Proven
                | E::Applied => self.forbid(event),
            },
            Self::ReceivingWal => match event {
                E::Persisted => Step::to(Self::ValidatingWal, "PL7"),
                E::Started
                | E::MetadataValid
                | E::ReplayDone
                | E::UnvalidatedFound
                | E::GateJudged(_)
                | E::Attached
                | E::BytesArrived
                | E::Proven
                | E::Applied
                | E::TransportLost
                | E::Stopped => self.forbid(event),
            },
            Self::ValidatingWal => match event {
                E::Proven => Step::to(Self::ApplyingWal, "PL8"),
                E::Started
                | E::MetadataValid
                | E::ReplayDone
                | E::UnvalidatedFound
                | E::GateJudged(_)
                | E::Attached
                | E::BytesArrived
                | E::Persisted
                | E::Applied
                | E::TransportLost
                | E::Stopped => self.forbid(event),
            },
            Self::ApplyingWal => match event {
                E::Applied => Step::to(Self::Ready(Gate::ReadBlocked), "PL9"),
                E::Started
                | E::MetadataValid
                | E::ReplayDone
                | E::UnvalidatedFound
                | E::GateJudged(_)
                | E::Attached
                | E::BytesArrived
                | E::Persisted
                | E::Proven
                | E::TransportLost
                | E::Stopped => self.forbid(event),
            },
            Self::Detached(gate) => match event {
                E::GateJudged(judged) => Step::to(Self::Detached(*judged), "PL11"),
                E::Attached => Step::to(Self::Ready(*gate), "PL12"),
                E::TransportLost => Step::to(self.clone(), "PL13"),
                E::Stopped => Step::to(Self::Disabled, "PL14"),
                E::Started
                | E::MetadataValid
                | E::ReplayDone
                | E::UnvalidatedFound
                | E::BytesArrived
                | E::Persisted
                | E::Proven
                | E::Applied => self.forbid(event),
            },
        }
    }

    fn initial() -> Self {
        Self::Disabled
    }

    fn states() -> Vec<Self> {
        vec![
            Self::Disabled,
            Self::Initializing,
            Self::Recovering,
            Self::Ready(Gate::ReadSafe),
            Self::Ready(Gate::ReadBlocked),
            Self::ReceivingWal,
            Self::ValidatingWal,
            Self::ApplyingWal,
            Self::Detached(Gate::ReadSafe),
            Self::Detached(Gate::ReadBlocked),
        ]
    }

    fn events() -> Vec<PipelineEvent> {
        vec![
            PipelineEvent::Started,
            PipelineEvent::MetadataValid,
            PipelineEvent::ReplayDone,
            PipelineEvent::UnvalidatedFound,
            PipelineEvent::GateJudged(Gate::ReadSafe),
            PipelineEvent::GateJudged(Gate::ReadBlocked),
            PipelineEvent::Attached,
            PipelineEvent::BytesArrived,
            PipelineEvent::Persisted,
            PipelineEvent::Proven,
            PipelineEvent::Applied,
            PipelineEvent::TransportLost,
            PipelineEvent::Stopped,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::table::{rendered, table};

    /// Proves: P5-I3.
    #[test]
    fn p5_i3_the_table_of_the_pipeline_and_nothing_else() {
        assert_eq!(
            rendered::<Pipeline>(),
            [
                "PL1 Disabled --started--> Initializing",
                "PL2 Initializing --metadata_valid--> Recovering",
                "PL14 Initializing --stopped--> Disabled",
                "PL3 Recovering --replay_done--> Detached(read_blocked)",
                "PL4 Recovering --unvalidated_found--> ValidatingWAL",
                "PL14 Recovering --stopped--> Disabled",
                "PL5 Ready(read_safe) --gate_proven--> Ready(read_safe)",
                "PL5 Ready(read_safe) --gate_blocked--> Ready(read_blocked)",
                "PL6 Ready(read_safe) --bytes_arrived--> ReceivingWAL",
                "PL10 Ready(read_safe) --transport_lost--> Detached(read_safe)",
                "PL14 Ready(read_safe) --stopped--> Disabled",
                "PL5 Ready(read_blocked) --gate_proven--> Ready(read_safe)",
                "PL5 Ready(read_blocked) --gate_blocked--> Ready(read_blocked)",
                "PL6 Ready(read_blocked) --bytes_arrived--> ReceivingWAL",
                "PL10 Ready(read_blocked) --transport_lost--> Detached(read_blocked)",
                "PL14 Ready(read_blocked) --stopped--> Disabled",
                "PL7 ReceivingWAL --persisted--> ValidatingWAL",
                "PL8 ValidatingWAL --proven--> ApplyingWAL",
                "PL9 ApplyingWAL --applied--> Ready(read_blocked)",
                "PL11 Detached(read_safe) --gate_proven--> Detached(read_safe)",
                "PL11 Detached(read_safe) --gate_blocked--> Detached(read_blocked)",
                "PL12 Detached(read_safe) --attached--> Ready(read_safe)",
                "PL13 Detached(read_safe) --transport_lost--> Detached(read_safe)",
                "PL14 Detached(read_safe) --stopped--> Disabled",
                "PL11 Detached(read_blocked) --gate_proven--> Detached(read_safe)",
                "PL11 Detached(read_blocked) --gate_blocked--> Detached(read_blocked)",
                "PL12 Detached(read_blocked) --attached--> Ready(read_blocked)",
                "PL13 Detached(read_blocked) --transport_lost--> Detached(read_blocked)",
                "PL14 Detached(read_blocked) --stopped--> Disabled",
            ]
        );
    }

    /// Proves: P5-I3, P5-I2.
    #[test]
    fn what_the_tables_forbid_by_name_has_no_row() {
        let rows = table::<Pipeline>();
        let leads = |from: &str, to: &str| {
            rows.iter().any(|row| row.from == from && row.to.starts_with(to))
        };
        assert!(!leads("Initializing", "Ready"));
        assert!(!leads("ReceivingWAL", "ApplyingWAL"));
        assert!(!leads("ReceivingWAL", "Ready"));
        assert!(!leads("ValidatingWAL", "Ready"));
        assert!(!leads("Recovering", "Ready(read_safe)"));
    }

    /// Proves: P5-I5.
    #[test]
    fn a_segment_passes_every_stage_before_reads_are_judged_again() {
        let mut state = Pipeline::Ready(Gate::ReadSafe);
        for event in [PipelineEvent::BytesArrived, PipelineEvent::Persisted, PipelineEvent::Proven]
        {
            state = state.transition(&event).unwrap().next;
            assert!(state.transition(&PipelineEvent::GateJudged(Gate::ReadSafe)).is_err());
        }
        state = state.transition(&PipelineEvent::Applied).unwrap().next;
        assert_eq!(state, Pipeline::Ready(Gate::ReadBlocked));
        state = state.transition(&PipelineEvent::GateJudged(Gate::ReadSafe)).unwrap().next;
        assert_eq!(state, Pipeline::Ready(Gate::ReadSafe));
    }

    #[test]
    fn a_lost_connection_changes_no_read_and_heals_only_when_told() {
        let lost =
            Pipeline::Ready(Gate::ReadSafe).transition(&PipelineEvent::TransportLost).unwrap().next;
        assert_eq!(lost, Pipeline::Detached(Gate::ReadSafe));
        assert!(lost.transition(&PipelineEvent::BytesArrived).is_err());
        assert_eq!(
            lost.transition(&PipelineEvent::Attached).unwrap().next,
            Pipeline::Ready(Gate::ReadSafe)
        );
    }
}
