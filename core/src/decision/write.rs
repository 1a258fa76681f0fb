//! Whether a write is admitted now (DESIGN section 6 "Write: admission (pure)").
//!
//! Keeps: RV-1, P5-ST1, P6-PF1.1, P6-PF1.4, M-P14, RR-9, P6-PF1.2, P6-PF1.3.

use serde::Serialize;

use crate::authority::{Durability, Tenure};
use crate::decision::promotion::AuthorityFacts;
use crate::evidence;
use crate::explain::{Evidence, ExplanationType, Facts, ObservedSnapshot, RuleApplied};
use crate::hash::ClusterId;
use crate::id::{Boundary, NodeId};
use crate::machine::RoleName;
use crate::position::LedgerHead;
use crate::rules::RuleId;

/// Everything that admission reads. All but [`WriteLive`] changes only when the node's state does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WriteFacts {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node that is asked.
    pub node: NodeId,
    /// The end of its authority ledger.
    pub ledger: LedgerHead,
    /// What that ledger says.
    pub authority: AuthorityFacts,
    /// The node's role.
    pub role: RoleName,
    /// The rule of the halt in force, if there is one.
    pub halt: Option<RuleId>,
    /// Whether an append or fsync has failed in this process.
    pub writer_poisoned: bool,
    /// The durability that the cluster insists on.
    pub minimum_durability: Durability,
    /// The configured bound on the store, in bytes.
    pub store_bytes_max: u64,
    /// What moves from one write to the next.
    pub live: WriteLive,
}

/// The part of [`WriteFacts`] that moves without a change of the node's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WriteLive {
    /// Whether the obliged node is pulling; `None` without an obligation.
    pub successor_attached: Option<bool>,
    /// The acknowledged bound; `None` while unknown.
    pub acknowledged: Option<Boundary>,
    /// Bytes in the store.
    pub store_bytes: u64,
}

/// Why a write is refused; each is one error code of DESIGN section 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum WriteRefusal {
    /// A failure is latched.
    Halted,
    /// The writer is poisoned.
    WalPoisoned,
    /// Another node holds the epoch.
    NotHolder,
    /// This node has relinquished.
    Sealed,
    /// The cluster insists on a successor and there is none.
    SuccessorRequired,
    /// The obliged node is not pulling.
    SuccessorDetached,
    /// The store is full.
    MemoryLimit,
}

impl WriteFacts {
    /// The verdict alone at this moment, without building the explanation.
    ///
    /// # Errors
    /// The first rule that does not hold, with the refusal that it means.
    pub fn admit(&self, live: &WriteLive) -> Result<(), (WriteRefusal, RuleId)> {
        match self.verdicts(live).into_iter().find(|(_, _, holds)| !holds) {
            Some((rule, refusal, _)) => Err((refusal, rule)),
            None => Ok(()),
        }
    }

    /// The durability that a write gets now.
    const fn durability(&self) -> Durability {
        match self.authority.succession {
            Some(_) => Durability::Paired,
            None => Durability::Local,
        }
    }

    fn receipts_can_come(&self, live: &WriteLive) -> bool {
        self.authority.succession.is_none() || live.successor_attached == Some(true)
    }

    fn verdicts(&self, live: &WriteLive) -> [(RuleId, WriteRefusal, bool); 7] {
        let held = self.authority.tenure == Tenure::Held && self.role == RoleName::PrimaryActive;
        [
            (RuleId::Rm5, WriteRefusal::Halted, self.halt.is_none()),
            (RuleId::Wal13, WriteRefusal::WalPoisoned, !self.writer_poisoned),
            (RuleId::Rm3, WriteRefusal::NotHolder, self.node == self.authority.holder),
            (RuleId::Rm8, WriteRefusal::Sealed, held),
            (
                RuleId::Au9,
                WriteRefusal::SuccessorRequired,
                self.durability() >= self.minimum_durability,
            ),
            (RuleId::Au10, WriteRefusal::SuccessorDetached, self.receipts_can_come(live)),
            (RuleId::Mem1, WriteRefusal::MemoryLimit, live.store_bytes < self.store_bytes_max),
        ]
    }

    fn evidence_of(&self, refusal: WriteRefusal) -> Evidence {
        match refusal {
            WriteRefusal::Halted => evidence! { "halt" => self.halt },
            WriteRefusal::WalPoisoned => evidence! { "writer_poisoned" => self.writer_poisoned },
            WriteRefusal::NotHolder => {
                evidence! { "node_id" => self.node, "holder" => self.authority.holder }
            }
            WriteRefusal::Sealed => {
                evidence! { "role" => self.role, "tenure" => self.authority.tenure }
            }
            WriteRefusal::SuccessorRequired => evidence! {
                "durability" => self.durability(),
                "minimum_durability" => self.minimum_durability,
            },
            WriteRefusal::SuccessorDetached => evidence! {
                "succession" => self.authority.succession,
                "successor_attached" => self.live.successor_attached,
            },
            WriteRefusal::MemoryLimit => evidence! {
                "store_bytes" => self.live.store_bytes,
                "store_bytes_max" => self.store_bytes_max,
            },
        }
    }
}

impl Facts for WriteFacts {
    const TYPE: ExplanationType = ExplanationType::Write;
    const NO: &'static str = "refused";

    fn yes(&self) -> &'static str {
        "admitted"
    }

    fn observed(&self) -> ObservedSnapshot {
        ObservedSnapshot { snapshot_id: None, commit_id: self.live.acknowledged }
    }

    fn rules(&self) -> Vec<RuleApplied> {
        let applied =
            |(rule, refusal, holds)| RuleApplied::new(rule, holds, self.evidence_of(refusal));
        self.verdicts(&self.live).into_iter().map(applied).collect()
    }
}

#[cfg(test)]
mod tests;
