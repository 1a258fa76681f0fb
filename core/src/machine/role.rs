//! The node role (table 4.2, DESIGN section 4), and the value without which nothing can be written.
//!
//! Keeps: P6-X4, P6-SM7, P6-B4.4, P6-AR4, M-R33.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::authority::{Authority, Tenure};
use crate::id::{Epoch, NodeId};
use crate::machine::{Forbidden, Machine, MachineName, Step};
use crate::rules::RuleId;

/// What a node is in its cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub enum Role {
    /// The authority ledger has not been read yet.
    Uninitialized,
    /// The holder of this epoch.
    PrimaryActive {
        /// The epoch that it holds.
        epoch: Epoch,
    },
    /// Follows the holder of this epoch.
    ReplicaActive {
        /// The epoch that its ledger is in.
        epoch: Epoch,
    },
    /// Held this epoch and will acknowledge nothing any more.
    PrimarySealed {
        /// The epoch that it held.
        epoch: Epoch,
    },
    /// Stopped on a failure; serves no reads and no writes until an operator acts.
    ReplicationHalted {
        /// The rule that was broken.
        rule: RuleId,
    },
}

/// The name of a role, without its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RoleName {
    /// See [`Role::Uninitialized`].
    Uninitialized,
    /// See [`Role::PrimaryActive`].
    PrimaryActive,
    /// See [`Role::ReplicaActive`].
    ReplicaActive,
    /// See [`Role::PrimarySealed`].
    PrimarySealed,
    /// See [`Role::ReplicationHalted`].
    ReplicationHalted,
}

impl RoleName {
    /// The role that the ledger gives the node, no failure standing against it.
    #[must_use]
    pub fn by_ledger(authority: &Authority, node: &NodeId) -> Self {
        match (authority.holder() == node, authority.tenure()) {
            (true, Tenure::Held) => Self::PrimaryActive,
            (true, Tenure::Relinquished { .. }) => Self::PrimarySealed,
            (false, Tenure::Held | Tenure::Relinquished { .. }) => Self::ReplicaActive,
        }
    }
}

/// What can happen to a role. Nothing here is a timeout, a retry count or a look at the network.
#[derive(Debug, PartialEq, Eq)]
pub enum RoleEvent {
    /// At start: the ledger grants the current epoch to this node.
    LedgerNamesThisNode {
        /// The current epoch.
        epoch: Epoch,
    },
    /// At start: the ledger grants the current epoch to another node.
    LedgerNamesAnother {
        /// The current epoch.
        epoch: Epoch,
    },
    /// At start: the ledger grants the current epoch to this node, which has relinquished it.
    LedgerShowsRelinquished {
        /// The current epoch.
        epoch: Epoch,
    },
    /// A grant to this node is durable in its ledger.
    AuthorityGranted {
        /// The new epoch.
        epoch: Epoch,
    },
    /// This node's relinquishment is durable; the authority has been given up.
    Relinquished(Surrendered),
    /// A verified later grant, to another node, is in the ledger.
    LaterGrantLearnt {
        /// Its epoch.
        epoch: Epoch,
    },
    /// This node's history and ledger are prefixes of what the later grant starts from.
    HistoriesAgree {
        /// The epoch of that grant.
        epoch: Epoch,
    },
    /// Gap, overlap, corruption, divergence or ambiguity.
    Failed {
        /// The rule that was broken.
        rule: RuleId,
    },
}

impl RoleEvent {
    /// What a start finds: the ledger gives the node this role in this epoch, and no failure stands against it.
    #[must_use]
    pub const fn found(role: RoleName, epoch: Epoch) -> Self {
        match role {
            RoleName::PrimaryActive => Self::LedgerNamesThisNode { epoch },
            RoleName::PrimarySealed => Self::LedgerShowsRelinquished { epoch },
            RoleName::ReplicaActive | RoleName::Uninitialized | RoleName::ReplicationHalted => {
                Self::LedgerNamesAnother { epoch }
            }
        }
    }
}

/// The right to append to the WAL in one epoch. Only the role machine hands it out, and it cannot be
/// copied; a replica has none, so it cannot write.
#[derive(Debug, PartialEq, Eq)]
pub struct WriteAuthority {
    epoch: Epoch,
}

/// Proof that a [`WriteAuthority`] was given up.
#[derive(Debug, PartialEq, Eq)]
pub struct Surrendered {
    epoch: Epoch,
}

impl WriteAuthority {
    /// The epoch that it is for.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Gives it up; there is no way back to it in this epoch.
    #[must_use]
    pub const fn surrender(self) -> Surrendered {
        Surrendered { epoch: self.epoch }
    }
}

impl Role {
    /// The name without the data.
    #[must_use]
    pub const fn role_name(&self) -> RoleName {
        match self {
            Self::Uninitialized => RoleName::Uninitialized,
            Self::PrimaryActive { .. } => RoleName::PrimaryActive,
            Self::ReplicaActive { .. } => RoleName::ReplicaActive,
            Self::PrimarySealed { .. } => RoleName::PrimarySealed,
            Self::ReplicationHalted { .. } => RoleName::ReplicationHalted,
        }
    }

    fn hold(epoch: Epoch, row: &'static str) -> Result<Step<Self>, Forbidden> {
        Step::to(Self::PrimaryActive { epoch }, row)
    }
}

impl Step<Role> {
    /// The authority that comes with becoming the holder; `None` for every other step. It takes the
    /// step, so that one step gives one authority.
    #[must_use]
    pub fn into_authority(self) -> Option<WriteAuthority> {
        match self.next {
            Role::PrimaryActive { epoch } => Some(WriteAuthority { epoch }),
            Role::Uninitialized
            | Role::ReplicaActive { .. }
            | Role::PrimarySealed { .. }
            | Role::ReplicationHalted { .. } => None,
        }
    }
}

impl Machine for Role {
    type Event = RoleEvent;
    const NAME: MachineName = MachineName::Role;
    const RULE: RuleId = RuleId::P6A1;

    fn name(&self) -> &'static str {
        match self {
            Self::Uninitialized => "Uninitialized",
            Self::PrimaryActive { .. } => "PrimaryActive",
            Self::ReplicaActive { .. } => "ReplicaActive",
            Self::PrimarySealed { .. } => "PrimarySealed",
            Self::ReplicationHalted { .. } => "ReplicationHalted",
        }
    }

    fn event_name(event: &RoleEvent) -> &'static str {
        match event {
            RoleEvent::LedgerNamesThisNode { .. } => "ledger_names_this_node",
            RoleEvent::LedgerNamesAnother { .. } => "ledger_names_another",
            RoleEvent::LedgerShowsRelinquished { .. } => "ledger_shows_relinquished",
            RoleEvent::AuthorityGranted { .. } => "authority_granted",
            RoleEvent::Relinquished(_) => "relinquished",
            RoleEvent::LaterGrantLearnt { .. } => "later_grant_learnt",
            RoleEvent::HistoriesAgree { .. } => "histories_agree",
            RoleEvent::Failed { .. } => "failed",
        }
    }

    fn transition(&self, event: &RoleEvent) -> Result<Step<Self>, Forbidden> {
        match self {
            Self::Uninitialized => match event {
                RoleEvent::LedgerNamesThisNode { epoch } => Self::hold(*epoch, "RO1"),
                RoleEvent::LedgerNamesAnother { epoch } => {
                    Step::to(Self::ReplicaActive { epoch: *epoch }, "RO2")
                }
                RoleEvent::LedgerShowsRelinquished { epoch } => {
                    Step::to(Self::PrimarySealed { epoch: *epoch }, "RO3")
                }
                RoleEvent::Failed { rule } => {
                    Step::to(Self::ReplicationHalted { rule: *rule }, "RO9")
                }
                RoleEvent::AuthorityGranted { .. }
                | RoleEvent::Relinquished(_)
                | RoleEvent::LaterGrantLearnt { .. }
                | RoleEvent::HistoriesAgree { .. } => self.forbid(event),
            },
            Self::PrimaryActive { epoch } => match event {
                RoleEvent::Relinquished(given_up) if given_up.epoch == *epoch => {
                    Step::to(Self::PrimarySealed { epoch: *epoch }, "RO5")
                }
                RoleEvent::LaterGrantLearnt { epoch: later } if later > epoch => {
                    Step::to(Self::PrimarySealed { epoch: *epoch }, "RO6")
                }
                RoleEvent::Failed { rule } => {
                    Step::to(Self::ReplicationHalted { rule: *rule }, "RO9")
                }
                RoleEvent::Relinquished(_)
                | RoleEvent::LaterGrantLearnt { .. }
                | RoleEvent::LedgerNamesThisNode { .. }
                | RoleEvent::LedgerNamesAnother { .. }
                | RoleEvent::LedgerShowsRelinquished { .. }
                | RoleEvent::AuthorityGranted { .. }
                | RoleEvent::HistoriesAgree { .. } => self.forbid(event),
            },
            Self::ReplicaActive { epoch } => match event {
                RoleEvent::AuthorityGranted { epoch: granted } if granted > epoch => {
                    Self::hold(*granted, "RO4")
                }
                RoleEvent::LaterGrantLearnt { epoch: later } if later > epoch => {
                    Step::to(Self::ReplicaActive { epoch: *later }, "RO7")
                }
                RoleEvent::Failed { rule } => {
                    Step::to(Self::ReplicationHalted { rule: *rule }, "RO9")
                }
                RoleEvent::AuthorityGranted { .. }
                | RoleEvent::LaterGrantLearnt { .. }
                | RoleEvent::LedgerNamesThisNode { .. }
                | RoleEvent::LedgerNamesAnother { .. }
                | RoleEvent::LedgerShowsRelinquished { .. }
                | RoleEvent::Relinquished(_)
                | RoleEvent::HistoriesAgree { .. } => self.forbid(event),
            },
            Self::PrimarySealed { epoch } => match event {
                RoleEvent::AuthorityGranted { epoch: granted } if granted > epoch => {
                    Self::hold(*granted, "RO10")
                }
                RoleEvent::HistoriesAgree { epoch: later } if later > epoch => {
                    Step::to(Self::ReplicaActive { epoch: *later }, "RO8")
                }
                RoleEvent::Failed { rule } => {
                    Step::to(Self::ReplicationHalted { rule: *rule }, "RO9")
                }
                RoleEvent::HistoriesAgree { .. }
                | RoleEvent::LedgerNamesThisNode { .. }
                | RoleEvent::LedgerNamesAnother { .. }
                | RoleEvent::LedgerShowsRelinquished { .. }
                | RoleEvent::AuthorityGranted { .. }
                | RoleEvent::Relinquished(_)
                | RoleEvent::LaterGrantLearnt { .. } => self.forbid(event),
            },
            Self::ReplicationHalted { .. } => match event {
                RoleEvent::LedgerNamesThisNode { .. }
                | RoleEvent::LedgerNamesAnother { .. }
                | RoleEvent::LedgerShowsRelinquished { .. }
                | RoleEvent::AuthorityGranted { .. }
                | RoleEvent::Relinquished(_)
                | RoleEvent::LaterGrantLearnt { .. }
                | RoleEvent::HistoriesAgree { .. }
                | RoleEvent::Failed { .. } => self.forbid(event),
            },
        }
    }

    fn initial() -> Self {
        Self::Uninitialized
    }

    fn states() -> Vec<Self> {
        let epoch = Epoch::FIRST;
        vec![
            Self::Uninitialized,
            Self::PrimaryActive { epoch },
            Self::ReplicaActive { epoch },
            Self::PrimarySealed { epoch },
            Self::ReplicationHalted { rule: RuleId::FV2 },
        ]
    }

    fn events() -> Vec<RoleEvent> {
        let now = Epoch::FIRST;
        let mut events = vec![
            RoleEvent::LedgerNamesThisNode { epoch: now },
            RoleEvent::LedgerNamesAnother { epoch: now },
            RoleEvent::LedgerShowsRelinquished { epoch: now },
            RoleEvent::Failed { rule: RuleId::FV2 },
        ];
        for epoch in [Some(now), now.next()].into_iter().flatten() {
            events.extend([
                RoleEvent::AuthorityGranted { epoch },
                RoleEvent::Relinquished(Surrendered { epoch }),
                RoleEvent::LaterGrantLearnt { epoch },
                RoleEvent::HistoriesAgree { epoch },
            ]);
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::tests_support::{Story, node};
    use crate::machine::table::rendered;

    /// Proves: P6-X4, P5-I3, P6-SM7, RM-7.
    #[test]
    fn the_table_of_the_role_and_nothing_else() {
        assert_eq!(
            rendered::<Role>(),
            [
                "RO1 Uninitialized --ledger_names_this_node--> PrimaryActive",
                "RO2 Uninitialized --ledger_names_another--> ReplicaActive",
                "RO3 Uninitialized --ledger_shows_relinquished--> PrimarySealed",
                "RO9 Uninitialized --failed--> ReplicationHalted",
                "RO9 PrimaryActive --failed--> ReplicationHalted",
                "RO5 PrimaryActive --relinquished--> PrimarySealed",
                "RO6 PrimaryActive --later_grant_learnt--> PrimarySealed",
                "RO9 ReplicaActive --failed--> ReplicationHalted",
                "RO4 ReplicaActive --authority_granted--> PrimaryActive",
                "RO7 ReplicaActive --later_grant_learnt--> ReplicaActive",
                "RO9 PrimarySealed --failed--> ReplicationHalted",
                "RO10 PrimarySealed --authority_granted--> PrimaryActive",
                "RO8 PrimarySealed --histories_agree--> ReplicaActive",
            ]
        );
    }

    #[test]
    fn the_ledger_gives_the_holder_its_epoch_until_it_has_relinquished() {
        let held = Story::founded().admit("n2");
        let role = |story: &Story, name| RoleName::by_ledger(story.authority(), &node(name));
        assert_eq!(role(&held, "n1"), RoleName::PrimaryActive);
        assert_eq!(role(&held, "n2"), RoleName::ReplicaActive);
        let relinquished = held.relinquish("n2", 5);
        assert_eq!(role(&relinquished, "n1"), RoleName::PrimarySealed);
        assert_eq!(role(&relinquished, "n2"), RoleName::ReplicaActive);
    }

    #[test]
    fn a_start_takes_the_role_that_the_ledger_gives() {
        for name in [RoleName::PrimaryActive, RoleName::PrimarySealed, RoleName::ReplicaActive] {
            let started = Role::initial().transition(&RoleEvent::found(name, Epoch::FIRST));
            assert_eq!(started.unwrap().next.role_name(), name);
        }
    }

    #[test]
    fn p6_a1_a_grant_of_the_same_or_an_earlier_epoch_is_forbidden() {
        let replica = Role::ReplicaActive { epoch: Epoch::new(2).unwrap() };
        for epoch in [1, 2] {
            let event = RoleEvent::AuthorityGranted { epoch: Epoch::new(epoch).unwrap() };
            assert_eq!(replica.transition(&event).unwrap_err().rule, RuleId::P6A1);
        }
    }

    /// In epoch 2: what names epoch 1 or 2 moves nothing, what names epoch 3 moves by these rows.
    #[test]
    fn p6_a1_only_a_later_epoch_moves_a_role() {
        let at = |epoch| Epoch::new(epoch).unwrap();
        let epoch = at(2);
        let events = |epoch| {
            [
                RoleEvent::AuthorityGranted { epoch },
                RoleEvent::LaterGrantLearnt { epoch },
                RoleEvent::HistoriesAgree { epoch },
            ]
        };
        let rows = [
            (Role::PrimaryActive { epoch }, [None, Some("RO6"), None]),
            (Role::ReplicaActive { epoch }, [Some("RO4"), Some("RO7"), None]),
            (Role::PrimarySealed { epoch }, [Some("RO10"), None, Some("RO8")]),
        ];
        for (role, later) in rows {
            let row = |event| role.transition(&event).ok().map(|step| step.row.0);
            assert_eq!(events(at(1)).map(row), [None; 3], "{role:?}");
            assert_eq!(events(at(2)).map(row), [None; 3], "{role:?}");
            assert_eq!(events(at(3)).map(row), later, "{role:?}");
        }
    }

    /// Proves: P6-AR4, P6-B4.4.
    #[test]
    fn only_becoming_the_holder_gives_write_authority() {
        for state in Role::states() {
            for event in Role::events() {
                if let Ok(step) = state.transition(&event) {
                    let holds = matches!(step.next, Role::PrimaryActive { .. });
                    assert_eq!(step.into_authority().is_some(), holds);
                }
            }
        }
    }

    #[test]
    fn a_surrendered_authority_seals_its_own_epoch_only() {
        let step = Role::Uninitialized
            .transition(&RoleEvent::LedgerNamesThisNode { epoch: Epoch::FIRST })
            .unwrap();
        let (role, authority) = (step.next.clone(), step.into_authority().unwrap());
        assert_eq!(authority.epoch(), Epoch::FIRST);
        let later = Role::PrimaryActive { epoch: Epoch::new(2).unwrap() };
        let event = RoleEvent::Relinquished(authority.surrender());
        assert!(later.transition(&event).is_err());
        assert_eq!(
            role.transition(&event).unwrap().next,
            Role::PrimarySealed { epoch: Epoch::FIRST }
        );
    }

    #[test]
    fn rm5_a_halted_node_leaves_by_nothing() {
        let halted = Role::ReplicationHalted { rule: RuleId::FV2 };
        assert!(Role::events().iter().all(|event| halted.transition(event).is_err()));
    }
}
