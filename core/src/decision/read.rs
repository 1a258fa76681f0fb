//! The read gate (table 4.11, DESIGN section 6): whether and at which boundary a read is answered.
//!
//! Keeps: RR-11, RD-1, MVI-2, MVV-2, O5-7, M-R29.

mod standing;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::evidence;
use crate::explain::{Evidence, ExplanationType, Facts, ObservedSnapshot, RuleApplied};
use crate::hash::ClusterId;
use crate::id::{Boundary, CommitId, Epoch, NodeId};
use crate::machine::RoleName;
use crate::rules::RuleId;

pub use standing::Standing;

/// What a read insists on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Consistency {
    /// Everything acknowledged before the read began is seen.
    Linearizable,
    /// One acknowledged boundary, possibly an earlier one.
    Snapshot,
}

impl Consistency {
    /// The word used in queries and headers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Linearizable => "linearizable",
            Self::Snapshot => "snapshot",
        }
    }
}

/// Everything that the gate reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadFacts {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node that is asked.
    pub node: NodeId,
    /// The current epoch by its ledger.
    pub epoch: Epoch,
    /// The holder by its ledger.
    pub holder: NodeId,
    /// The node's role.
    pub role: RoleName,
    /// The rule of the halt in force, if there is one.
    pub halt: Option<RuleId>,
    /// The acknowledged bound, wholly applied; `None` while unknown.
    pub acknowledged: Option<Boundary>,
    /// The oldest boundary that can still be read.
    pub oldest_retained: Boundary,
    /// What the read insists on.
    pub consistency: Consistency,
    /// Whether the obliged node has echoed a barrier made after the read began; `None` without an
    /// obligation.
    pub barrier_echoed: Option<bool>,
    /// The boundary asked for.
    pub at: Option<Boundary>,
    /// The boundary that must at least be reached.
    pub min_commit: Option<Boundary>,
    /// The state that an earlier look at this read found when it was over, where that differed from what had
    /// admitted it and no look is left; `None` otherwise.
    pub moved_to: Option<Standing>,
}

/// Why a read is refused; each is one error code of DESIGN section 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ReadRefusal {
    /// A failure is latched.
    Halted,
    /// The node has no role that serves reads yet.
    Recovering,
    /// The acknowledged bound is unknown.
    Unsafe,
    /// A linearizable read on a node that is not the holder.
    NotHolder,
    /// A linearizable read on a node that has relinquished its epoch and whose ledger names no later holder.
    Sealed,
    /// A linearizable read that the obliged node has not confirmed.
    Unconfirmed,
    /// The boundary asked for is not acknowledged yet.
    InFuture,
    /// Not every version that the boundary needs is retained any more.
    NotRetained,
    /// The least boundary is not reached yet.
    NotReached,
    /// The state moved under the read twice.
    Moved,
}

impl ReadFacts {
    /// The boundary at which the read is answered.
    ///
    /// # Errors
    /// The first rule that does not hold, with the refusal that it means.
    pub fn admit(&self) -> Result<Boundary, (ReadRefusal, RuleId)> {
        if let Some((rule, refusal, _)) = self.verdicts().into_iter().find(|(_, _, holds)| !holds) {
            return Err((refusal, rule));
        }
        let unknown = (ReadRefusal::Unsafe, RuleId::Au12);
        self.acknowledged.and(self.view()).ok_or(unknown)
    }

    /// The boundary asked for; where none is, the acknowledged bound. After a restart a replica may know
    /// of less that is acknowledged than its checkpoint has pruned: that bound is as unreadable as one
    /// that was asked for.
    fn view(&self) -> Option<Boundary> {
        self.at.or(self.acknowledged)
    }

    /// What the gate's answer stands on.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        Standing { role: self.role, epoch: self.epoch, halt: self.halt }
    }

    fn verdicts(&self) -> [(RuleId, ReadRefusal, bool); 9] {
        let serves = match self.role {
            RoleName::PrimaryActive | RoleName::ReplicaActive | RoleName::PrimarySealed => true,
            RoleName::Uninitialized | RoleName::ReplicationHalted => false,
        };
        let linearizable = self.consistency == Consistency::Linearizable;
        let elsewhere = match self.role {
            RoleName::PrimarySealed => ReadRefusal::Sealed,
            RoleName::PrimaryActive
            | RoleName::ReplicaActive
            | RoleName::Uninitialized
            | RoleName::ReplicationHalted => ReadRefusal::NotHolder,
        };
        let bound = self.acknowledged.unwrap_or(Boundary::ORIGIN);
        [
            (RuleId::Rm5, ReadRefusal::Halted, self.halt.is_none()),
            (RuleId::FRs1, ReadRefusal::Recovering, serves),
            (RuleId::Rm3, elsewhere, !linearizable || self.role == RoleName::PrimaryActive),
            (RuleId::Au12, ReadRefusal::Unsafe, self.acknowledged.is_some()),
            (RuleId::P5I12, ReadRefusal::InFuture, self.at.is_none_or(|at| at <= bound)),
            (
                RuleId::Mvg2,
                ReadRefusal::NotRetained,
                self.view().is_none_or(|view| view >= self.oldest_retained),
            ),
            (
                RuleId::Rd2,
                ReadRefusal::NotReached,
                self.min_commit.is_none_or(|least| least <= bound),
            ),
            (
                RuleId::Au11,
                ReadRefusal::Unconfirmed,
                !linearizable || self.barrier_echoed != Some(false),
            ),
            (
                RuleId::FRs2,
                ReadRefusal::Moved,
                self.moved_to.is_none_or(|found| found == self.standing()),
            ),
        ]
    }

    fn evidence_of(&self, refusal: ReadRefusal) -> Evidence {
        match refusal {
            ReadRefusal::Halted => evidence! { "halt" => self.halt },
            ReadRefusal::Recovering => evidence! { "role" => self.role },
            ReadRefusal::NotHolder | ReadRefusal::Sealed => evidence! {
                "consistency" => self.consistency,
                "role" => self.role,
                "holder" => self.holder,
            },
            ReadRefusal::Unsafe => evidence! { "acknowledged" => self.acknowledged },
            ReadRefusal::InFuture => {
                evidence! { "at" => self.at, "acknowledged" => self.acknowledged }
            }
            ReadRefusal::NotRetained => {
                evidence! { "view" => self.view(), "oldest_retained" => self.oldest_retained }
            }
            ReadRefusal::NotReached => {
                evidence! { "min_commit" => self.min_commit, "acknowledged" => self.acknowledged }
            }
            ReadRefusal::Unconfirmed => evidence! {
                "consistency" => self.consistency,
                "barrier_echoed" => self.barrier_echoed,
            },
            ReadRefusal::Moved => evidence! {
                "admitted_by" => self.standing(),
                "found_after" => self.moved_to,
            },
        }
    }

    fn gate_rules(&self) -> Vec<RuleApplied> {
        let applied =
            |(rule, refusal, holds)| RuleApplied::new(rule, holds, self.evidence_of(refusal));
        self.verdicts().into_iter().map(applied).collect()
    }
}

impl Facts for ReadFacts {
    const TYPE: ExplanationType = ExplanationType::Read;
    const NO: &'static str = "refused";

    fn yes(&self) -> &'static str {
        "admitted"
    }

    fn observed(&self) -> ObservedSnapshot {
        ObservedSnapshot { snapshot_id: None, commit_id: self.admit().ok() }
    }

    fn rules(&self) -> Vec<RuleApplied> {
        self.gate_rules()
    }
}

/// One version of a key, newest first, as the explanation shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct VersionSeen {
    /// The commit that made it.
    pub commit_id: CommitId,
    /// Whether it says that the key is absent.
    pub tombstone: bool,
    /// Size of the value.
    pub bytes: u64,
}

/// The gate together with one key's versions: what `mvcc.read_visibility` explains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VisibilityFacts {
    /// The key, as text.
    pub key: String,
    /// The gate.
    #[serde(flatten)]
    pub gate: ReadFacts,
    /// The key's acknowledged versions, newest first.
    pub versions: Vec<VersionSeen>,
}

impl VisibilityFacts {
    fn visible(&self) -> Option<VersionSeen> {
        let view = self.gate.admit().ok()?;
        self.versions.iter().find(|version| view.covers(version.commit_id)).copied()
    }
}

impl Facts for VisibilityFacts {
    const TYPE: ExplanationType = ExplanationType::Read;
    const NO: &'static str = "refused";

    fn yes(&self) -> &'static str {
        match self.visible() {
            Some(VersionSeen { tombstone: false, .. }) => "visible",
            Some(VersionSeen { tombstone: true, .. }) | None => "absent",
        }
    }

    fn observed(&self) -> ObservedSnapshot {
        ObservedSnapshot { snapshot_id: None, commit_id: self.gate.admit().ok() }
    }

    fn rules(&self) -> Vec<RuleApplied> {
        let mut rules = self.gate.gate_rules();
        let visibility = evidence! {
            "view" => self.gate.admit().ok(),
            "versions" => self.versions,
            "visible" => self.visible(),
        };
        rules.push(RuleApplied::new(RuleId::Mvv1, true, visibility));
        rules
    }
}

#[cfg(test)]
mod tests;
