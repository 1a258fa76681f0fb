//! Nothing above the acknowledged bound is ever shown, and nothing acknowledged is ever lost.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Scope;

use aerodb_tests::{Cluster, Node, aerodb, directory_digest};
use serde_json::json;

#[test]
fn a_caught_write_is_not_readable_and_after_the_heirs_promotion_never_was() {
    let mut cluster = Cluster::start();
    let _ = cluster.n1.put("before", "1").expect(200);
    cluster.n1.designate("n2");
    let _ = cluster.n1.put("paired", "2").expect(200);
    cluster.n2.wait_applied(2);

    cluster.n2.freeze();
    let headers = [("aerodb-deadline-ms", "300")];
    let caught =
        cluster.n1.try_send("PUT", "/v1/kv/caught", &headers, Some(b"3")).expect("an answer");
    caught.refused(503, "NOT_ACKNOWLEDGED");
    assert_eq!(caught.body["commit_id"], 3);
    cluster.n1.get("/v1/kv/caught?consistency=snapshot").refused(404, "KEY_NOT_FOUND");
    let linearizable =
        cluster.n1.try_send("GET", "/v1/kv/paired", &headers, None).expect("an answer");
    linearizable.refused(503, "READ_UNSAFE");
    let seen = cluster.n1.get("/v1/kv/paired?consistency=snapshot").expect(200);
    assert_eq!(seen.text, "2");
    assert!(
        cluster.n3.get("/v1/kv/caught").status == 404,
        "other replicas are served what is acknowledged"
    );

    // Refused, not caught, once the connection is gone.
    cluster.n1.kill();
    cluster.n2.kill();
    cluster.n1.start();
    cluster.n1.put("later", "4").refused(503, "SUCCESSOR_DETACHED");
    cluster.n1.get("/v1/kv/before?consistency=snapshot").refused(503, "READ_UNSAFE");
    cluster.n1.kill();

    cluster.n2.start();
    let granted = cluster.n2.promote(1).expect(200);
    assert_eq!(granted.body["data"]["start_commit"], 2);
    cluster.n2.get("/v1/kv/caught").refused(404, "KEY_NOT_FOUND");
    let reused = cluster.n2.put("new", "5").expect(200);
    assert_eq!(reused.body["data"]["commit_id"], 3);

    // The deposed holder has a durable suffix that was never acknowledged: it says so and halts.
    cluster.n1.start();
    let halted = cluster.n1.follow(&cluster.n2);
    halted.refused(503, "HALTED");
    assert_eq!(halted.body["rule"], "F-V2");
    cluster.n1.get("/v1/kv/caught?consistency=snapshot").refused(503, "HALTED");
    cluster.n1.restart();
    assert_eq!(cluster.n1.data("/v1/status")["halt"]["rule"], "F-V2");

    // The way back, by the operator's hand: look, discard, follow.
    let running =
        aerodb(&["discard-suffix", "--data-dir", cluster.n1.dir_arg(), "--reason", "deposed"]);
    assert_eq!(running.code, Some(1), "a running node's directory is its own: {running:?}");
    cluster.n1.kill();
    let before = directory_digest(&cluster.n1.dir);
    let tool = ["discard-suffix", "--output", "json", "--data-dir", cluster.n1.dir_arg()];
    let listed = aerodb(&[&tool[..], &["--dry-run"]].concat());
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert_eq!(
        listed.json()["data"]["commits"],
        json!([{ "commit_id": 3, "epoch": 1, "keys": ["caught"] }])
    );
    assert_eq!(before, directory_digest(&cluster.n1.dir));
    let discarded =
        aerodb(&[&tool[..], &["--reason", "n1 was deposed with an unacknowledged write"]].concat());
    assert_eq!(discarded.code, Some(0), "{discarded:?}");
    assert_eq!(discarded.json()["data"]["cleared"], "F-V2");
    let again = aerodb(&[&tool[..], &["--reason", "again"]].concat());
    assert_eq!(again.code, Some(1), "{again:?}");
    // As a crash before its last step leaves it: no log in its place. The node does not start, and the
    // command, run again, finishes the work.
    let (wal, kept) = (cluster.n1.dir.join("wal"), cluster.n1.dir.join("wal.kept"));
    std::fs::rename(&wal, &kept).expect("renamed");
    let refused = aerodb(&["serve", "--data-dir", cluster.n1.dir_arg()]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let finished = aerodb(&[&tool[..], &["--reason", "go on"]].concat());
    assert_eq!(finished.code, Some(0), "{finished:?}");
    cluster.n1.start();
    assert_eq!(cluster.n1.data("/v1/status")["halt"], serde_json::Value::Null);
    let _ = cluster.n1.follow(&cluster.n2).expect(200);
    cluster.n1.wait_shown(3);
    assert_eq!(cluster.n1.digest(), cluster.n2.digest());
    cluster.n1.restart();
    cluster.n1.get("/v1/kv/caught").refused(404, "KEY_NOT_FOUND");
    assert_eq!(cluster.n1.get("/v1/kv/new").expect(200).text, "5");
}

/// What clients saw acknowledged: key -> (commit, value).
type Acknowledged = Mutex<Vec<(String, u64, String)>>;

fn load<'s>(
    scope: &'s Scope<'s, '_>,
    node: &'s Node,
    round: u64,
    stop: &'s AtomicBool,
    seen: &'s Acknowledged,
) {
    for client in 0..4 {
        scope.spawn(move || {
            for number in 0.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (key, value) =
                    (format!("r{round}-c{client}-{number}"), format!("{round}/{client}/{number}"));
                if let Some(answer) = node.try_put(&key, &value)
                    && answer.status == 200
                {
                    let commit = answer.body["data"]["commit_id"].as_u64().expect("a commit id");
                    seen.lock().expect("no panic").push((key, commit, value));
                }
            }
        });
    }
}

/// 20 rounds: each node in turn is killed in the middle of a concurrent load.
/// Proves: P3-G1, P3-G10, P3-RS3, P3-T3, CT-2.
#[test]
fn d1_every_acknowledged_write_survives_kills_of_every_node() {
    let mut cluster = Cluster::start();
    cluster.n1.designate("n2");
    let seen = Acknowledged::default();
    for round in 0..20 {
        let (stop, enough) = (AtomicBool::new(false), seen.lock().expect("no panic").len() + 20);
        let (n1, victims) = (&cluster.n1, [&cluster.n1, &cluster.n2, &cluster.n3]);
        let victim = victims[usize::try_from(round % 3).expect("small")];
        std::thread::scope(|scope| {
            load(scope, n1, round, &stop, &seen);
            n1.wait("acknowledges writes", || {
                (seen.lock().expect("no panic").len() >= enough).then_some(())
            });
            victim.kill_shared();
            stop.store(true, Ordering::Relaxed);
        });
        match round % 3 {
            0 => cluster.n1.start_again(),
            1 => cluster.n2.start_again(),
            _ => cluster.n3.start_again(),
        }
        // Nobody retries by himself: the replicas are told to pull again.
        cluster.n2.resume();
        cluster.n3.resume();
        cluster.wait_pulling(&["n2", "n3"]);
        cluster.n1.wait("knows what is acknowledged", || {
            let status = cluster.n1.try_get("/v1/status")?.body["data"]["tips"].clone();
            (status["acknowledged"].is_u64() && status["acknowledged"] == status["wal_tip"])
                .then_some(())
        });
    }
    let mut seen = seen.into_inner().expect("no panic");
    for (key, commit, value) in &seen {
        let answer = cluster.n1.get(&format!("/v1/kv/{key}")).expect(200);
        assert_eq!((&answer.text, answer.etag), (value, Some(format!("\"{commit}\""))));
    }
    seen.sort_by_key(|(_, commit, _)| *commit);
    assert!(seen.windows(2).all(|pair| pair[0].1 < pair[1].1), "a commit id was given twice");
    let tip = cluster.n1.data("/v1/status")["tips"]["wal_tip"].as_u64().expect("a tip");
    for node in [&cluster.n2, &cluster.n3] {
        node.wait_applied(tip);
        node.wait("shows the same", || (node.digest() == cluster.n1.digest()).then_some(()));
    }
    println!("{} writes acknowledged over 20 kills, {tip} commits", seen.len());
    for node in [&mut cluster.n1, &mut cluster.n2, &mut cluster.n3] {
        assert_eq!(node.stop(), Some(0), "{}", node.log());
        for tool in [["ledger", "verify"], ["ledger", "replay"], ["wal", "verify"]] {
            let audited = aerodb(&[tool[0], tool[1], "--data-dir", node.dir_arg()]);
            assert_eq!(audited.code, Some(0), "{tool:?} {audited:?}");
        }
    }
}

#[test]
fn conditions_are_judged_against_the_tip_and_a_txn_is_all_or_nothing() {
    let (n1, _root) = Cluster::founder(&[]);
    let first = n1.put("a", "1").expect(200).body["data"]["commit_id"].clone();
    let if_match = |etag: &str, value: &str| {
        n1.try_send("PUT", "/v1/kv/a", &[("if-match", etag)], Some(value.as_bytes()))
            .expect("an answer")
    };
    let _ = if_match(&format!("\"{first}\""), "2").expect(200);
    if_match(&format!("\"{first}\""), "3").refused(412, "PRECONDITION_FAILED");
    let absent =
        n1.try_send("PUT", "/v1/kv/a", &[("if-none-match", "*")], Some(b"4")).expect("an answer");
    absent.refused(412, "PRECONDITION_FAILED");
    assert_eq!(n1.get("/v1/kv/a").expect(200).text, "2");

    let ops = json!([{ "put": { "key": "b", "value": "b1" } }, { "delete": { "key": "a" } }]);
    let failed =
        n1.post("/v1/txn", &json!({ "conditions": [{ "key": "b", "commit_id": 99 }], "ops": ops }));
    failed.refused(412, "PRECONDITION_FAILED");
    assert_eq!(failed.body["failed"][0]["key"], "b");
    let done = n1
        .post("/v1/txn", &json!({ "conditions": [{ "key": "b", "commit_id": null }], "ops": ops }))
        .expect(200);
    assert_eq!(done.body["data"]["commit_id"], 3);
    n1.get("/v1/kv/a").refused(404, "KEY_NOT_FOUND");
    assert_eq!(n1.get("/v1/kv/b").expect(200).text, "b1");
    assert_eq!(n1.get("/v1/kv/a?at=2").expect(200).text, "2");
    n1.try_send("DELETE", "/v1/kv/a", &[], None).expect("an answer").refused(404, "KEY_NOT_FOUND");
    n1.get("/v1/kv/b?at=4").refused(409, "COMMIT_IN_FUTURE");
}
