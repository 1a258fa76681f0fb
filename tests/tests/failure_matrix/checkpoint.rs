//! M-C02, M-C08, M-C10, M-C11: the process dies along a checkpoint, and starts again.

use aerodb_tests::{Cluster, Node};
use serde_json::{Value, json};

fn ask(node: &Node) {
    let body = json!({ "reason": "test" }).to_string();
    let headers = [("content-type", "application/json")];
    let answer = node.try_send("POST", "/v1/checkpoints", &headers, Some(body.as_bytes()));
    assert!(answer.is_none(), "the process dies before it answers: {answer:?}");
}

/// The commit of the checkpoint that the last recovery started from.
fn started_from(node: &Node) -> Value {
    let recovery = node.data("/v1/explain/recovery");
    assert_eq!(recovery["conclusion"]["status"], "recovered");
    recovery["inputs"]["checkpoint"]["position"]["commit_id"].clone()
}

/// Dies there during the second checkpoint, which is at commit 30; gives the commit that the next start
/// begins from.
fn dies_at(point: &str) -> Value {
    let (mut n1, _root) = Cluster::founder(&[]);
    let fill = |node: &Node, from: u64, to: u64| {
        for number in from..=to {
            let _ = node.put(&format!("k{}", number % 9), &number.to_string()).expect(200);
        }
    };
    fill(&n1, 1, 20);
    let _ = n1.post("/v1/checkpoints", &json!({ "reason": "test" })).expect(200);
    fill(&n1, 21, 30);
    let digest = n1.digest();
    assert_eq!(n1.stop(), Some(0));
    n1.start_to_die_at(point);
    ask(&n1);
    n1.died_at(point);
    n1.start();
    assert_eq!(n1.digest(), digest, "{point}");
    let from = started_from(&n1);
    // What the crash left stands in nobody's way.
    let taken = n1.post("/v1/checkpoints", &json!({ "reason": "test" })).expect(200);
    assert_eq!(taken.body["data"]["checkpoint"]["commit_id"], 30, "{point}");
    let left = std::fs::read_dir(n1.dir.join("snapshots")).expect("the snapshots").count();
    assert_eq!(left, 1, "{point}: only the one in force is left");
    n1.restart();
    assert_eq!((n1.digest(), started_from(&n1)), (digest, json!(30)), "{point}");
    from
}

#[test]
fn m_c02_p3_s3_a_crash_within_the_snapshot_leaves_the_checkpoint_before_it_in_force() {
    assert_eq!(dies_at("snap.enumerate"), 20);
    assert_eq!(dies_at("snap.enumerate:7"), 20);
}

#[test]
fn m_c08_p3_k1_a_crash_between_snapshot_and_record_leaves_the_checkpoint_before_it_in_force() {
    assert_eq!(dies_at("ckpt.after_snapshot"), 20);
}

#[test]
fn m_c10_p3_k2_a_crash_after_the_record_leaves_the_new_checkpoint_in_force() {
    assert_eq!(dies_at("ckpt.after_record"), 30);
}

#[test]
fn m_c11_p3_w2_a_crash_after_the_truncation_leaves_the_new_checkpoint_in_force() {
    assert_eq!(dies_at("trunc.after"), 30);
}
