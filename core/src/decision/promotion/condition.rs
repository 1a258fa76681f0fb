//! The conditions of a promotion: one rule each, evaluated on the facts alone.

use super::{Progress, PromotionFacts};
use crate::authority::Basis;
use crate::evidence;
use crate::explain::{Evidence, RuleApplied};
use crate::machine::RoleName;
use crate::rules::RuleId;

/// One condition. All must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// The request names the epoch that the ledger is in.
    ExplicitRequest,
    /// The request is for this node.
    Addressed,
    /// The node is a member and a replica, or the relinquisher whose heir has declined.
    Eligible,
    /// No other attempt is running.
    Alone,
    /// No failure is latched.
    NotHalted,
    /// The node has not declined the next epoch.
    NotDeclined,
    /// The history contains the place that the basis names.
    Continues,
    /// The history contains everything acknowledged.
    NothingLost,
    /// The ledger holds a basis in this node's favour.
    SingleHolder,
    /// All that is validated is applied.
    Visible,
    /// All that is received is validated, and is the history that the others speak of.
    Drained,
    /// Every batch carries the epoch of its position.
    EpochsInPlace,
}

impl Condition {
    /// The conditions on request and node first, then the five proofs of P6-SC2 in their order: position,
    /// nothing lost, one holder, visibility, the replication invariants.
    pub(super) const ALL: [Self; 12] = [
        Self::ExplicitRequest,
        Self::Addressed,
        Self::Eligible,
        Self::Alone,
        Self::NotHalted,
        Self::NotDeclined,
        Self::Continues,
        Self::NothingLost,
        Self::SingleHolder,
        Self::Visible,
        Self::Drained,
        Self::EpochsInPlace,
    ];

    /// The rule that it keeps; no two keep the same.
    pub(super) const fn rule(self) -> RuleId {
        match self {
            Self::ExplicitRequest => RuleId::P6A3,
            Self::Addressed => RuleId::P6Sc1,
            Self::Eligible => RuleId::P6V29,
            Self::Alone => RuleId::P6Sm2,
            Self::NotHalted => RuleId::Rm5,
            Self::NotDeclined => RuleId::Au17,
            Self::Continues => RuleId::P6S2,
            Self::NothingLost => RuleId::P6S1,
            Self::SingleHolder => RuleId::P6A1,
            Self::Visible => RuleId::P6S3,
            Self::Drained => RuleId::P5I5,
            Self::EpochsInPlace => RuleId::P5I4,
        }
    }

    /// Whether it holds, and what it looked at.
    pub(super) fn apply(self, facts: &PromotionFacts) -> RuleApplied {
        let (holds, evidence) = match self {
            Self::ExplicitRequest => facts.explicit_request(),
            Self::Addressed => facts.addressed(),
            Self::Eligible => facts.eligible(),
            Self::Alone => facts.alone(),
            Self::NotHalted => facts.not_halted(),
            Self::NotDeclined => facts.not_declined(),
            Self::Continues => facts.continues(),
            Self::NothingLost => facts.nothing_lost(),
            Self::SingleHolder => facts.single_holder(),
            Self::Visible => facts.visible(),
            Self::Drained => facts.drained(),
            Self::EpochsInPlace => facts.epochs_in_place(),
        };
        RuleApplied::new(self.rule(), holds, evidence)
    }
}

impl PromotionFacts {
    fn explicit_request(&self) -> (bool, Evidence) {
        let (expected, current) = (self.expected_epoch, self.authority.epoch);
        let evidence = evidence! { "expected_epoch" => expected, "ledger_epoch" => current };
        (expected == current, evidence)
    }

    fn addressed(&self) -> (bool, Evidence) {
        let named_here = self.replica_id.as_ref().is_none_or(|named| named == &self.node);
        let evidence = evidence! { "replica_id" => self.replica_id, "node_id" => self.node };
        (named_here, evidence)
    }

    fn eligible(&self) -> (bool, Evidence) {
        let fits = match self.basis() {
            Some((Basis::Decline { .. }, _)) => self.role == RoleName::PrimarySealed,
            Some((Basis::Relinquishment { .. } | Basis::Designation { .. }, _)) | None => {
                self.role == RoleName::ReplicaActive
            }
        };
        let evidence = evidence! { "member" => self.member, "role" => self.role };
        (self.member && fits, evidence)
    }

    fn alone(&self) -> (bool, Evidence) {
        let evidence = evidence! { "attempt_in_progress" => self.attempt_in_progress };
        (!self.attempt_in_progress, evidence)
    }

    fn not_halted(&self) -> (bool, Evidence) {
        (self.halt.is_none(), evidence! { "halt" => self.halt })
    }

    fn not_declined(&self) -> (bool, Evidence) {
        let next = self.authority.epoch.next();
        (!self.declined, evidence! { "next_epoch" => next, "declined" => self.declined })
    }

    /// The history contains the place that the basis names, with its chain (never by length alone).
    fn continues(&self) -> (bool, Evidence) {
        let basis = self.basis();
        let needed = basis.as_ref().map(|(_, position)| *position);
        let same = needed.is_some_and(|position| self.chain_at_basis == Some(position.chain));
        let evidence = evidence! {
            "basis_position" => needed,
            "chain_here" => self.chain_at_basis,
            "wal_end" => self.wal_end,
        };
        (same, evidence)
    }

    /// Relinquished: the history ends exactly at the final commit. Designated: every acknowledged write
    /// needed this node's receipt, so whatever it has is enough, as long as it ends at the designation or
    /// past it.
    fn nothing_lost(&self) -> (bool, Evidence) {
        let (contained, least, exact) = match self.basis() {
            Some((Basis::Relinquishment { .. } | Basis::Decline { .. }, end)) => {
                (self.wal_end == end, Some(end.boundary), true)
            }
            Some((Basis::Designation { .. }, at)) => {
                let past = self.wal_end.boundary > at.boundary;
                (past || self.wal_end == at, Some(at.boundary), false)
            }
            None => (false, None, false),
        };
        let evidence = evidence! {
            "acknowledged_at_least" => least,
            "must_end_exactly_there" => exact,
            "wal_end" => self.wal_end.boundary,
        };
        (contained, evidence)
    }

    fn single_holder(&self) -> (bool, Evidence) {
        let basis = self.basis().map(|(basis, _)| basis);
        let evidence = evidence! {
            "basis" => basis,
            "holder" => self.authority.holder,
            "heir" => self.authority.heir(),
            "decline" => self.decline,
            "node_id" => self.node,
        };
        (basis.is_some(), evidence)
    }

    fn visible(&self) -> (bool, Evidence) {
        let Progress { validated, applied, .. } = self.progress;
        let evidence = evidence! { "validated" => validated, "applied" => applied };
        (applied == validated, evidence)
    }

    /// The history that the other conditions speak of is all that was received.
    fn drained(&self) -> (bool, Evidence) {
        let Progress { received, validated, .. } = self.progress;
        let end = self.wal_end.boundary;
        let evidence =
            evidence! { "received" => received, "validated" => validated, "wal_end" => end };
        (received == validated && validated == end, evidence)
    }

    fn epochs_in_place(&self) -> (bool, Evidence) {
        let evidence = evidence! { "first_mismatch" => self.epoch_mismatch };
        (self.epoch_mismatch.is_none(), evidence)
    }
}
