//! One write: what is asked, how its conditions are judged against the log's tip, and what comes of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aerodb_core::id::{CommitId, Epoch};
use aerodb_core::wal::{Commit, Condition, Op};
use bytes::Bytes;
use tokio::sync::oneshot;

use crate::store::{Place, Store, Version};
use crate::wal::Settled;

/// A write as it reaches the WAL's owner: checked, admitted, not yet judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// What must hold of the log's tip; all of it, or nothing is written.
    pub conditions: Vec<Condition>,
    /// The changes.
    pub ops: Vec<Op>,
    /// Whether the write is a single delete, which asks for a key that is there.
    pub needs_key: bool,
}

impl Write {
    /// Whether what comes of it depends on what is there.
    #[must_use]
    pub const fn is_conditional(&self) -> bool {
        self.needs_key || !self.conditions.is_empty()
    }

    /// Its weight in a batch: the bytes of keys and values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let weight = |op: &Op| match op {
            Op::Put { key, value } => key.len() + value.len(),
            Op::Delete { key } => key.len(),
        };
        self.ops.iter().map(weight).sum()
    }
}

/// A condition that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedCondition {
    /// The key.
    pub key: Bytes,
    /// The commit of its newest version; `None` when it is absent.
    pub found: Option<CommitId>,
}

/// What came of a write. True only once the tip that it was judged against is acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the history.
    Committed {
        /// Its commit.
        commit: CommitId,
        /// The epoch.
        epoch: Epoch,
    },
    /// Nothing was written: these conditions did not hold.
    ConditionsFailed(Vec<FailedCondition>),
    /// Nothing was written: the key to delete is absent.
    KeyAbsent,
}

/// Why a write came to nothing that could be said to be acknowledged or not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The node has no authority to write any more.
    #[error("the node gave its authority up before the write was appended")]
    Closed,
    /// The append failed; whether the bytes are durable is unknown until a restart (WAL-13).
    #[error("the WAL append failed: {detail}")]
    Failed {
        /// File and operation.
        detail: String,
        /// Whether the disk is full.
        no_space: bool,
    },
}

/// What a writer is told once it is settled.
pub type Answer = Result<Outcome, WriteError>;

/// A write with its way back.
#[derive(Debug)]
pub struct WriteJob {
    /// What is asked.
    pub write: Write,
    /// Where its key was found, if it changes one.
    pub(super) place: Place,
    /// Says which commit it became, as soon as it is durable here.
    pub ticket: Ticket,
    /// Answered once settled.
    pub reply: oneshot::Sender<(Answer, Settled)>,
}

impl WriteJob {
    /// The write on its way to the writer of this store. Its key is looked for here, on the caller's thread.
    pub(super) fn new(
        write: Write,
        store: &Store,
        ticket: Ticket,
        reply: oneshot::Sender<(Answer, Settled)>,
    ) -> Self {
        let place = match &write.ops[..] {
            [op] => store.place(op.key()),
            _ => Place::default(),
        };
        Self { write, place, ticket, reply }
    }
}

/// Tells a caller whose deadline passes which commit its write became.
#[derive(Debug, Clone, Default)]
pub struct Ticket(Arc<AtomicU64>);

impl Ticket {
    /// The commit is durable on this node.
    pub fn stamp(&self, commit: CommitId) {
        self.0.store(commit.get(), Ordering::Release);
    }

    /// The commit; `None` while the write is not appended.
    #[must_use]
    pub fn commit(&self) -> Option<CommitId> {
        CommitId::new(self.0.load(Ordering::Acquire))
    }
}

/// The log's tip as the next write in line sees it: the store, and what earlier writes of the same batch
/// change.
#[derive(Debug)]
pub(super) struct Tip<'a> {
    store: &'a Store,
    ahead: HashMap<Bytes, Option<CommitId>>,
}

impl<'a> Tip<'a> {
    pub(super) fn new(store: &'a Store) -> Self {
        Self { store, ahead: HashMap::new() }
    }

    /// The commit of the key's newest version; `None` when it is absent.
    fn version(&self, key: &Bytes) -> Option<CommitId> {
        self.ahead.get(key).copied().unwrap_or_else(|| match self.store.latest(key) {
            Some((commit, Version::Value(_))) => Some(commit),
            Some((_, Version::Tombstone)) | None => None,
        })
    }

    /// Judges the write. `Ok` holds the commit to append.
    pub(super) fn judge(&self, write: Write) -> Result<Commit, Outcome> {
        let unmet = |condition: &Condition| {
            let found = self.version(&condition.key);
            (!condition.expect.holds(found))
                .then(|| FailedCondition { key: condition.key.clone(), found })
        };
        let failed: Vec<_> = write.conditions.iter().filter_map(unmet).collect();
        if !failed.is_empty() {
            return Err(Outcome::ConditionsFailed(failed));
        }
        let absent = |op: &Op| matches!(op, Op::Delete { key } if self.version(key).is_none());
        if write.needs_key && write.ops.iter().any(absent) {
            return Err(Outcome::KeyAbsent);
        }
        Ok(Commit { ops: write.ops })
    }

    /// Lets later writes of the batch see this one.
    pub(super) fn advance(&mut self, id: CommitId, commit: &Commit) {
        for op in &commit.ops {
            match op {
                Op::Put { key, .. } => self.ahead.insert(key.clone(), Some(id)),
                Op::Delete { key } => self.ahead.insert(key.clone(), None),
            };
        }
    }
}
