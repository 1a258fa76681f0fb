//! What must hold in every state, and what must be possible.

use aerodb_core::id::Epoch;
use aerodb_core::rules::RuleId;
use stateright::Property;

use crate::cluster::Cluster;
use crate::state::State;

/// A property that was broken by the step that led here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Violation {
    /// Two nodes could acknowledge, or one could although a later grant is durable.
    TwoAcknowledge,
    /// An acknowledged write is missing from a later holder, or from the same one.
    AcknowledgedLost,
    /// Something was shown that no holder has acknowledged.
    ShownUnacknowledged,
    /// Two grants of one epoch.
    TwoGrants,
    /// Ledgers have parted in something that may have been answered or served.
    LedgersParted,
    /// A halted node did something.
    HaltedActed,
    /// The fold refuses what a decision approved: the node would stop.
    FoldRefused,
}

impl Violation {
    /// Every violation, in the order of the properties.
    pub const ALL: [Self; 7] = [
        Self::TwoAcknowledge,
        Self::AcknowledgedLost,
        Self::ShownUnacknowledged,
        Self::TwoGrants,
        Self::LedgersParted,
        Self::HaltedActed,
        Self::FoldRefused,
    ];

    /// The property that it breaks.
    #[must_use]
    pub const fn property(self) -> &'static str {
        match self {
            Self::TwoAcknowledge => "at most one node can acknowledge",
            Self::AcknowledgedLost => "no acknowledged write is missing from the holder",
            Self::ShownUnacknowledged => "nothing is shown that is not acknowledged",
            Self::TwoGrants => "one grant per epoch",
            Self::LedgersParted => "ledgers are prefixes of each other",
            Self::HaltedActed => "a halted node does nothing",
            Self::FoldRefused => "the fold takes what a decision approves",
        }
    }
}

/// Whether the state was not reached by this violation.
fn holds(state: &State, violation: Violation) -> bool {
    state.seen.violation != Some(violation)
}

fn bases(cluster: &Cluster, state: &State, found: fn(&crate::world::Bases) -> bool) -> bool {
    state.all().any(|(_, node)| found(&cluster.world.ledgers.get(node.ledger).bases))
}

/// The properties, as the explorer takes them.
#[must_use]
pub fn properties() -> Vec<Property<Cluster>> {
    use Violation as V;
    vec![
        Property::always(V::TwoAcknowledge.property(), |_, state| holds(state, V::TwoAcknowledge)),
        Property::always(V::AcknowledgedLost.property(), |_, state| {
            holds(state, V::AcknowledgedLost)
        }),
        Property::always(V::ShownUnacknowledged.property(), |_, state| {
            holds(state, V::ShownUnacknowledged)
        }),
        Property::always(V::TwoGrants.property(), |_, state| holds(state, V::TwoGrants)),
        Property::always(V::LedgersParted.property(), |_, state| holds(state, V::LedgersParted)),
        Property::always(V::HaltedActed.property(), |_, state| holds(state, V::HaltedActed)),
        Property::always(V::FoldRefused.property(), |_, state| holds(state, V::FoldRefused)),
        Property::sometimes("a planned failover happens", |cluster: &Cluster, state: &State| {
            bases(cluster, state, |bases| bases.relinquishment)
        }),
        Property::sometimes("an unplanned failover happens", |cluster: &Cluster, state: &State| {
            bases(cluster, state, |bases| bases.designation)
        }),
        Property::sometimes(
            "a relinquisher goes on, on its heir's decline",
            |cluster: &Cluster, state: &State| {
                !cluster.scope.declines || bases(cluster, state, |bases| bases.decline)
            },
        ),
        Property::sometimes(
            "a write of a later epoch is acknowledged",
            |cluster: &Cluster, state: &State| {
                let acknowledged = cluster.world.histories.get(state.seen.acknowledged);
                acknowledged.last.as_ref().is_some_and(|(batch, _)| batch.epoch() > Epoch::FIRST)
            },
        ),
        Property::sometimes("a deposed holder halts over its suffix", |_, state: &State| {
            state.all().any(|(_, node)| node.halt == Some(RuleId::FV2))
        }),
        Property::sometimes(
            "a deposed holder follows a later one",
            |cluster: &Cluster, state: &State| {
                state.all().any(|(at, node)| {
                    let epochs = cluster.world.ledgers.get(node.ledger).authority.epochs();
                    node.is_replica()
                        && epochs.iter().any(|epoch| cluster.index_of(&epoch.holder) == Some(at))
                })
            },
        ),
        Property::sometimes(
            "every epoch of the scope is granted",
            |cluster: &Cluster, state: &State| {
                state.all().any(|(_, node)| {
                    cluster.world.ledgers.get(node.ledger).authority.epoch().get()
                        == cluster.scope.epochs
                })
            },
        ),
    ]
}
