//! Histories of batches, each of one commit.

use aerodb_core::hash::ClusterId;
use aerodb_core::id::{Boundary, Epoch};
use aerodb_core::position::{LedgerHead, Position};
use aerodb_core::wal::{Batch, Commit, EpochRuns, Op, RawBatch};

use crate::world::Table;

/// A history's number.
pub type HistoryId = u16;

/// One history: the one before its last batch, and that.
#[derive(Debug)]
pub struct History {
    /// Its end.
    pub end: Position,
    /// Which epochs it carries where.
    pub epochs: EpochRuns,
    /// Its last batch; `None` at the origin.
    pub last: Option<(Batch, RawBatch)>,
    /// Every shorter prefix, by length.
    pub shorter: Vec<HistoryId>,
}

/// All histories.
#[derive(Debug)]
pub struct Histories {
    table: Table<[u8; 32], History>,
}

impl Histories {
    /// The empty history of a cluster, which has number 0.
    #[must_use]
    pub fn new(cluster: &ClusterId) -> Self {
        let end = Position::origin(cluster);
        let table = Table::default();
        table.number(end.chain.as_bytes(), || History {
            end,
            epochs: EpochRuns::default(),
            last: None,
            shorter: Vec::new(),
        });
        Self { table }
    }

    /// The history of this number.
    #[must_use]
    pub fn get(&self, id: HistoryId) -> &History {
        self.table.get(id)
    }

    /// The history that goes on with one commit, which no other `mark` makes the same. `None` when the numbers of
    /// commits are exhausted.
    pub fn append(
        &self,
        before: HistoryId,
        epoch: Epoch,
        stamp: LedgerHead,
        mark: u8,
    ) -> Option<HistoryId> {
        let tip = self.get(before);
        let (key, value) = (vec![b'k'].into(), vec![mark].into());
        let commits = vec![Commit { ops: vec![Op::Put { key, value }] }];
        let (batch, raw) = Batch::form(&tip.end, epoch, stamp, commits)?;
        let end = batch.end();
        Some(self.table.number(end.chain.as_bytes(), || {
            let mut epochs = tip.epochs.clone();
            epochs.push(&batch);
            let mut before_it = tip.shorter.clone();
            before_it.push(before);
            History { end, epochs, last: Some((batch, raw)), shorter: before_it }
        }))
    }

    /// The prefix that ends here; `None` past its end.
    #[must_use]
    pub fn prefix(&self, id: HistoryId, boundary: Boundary) -> Option<HistoryId> {
        let length = usize::try_from(boundary.get()).ok()?;
        let history = self.get(id);
        if history.end.boundary == boundary {
            Some(id)
        } else {
            history.shorter.get(length).copied()
        }
    }

    /// The history that ends with the batch of `target` that comes after the end of `tip`; `None` where there is
    /// none.
    #[must_use]
    pub fn next_towards(&self, tip: HistoryId, target: HistoryId) -> Option<HistoryId> {
        let next = self.get(tip).end.boundary.next_commit()?;
        self.prefix(target, Boundary::from(next))
    }

    /// Whether `id` begins with `prefix`.
    #[must_use]
    pub fn extends(&self, id: HistoryId, prefix: HistoryId) -> bool {
        self.prefix(id, self.get(prefix).end.boundary) == Some(prefix)
    }
}
