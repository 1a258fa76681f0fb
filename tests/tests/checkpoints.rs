//! Checkpoints, recovery from them, and what is retained, on real processes.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use aerodb_tests::{Answer, Cluster, Node, aerodb, configured, directory_digest};
use serde_json::{Value, json};

/// Large enough that some sixty of them fill a segment of the log.
const LARGE: usize = 256 << 10;

#[track_caller]
fn checkpoint(node: &Node) -> Value {
    let answer = node.post("/v1/checkpoints", &json!({ "reason": "test" })).expect(200);
    assert_eq!(answer.body["data"]["complete"], true, "{}", answer.text);
    answer.body["data"].clone()
}

/// Gives so many keys a large value each, some of them several times.
#[track_caller]
fn fill(node: &Node, from: u64, to: u64) {
    for number in from..to {
        let value = format!("{number:08}").repeat(LARGE / 8);
        let _ = node.put(&format!("k{}", number % 40), &value).expect(200);
    }
}

fn bytes_of(dir: &Path) -> u64 {
    directory_digest(dir).values().map(|bytes| bytes.len() as u64).sum()
}

fn rule<'a>(explanation: &'a Value, id: &str) -> &'a Value {
    let rules = explanation["rules_applied"].as_array().expect("rules");
    rules.iter().find(|rule| rule["rule_id"] == id).expect("the rule")
}

/// Proves: P3-RS3, RR-1.
#[test]
fn p3_rs1_a_node_recovers_from_its_checkpoint_and_what_lies_strictly_after_it() {
    let (mut n1, _root) = Cluster::founder(&[]);
    fill(&n1, 0, 200);
    let before = bytes_of(&n1.dir.join("wal"));
    let taken = checkpoint(&n1);
    assert!(taken["segments_removed"].as_u64() >= Some(2), "{taken}");
    assert!(bytes_of(&n1.dir.join("wal")) < before, "the log is shorter by its segments");
    let again = checkpoint(&n1);
    assert_eq!((&again["unchanged"], &again["checkpoint"]), (&json!(true), &taken["checkpoint"]));
    let _ = n1.put("after", "the checkpoint").expect(200);
    let digest = n1.digest();
    let old = n1.get("/v1/kv/k1?at=2").expect(200).text;

    n1.restart();
    assert_eq!(n1.digest(), digest);
    assert_eq!(n1.get("/v1/kv/k1?at=2").expect(200).text, old, "what could be read can be read");
    assert_eq!(n1.get("/v1/kv/after").expect(200).text, "the checkpoint");
    let recovery = n1.data("/v1/explain/recovery");
    assert_eq!(recovery["conclusion"]["status"], "recovered");
    assert_eq!(rule(&recovery, "DIS-20")["evidence"]["checkpoint"]["position"]["commit_id"], 200);
    assert_eq!(
        rule(&recovery, "DIS-21")["evidence"],
        json!({ "checkpoint": 200, "replayed": { "first": 201, "last": 201 } })
    );
    assert_eq!(rule(&recovery, "CORE-D1")["evidence"]["state_digest"], digest.1);
    let wal = n1.data("/v1/wal");
    assert_eq!(wal["truncation_point"], taken["checkpoint"]["wal_kept_from"]["commit_id"]);

    let checkpoints = n1.data("/v1/checkpoints");
    assert_eq!(checkpoints["last_completed"], taken["checkpoint"]);
    assert_eq!(
        (&checkpoints["pending_commit_id"], &checkpoints["aborted"]),
        (&json!(null), &json!(null))
    );
    let safety = n1.data("/v1/explain/checkpoint");
    assert_eq!(safety["explanation_type"], "checkpoint.safety");
    assert_eq!(safety["conclusion"]["status"], "accepted", "{safety}");
    let snapshots = n1.data("/v1/snapshots");
    assert_eq!(snapshots["files"][0]["commit_id"], 200);
    assert_eq!(n1.data("/v1/state/checkpoint")["state"], "Complete");

    assert_eq!(n1.stop(), Some(0));
    for tool in ["wal", "ledger"] {
        let verified = aerodb(&[tool, "verify", "--output", "json", "--data-dir", n1.dir_arg()]);
        assert_eq!(verified.code, Some(0), "{verified:?}");
    }
}

/// Proves: P3-RS2, WAL-12, F-A2.
#[test]
fn dt_the_directory_after_five_restarts_without_writes_is_no_larger_and_its_state_the_same() {
    let (mut n1, _root) = Cluster::founder(&[]);
    fill(&n1, 0, 100);
    let _ = checkpoint(&n1);
    fill(&n1, 100, 110);
    n1.restart();
    let explained = n1.data("/v1/explain/recovery");
    let (digest, bytes) = (n1.digest(), bytes_of(&n1.dir));
    for _ in 0..5 {
        n1.restart();
        assert_eq!(n1.digest(), digest);
        assert!(bytes_of(&n1.dir) <= bytes, "{} > {bytes}", bytes_of(&n1.dir));
        assert_eq!(
            n1.data("/v1/explain/recovery"),
            explained,
            "replayed twice, explained the same"
        );
    }
}

#[test]
fn dis_20_a_flipped_byte_of_the_snapshot_is_named_and_refused() {
    let (mut n1, _root) = Cluster::founder(&[]);
    fill(&n1, 0, 10);
    let _ = checkpoint(&n1);
    assert_eq!(n1.stop(), Some(0));
    let path = n1.dir.join("snapshots").join(format!("{:020}.snapshot", 10));
    let whole = fs::read(&path).expect("a snapshot");
    for at in [0, 20, whole.len() / 2, whole.len() - 300, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 4;
        fs::write(&path, damaged).expect("written");
        let before = directory_digest(&n1.dir);
        let started = aerodb(&["serve", "--data-dir", n1.dir_arg()]);
        assert_eq!(started.code, Some(1), "{started:?}");
        assert!(
            started.stderr.contains("DIS-20") && started.stderr.contains(".snapshot"),
            "{started:?}"
        );
        assert_eq!(directory_digest(&n1.dir), before, "byte {at}");
        for tool in ["wal", "ledger"] {
            let verified = aerodb(&[tool, "verify", "--data-dir", n1.dir_arg()]);
            assert_eq!(verified.code, Some(1), "{tool} at {at}: {verified:?}");
        }
    }
    fs::write(&path, whole).expect("restored");
    n1.start();
    assert_eq!(n1.digest().0, 10);
}

/// Writers that never stop, checkpoints one after the other, and a kill at some moment of it.
#[test]
fn core_d1_a_kill_during_checkpoints_loses_no_acknowledged_write() {
    let (mut n1, _root) = Cluster::founder(&[]);
    let acknowledged = AtomicU64::new(0);
    for round in 0..6_u64 {
        let killed = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let node = &n1;
            scope.spawn(|| {
                let value = "v".repeat(32 << 10);
                while !killed.load(Ordering::Relaxed) {
                    let next = acknowledged.load(Ordering::Relaxed) + 1;
                    let key = format!("w{}", next % 100);
                    let answer = node.try_put(&key, &format!("{next:010}{value}"));
                    if answer.is_some_and(|answer| answer.status == 200) {
                        acknowledged.store(next, Ordering::Relaxed);
                    }
                }
            });
            scope.spawn(|| {
                while !killed.load(Ordering::Relaxed) {
                    let headers = [("content-type", "application/json")];
                    let body = json!({ "reason": "test" }).to_string();
                    let _ =
                        node.try_send("POST", "/v1/checkpoints", &headers, Some(body.as_bytes()));
                }
            });
            let since = acknowledged.load(Ordering::Relaxed);
            node.wait("takes writes", || {
                (acknowledged.load(Ordering::Relaxed) > since + 60 + 17 * round).then_some(())
            });
            node.kill_shared();
            killed.store(true, Ordering::Relaxed);
        });
        n1.start_again();
        let last = acknowledged.load(Ordering::Relaxed);
        for number in last.saturating_sub(99).max(1)..=last {
            let answer: Answer = n1.get(&format!("/v1/kv/w{}", number % 100)).expect(200);
            let found: u64 = answer.text[..10].parse().expect("a number");
            assert!(
                found >= number,
                "round {round}: w{} is {found}, {number} was acknowledged",
                number % 100
            );
        }
        let digest = n1.digest();
        n1.restart();
        assert_eq!(n1.digest(), digest, "round {round}: replayed twice");
    }
}

#[test]
fn ckp_3_the_log_triggers_a_checkpoint_by_its_bytes_on_the_holder_and_on_a_replica() {
    let (n1, root) = configured(&[("checkpoint_wal_bytes", 1 << 20)]);
    let n2 = Cluster::joined(&root, "n2", &n1);
    for number in 0..300 {
        let _ = n1.put(&format!("k{}", number % 7), "v").expect(200);
    }
    // 300 appends own 300 blocks of 4,096 bytes.
    n1.wait("took a checkpoint", || {
        n1.data("/v1/checkpoints")["last_completed"]["commit_id"].as_u64()
    });
    assert_eq!(n2.data("/v1/checkpoints")["last_completed"], json!(null), "its bound is 256 MiB");
    n2.wait_applied(300);
    let taken = checkpoint(&n2);
    assert_eq!(taken["checkpoint"]["commit_id"], 300);
}

#[test]
fn p6_s1_a_designation_that_only_the_checkpoint_still_holds_is_enough_for_a_promotion() {
    let mut cluster = Cluster::start();
    let _ = cluster.n1.put("before", "1").expect(200);
    cluster.n1.designate("n2");
    fill(&cluster.n1, 0, 150);
    cluster.n2.wait_applied(151);
    cluster.n2.wait("knows its bound", || {
        (cluster.n2.data("/v1/status")["tips"]["acknowledged"].as_u64()? >= 151).then_some(())
    });
    let taken = checkpoint(&cluster.n2);
    assert!(taken["segments_removed"].as_u64() > Some(0), "{taken}");
    assert_eq!(taken["checkpoint"]["designation"]["commit_id"], 1);
    cluster.n2.restart();
    cluster.n1.kill();
    let before = cluster.n2.stop();
    assert_eq!(before, Some(0));
    let offline = aerodb(&[
        "promote",
        "--dry-run",
        "--data-dir",
        cluster.n2.dir_arg(),
        "--expected-epoch",
        "1",
    ]);
    assert_eq!(offline.code, Some(0), "{offline:?}");
    cluster.n2.start();
    let _ = cluster.n2.promote(1).expect(200);
    assert_eq!(cluster.n2.get("/v1/kv/before").expect(200).text, "1");
    assert!(cluster.n2.get("/v1/kv/k9").expect(200).text.starts_with("00000129"));
    let _ = cluster.n2.put("after", "2").expect(200);
    cluster.n2.restart();
    assert_eq!(cluster.n2.get("/v1/kv/after").expect(200).text, "2");
}

#[test]
fn mvg_2_a_commit_below_the_retained_ones_is_410_and_the_floor_is_shown() {
    let (mut n1, _root) = configured(&[("retain_commits", 100)]);
    for number in 1..=3000 {
        let _ = n1.put("k", &number.to_string()).expect(200);
    }
    // A thousand hidden versions at a time are handed to the pruner.
    let floor = n1.wait("prunes", || {
        let mvcc = n1.data("/v1/mvcc");
        mvcc["oldest_retained_commit_id"].as_u64().filter(|floor| *floor > 1000)
    });
    n1.get(&format!("/v1/kv/k?at={}", floor - 1)).refused(410, "COMMIT_NOT_RETAINED");
    assert_eq!(n1.get(&format!("/v1/kv/k?at={floor}")).expect(200).text, floor.to_string());
    assert!(floor <= 2900, "the last hundred stay");
    let versions = |node: &Node| node.data("/v1/status")["store"]["versions"].as_u64();
    n1.wait("collected", || versions(&n1).filter(|versions| *versions <= 3001 - floor));
    let explained = n1.data(&format!("/v1/explain/read?key=k&at={}", floor - 1));
    assert_eq!(rule(&explained, "MVG-2")["evaluation"], "false");

    let taken = checkpoint(&n1);
    let kept = taken["checkpoint"]["oldest_retained_commit_id"].as_u64().expect("a floor");
    n1.restart();
    let floor = n1.data("/v1/mvcc")["gc_watermark"].as_u64().expect("a floor");
    assert!((kept..=2900).contains(&floor), "{floor}, the snapshot was kept from {kept} on");
    n1.get(&format!("/v1/kv/k?at={}", kept - 1)).refused(410, "COMMIT_NOT_RETAINED");
    assert_eq!(n1.get("/v1/kv/k?at=2900").expect(200).text, "2900");
}

#[test]
fn mem_1_a_full_store_refuses_writes_and_goes_on_serving_reads() {
    let (mut n1, _root) = configured(&[("store_bytes_max", 1 << 20)]);
    let value = "v".repeat(64 << 10);
    let mut written = 0;
    let refused = loop {
        let answer = n1.put(&format!("k{written}"), &value);
        if answer.status != 200 {
            break answer;
        }
        written += 1;
    };
    refused.refused(503, "MEMORY_LIMIT");
    assert_eq!(refused.body["rule"], "MEM-1");
    assert_eq!(written, 16);
    assert_eq!(n1.get("/v1/kv/k15").expect(200).text, value);
    let _ = checkpoint(&n1);
    n1.restart();
    n1.put("more", "v").refused(503, "MEMORY_LIMIT");
    assert_eq!(n1.get("/v1/kv/k15").expect(200).text, value);
}

#[test]
fn mvs_1_a_sealed_node_keeps_its_log_for_its_heir() {
    let cluster = Cluster::start();
    let _ = cluster.n1.put("k", "v").expect(200);
    let body = json!({ "successor": "n2", "expected_epoch": 1, "reason": "test" });
    let _ = cluster.n1.post("/v1/authority/relinquish", &body).expect(200);
    let answer = cluster.n1.post("/v1/checkpoints", &json!({ "reason": "test" }));
    answer.refused(409, "COMMAND_REFUSED");
    let empty = cluster.n3.post("/v1/checkpoints", &json!({}));
    empty.refused(400, "INVALID_REQUEST");
}
