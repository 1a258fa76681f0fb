//! Whether a checkpoint may be relied on: `checkpoint.safety`. Judged before its record is written, and
//! again whenever somebody asks.

use serde::{Deserialize, Serialize};

use crate::authority::{Authority, Succession};
use crate::evidence;
use crate::explain::{Evaluation, ExplanationType, Facts, ObservedSnapshot, RuleApplied};
use crate::hash::{ClusterId, Hash};
use crate::id::{Boundary, CommitId, Epoch, NodeId};
use crate::position::{LedgerHead, Position};
use crate::rules::RuleId;

/// What a ledger says of a history that is cut here: what a snapshot of it says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutByLedger {
    /// The epoch of the last commit in it.
    pub epoch: Epoch,
    /// The end of the ledger.
    pub ledger: LedgerHead,
    /// The place of the designation in force, where the cut covers it. One past the cut is still in the log.
    pub designation: Option<Position>,
}

impl CutByLedger {
    /// What this ledger says of a history cut at `at`; `None` where nothing would be in it.
    #[must_use]
    pub fn of(authority: &Authority, at: Boundary) -> Option<Self> {
        let last = CommitId::new(at.get())?;
        let designation = authority.succession().map(Succession::designated_at);
        Some(Self {
            epoch: authority.epoch_at(last),
            ledger: authority.head(),
            designation: designation.filter(|place| place.boundary <= at),
        })
    }
}

/// A snapshot as its manifest describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotMade {
    /// The history that it holds.
    pub position: Position,
    /// The epoch of the last commit in it.
    pub epoch: Epoch,
    /// The authority ledger at that moment.
    pub ledger: LedgerHead,
    /// The lowest commit that can be read from it.
    pub oldest_retained: Boundary,
    /// Keys in it, absent ones that are still remembered among them.
    pub keys: u64,
    /// Versions in it.
    pub versions: u64,
    /// The hash of its manifest.
    pub manifest: Hash,
}

/// What a checkpoint's record says, or is about to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointRecord {
    /// The history that its snapshot holds.
    pub position: Position,
    /// The epoch of the last commit in it.
    pub epoch: Epoch,
    /// The authority ledger at that moment.
    pub ledger: LedgerHead,
    /// The place of the designation in force; a promotion asks for its chain.
    pub designation: Option<Position>,
    /// The hash of the snapshot's manifest.
    pub snapshot: Hash,
    /// Where the log that is kept begins.
    pub wal_from: Position,
}

/// Everything that the answer rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointFacts {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node.
    pub node: NodeId,
    /// The record; `None` where no checkpoint was ever taken.
    pub record: Option<CheckpointRecord>,
    /// The snapshot that the record names, durable; `None` where there is none.
    pub snapshot: Option<SnapshotMade>,
    /// The acknowledged bound; `None` while unknown.
    pub acknowledged: Option<Boundary>,
    /// Where the durable log ends.
    pub wal_end: Boundary,
    /// The epoch that the ledger gives the snapshot's last commit.
    pub epoch_by_ledger: Option<Epoch>,
    /// Whether the node's authority ledger contains the ledger head of the record.
    pub ledger_known: bool,
}

impl CheckpointFacts {
    fn named(&self) -> bool {
        let same = |record: &CheckpointRecord, made: &SnapshotMade| {
            record.snapshot == made.manifest
                && record.position == made.position
                && record.epoch == made.epoch
                && record.ledger == made.ledger
        };
        self.record.zip(self.snapshot).is_some_and(|(record, made)| same(&record, &made))
    }

    fn judge(&self, holds: impl FnOnce(&CheckpointRecord) -> Evaluation) -> Evaluation {
        self.record.as_ref().map_or(Evaluation::NotEvaluable, holds)
    }

    fn acknowledged_covers(&self, record: &CheckpointRecord) -> Evaluation {
        let within = |bound| (record.position.boundary <= bound).into();
        self.acknowledged.map_or(Evaluation::NotEvaluable, within)
    }
}

impl Facts for CheckpointFacts {
    const TYPE: ExplanationType = ExplanationType::Checkpoint;
    const NO: &'static str = "rejected";

    fn yes(&self) -> &'static str {
        "accepted"
    }

    fn observed(&self) -> ObservedSnapshot {
        let position = self.record.map(|record| record.position);
        ObservedSnapshot {
            snapshot_id: position.map(|position| position.chain),
            commit_id: position.map(|position| position.boundary),
        }
    }

    fn rules(&self) -> Vec<RuleApplied> {
        let at = self.record.map(|record| record.position.boundary);
        let durable = self.snapshot.map(|made| made.manifest);
        let order = self.judge(|_| self.snapshot.is_some().into());
        let continuous = self.judge(|record| {
            let (from, at) = (record.wal_from.boundary, record.position.boundary);
            (from <= at && at <= self.wal_end).into()
        });
        let epoch = self.judge(|record| (self.epoch_by_ledger == Some(record.epoch)).into());
        let wal_from = self.record.map(|record| record.wal_from.boundary);
        vec![
            RuleApplied::new(
                RuleId::Ckp2,
                order,
                evidence! { "record" => at, "snapshot_durable" => durable },
            ),
            RuleApplied::new(
                RuleId::Ckp4,
                self.judge(|_| self.named().into()),
                evidence! {
                    "named" => self.record.map(|record| record.snapshot),
                    "manifest" => durable,
                },
            ),
            RuleApplied::new(
                RuleId::Mvs1,
                self.judge(|record| self.acknowledged_covers(record)),
                evidence! { "commit_id" => at, "acknowledged" => self.acknowledged },
            ),
            RuleApplied::new(
                RuleId::Mvs2,
                continuous,
                evidence! { "kept_from" => wal_from, "commit_id" => at, "wal_end" => self.wal_end },
            ),
            RuleApplied::new(
                RuleId::P5I4,
                epoch,
                evidence! {
                    "found" => self.record.map(|record| record.epoch),
                    "by_ledger" => self.epoch_by_ledger,
                },
            ),
            RuleApplied::new(
                RuleId::Au14,
                self.judge(|_| self.ledger_known.into()),
                evidence! { "ledger" => self.record.map(|record| record.ledger) },
            ),
        ]
    }
}

#[cfg(test)]
mod tests;
