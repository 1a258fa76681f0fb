//! Reads and writes of keys.

use std::time::Duration;

use aerodb_core::authority::Durability;
use aerodb_core::decision::read::Consistency;
use aerodb_core::hash::ClusterId;
use aerodb_core::id::{Boundary, CommitId, Epoch};
use aerodb_core::wal::{Condition, Op};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::extract::Principal;
use crate::threads::RequestThread;

/// Which kind of write was asked for; the answer and the counters differ by it, nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteKind {
    /// `PUT /v1/kv/{key}`.
    Put,
    /// `DELETE /v1/kv/{key}`.
    Delete,
    /// `POST /v1/txn`.
    Txn,
}

/// A write as the node gets it: all operations under one commit id, or nothing.
#[derive(Debug, Clone)]
pub struct Write {
    /// Which kind.
    pub kind: WriteKind,
    /// Judged against the log's tip, all of them.
    pub conditions: Vec<Condition>,
    /// The changes, in order.
    pub ops: Vec<Op>,
    /// When the caller wants to be answered. It never shapes what happens.
    pub deadline: Duration,
    /// Who asks.
    pub principal: Principal,
    /// The thread that serves the request.
    pub thread: RequestThread,
}

/// An acknowledged write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Written {
    /// Its commit.
    pub commit_id: CommitId,
    /// The epoch that it was written in.
    pub epoch: Epoch,
    /// What it is durable on.
    pub durability: Durability,
}

/// The answer to PUT, DELETE and a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WriteReceipt {
    /// The key; left out for a transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its commit.
    pub commit_id: CommitId,
    /// The epoch that it was written in.
    pub epoch: Epoch,
    /// What it is durable on.
    pub durability: Durability,
}

/// A condition that does not hold, as `PRECONDITION_FAILED` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailedCondition {
    /// The key.
    pub key: String,
    /// The commit of its version at the log's tip; `null` when it has no value.
    pub actual_commit_id: Option<CommitId>,
}

/// A read of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRequest {
    /// UTF-8, 1 to 1,024 bytes.
    pub key: Bytes,
    /// The commit to read at; `None` is the newest that may be shown.
    pub at: Option<Boundary>,
    /// The read must show at least this commit.
    pub min_commit: Option<Boundary>,
    /// `None` is linearizable on the holder and snapshot on a replica.
    pub consistency: Option<Consistency>,
    /// When the caller wants to be answered.
    pub deadline: Duration,
}

/// What a read view shows of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadAnswer {
    /// The commit of the version and its value; `None` when the key is absent.
    pub value: Option<(CommitId, Bytes)>,
    /// The read view.
    pub boundary: Boundary,
    /// The current epoch.
    pub epoch: Epoch,
    /// The cluster.
    pub cluster: ClusterId,
    /// How fresh it is.
    pub consistency: Consistency,
}
