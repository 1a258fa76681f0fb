//! What the fake node answers with.

use aerodb_core::authority::{
    Annotation, Durability, Entry, EntryBody, Genesis, Member, SignedEntry,
};
use aerodb_core::evidence;
use aerodb_core::explain::{
    Evidence, Explanation, ExplanationType, Facts, ObservedSnapshot, RuleApplied, explain,
};
use aerodb_core::hash::{ClusterId, Hash, PublicKey, Signature};
use aerodb_core::id::{Address, Boundary, ClusterName, Epoch, NodeId, PromotionId, Reason, Seq};
use aerodb_core::rules::RuleId;
use aerodb_http_api::code::Code;
use aerodb_http_api::envelope::{ObservedAt, Snapshot, View};
use aerodb_http_api::port::Reply;
use aerodb_http_api::problem::Problem;
use aerodb_http_api::types::*;

pub const CLUSTER: ClusterId = ClusterId([0xab; 32]);

pub fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

pub fn observed() -> ObservedAt {
    ObservedAt {
        cluster_id: Some(CLUSTER),
        node_id: node("n1"),
        epoch: Some(Epoch::FIRST),
        commit_id: Some(Boundary::new(7)),
        ledger_seq: Some(Seq::FIRST),
        snapshot: Snapshot::Live,
    }
}

#[derive(serde::Serialize)]
struct OneRule(bool);

impl Facts for OneRule {
    const TYPE: ExplanationType = ExplanationType::Promotion;
    const NO: &'static str = "denied";

    fn yes(&self) -> &'static str {
        "approved"
    }

    fn observed(&self) -> ObservedSnapshot {
        ObservedSnapshot { snapshot_id: None, commit_id: Some(Boundary::new(7)) }
    }
    fn inputs(&self) -> Evidence {
        evidence! { "holds" => self.0 }
    }
    fn rules(&self) -> Vec<RuleApplied> {
        vec![RuleApplied::new(RuleId::P6A3, self.0, evidence! { "holds" => self.0 })]
    }
}

pub fn explanation(holds: bool) -> Explanation {
    explain(&OneRule(holds))
}

pub fn member() -> Member {
    Member {
        node_id: node("n1"),
        public_key: PublicKey([1; 32]),
        address: Address::new("http://127.0.0.1:7401").unwrap(),
    }
}

pub fn genesis() -> SignedEntry {
    let body = EntryBody::Genesis(Genesis {
        cluster_name: ClusterName::new("test").unwrap(),
        nonce: Hash([2; 32]),
        founder: member(),
        minimum_durability: Durability::Local,
        ruleset: 1,
        ancestor: None,
    });
    let annotation = Annotation {
        received_at_ms: 1,
        operator: "local".to_owned(),
        reason: Reason::new("found").unwrap(),
    };
    let entry = Entry {
        format: 1,
        seq: Seq::FIRST,
        previous: Hash::NONE_BEFORE,
        author: node("n1"),
        body,
        annotation,
    };
    SignedEntry { entry, signature: Signature([3; 64]) }
}

pub fn view<T>(data: T) -> Reply<View<T>> {
    Ok(View::new(observed(), data))
}

pub fn no_entry<T>() -> Reply<T> {
    Err(Problem::new(Code::NoSuchEntry, "nothing there"))
}

pub fn authority_data() -> AuthorityData {
    AuthorityData {
        epoch: Some(Epoch::FIRST),
        holder: Some(node("n1")),
        status: Some(AuthorityStatus::Held),
        successor: None,
        durability: Some(Durability::Local),
        writable_here: true,
        refusal: None,
    }
}

pub fn promotion_view() -> PromotionView {
    PromotionView {
        promotion_id: PromotionId::new("n1-1").unwrap(),
        outcome: Some(Outcome::Denied),
        epoch: None,
        holder: None,
        start_commit: None,
        expected_epoch: Some(Epoch::FIRST),
        request_id: None,
        reason: None,
        operator: Some("local".to_owned()),
        explanation: None,
    }
}

pub fn event(seq: u64) -> EventView {
    EventView {
        seq,
        name: "replication.promotion.requested".to_owned(),
        node_id: node("n1"),
        machine: "promotion".to_owned(),
        from: "Steady".to_owned(),
        to: "PromotionRequested".to_owned(),
        cause: "request".to_owned(),
        row: "PR1".to_owned(),
        rules: vec![RuleId::P6Sm2],
        data: serde_json::Value::Null,
        requested_replica_id: Some(node("n1")),
        current_primary_id: Some(node("n1")),
        reason: None,
        outcome: None,
        last_known_state: None,
        failed_invariant: None,
        failure_reason: None,
        new_primary_id: None,
    }
}
