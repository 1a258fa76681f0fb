//! Setting aside what a halted node's log holds past its validated history.

use aerodb_core::decision::record::EntryAside;
use aerodb_core::id::{Boundary, CommitId, Epoch, Reason, RequestId, Seq};
use aerodb_core::position::Position;
use aerodb_core::rules::RuleId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The body of `POST /v1/replication/discard-suffix`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscardRequest {
    /// Why.
    pub reason: Reason,
    /// The operator's own name for the request; a dry run does not use it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
}

/// One commit that is set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetAside {
    /// The number that it had here; it may be another commit's by now.
    pub commit_id: CommitId,
    /// The epoch that it was written in.
    pub epoch: Epoch,
    /// The keys that it changed.
    pub keys: Vec<String>,
}

/// What was set aside, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Discarded {
    /// Its place in the decision ledger; `null` when it was only looked at.
    pub seq: Option<Seq>,
    /// Where the history ends without it.
    pub kept: Position,
    /// Where the bytes set aside ended.
    pub discarded: Boundary,
    /// The failure that this clears, if one was latched.
    pub cleared: Option<RuleId>,
    /// How many commits could be read of it.
    pub commits_total: u64,
    /// The first 1,000 of them; none where a request is asked again by its name: the quarantined log has them.
    pub commits: Vec<SetAside>,
    /// How many entries of the authority ledger lie past the parent of a later grant: none was ever covered.
    #[serde(default)]
    pub entries_total: u64,
    /// The first 100 of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<EntryAside>,
    /// Where the log as it was lies, below `quarantine/`; `null` when it was only looked at.
    pub quarantine: Option<String>,
}
