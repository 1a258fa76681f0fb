//! F-O1: inspection during a failure answers, says what it does not know, and guesses nothing.

use aerodb_tests::{Answer, Cluster, Node};
use serde_json::Value;

/// Everything that can be looked at without naming an entry.
const INSPECTION: [&str; 17] = [
    "/v1/status",
    "/v1/status?digest=true",
    "/v1/authority",
    "/v1/members",
    "/v1/promotions",
    "/v1/replication",
    "/v1/wal",
    "/v1/mvcc",
    "/v1/state",
    "/v1/transitions",
    "/v1/ledger?log=authority",
    "/v1/ledger?log=decision",
    "/v1/explain/replication",
    "/v1/explain/read?key=k",
    "/v1/explain/write",
    "/v1/explain/recovery",
    "/v1/rules",
];

/// Every answer comes, and says so where the acknowledged bound is unknown.
#[track_caller]
pub(crate) fn all_answer(node: &Node) {
    for path in INSPECTION {
        let answer = node.get(path).expect(200);
        let observed = &answer.body["observed_at"];
        let labelled = notes(&answer).iter().any(|note| note.contains("observed_at.commit_id"));
        // The rules are the program's, not a state's.
        if path != "/v1/rules" {
            assert_eq!(observed["commit_id"].is_null(), labelled, "{path}: {}", answer.text);
        }
    }
}

fn notes(answer: &Answer) -> Vec<&str> {
    let notes = answer.body["notes"].as_array().expect("notes");
    notes.iter().map(|note| note.as_str().expect("text")).collect()
}

/// `null` in exactly those fields of `/v1/replication`, each with its note.
#[track_caller]
fn unknown(node: &Node, fields: &[&str]) -> Answer {
    let answer = node.get("/v1/replication").expect(200);
    for field in fields {
        assert_eq!(answer.body["data"][*field], Value::Null, "{field}: {}", answer.text);
        let start = format!("incomplete: {field} is unknown: ");
        assert!(notes(&answer).iter().any(|note| note.starts_with(&start)), "{}", answer.text);
    }
    let labels = notes(&answer).iter().filter(|note| note.contains(" is unknown: ")).count();
    let observed = usize::from(answer.body["observed_at"]["commit_id"].is_null());
    assert_eq!(labels, fields.len() + observed, "{}", answer.text);
    answer
}

/// Proves: M-O01, CORE-O3, O5-2, EX-8.
#[test]
fn f_o1_inspection_during_a_failure_answers_labels_what_is_missing_and_guesses_nothing() {
    let mut cluster = Cluster::start();
    let _ = cluster.n1.put("k", "1").expect(200);
    cluster.n2.wait_applied(1);
    for node in [&cluster.n1, &cluster.n2] {
        let _ = unknown(node, &[]);
        all_answer(node);
    }

    // A replica that lost its upstream: what it heard is the last that it heard, and no lag is known.
    cluster.n1.kill();
    cluster.n2.wait("is detached", || {
        let data = cluster.n2.try_get("/v1/replication")?.body["data"].clone();
        data["replica_state"].as_str()?.starts_with("Detached").then_some(())
    });
    let detached = unknown(&cluster.n2, &["lag"]);
    assert_eq!(detached.body["data"]["primary_commit_id"], 1);
    assert!(
        detached.text.contains("primary_commit_id is the last one heard of"),
        "{}",
        detached.text
    );
    all_answer(&cluster.n2);
    // After a restart it has heard nothing at all.
    cluster.n2.restart();
    let _ = unknown(&cluster.n2, &["primary_commit_id", "lag"]);
    all_answer(&cluster.n2);

    // A holder that does not know what is acknowledged.
    cluster.n1.start();
    cluster.n2.resume();
    cluster.wait_pulling(&["n2"]);
    cluster.n1.designate("n2");
    cluster.n2.freeze();
    let soon = [("aerodb-deadline-ms", "200")];
    let caught = cluster.n1.try_send("PUT", "/v1/kv/k", &soon, Some(b"2")).expect("an answer");
    caught.refused(503, "NOT_ACKNOWLEDGED");
    cluster.n1.kill();
    cluster.n2.kill();
    cluster.n1.start();
    all_answer(&cluster.n1);
    let status = cluster.n1.get("/v1/status?digest=true").expect(200);
    assert_eq!(status.body["data"]["tips"]["acknowledged"], Value::Null);
    assert_eq!(status.body["data"]["state_digest"]["digest"], Value::Null);
    assert!(notes(&status).iter().any(|note| note.contains("state_digest is unknown")));

    // A halted node.
    cluster.n1.kill();
    cluster.n2.start();
    let _ = cluster.n2.promote(1).expect(200);
    cluster.n1.start();
    cluster.n1.follow(&cluster.n2).refused(503, "HALTED");
    let halted = unknown(&cluster.n1, &["role", "primary_commit_id"]);
    assert_eq!(halted.body["data"]["read_safety"], "Unsafe");
    assert_eq!(halted.body["data"]["blocking_reason"], "halted: F-V2");
    all_answer(&cluster.n1);
    cluster.n1.restart();
    assert_eq!(cluster.n1.data("/v1/replication")["blocking_reason"], "halted: F-V2");
    all_answer(&cluster.n1);
}
