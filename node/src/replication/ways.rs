//! What an operator can do about a pull that is refused: what to ask of which node.

use aerodb_core::explain::Remedy;
use aerodb_core::hash::PublicKey;
use aerodb_core::id::{Epoch, NodeId};
use aerodb_core::rules::RuleId;
use serde_json::json;

fn post(
    rule: RuleId,
    action: &'static str,
    node_id: Option<NodeId>,
    path: &'static str,
    body: serde_json::Value,
) -> Remedy {
    Remedy { rule, action, node_id, method: "POST", path, body: Some(body) }
}

/// The peer pulls from a node of another cluster.
pub(super) fn foreign_cluster(peer: &NodeId) -> Vec<Remedy> {
    let body = json!({ "upstream": "URL", "reason": "" });
    vec![post(
        RuleId::FV2,
        "have the peer follow a node of its own cluster",
        Some(peer.clone()),
        "/v1/replication/follow",
        body,
    )]
}

/// The peer was not admitted, was removed, or has another key than was admitted.
pub(super) fn foreign_member(
    peer: &NodeId,
    public_key: &PublicKey,
    holder: &NodeId,
    epoch: Epoch,
) -> Vec<Remedy> {
    let body = json!({
        "node_id": peer,
        "public_key": public_key,
        "address": "URL",
        "expected_epoch": epoch,
        "reason": "",
    });
    let admit = "have the holder admit it, if neither its id nor its key ever was";
    vec![
        post(RuleId::Au7, admit, Some(holder.clone()), "/v1/members", body),
        Remedy::by_hand(
            RuleId::Au7,
            "or join under a new node id",
            peer,
            "aerodb join --data-dir DIR --node-id NEW_ID --listen HOST:PORT --upstream URL",
        ),
    ]
}

/// This node is halted, and serves nobody.
pub(super) fn halted(node: &NodeId) -> Vec<Remedy> {
    let see = "see what this node is halted by, and what undoes that";
    vec![
        Remedy::look(RuleId::Rm5, see, Some(node.clone()), "/v1/status"),
        Remedy::look(RuleId::Rm5, "or pull from another member", None, "/v1/members"),
    ]
}

/// The peer has another history, or another ledger, than this node: it halts over that.
pub(super) fn parted(rule: RuleId, peer: &NodeId) -> Vec<Remedy> {
    vec![post(
        rule,
        "see what the peer holds past the common history, and set it aside",
        Some(peer.clone()),
        "/v1/replication/discard-suffix?dry_run=true",
        json!({ "reason": "" }),
    )]
}

/// The peer has more than this node: it is this one that has to catch up, or the other that is the holder.
pub(super) fn ahead(rule: RuleId, peer: &NodeId) -> Vec<Remedy> {
    let see = "see who holds the epoch by the peer's ledger, which is longer";
    vec![
        Remedy::look(rule, see, Some(peer.clone()), "/v1/authority"),
        post(
            rule,
            "have the peer follow the holder, or this node once it has caught up",
            Some(peer.clone()),
            "/v1/replication/follow",
            json!({ "upstream": "URL", "reason": "" }),
        ),
    ]
}

/// The history that comes next for the peer is truncated away here.
pub(super) fn bootstrap() -> Vec<Remedy> {
    vec![post(
        RuleId::Dis22,
        "on the replica: take the holder's snapshot over",
        None,
        "/v1/replication/bootstrap",
        json!({ "reason": "" }),
    )]
}

/// The log on this node's disk cannot be read.
#[must_use]
pub fn unreadable_history(node: &NodeId) -> Vec<Remedy> {
    vec![Remedy::by_hand(
        RuleId::P3D9,
        "stop the node, look after its disk, and see which bytes of the log are damaged",
        node,
        "aerodb wal verify --data-dir DIR",
    )]
}
