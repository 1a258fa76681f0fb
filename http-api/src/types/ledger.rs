//! Ledger entries, decoded.

use aerodb_core::authority::{Annotation, Entry, SignedEntry};
use aerodb_core::decision::record::SignedDecision;
use aerodb_core::hash::{Hash, Signature};
use aerodb_core::id::{NodeId, Seq};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

impl LedgerEntryView {
    /// The authority ledger entry that this is the view of, exactly: its hash comes out again. `None` for
    /// anything else, also for an entry that this program does not know.
    #[must_use]
    pub fn authority_entry(&self) -> Option<SignedEntry> {
        let body = serde_json::json!({ &self.entry: self.body });
        let entry = Entry {
            format: Entry::FORMAT,
            seq: self.seq,
            previous: self.previous,
            author: self.author.clone(),
            body: serde_json::from_value(body).ok()?,
            annotation: self.annotation.clone(),
        };
        (entry.hash() == self.hash).then_some(SignedEntry { entry, signature: self.signature })
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

#[cfg(test)]
mod tests {
    use aerodb_core::authority::{Durability, EntryBody, Genesis, Member};
    use aerodb_core::hash::PublicKey;
    use aerodb_core::id::{Address, Boundary, ClusterName, Epoch, Reason};
    use aerodb_core::position::Position;

    use super::*;

    fn signed(body: EntryBody) -> SignedEntry {
        let annotation = Annotation {
            received_at_ms: u64::MAX,
            operator: "local".to_owned(),
            reason: Reason::new("a \"quoted\" \\ reason").unwrap(),
        };
        let (seq, previous) = (Seq::FIRST, Hash([3; 32]));
        let author = NodeId::new("n1").unwrap();
        let entry = Entry { format: Entry::FORMAT, seq, previous, author, body, annotation };
        SignedEntry { entry, signature: Signature([9; 64]) }
    }

    fn member() -> Member {
        Member {
            node_id: NodeId::new("n1").unwrap(),
            public_key: PublicKey([5; 32]),
            address: Address::new("http://127.0.0.1:7400").unwrap(),
        }
    }

    fn entries() -> Vec<SignedEntry> {
        let epoch = Epoch::FIRST;
        let chain = aerodb_core::hash::Chain([7; 32]);
        let at = Position { boundary: Boundary::new(1 << 60), chain };
        vec![
            signed(EntryBody::Genesis(Genesis {
                cluster_name: ClusterName::new("c").unwrap(),
                nonce: Hash([1; 32]),
                founder: member(),
                minimum_durability: Durability::Paired,
                ruleset: 1,
                ancestor: None,
            })),
            signed(EntryBody::MemberAdmitted { epoch, member: member() }),
            signed(EntryBody::SuccessorDesignated { epoch, successor: member().node_id, at }),
        ]
    }

    #[test]
    fn an_entry_comes_back_from_its_view_on_the_wire() {
        for signed in entries() {
            let text = serde_json::to_string(&LedgerEntryView::from(&signed)).unwrap();
            let view: LedgerEntryView = serde_json::from_str(&text).unwrap();
            assert_eq!(view.authority_entry(), Some(signed));
        }
    }

    #[test]
    fn a_view_whose_content_does_not_give_its_hash_is_of_no_entry() {
        for signed in entries() {
            let view = LedgerEntryView::from(&signed);
            let mut changed = view.clone();
            changed.annotation.received_at_ms -= 1;
            assert_eq!(changed.authority_entry(), None);
            let mut unknown = view;
            unknown.entry = "coronation".to_owned();
            assert_eq!(unknown.authority_entry(), None);
        }
    }
}
