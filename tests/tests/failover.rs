//! The main job, by hand over HTTP: write, replicate, lose the primary, be refused, be approved, lose
//! nothing, come back, hand over again.

use aerodb_tests::{Cluster, Node, aerodb, directory_digest};
use serde_json::json;

fn write(node: &Node, range: std::ops::RangeInclusive<u64>) {
    for number in range {
        let answer = node.put(&format!("k{number}"), &format!("v{number}")).expect(200);
        assert_eq!(answer.body["data"]["commit_id"], number);
    }
}

fn read_back(node: &Node, range: std::ops::RangeInclusive<u64>) {
    for number in range {
        let answer = node.get(&format!("/v1/kv/k{number}")).expect(200);
        assert_eq!(answer.text, format!("v{number}"));
    }
}

/// Proves: P6-V1, P6-RY1, P6-S3, P6-B5.2, M-P16, P6-B2.4.
#[test]
fn an_unplanned_failover_loses_nothing_and_a_planned_one_back_needs_no_restart() {
    let mut cluster = Cluster::start();
    write(&cluster.n1, 1..=1000);
    cluster.n1.designate("n2");
    let paired = cluster.n1.put("k1001", "v1001").expect(200);
    assert_eq!(paired.body["data"]["durability"], "paired");
    write(&cluster.n1, 1002..=1100);
    cluster.n2.wait_applied(1100);
    cluster.n3.wait_applied(1100);
    cluster.n1.kill();

    // n3 is not the heir: denied by name, with the way forward.
    let denied = cluster.n3.promote(1);
    denied.refused(409, "PROMOTION_DENIED");
    assert_eq!(denied.body["outcome"], "denied");
    let failed: Vec<_> = denied.body["explanation"]["rules_applied"]
        .as_array()
        .expect("rules")
        .iter()
        .filter(|rule| rule["evaluation"] == "false")
        .map(|rule| rule["rule_id"].as_str().expect("an id").to_owned())
        .collect();
    assert_eq!(failed, ["P6-S2", "P6-S1", "P6-A1"]);
    assert!(
        denied.body["remedies"].as_array().is_some_and(|remedies| !remedies.is_empty()),
        "{}",
        denied.text
    );

    // A dry run answers the same as the real request will, and leaves no trace.
    let before = directory_digest(&cluster.n2.dir);
    let request = json!({ "expected_epoch": 1, "reason": "n1 is dead" });
    let dry = cluster.n2.post("/v1/promotions?dry_run=true", &request).expect(200);
    assert_eq!(dry.body["data"]["dry_run"], true);
    assert_eq!(before, directory_digest(&cluster.n2.dir));

    let digest = dry.body["data"]["explanation"]["digest"].clone();
    let request = json!({ "expected_epoch": 1, "reason": "n1 is dead", "expected_digest": digest, "request_id": "r1" });
    let granted = cluster.n2.post("/v1/promotions", &request).expect(200);
    assert_eq!(granted.body["data"]["outcome"], "approved");
    assert_eq!(granted.body["data"]["epoch"], 2);
    assert_eq!(granted.body["data"]["start_commit"], 1100);
    let again = cluster.n2.post("/v1/promotions", &request).expect(200);
    assert_eq!(again.body["data"]["promotion_id"], granted.body["data"]["promotion_id"]);

    read_back(&cluster.n2, 1..=1100);
    write(&cluster.n2, 1101..=1110);
    cluster.n2.restart();
    assert_eq!(cluster.n2.epoch(), 2);
    write(&cluster.n2, 1111..=1120);

    // The old primary acknowledges nothing, whatever it is told by its own ledger.
    cluster.n1.start();
    cluster.n1.put("k1", "stolen").refused(503, "SUCCESSOR_DETACHED");
    let followed = cluster.n1.follow(&cluster.n2).expect(200);
    assert_eq!(followed.body["data"]["upstream"], cluster.n2.url());
    let _ = cluster.n3.follow(&cluster.n2).expect(200);
    cluster.n1.wait_shown(1120);
    cluster.n3.wait_shown(1120);
    cluster.n1.put("k1", "stolen").refused(421, "NOT_HOLDER");
    assert_eq!(cluster.n1.digest(), cluster.n2.digest());
    assert_eq!(cluster.n3.digest(), cluster.n2.digest());

    // Planned, back to n1, without a restart.
    let url = cluster.n2.url();
    let moved = aerodb(&["switchover", "--to", "n1", "--reason", "planned", "--node", &url]);
    assert_eq!(moved.code, Some(0), "{moved:?}");
    assert_eq!(cluster.n1.epoch(), 3);
    write(&cluster.n1, 1121..=1130);
    read_back(&cluster.n1, 1..=1130);
    cluster.n2.wait_shown(1130);
    cluster.n3.wait_shown(1130);
    cluster.n2.put("k1", "stolen").refused(421, "NOT_HOLDER");
    assert_eq!(cluster.n2.digest(), cluster.n1.digest());

    let history: Vec<_> = cluster
        .n3
        .get("/history")
        .expect(200)
        .body
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| {
            (
                entry["epoch"].as_u64(),
                entry["holder"].as_str().map(str::to_owned),
                entry["basis"].as_str().map(str::to_owned),
            )
        })
        .collect();
    let entry = |epoch, holder: &str, basis: &str| {
        (Some(epoch), Some(holder.to_owned()), Some(basis.to_owned()))
    };
    assert_eq!(
        history,
        [
            entry(1, "n1", "genesis"),
            entry(2, "n2", "designation"),
            entry(3, "n1", "relinquishment")
        ]
    );
    for node in [&mut cluster.n1, &mut cluster.n2, &mut cluster.n3] {
        assert_eq!(node.stop(), Some(0), "{}", node.log());
        for tool in [["ledger", "verify"], ["ledger", "replay"], ["wal", "verify"]] {
            let audited = aerodb(&[tool[0], tool[1], "--data-dir", node.dir_arg()]);
            assert_eq!(audited.code, Some(0), "{tool:?} {audited:?}");
        }
    }
}

/// Proves: P6-D1, P6-PF2.4, P6-B2.4, P6-DF5, P6-AR3, EX-6, O5-9.
#[test]
fn the_same_dry_run_gives_the_same_bytes_before_and_after_a_restart_and_offline_on_a_copy() {
    let mut cluster = Cluster::start();
    write(&cluster.n1, 1..=20);
    cluster.n1.designate("n2");
    write(&cluster.n1, 21..=40);
    cluster.n2.wait_applied(40);
    cluster.n1.kill();
    for (node, expected) in [(&mut cluster.n2, Some(0)), (&mut cluster.n3, Some(1))] {
        let url = node.url();
        let online = [
            "promote",
            "--dry-run",
            "--expected-epoch",
            "1",
            "--reason",
            "look",
            "--output",
            "json",
        ];
        let running = aerodb(&[&online[..], &["--node", &url]].concat());
        assert_eq!(running.code, expected, "{running:?}");
        node.restart();
        let restarted = aerodb(&[&online[..], &["--node", &url]].concat());
        let copy = tempfile::tempdir().expect("a directory");
        let copied =
            std::process::Command::new("cp").arg("-a").arg(&node.dir).arg(copy.path()).status();
        assert!(copied.expect("cp runs").success());
        let dir = copy.path().join(&node.id);
        let offline =
            aerodb(&[&online[..], &["--data-dir", dir.to_str().expect("UTF-8")]].concat());
        assert_eq!(offline.code, expected, "{offline:?}");
        let explanation = |output: &aerodb_tests::Output| output.json()["explanation"].to_string();
        assert_eq!(explanation(&running), explanation(&restarted));
        assert_eq!(explanation(&running), explanation(&offline));
        assert_eq!(running.stdout, offline.stdout);
    }
}

#[test]
fn a_switchover_says_when_the_new_holder_needs_a_successor_before_it_admits_writes() {
    let (mut n1, root) = Cluster::founder(&["--minimum-durability", "paired"]);
    let mut n2 = Cluster::joined(&root, "n2", &n1);
    n1.wait("has n2 attached", || {
        let peers = n1.try_get("/v1/replication")?.body["data"]["peers"].clone();
        (peers[0]["attached"] == true).then_some(())
    });
    n1.designate("n2");
    write(&n1, 1..=3);
    let url = n1.url();
    let moved = aerodb(&["switchover", "--to", "n2", "--reason", "planned", "--node", &url]);
    assert_eq!(moved.code, Some(0), "{moved:?}");
    assert!(moved.stdout.contains("aerodb designate"), "{moved:?}");
    n2.put("k4", "v4").refused(503, "SUCCESSOR_REQUIRED");
    n2.designate("n1");
    write(&n2, 4..=5);
    for node in [&mut n1, &mut n2] {
        assert_eq!(node.stop(), Some(0), "{}", node.log());
    }
}

#[test]
fn what_the_decision_reads_has_moved_and_nothing_happens() {
    let cluster = Cluster::start();
    write(&cluster.n1, 1..=5);
    cluster.n1.designate("n2");
    cluster.n2.wait_applied(5);
    let request = json!({ "expected_epoch": 1, "reason": "look" });
    let dry = cluster.n2.post("/v1/promotions?dry_run=true", &request).expect(200);
    let digest = dry.body["data"]["explanation"]["digest"].clone();
    write(&cluster.n1, 6..=6);
    cluster.n2.wait_applied(6);
    let before = cluster.n2.data("/v1/ledger?log=decision");
    let request = json!({ "expected_epoch": 1, "reason": "go", "expected_digest": digest, "request_id": "r" });
    let moved = cluster.n2.post("/v1/promotions", &request);
    moved.refused(412, "DECISION_MOVED");
    assert_eq!(moved.body["expected_digest"], digest);
    assert_ne!(moved.body["digest"], digest);
    assert_eq!(before, cluster.n2.data("/v1/ledger?log=decision"));
    write(&cluster.n1, 7..=7);
}

#[test]
fn a_release_that_is_covered_ends_the_obligation_and_the_title() {
    let mut cluster = Cluster::start();
    write(&cluster.n1, 1..=3);
    cluster.n1.designate("n2");
    let other = cluster.n1.post(
        "/v1/authority/designate",
        &json!({ "successor": "n3", "expected_epoch": 1, "reason": "two heirs" }),
    );
    other.refused(409, "COMMAND_REFUSED");
    assert_eq!(other.body["rule"], "AU-4");
    let body = json!({ "successor": "n2", "expected_epoch": 1, "reason": "maintenance" });
    let released = cluster.n1.post("/v1/authority/release", &body).expect(200);
    assert_eq!(released.body["data"]["covered"], true);
    assert!(cluster.n1.data("/v1/authority")["successor"].is_null());
    cluster.n2.kill();
    let local = cluster.n1.put("k4", "v4").expect(200);
    assert_eq!(local.body["data"]["durability"], "local");
    cluster.n2.start();
    let denied = cluster.n2.promote(1);
    denied.refused(409, "PROMOTION_DENIED");
    assert!(
        denied.body["explanation"]["conclusion"]["reason"]
            .as_str()
            .is_some_and(|r| r.contains("P6-A1"))
    );
}

#[test]
fn a_switchover_that_was_interrupted_after_the_relinquishment_is_finished_by_running_it_again() {
    let cluster = Cluster::start();
    let body = json!({ "successor": "n2", "expected_epoch": 1, "reason": "planned" });
    let _ = cluster.n1.post("/v1/authority/relinquish", &body).expect(200);
    let authority = cluster.n1.data("/v1/authority");
    assert_eq!(authority["status"], "relinquished");
    assert_eq!(authority["successor"]["node_id"], "n2");

    let url = cluster.n1.url();
    let other = aerodb(&["switchover", "--to", "n3", "--reason", "planned", "--node", &url]);
    assert_eq!(other.code, Some(1), "{other:?}");
    let again = aerodb(&["switchover", "--to", "n2", "--reason", "planned", "--node", &url]);
    assert_eq!(again.code, Some(0), "{again:?}");
    write(&cluster.n2, 1..=3);
    cluster.n1.wait_applied(3);
}

/// The outcome is recorded after the answer; nobody can tell.
///
/// Proves: P6-B4.3, M-P19.
#[test]
fn whoever_was_answered_finds_the_outcome_in_the_record_at_once_and_after_a_stop() {
    let (n1, root) = Cluster::founder(&[]);
    let n2 = Cluster::joined(&root, "n2", &n1);
    let (mut holder, mut heir) = (n1, n2);
    for epoch in 1..=6_u64 {
        holder.wait("has its replica attached", || {
            let peers = holder.try_get("/v1/replication")?.body["data"]["peers"].clone();
            let attached = |it: &serde_json::Value| {
                it["node_id"] == heir.id.as_str() && it["attached"] == true
            };
            peers.as_array()?.iter().any(attached).then_some(())
        });
        holder.designate(&heir.id);
        let granted = heir.promote(epoch).expect(200);
        let id = granted.body["data"]["promotion_id"].clone();
        let entries = if epoch < 6 {
            heir.data("/v1/ledger?log=decision&limit=1000")
        } else {
            assert_eq!(heir.stop(), Some(0), "{}", heir.log());
            let dir = heir.dir_arg();
            let of = ["--log", "decision", "--data-dir", dir, "--output", "json"];
            let shown = aerodb(&[&["ledger", "show"][..], &of].concat());
            serde_json::from_str::<serde_json::Value>(&shown.stdout).expect("JSON")["data"].clone()
        };
        let last = entries.as_array().and_then(|entries| entries.last()).cloned();
        let last = last.expect("an entry");
        assert_eq!(last["entry"], "promotion_granted", "{last}");
        assert_eq!(last["body"]["promotion_id"], id, "{last}");
        if epoch < 6 {
            let _ = holder.follow(&heir).expect(200);
            (holder, heir) = (heir, holder);
        }
    }
}
