//! WAL validation failures.

use aerodb_core::hash::Chain;
use aerodb_core::id::{Boundary, Epoch};
use aerodb_core::position::Position;
use aerodb_core::wal::{Batch, Commit, Op, RawBatch};
use aerodb_http_api::stream::PullAnswer;
use aerodb_tests::proxy::{Change, Fault};
use aerodb_tests::{Answer, Cluster, Node};
use serde_json::json;

use crate::golden;
use crate::stage::{Stage, assert_unreadable, offsets, recovery, wait_detached, wait_halted};

pub(crate) fn resume(node: &Node, failure: Option<&str>) -> Answer {
    let mut body = json!({ "reason": "the cause is gone" });
    if let Some(failure) = failure {
        body["failure"] = failure.into();
    }
    node.post("/v1/replication/resume", &body)
}

pub(crate) fn discard(node: &Node, query: &str) -> Answer {
    let body = json!({ "reason": "it was never receipted" });
    node.post(&format!("/v1/replication/discard-suffix{query}"), &body)
}

/// Two commits are on both nodes, then the next answer is hit by this fault.
#[track_caller]
pub(crate) fn halted_by(fault: Fault, rule: &str) -> Stage {
    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    stage.put_behind_its_back(3..=5);
    stage.proxy.next(fault);
    stage.n2.start();
    wait_halted(&stage.n2, rule);
    assert_eq!(stage.proxy.happened(), 1);
    stage
}

/// It stays as it is through a restart, and no traffic, no other command and no wrong name clears it.
fn assert_latched(stage: &mut Stage, rule: &str, held: [u64; 3]) {
    for _ in 0..2 {
        let status = wait_halted(&stage.n2, rule);
        assert_eq!(status["role"], "ReplicationHalted");
        assert_eq!(offsets(&stage.n2), held);
        assert_unreadable(&stage.n2, "HALTED");
        let failures = stage.n2.data("/v1/wal")["failures"].clone();
        assert_eq!(failures.as_array().map(Vec::len), Some(1), "{failures}");
        resume(&stage.n2, None).refused(503, "HALTED");
        resume(&stage.n2, Some("ST-2")).refused(409, "COMMAND_REFUSED");
        stage.n2.follow(&stage.n1).refused(503, "HALTED");
        stage.n2.promote(1).refused(409, "PROMOTION_DENIED");
        stage.n2.restart();
    }
}

/// The operator names the failure; nothing of it is in the log.
fn assert_resumes(stage: &mut Stage, rule: &str) {
    discard(&stage.n2, "").refused(409, "COMMAND_REFUSED");
    let named = resume(&stage.n2, Some(rule)).expect(200);
    let seq = named.body["data"]["seq"].as_u64().expect("a number");
    stage.assert_equal(5);
    let entry = stage.n2.data(&format!("/v1/ledger/decision/{seq}"));
    assert_eq!(entry["entry"], "failure_cleared", "{entry}");
    assert!(entry.to_string().contains("the cause is gone"), "{entry}");
}

/// F-V1 on the wire: whichever byte of an answer is not what was sent, nothing of it is taken.
/// Proves: M-R07, F-X5, RA-10.
#[test]
fn f_v1_an_answer_that_changed_on_its_way_is_refused_and_latched() {
    // The cluster id, the bounds, the batches, and the checksum itself.
    for at in [0, 40, 200, usize::MAX] {
        let mut stage = halted_by(Fault::Flip(at), "F-V1");
        assert_latched(&mut stage, "F-V1", [2; 3]);
        assert_resumes(&mut stage, "F-V1");
    }
}

/// F-V1 in a batch, as an upstream with a fault of its own would send it: kept as evidence, never applied.
/// Proves: M-R13, RA-4.
#[test]
fn f_v1_a_batch_with_a_wrong_checksum_is_kept_as_evidence_and_never_applied() {
    // The checksum, the epoch, the chain, the payload.
    for at in [4, 9, 80, 140] {
        let mut stage = halted_by(Fault::Change(Change::corrupted(at)), "F-V1");
        assert_latched(&mut stage, "F-V1", [5, 2, 2]);
        if at == 140 {
            golden::check("f_v1_replication", &stage.n2.data("/v1/explain/replication"));
            golden::check("f_v1_recovery", &recovery(&stage.n2));
        }
        resume(&stage.n2, Some("F-V1")).refused(409, "COMMAND_REFUSED");
        let looked = discard(&stage.n2, "?dry_run=true").expect(200).body["data"].clone();
        assert_eq!((&looked["kept"]["commit_id"], &looked["discarded"]), (&json!(2), &json!(5)));
        assert_eq!(looked["seq"], json!(null));
        let discarded = discard(&stage.n2, "").expect(200).body["data"].clone();
        assert_eq!(discarded["cleared"], "F-V1");
        let name = discarded["quarantine"].as_str().expect("a name");
        assert!(stage.n2.dir.join("quarantine").join(name).is_dir());
        stage.assert_equal(5);
    }
}

type Made = (&'static str, fn() -> Change);

/// F-V2: gap, overlap and disorder; the log is as it was.
/// Proves: M-R05, M-R06, M-R14, F-X5.
#[test]
fn f_v2_a_segment_that_does_not_continue_the_history_is_refused_and_changes_nothing() {
    let changes: [Made; 3] = [
        ("gap", Change::with_a_gap),
        ("overlap", Change::duplicated),
        ("disorder", Change::reordered),
    ];
    for (what, change) in changes {
        let mut stage = halted_by(Fault::Change(change()), "F-V2");
        golden::check(&format!("f_v2_{what}"), &stage.n2.data("/v1/explain/replication"));
        assert_latched(&mut stage, "F-V2", [2; 3]);
        assert_resumes(&mut stage, "F-V2");
    }
}

/// One commit in the place of the first batch of an answer.
fn forged(answer: &PullAnswer, epoch: u64, chain: Option<Chain>) -> bytes::Bytes {
    let mut bytes = answer.batches.clone();
    let batch = RawBatch::split_first(&mut bytes).and_then(|raw| raw.decode()).expect("a batch");
    let boundary = Boundary::new(batch.first().get() - 1);
    let tip = Position { boundary, chain: chain.unwrap_or(batch.before()) };
    let ops = vec![Op::Put { key: "k1".into(), value: "forged".into() }];
    let epoch = Epoch::new(epoch).expect("an epoch");
    let (_, raw) = Batch::form(&tip, epoch, batch.stamp(), vec![Commit { ops }]).expect("a batch");
    raw.bytes().clone()
}

/// As [`forged`], continuing the history or another one.
pub(crate) fn forged_in(answer: &PullAnswer, epoch: u64, other: bool) -> bytes::Bytes {
    forged(answer, epoch, other.then_some(Chain([7; 32])))
}

/// P5-I4: whole in itself, and of an epoch that the ledger does not give its place.
#[test]
fn f_v2_a_batch_of_a_wrong_epoch_is_refused_by_the_ledger() {
    let change = Change::of(|answer| answer.batches = forged(answer, 2, None));
    let mut stage = halted_by(Fault::Change(change), "P5-I4");
    assert_latched(&mut stage, "P5-I4", [3, 2, 2]);
    let looked = discard(&stage.n2, "?dry_run=true").expect(200).body["data"].clone();
    assert_eq!(looked["commits"], json!([{ "commit_id": 3, "epoch": 2, "keys": ["k1"] }]));
    let _ = discard(&stage.n2, "").expect(200);
    stage.assert_equal(5);
    assert_eq!(stage.n2.get("/v1/kv/k1?consistency=snapshot").expect(200).text, "1");
}

/// RI-3: whole in itself, and of another history. No discarding makes two histories one.
/// Proves: M-R15, F-X4.
#[test]
fn f_v2_a_divergent_history_halts_for_good() {
    let change = Change::of(|answer| answer.batches = forged(answer, 1, Some(Chain([7; 32]))));
    let mut stage = halted_by(Fault::Change(change), "RI-3");
    golden::check("ri_3_divergence", &stage.n2.data("/v1/explain/replication"));
    assert_latched(&mut stage, "RI-3", [3, 2, 2]);
    discard(&stage.n2, "").refused(503, "HALTED");
    resume(&stage.n2, Some("RI-3")).refused(409, "COMMAND_REFUSED");
}

/// Another cluster's answer latches before anything of it is looked at: nothing of it is taken.
#[test]
fn f_v2_an_answer_of_another_cluster_latches_and_nothing_of_it_is_taken() {
    let mut stage = halted_by(Fault::Change(Change::foreign()), "F-V2");
    let failure = stage.n2.data("/v1/wal")["failures"][0].to_string();
    assert!(failure.contains("the answer is of cluster 0909"), "{failure}");
    assert_latched(&mut stage, "F-V2", [2; 3]);
    assert_resumes(&mut stage, "F-V2");
}

/// A node of another cluster refuses the question and names its cluster: that is proof enough, and latches. What the
/// operator does about it is to name the failure together with another upstream.
/// Proves: F-X5.
#[test]
fn f_v2_a_refusal_by_a_node_of_another_cluster_latches_until_another_upstream_is_named() {
    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    let (theirs, _root) = Cluster::founder(&[]);
    let _ = theirs.put("k1", "theirs").expect(200);
    let _ = stage.n2.follow(&theirs).expect(200);
    let halt = wait_halted(&stage.n2, "F-V2")["halt"]["evidence"]["detail"].clone();
    let their_cluster = theirs.get("/v1/status").body["observed_at"]["cluster_id"].clone();
    let their_cluster = their_cluster.as_str().expect("an id");
    assert!(halt.as_str().is_some_and(|why| why.contains(their_cluster)), "{halt}");
    assert_latched(&mut stage, "F-V2", [2; 3]);
    // Named alone, it goes back to where it came from, and halts again.
    let _ = resume(&stage.n2, Some("F-V2")).expect(200);
    stage.n2.wait("pulled again", || {
        let entries = stage.n2.try_get("/v1/ledger?log=decision&limit=1000")?.body["data"].clone();
        let halts = entries.as_array()?.iter().filter(|entry| entry["entry"] == "halted");
        (halts.count() == 2).then_some(())
    });
    let _ = wait_halted(&stage.n2, "F-V2");
    let stray = json!({ "upstream": stage.n1.url(), "reason": "test" });
    stage.n2.post("/v1/replication/resume", &stray).refused(400, "INVALID_REQUEST");
    let body = json!({ "failure": "F-V2", "upstream": stage.n1.url(), "reason": "the right one" });
    let named = stage.n2.post("/v1/replication/resume", &body).expect(200);
    assert_eq!(named.body["data"]["upstream"], stage.n1.url());
    stage.put(3..=5);
    stage.assert_equal(5);
}

/// A 403 that does not say that its node is of another cluster proves nothing: the replica is detached.
#[test]
fn f_v2_a_refusal_that_names_no_other_cluster_detaches() {
    let mut stage = Stage::set();
    stage.put_followed(1..=2);
    let ours = stage.n1.get("/v1/status").body["observed_at"]["cluster_id"].clone();
    for cluster in [ours, json!(null)] {
        let problem = json!({
            "type": "about:blank", "title": "t", "status": 403, "code": "FOREIGN_CLUSTER",
            "detail": "this node is of another cluster", "cluster_id": cluster,
        });
        stage.proxy.next(Fault::Refuse(problem.to_string()));
        stage.put_behind_its_back(3..=3);
        stage.n2.start();
        let why = wait_detached(&stage.n2);
        assert!(why.contains("this node is of another cluster"), "{why}");
        assert_eq!(stage.n2.data("/v1/status")["halt"], json!(null));
    }
    stage.n2.resume();
    stage.assert_equal(4);
}

/// F-X4: the first cause stays the first, what comes after it is kept in order, and a failure of another
/// kind is not cleared with it.
#[test]
fn f_v2_a_later_failure_is_kept_behind_the_first_cause() {
    let mut stage = halted_by(Fault::Change(Change::with_a_gap()), "F-V2");
    stage.n2.kill();
    let moved = stage.root.path().join("elsewhere");
    let copied = std::process::Command::new("cp").arg("-a").args([&stage.n2.dir, &moved]).status();
    assert!(copied.expect("cp runs").success());
    stage.n2.dir = moved;
    stage.n2.start();
    let status = wait_halted(&stage.n2, "F-V2");
    assert_eq!(status["halt"]["rule"], "F-V2");
    let failures = stage.n2.data("/v1/wal")["failures"].clone();
    let rules =
        failures.as_array().expect("failures").iter().map(|failure| failure["rule"].clone());
    assert_eq!(rules.collect::<Vec<_>>(), [json!("F-V2"), json!("ST-2")]);
    let refused = resume(&stage.n2, Some("F-V2"));
    refused.refused(409, "COMMAND_REFUSED");
    assert_eq!(refused.body["rule"], "ST-2");
}
