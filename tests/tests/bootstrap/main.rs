//! A replica that takes the holder's snapshot over, on the real binary.

#![allow(clippy::expect_used, missing_docs)]

mod scene;

use std::sync::atomic::{AtomicBool, Ordering};

use aerodb_tests::{Cluster, aerodb};
use scene::Scene;
use serde_json::{Value, json};

/// Told, and left alone: a replica whose next commit the holder has dropped says so everywhere, also after a
/// restart, and nothing happens. Asked, it ends with the holder's state and history, and goes on from the cut.
/// Proves: M-C14.
#[test]
fn dis_22_rs_8_a_replica_too_far_behind_waits_for_an_operator_and_then_goes_on_after_the_cut() {
    let mut scene = Scene::new();
    scene.n2.start();
    scene.wait_required();
    scene.n2.restart();
    scene.wait_required();
    let status = scene.n2.data("/v1/status");
    assert_eq!(status["bootstrap_required"], true);
    scene.n2.get("/v1/kv/k1").refused(503, "READ_UNSAFE");
    scene.n2.get("/v1/explain/bootstrap").refused(404, "NO_SUCH_ENTRY");
    assert_eq!(scene.n2.data("/v1/ledger?log=decision"), json!([]), "nothing was begun");

    let done = scene.bootstrap();
    assert_eq!(done.code, Some(0), "{done:?}");
    let _ = scene.n1.put("after", "the cut").expect(200);
    scene.n2.wait_applied(scene.commits + 1);
    assert_eq!(scene.n2.get("/v1/kv/after").expect(200).text, "the cut");
    scene.assert_same();

    let replication = scene.n2.data("/v1/replication");
    assert_eq!(replication["snapshot_bootstrap_state"], "Complete");
    assert_eq!(replication["bootstrap_required"], false);
    let explained = scene.n2.data("/v1/explain/bootstrap");
    assert_eq!(explained["explanation_type"], "snapshot.bootstrap");
    assert_eq!(explained["conclusion"]["status"], "accepted");
    assert_eq!(scene.recorded(), ["bootstrap_requested", "bootstrap_decided"]);
    let wal = scene.n2.data("/v1/wal");
    let first = wal["files"][0]["first_commit_id"].as_u64().expect("a commit");
    assert_eq!(Some(first - 1), scene.cut().as_u64(), "strictly after the cut");
}

/// The same request id is the same request.
#[test]
fn a_bootstrap_asked_for_twice_under_one_id_happens_once() {
    let mut scene = Scene::new();
    scene.n2.start();
    scene.wait_required();
    let body = json!({ "reason": "test", "request_id": "once" });
    let first = scene.n2.post("/v1/replication/bootstrap", &body).expect(200);
    scene.wait_complete();
    // It starts again with what was installed, and answers nothing meanwhile.
    let ask = || scene.n2.try_post("/v1/replication/bootstrap", &body);
    let again = scene.n2.wait("answers again", ask).expect(200);
    assert_eq!(first.body, again.body);
    assert_eq!(scene.recorded(), ["bootstrap_requested", "bootstrap_decided"]);
}

/// Nothing takes a node below what it has receipted.
#[test]
fn au_13_a_bootstrap_never_goes_backwards() {
    let mut cluster = Cluster::start();
    let _ = cluster.n1.put("k", "1").expect(200);
    let _ = cluster.n1.post("/v1/checkpoints", &json!({ "reason": "test" })).expect(200);
    let _ = cluster.n1.put("k", "2").expect(200);
    cluster.n2.wait_applied(2);

    let refused = aerodb(&["--node", &cluster.n2.url(), "bootstrap", "--reason", "test"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("AU-13"), "{refused:?}");
    let explained = cluster.n2.data("/v1/explain/bootstrap");
    assert_eq!(explained["conclusion"], json!({ "status": "rejected", "reason": "AU-13" }));
    let state = cluster.n2.data("/v1/state/bootstrap");
    assert_eq!(state["state"], "Rejected");

    assert_eq!(cluster.n2.get("/v1/kv/k").expect(200).text, "2", "it is as it was");
    cluster.n2.resume();
    let _ = cluster.n1.put("k", "3").expect(200);
    cluster.n2.wait_applied(3);
    cluster.n2.restart();
    assert_eq!(cluster.n2.data("/v1/replication")["snapshot_bootstrap_state"], "NotStarted");
}

/// The node under obligation is never behind what is acknowledged, so there is nothing that it could want.
#[test]
fn au_13_the_obliged_node_takes_no_snapshot() {
    let cluster = Cluster::start();
    cluster.n1.designate("n2");
    let _ = cluster.n1.put("k", "1").expect(200);
    let refused = aerodb(&["--node", &cluster.n2.url(), "bootstrap", "--reason", "test"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let explained = cluster.n2.data("/v1/explain/bootstrap");
    assert_eq!(explained["conclusion"]["reason"], "AU-13");
    assert_eq!(explained["rules_applied"][7]["evidence"]["obliged"], true);
}

#[test]
fn rs_1_a_replica_serves_no_snapshot() {
    let cluster = Cluster::start();
    let _ = cluster.n1.put("k", "1").expect(200);
    let _ = cluster.n3.follow(&cluster.n2).expect(200);
    let refused = aerodb(&["--node", &cluster.n3.url(), "bootstrap", "--reason", "test"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("RS-1"), "{refused:?}");
    let bootstrap = &cluster.n3.data("/v1/replication")["bootstrap"];
    assert_eq!(bootstrap["rule"], "RS-1");
}

#[test]
fn rs_6_only_a_replica_takes_a_snapshot() {
    let (n1, _root) = Cluster::founder(&[]);
    n1.post("/v1/replication/bootstrap", &json!({ "reason": "test" }))
        .refused(409, "COMMAND_REFUSED");
    n1.post("/v1/replication/bootstrap", &json!({})).refused(400, "INVALID_REQUEST");
}

/// F-S1, with not a byte there yet: the holder stands still. Reads are refused, nothing else may be begun, and
/// a crash leaves nothing.
#[test]
fn f_s1_a_transfer_under_way_refuses_reads_and_leaves_nothing_after_a_crash() {
    let mut scene = Scene::new();
    scene.n2.start();
    scene.wait_required();
    scene.n1.freeze();
    let body = json!({ "reason": "test" });
    let _ = scene.n2.post("/v1/replication/bootstrap", &body).expect(200);
    let replication = scene.n2.data("/v1/replication");
    assert_eq!(replication["snapshot_bootstrap_state"], "InProgress");
    assert_eq!(replication["bootstrap"]["state"], "Transferring");
    scene.n2.get("/v1/kv/k1").refused(503, "READ_UNSAFE");
    for path in ["bootstrap", "resume"] {
        let refused = scene.n2.post(&format!("/v1/replication/{path}"), &body);
        refused.refused(409, "COMMAND_REFUSED");
        assert_eq!(refused.body["rule"], "RS-3");
    }
    scene.n2.kill();
    scene.n1.thaw();
    scene.n2.start();
    scene.wait_required();
    scene.assert_not_started();
    assert_eq!(scene.bootstrap().code, Some(0));
    scene.n2.wait_applied(scene.commits);
    scene.assert_same();
}

/// A fresh replica, while the holder takes writes, ends like one that was there from the first commit on.
/// Proves: P3-R0, P3-R3.
#[test]
fn rs_7_a_replica_made_of_a_snapshot_is_the_one_made_of_the_whole_log() {
    let mut scene = Scene::new();
    let whole = scene.whole.take().expect("a replica that has everything");
    scene.n2.start();
    scene.wait_required();
    let over = AtomicBool::new(false);
    let last = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut last = 0;
            let mut number = 0_u64;
            while !over.load(Ordering::Relaxed) || number < 50 {
                number += 1;
                let (key, value) = (format!("w{}", number % 20), number.to_string());
                let written = match number % 7 {
                    0 => scene.n1.try_send("DELETE", &format!("/v1/kv/{key}"), &[], None),
                    _ => scene.n1.try_put(&key, &value),
                };
                // Nothing was deleted where there was nothing.
                let written = written.expect("an answer").body;
                last = written["data"]["commit_id"].as_u64().unwrap_or(last);
            }
            last
        });
        let done = scene.bootstrap();
        over.store(true, Ordering::Relaxed);
        assert_eq!(done.code, Some(0), "{done:?}");
        writer.join().expect("a writer")
    });
    scene.n2.wait_applied(last);
    whole.wait_applied(last);
    scene.n1.wait("has told the bound", || {
        (scene.n2.digest().0 == last && whole.digest().0 == last).then_some(())
    });
    assert_eq!(scene.n2.digest(), scene.n1.digest());
    assert_eq!(scene.n2.digest(), whole.digest());
    let prefix = |node: &aerodb_tests::Node| node.data("/v1/replication")["wal_prefix"].clone();
    assert_eq!(prefix(&scene.n2), prefix(&whole));
    assert_ne!(prefix(&scene.n2), Value::Null);
}
