//! A holder that wakes up after another node was granted the next epoch, in every role in which it can: it
//! acknowledges nothing, says why, and comes back by the documented steps alone.

use aerodb_tests::{Answer, Cluster, Node, aerodb};
use serde_json::{Value, json};

#[track_caller]
fn put(node: &Node, range: std::ops::RangeInclusive<u64>) {
    for number in range {
        let answer = node.put(&format!("k{number}"), "v").expect(200);
        assert_eq!(answer.body["data"]["commit_id"], number);
    }
}

/// A request whose caller waits only for a moment.
#[track_caller]
fn soon(node: &Node, method: &str, path: &str, body: &str) -> Answer {
    let headers = [("aerodb-deadline-ms", "300"), ("content-type", "application/json")];
    node.try_send(method, path, &headers, Some(body.as_bytes())).expect("an answer")
}

/// A write that is durable on the holder alone.
#[track_caller]
fn caught(node: &Node, key: &str, commit: u64) {
    let answer = soon(node, "PUT", &format!("/v1/kv/{key}"), "v");
    answer.refused(503, "NOT_ACKNOWLEDGED");
    assert_eq!(answer.body["commit_id"], commit);
}

/// Nothing is acknowledged, by whatever route it is asked for, and each answer says why; through a restart too.
#[track_caller]
fn acknowledges_nothing(node: &mut Node, code: &str, rule: &str) {
    for _ in 0..2 {
        for method in ["PUT", "DELETE"] {
            let refused = soon(node, method, "/v1/kv/k1", "stolen");
            refused.refused(503, code);
            assert_eq!(refused.body["rule"], rule, "{}", refused.text);
        }
        let op = json!({ "ops": [{ "put": { "key": "k1", "value": "stolen" } }] });
        soon(node, "POST", "/v1/txn", &op.to_string()).refused(503, code);
        let authority = node.data("/v1/authority");
        assert_eq!(authority["writable_here"], false);
        assert_eq!(authority["refusal"], json!({ "code": code, "rule": rule }));
        let explained = node.data("/v1/explain/write");
        assert_eq!(explained["conclusion"]["status"], "refused");
        let why = explained["conclusion"]["reason"].as_str().unwrap_or_default();
        assert!(why.split(", ").any(|id| id == rule), "{explained}");
        assert_eq!(node.get("/primary").status, 503);
        assert_ne!(soon(node, "GET", "/v1/kv/k1?consistency=linearizable", "").status, 200);
        node.restart();
    }
}

/// Follows, shows what the holder shows, and takes part as ever: it can be heir and holder again.
fn is_back(cluster: &mut Cluster, discards: usize) {
    let Cluster { n1, n2, .. } = cluster;
    assert_eq!(n1.come_back(n2), discards);
    let commit = n2.put("after", "v").expect(200).body["data"]["commit_id"].as_u64();
    n1.wait_shown(commit.expect("a commit"));
    assert_eq!(n1.digest(), n2.digest());
    n1.put("k1", "stolen").refused(421, "NOT_HOLDER");
    n1.restart();
    n1.wait_shown(commit.expect("a commit"));
    n2.wait("has n1 attached", || {
        let peers = n2.try_get("/v1/replication")?.body["data"]["peers"].clone();
        let attached = |peer: &Value| peer["node_id"] == "n1" && peer["attached"] == true;
        peers.as_array()?.iter().any(attached).then_some(())
    });
    n2.designate("n1");
    n2.kill();
    let _ = n1.promote(2).expect(200);
    let _ = n1.put("again", "v").expect(200);
    n2.start();
    for node in [n1, n2] {
        assert_eq!(node.stop(), Some(0), "{}", node.log());
        for tool in [["ledger", "verify"], ["ledger", "replay"], ["wal", "verify"]] {
            let audited = aerodb(&[tool[0], tool[1], "--data-dir", node.dir_arg()]);
            assert_eq!(audited.code, Some(0), "{tool:?} {audited:?}");
        }
    }
}

/// n2 is successor of n1, and both have commits 1 to 3.
fn paired() -> Cluster {
    let cluster = Cluster::start();
    put(&cluster.n1, 1..=2);
    cluster.n1.designate("n2");
    put(&cluster.n1, 3..=3);
    cluster
}

#[test]
fn a_holder_of_an_epoch_that_has_passed() {
    let mut cluster = paired();
    cluster.n1.kill();
    let _ = cluster.n2.promote(1).expect(200);
    cluster.n1.start();
    acknowledges_nothing(&mut cluster.n1, "SUCCESSOR_DETACHED", "AU-10");
    is_back(&mut cluster, 0);
}

/// It never stopped: the heir was promoted beside it.
#[test]
fn a_holder_that_was_running_all_the_time() {
    let mut cluster = paired();
    let _ = cluster.n2.promote(1).expect(200);
    acknowledges_nothing(&mut cluster.n1, "SUCCESSOR_DETACHED", "AU-10");
    is_back(&mut cluster, 0);
}

#[test]
fn a_sealed_holder() {
    let mut cluster = paired();
    let body = json!({ "successor": "n2", "expected_epoch": 1, "reason": "planned" });
    let _ = cluster.n1.post("/v1/authority/relinquish", &body).expect(200);
    cluster.n1.kill();
    let _ = cluster.n2.promote(1).expect(200);
    cluster.n1.start();
    acknowledges_nothing(&mut cluster.n1, "SEALED", "RM-8");
    is_back(&mut cluster, 0);
}

#[test]
fn a_paired_holder_with_a_longer_suffix_that_was_never_acknowledged() {
    let mut cluster = paired();
    cluster.n2.freeze();
    caught(&cluster.n1, "caught", 4);
    caught(&cluster.n1, "caught-too", 5);
    cluster.n1.kill();
    cluster.n2.kill();
    cluster.n2.start();
    let _ = cluster.n2.promote(1).expect(200);
    cluster.n1.start();
    acknowledges_nothing(&mut cluster.n1, "SUCCESSOR_DETACHED", "AU-10");
    is_back(&mut cluster, 1);
    cluster.n1.start();
    cluster.n1.get("/v1/kv/caught").refused(404, "KEY_NOT_FOUND");
}

/// It took the title back, and the heir never heard of that. What it wrote before and after is in its log.
#[test]
fn a_holder_whose_ledger_runs_past_the_grant() {
    let mut cluster = paired();
    cluster.n2.freeze();
    caught(&cluster.n1, "before", 4);
    let body = json!({ "successor": "n2", "expected_epoch": 1, "reason": "take back" });
    let released = soon(&cluster.n1, "POST", "/v1/authority/release", &body.to_string());
    assert_eq!(released.expect(202).body["data"]["covered"], false);
    caught(&cluster.n1, "after", 5);
    cluster.n1.kill();
    cluster.n2.kill();
    cluster.n2.start();
    let _ = cluster.n2.promote(1).expect(200);
    cluster.n1.start();
    acknowledges_nothing(&mut cluster.n1, "SUCCESSOR_DETACHED", "AU-10");

    // It halts over its ledger first, and says what it would set aside: the release, and what has seen it.
    let halted = cluster.n1.follow(&cluster.n2);
    halted.refused(503, "HALTED");
    assert_eq!(halted.body["rule"], "F-V2");
    let evidence = halted.body["evidence"].as_str().expect("text");
    assert!(evidence.contains("successor_released"), "{evidence}");
    cluster.n1.restart();
    assert_eq!(cluster.n1.data("/v1/status")["halt"]["rule"], "F-V2");
    acknowledges_nothing(&mut cluster.n1, "HALTED", "RM-5");
    let url = cluster.n1.url();
    let look = ["discard-suffix", "--dry-run", "--output", "json"];
    let online = aerodb(&[&look[..], &["--node", &url]].concat());
    assert_eq!(online.code, Some(0), "{online:?}");
    let seen = online.json()["data"].clone();
    let seq = seen["entries"][0]["seq"].as_u64().expect("a number");
    let hash = cluster.n1.data(&format!("/v1/ledger/authority/{seq}"))["hash"].clone();
    let entries = json!([{ "seq": seq, "hash": hash, "entry": "successor_released" }]);
    assert_eq!(seen["entries"], entries);
    assert_eq!(seen["commits"], json!([{ "commit_id": 5, "epoch": 1, "keys": ["after"] }]));

    // Done on the stopped node's disk, and cut off before its last steps: it does not start, and the command ends it.
    cluster.n1.kill();
    let dir = cluster.n1.dir.clone();
    let offline = aerodb(&[&look[..], &["--data-dir", cluster.n1.dir_arg()]].concat());
    assert_eq!(offline.json()["data"], seen);
    let tool = ["discard-suffix", "--output", "json", "--reason", "deposed", "--data-dir"];
    let done = aerodb(&[&tool[..], &[cluster.n1.dir_arg()]].concat());
    assert_eq!(done.code, Some(0), "{done:?}");
    let name = done.json()["data"]["quarantine"].as_str().expect("a name").to_owned();
    let aside = dir.join("quarantine").join(name.replace("wal-", "authority-"));
    assert!(aside.is_dir(), "the ledger as it was is kept");
    for (from, to) in [("wal", "wal.kept"), ("authority.ledger", "authority.ledger.kept")] {
        std::fs::rename(dir.join(from), dir.join(to)).expect("renamed");
    }
    let refused = aerodb(&["serve", "--data-dir", cluster.n1.dir_arg()]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let finished = aerodb(&[&tool[..], &[cluster.n1.dir_arg()]].concat());
    assert!(dir.join("wal").is_dir() && dir.join("authority.ledger").is_dir(), "{finished:?}");
    cluster.n1.start();
    acknowledges_nothing(&mut cluster.n1, "SUCCESSOR_DETACHED", "AU-10");
    // What it wrote before the release is in its log still: the log's own turn.
    is_back(&mut cluster, 1);
}
