//! The conditions of the authority commands: one rule each, evaluated on the facts alone.

use super::{Command, CommandFacts};
use crate::authority::{Membership, Succession, Tenure};
use crate::evidence;
use crate::explain::{Evidence, RuleApplied};
use crate::machine::RoleName;
use crate::rules::RuleId;

/// One condition. All that a command has must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// The request names the epoch that the ledger is in.
    ExplicitRequest,
    /// The node that is asked holds the epoch.
    ByHolder,
    /// No failure is latched.
    NotHalted,
    /// The heir is an admitted member other than the holder.
    HeirIsMember,
    /// The heir is pulling now.
    HeirIsPulling,
    /// There is no obligation.
    NoObligation,
    /// The heir is not known to have declined the next epoch.
    HeirMayBeGranted,
    /// The decline is of the node that the obligation is towards, and is proven.
    ProvesTheEnd,
    /// The node released is the successor in force.
    ReleasesTheHeir,
    /// There is no obligation towards anyone but the heir named.
    OwesNobodyElse,
    /// The member's id and key are new.
    NeverAdmitted,
    /// The member is not needed.
    Removable,
}

impl Condition {
    /// Every condition of any command, in the order in which commands have them.
    pub(super) const ALL: [Self; 12] = [
        Self::ExplicitRequest,
        Self::ByHolder,
        Self::NotHalted,
        Self::HeirIsMember,
        Self::HeirIsPulling,
        Self::NoObligation,
        Self::HeirMayBeGranted,
        Self::ProvesTheEnd,
        Self::ReleasesTheHeir,
        Self::OwesNobodyElse,
        Self::NeverAdmitted,
        Self::Removable,
    ];

    /// The conditions of this command, in the order of its explanation: those on the request and the node
    /// first, then its own.
    pub(super) const fn of(command: &Command) -> &'static [Self] {
        use Condition::{
            ByHolder, ExplicitRequest, HeirIsMember, HeirIsPulling, HeirMayBeGranted,
            NeverAdmitted, NoObligation, NotHalted, OwesNobodyElse, ProvesTheEnd, ReleasesTheHeir,
            Removable,
        };
        match command {
            Command::Admit(_) => &[ExplicitRequest, ByHolder, NotHalted, NeverAdmitted],
            Command::Remove(_) => &[ExplicitRequest, ByHolder, NotHalted, Removable],
            Command::Designate(_) => &[
                ExplicitRequest,
                ByHolder,
                NotHalted,
                HeirIsMember,
                HeirIsPulling,
                NoObligation,
                HeirMayBeGranted,
            ],
            Command::Release(_) => &[ExplicitRequest, ByHolder, NotHalted, ReleasesTheHeir],
            Command::Relinquish(_) => {
                &[ExplicitRequest, ByHolder, NotHalted, HeirIsMember, OwesNobodyElse]
            }
            Command::EndObligation(_) => &[ExplicitRequest, ByHolder, NotHalted, ProvesTheEnd],
        }
    }

    /// The rule that it keeps; no two keep the same.
    pub(super) const fn rule(self) -> RuleId {
        match self {
            Self::ExplicitRequest => RuleId::P6A3,
            Self::ByHolder => RuleId::Au1,
            Self::NotHalted => RuleId::Rm5,
            Self::HeirIsMember => RuleId::Au2,
            Self::HeirIsPulling => RuleId::Au3,
            Self::NoObligation => RuleId::Au4,
            Self::HeirMayBeGranted => RuleId::Au18,
            Self::ProvesTheEnd => RuleId::P6Sb3,
            Self::ReleasesTheHeir => RuleId::Au5,
            Self::OwesNobodyElse => RuleId::Au6,
            Self::NeverAdmitted => RuleId::Au7,
            Self::Removable => RuleId::Au8,
        }
    }

    /// Whether it holds, and what it looked at.
    pub(super) fn apply(self, facts: &CommandFacts) -> RuleApplied {
        let (holds, evidence) = match self {
            Self::ExplicitRequest => facts.explicit_request(),
            Self::ByHolder => facts.by_holder(),
            Self::NotHalted => facts.not_halted(),
            Self::HeirIsMember => facts.heir_is_member(),
            Self::HeirIsPulling => facts.heir_is_pulling(),
            Self::NoObligation => facts.no_obligation(),
            Self::HeirMayBeGranted => facts.heir_may_be_granted(),
            Self::ProvesTheEnd => facts.proves_the_end(),
            Self::ReleasesTheHeir => facts.releases_the_heir(),
            Self::OwesNobodyElse => facts.owes_nobody_else(),
            Self::NeverAdmitted => facts.never_admitted(),
            Self::Removable => facts.removable(),
        };
        RuleApplied::new(self.rule(), holds, evidence)
    }
}

impl CommandFacts {
    fn subject_is_heir(&self) -> bool {
        self.authority
            .succession
            .as_ref()
            .is_some_and(|heir| heir.successor() == self.command.subject())
    }

    fn explicit_request(&self) -> (bool, Evidence) {
        let current = self.authority.epoch;
        let may_be_missing = match self.command {
            Command::Admit(_) | Command::Remove(_) => true,
            Command::Designate(_)
            | Command::Release(_)
            | Command::Relinquish(_)
            | Command::EndObligation(_) => false,
        };
        let holds = self.expected_epoch.map_or(may_be_missing, |expected| expected == current);
        let evidence =
            evidence! { "expected_epoch" => self.expected_epoch, "ledger_epoch" => current };
        (holds, evidence)
    }

    fn by_holder(&self) -> (bool, Evidence) {
        let holds = self.node == self.authority.holder
            && self.role == RoleName::PrimaryActive
            && self.authority.tenure == Tenure::Held;
        let evidence = evidence! {
            "node_id" => self.node,
            "holder" => self.authority.holder,
            "role" => self.role,
            "tenure" => self.authority.tenure,
        };
        (holds, evidence)
    }

    fn not_halted(&self) -> (bool, Evidence) {
        (self.halt.is_none(), evidence! { "halt" => self.halt })
    }

    fn heir_is_member(&self) -> (bool, Evidence) {
        let subject = self.command.subject();
        let holds =
            self.membership == Some(Membership::Admitted) && subject != &self.authority.holder;
        let evidence = evidence! {
            "successor" => subject,
            "membership" => self.membership,
            "holder" => self.authority.holder,
        };
        (holds, evidence)
    }

    fn heir_is_pulling(&self) -> (bool, Evidence) {
        let evidence =
            evidence! { "successor" => self.command.subject(), "pulling" => self.pulling };
        (self.pulling, evidence)
    }

    fn no_obligation(&self) -> (bool, Evidence) {
        let evidence = evidence! { "succession" => self.authority.succession };
        (self.authority.succession.is_none(), evidence)
    }

    fn heir_may_be_granted(&self) -> (bool, Evidence) {
        let evidence =
            evidence! { "successor" => self.command.subject(), "declined" => self.declined };
        (!self.declined, evidence)
    }

    /// The certificate itself is among the inputs, with the command.
    fn proves_the_end(&self) -> (bool, Evidence) {
        let shown = match &self.command {
            Command::EndObligation(decline) => {
                decline.shows(&self.cluster, self.command.subject(), self.authority.epoch)
            }
            Command::Admit(_)
            | Command::Remove(_)
            | Command::Designate(_)
            | Command::Release(_)
            | Command::Relinquish(_) => Err("there is no certificate"),
        };
        let evidence = evidence! {
            "successor" => self.command.subject(),
            "succession" => self.authority.succession,
            "certificate_lacks" => shown.err(),
        };
        (shown.is_ok() && self.subject_is_heir(), evidence)
    }

    fn releases_the_heir(&self) -> (bool, Evidence) {
        let designated = matches!(self.authority.succession, Some(Succession::Designated { .. }));
        let evidence = evidence! {
            "successor" => self.command.subject(),
            "succession" => self.authority.succession,
        };
        (designated && self.subject_is_heir(), evidence)
    }

    fn owes_nobody_else(&self) -> (bool, Evidence) {
        let holds = self.authority.succession.is_none() || self.subject_is_heir();
        let evidence = evidence! {
            "successor" => self.command.subject(),
            "succession" => self.authority.succession,
        };
        (holds, evidence)
    }

    fn never_admitted(&self) -> (bool, Evidence) {
        let evidence = evidence! {
            "node_id" => self.command.subject(),
            "membership" => self.membership,
            "key_known" => self.key_known,
        };
        (self.membership.is_none() && !self.key_known, evidence)
    }

    fn removable(&self) -> (bool, Evidence) {
        let subject = self.command.subject();
        let holds = self.membership == Some(Membership::Admitted)
            && subject != &self.authority.holder
            && !self.subject_is_heir();
        let evidence = evidence! {
            "node_id" => subject,
            "membership" => self.membership,
            "holder" => self.authority.holder,
            "succession" => self.authority.succession,
        };
        (holds, evidence)
    }
}
