//! Ledger entries, decoded.

use aerodb_core::authority::{Annotation, SignedEntry};
use aerodb_core::decision::record::SignedDecision;
use aerodb_core::hash::{Hash, Signature};
use aerodb_core::id::{NodeId, Seq};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogName {
    /// The cluster's history of authority.
    #[default]
    Authority,
    /// This node's own record.
    Decision,
}

impl LogName {
    /// The word used in paths and queries.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::Decision => "decision",
        }
    }
}

/// One entry of either ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedgerEntryView {
    /// Its place.
    pub seq: Seq,
    /// Its hash, which the next entry names.
    pub hash: Hash,
    /// The hash of the entry before it.
    pub previous: Hash,
    /// The node whose key signs it.
    pub author: NodeId,
    /// What kind it is, for example `authority_granted`.
    pub entry: String,
    /// What it says.
    pub body: Value,
    /// What people may want to know; read by no rule.
    pub annotation: Annotation,
    /// The author's signature over the hash.
    pub signature: Signature,
}

/// Our enums serialise as `{"<kind>": {…}}`; the kind has a field of its own here.
fn body_of(body: &impl Serialize, kind: &str) -> Value {
    let mut tagged = aerodb_core::explain_value(body);
    tagged.get_mut(kind).map(Value::take).unwrap_or(tagged)
}

impl From<&SignedEntry> for LedgerEntryView {
    fn from(signed: &SignedEntry) -> Self {
        let entry = &signed.entry;
        Self {
            seq: entry.seq,
            hash: entry.hash(),
            previous: entry.previous,
            author: entry.author.clone(),
            entry: entry.body.kind().to_owned(),
            body: body_of(&entry.body, entry.body.kind()),
            annotation: entry.annotation.clone(),
            signature: signed.signature,
        }
    }
}

impl From<&SignedDecision> for LedgerEntryView {
    fn from(signed: &SignedDecision) -> Self {
        let entry = &signed.entry;
        Self {
            seq: entry.seq,
            hash: entry.hash(),
            previous: entry.previous,
            author: entry.author.clone(),
            entry: entry.body.kind().to_owned(),
            body: body_of(&entry.body, entry.body.kind()),
            annotation: entry.annotation.clone(),
            signature: signed.signature,
        }
    }
}
