//! Decline: the word of an heir that does not run any more, or is not wanted any more, ends what waits for it.
//! And the last word of a holder that is stopped.

use std::fs;
use std::path::{Path, PathBuf};

use aerodb_tests::{Cluster, Node, Output, aerodb, directory_digest};
use serde_json::{Value, json};

fn write(node: &Node, range: std::ops::RangeInclusive<u64>) {
    for number in range {
        let answer = node.put(&format!("k{number}"), &format!("v{number}")).expect(200);
        assert_eq!(answer.body["data"]["commit_id"], number);
    }
}

fn offline(node: &Node, line: &[&str]) -> Output {
    let asked = ["--expected-epoch", "1", "--reason", "test", "--output", "json"];
    aerodb(&[line, &asked, &["--data-dir", node.dir_arg()]].concat())
}

/// The certificate as a file beside the directories.
fn evidence_file(node: &Node, answer: &str) -> PathBuf {
    let path = node.dir.with_extension("decline.json");
    fs::write(&path, answer).expect("a file");
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn failed(explanation: &Value) -> String {
    explanation["conclusion"]["reason"].as_str().unwrap_or_default().to_owned()
}

fn audited(cluster: &mut Cluster) {
    for node in [&mut cluster.n1, &mut cluster.n2, &mut cluster.n3] {
        assert_eq!(node.stop(), Some(0), "{}", node.log());
        for tool in [["ledger", "verify"], ["ledger", "replay"]] {
            let audited = aerodb(&[tool[0], tool[1], "--data-dir", node.dir_arg()]);
            assert_eq!(audited.code, Some(0), "{tool:?} {audited:?}");
        }
    }
}

#[test]
fn a_dead_successor_with_its_disk_at_hand_blocks_writes_no_longer() {
    let mut cluster = Cluster::start();
    write(&cluster.n1, 1..=3);
    cluster.n1.designate("n2");
    write(&cluster.n1, 4..=5);
    let running = offline(&cluster.n2, &["decline"]);
    assert_eq!(running.code, Some(1), "a running node's directory is locked: {running:?}");
    cluster.n2.kill();
    cluster.n1.wait("noticed", || (cluster.n1.try_put("k6", "v6")?.status == 503).then_some(()));

    // A copy speaks for nobody, and nothing of it is touched.
    let aside = tempfile::tempdir().expect("a directory");
    let mut copy = std::process::Command::new("cp");
    let copied = copy.arg("-a").arg(&cluster.n2.dir).arg(aside.path()).status();
    assert!(copied.expect("cp runs").success());
    let copy = aside.path().join("n2");
    let before = directory_digest(&copy);
    let asked = ["decline", "--expected-epoch", "1", "--reason", "x", "--output", "json"];
    let of_copy = aerodb(&[&asked[..], &["--data-dir", text(&copy)]].concat());
    assert_eq!(of_copy.code, Some(1), "{of_copy:?}");
    assert_eq!(failed(&of_copy.json()["explanation"]), "ST-2");
    assert_eq!(before, directory_digest(&copy));

    let first = offline(&cluster.n2, &["decline"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    let again = offline(&cluster.n2, &["decline"]);
    assert_eq!(first.stdout, again.stdout);

    let mut forged = first.json()["data"].clone();
    forged["decline"]["claim"]["ledger"] = forged["decline"]["claim"]["named_by"].clone();
    forged["decline"]["signature"] = json!("00".repeat(64));
    let body = json!({
        "expected_epoch": 1, "reason": "forged",
        "evidence": [{ "decline": forged["decline"] }],
    });
    let refused = cluster.n1.post("/v1/authority/release", &body);
    refused.refused(409, "COMMAND_REFUSED");
    assert_eq!(refused.body["rule"], "P6-SB3");
    assert_eq!(refused.body["remedies"][0]["path"], "/v1/authority/decline");

    let (file, url) = (evidence_file(&cluster.n2, &first.stdout), cluster.n1.url());
    let release = ["release", "n2", "--expected-epoch", "1", "--reason", "dead"];
    for _ in 0..2 {
        let released =
            aerodb(&[&release[..], &["--evidence", text(&file), "--node", &url]].concat());
        assert_eq!(released.code, Some(0), "{released:?}");
    }
    assert!(cluster.n1.data("/v1/authority")["successor"].is_null());
    let local = cluster.n1.put("after", "x").expect(200);
    assert_eq!(local.body["data"]["durability"], "local");

    // It comes back as a replica, is granted nothing, and is no heir before another epoch.
    cluster.n2.start();
    cluster.n2.wait_applied(local.body["data"]["commit_id"].as_u64().expect("a commit"));
    let denied = cluster.n2.promote(1);
    denied.refused(409, "PROMOTION_DENIED");
    assert!(failed(&denied.body["explanation"]).contains("AU-17"), "{}", denied.text);
    let body = json!({ "successor": "n2", "expected_epoch": 1, "reason": "again" });
    let again = cluster.n1.post("/v1/authority/designate", &body);
    again.refused(409, "COMMAND_REFUSED");
    assert_eq!(again.body["rule"], "AU-18");
    audited(&mut cluster);
}

#[test]
fn au17_what_was_declined_is_never_granted_through_a_restart_and_offline() {
    let mut cluster = Cluster::start();
    write(&cluster.n1, 1..=3);
    cluster.n1.designate("n2");
    let body = json!({ "expected_epoch": 1, "reason": "not me", "request_id": "d" });
    let other = cluster.n3.post("/v1/authority/decline", &body);
    other.refused(409, "COMMAND_REFUSED");
    assert_eq!(other.body["rule"], "AU-16");
    assert_eq!(other.body["remedies"][0]["node_id"], "n2");
    let stale = json!({ "expected_epoch": 2, "reason": "stale" });
    cluster.n2.post("/v1/authority/decline", &stale).refused(409, "COMMAND_REFUSED");

    let given = cluster.n2.post("/v1/authority/decline", &body).expect(200);
    assert_eq!(given.body["data"]["decline"]["claim"]["epoch"], 2);
    cluster.n1.kill();
    cluster.n2.restart();
    let unnamed = json!({ "expected_epoch": 1, "reason": "asked again" });
    for request in [&body, &unnamed] {
        let again = cluster.n2.post("/v1/authority/decline", request).expect(200);
        assert_eq!(again.body["data"], given.body["data"]);
    }
    let denied = cluster.n2.promote(1);
    denied.refused(409, "PROMOTION_DENIED");
    assert_eq!(failed(&denied.body["explanation"]), "AU-17");
    assert_eq!(denied.body["remedies"][1]["path"], "/v1/authority/release");
    let dry = json!({ "expected_epoch": 1, "reason": "look" });
    let dry = cluster.n2.post("/v1/promotions?dry_run=true", &dry);
    cluster.n2.kill();
    let line = ["promote", "--dry-run", "--expected-epoch", "1", "--output", "json"];
    let offline = aerodb(&[&line[..], &["--data-dir", cluster.n2.dir_arg()]].concat());
    assert_eq!(offline.json()["explanation"], dry.body["explanation"]);
    // The holder is not held up by it.
    cluster.n1.start();
    let body = json!({
        "expected_epoch": 1, "reason": "declined",
        "evidence": [{ "decline": given.body["data"]["decline"] }],
    });
    let _ = cluster.n1.post("/v1/authority/release", &body).expect(200);
    write(&cluster.n1, 4..=5);
}

#[test]
fn the_relinquisher_is_granted_the_epoch_on_its_heirs_decline() {
    let mut cluster = Cluster::start();
    write(&cluster.n1, 1..=5);
    let body = json!({ "successor": "n2", "expected_epoch": 1, "reason": "planned" });
    let _ = cluster.n1.post("/v1/authority/relinquish", &body).expect(200);
    cluster.n1.put("k6", "v6").refused(503, "SEALED");
    cluster.n2.wait("has the relinquishment", || {
        (cluster.n2.data("/v1/authority")["status"] == "relinquished").then_some(())
    });
    let denied = cluster.n1.promote(1);
    denied.refused(409, "PROMOTION_DENIED");
    let paths: Vec<_> = denied.body["remedies"]
        .as_array()
        .expect("remedies")
        .iter()
        .map(|remedy| (remedy["path"].as_str(), remedy["node_id"].as_str()))
        .collect();
    assert!(paths.contains(&(Some("/v1/authority/decline"), Some("n2"))), "{paths:?}");

    let url = cluster.n2.url();
    let line = ["decline", "--expected-epoch", "1", "--reason", "no", "--output", "json"];
    let given = aerodb(&[&line[..], &["--node", &url]].concat());
    assert_eq!(given.code, Some(0), "{given:?}");
    let file = evidence_file(&cluster.n2, &given.stdout);
    let decline = given.json()["data"]["decline"].clone();
    let denied = cluster.n2.promote(1);
    assert_eq!(failed(&denied.body["explanation"]), "AU-17");
    assert_eq!(denied.body["remedies"][1]["path"], "/v1/promotions");

    // The same answer from the running node, after a restart, and from its directory.
    let request =
        json!({ "expected_epoch": 1, "reason": "on", "evidence": [{ "decline": decline }] });
    let dry = cluster.n1.post("/v1/promotions?dry_run=true", &request).expect(200);
    cluster.n1.kill();
    let line = ["promote", "--dry-run", "--expected-epoch", "1", "--output", "json"];
    let place = ["--evidence", text(&file), "--data-dir", cluster.n1.dir_arg()];
    let offline = aerodb(&[&line[..], &place].concat());
    assert_eq!(offline.code, Some(0), "{offline:?}");
    assert_eq!(offline.json()["explanation"], dry.body["data"]["explanation"]);
    cluster.n1.start();
    cluster.n1.put("k6", "v6").refused(503, "SEALED");

    let mut bent = decline;
    bent["claim"]["epoch"] = json!(3);
    let forged = json!({ "expected_epoch": 1, "reason": "x", "evidence": [{ "decline": bent }] });
    cluster.n1.post("/v1/promotions", &forged).refused(409, "PROMOTION_DENIED");
    let url = cluster.n1.url();
    let line = ["promote", "--expected-epoch", "1", "--reason", "back", "--request-id", "b"];
    let line = [&line[..], &["--evidence", text(&file), "--node", &url]].concat();
    for _ in 0..2 {
        let granted = aerodb(&line);
        assert_eq!(granted.code, Some(0), "{granted:?}");
    }
    assert_eq!(cluster.n1.epoch(), 2);
    write(&cluster.n1, 6..=10);
    cluster.n1.restart();
    write(&cluster.n1, 11..=12);
    for node in [&cluster.n2, &cluster.n3] {
        node.resume();
        node.wait_applied(12);
    }
    assert_eq!(cluster.n2.digest(), cluster.n1.digest());
    assert_eq!(cluster.n3.get("/history").expect(200).body[1]["basis"], "decline");
    // In the new epoch the heir of the old one may be heir again.
    cluster.n1.designate("n2");
    cluster.n1.kill();
    let _ = cluster.n2.promote(2).expect(200);
    write(&cluster.n2, 13..=14);
    cluster.n1.start();
    audited(&mut cluster);
}

#[test]
fn a_stopped_holder_relinquishes_on_its_disk_and_serves_its_heir_sealed() {
    let mut cluster = Cluster::start();
    write(&cluster.n1, 1..=3);
    cluster.n1.designate("n2");
    cluster.n2.kill();
    // Durable on the holder alone: the heir gets it from the sealed node.
    let _ = cluster.n1.put("k4", "v4");
    let tip = cluster.n1.data("/v1/status")["tips"]["wal_tip"].as_u64().expect("a commit");
    let running = offline(&cluster.n1, &["relinquish", "n2"]);
    assert_eq!(running.code, Some(1), "a running node's directory is locked: {running:?}");
    cluster.n1.kill();

    let owed = offline(&cluster.n1, &["relinquish", "n3"]);
    assert_eq!(owed.code, Some(1), "{owed:?}");
    assert_eq!(failed(&owed.json()["explanation"]), "AU-6");
    let of_a_replica = offline(&cluster.n2, &["relinquish", "n3"]);
    assert!(failed(&of_a_replica.json()["explanation"]).contains("AU-1"), "{of_a_replica:?}");
    let aside = tempfile::tempdir().expect("a directory");
    let mut copy = std::process::Command::new("cp");
    let copied = copy.arg("-a").arg(&cluster.n1.dir).arg(aside.path()).status();
    assert!(copied.expect("cp runs").success());
    let line = ["relinquish", "n2", "--expected-epoch", "1", "--reason", "x", "--output", "json"];
    let dir = aside.path().join("n1");
    let of_copy = aerodb(&[&line[..], &["--data-dir", text(&dir)]].concat());
    assert_eq!(of_copy.code, Some(1), "{of_copy:?}");
    assert_eq!(failed(&of_copy.json()["explanation"]), "AU-1, RM-5");
    let first = offline(&cluster.n1, &["relinquish", "n2"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    let again = offline(&cluster.n1, &["relinquish", "n2"]);
    assert_eq!(first.stdout, again.stdout);

    cluster.n1.start();
    assert_eq!(cluster.n1.data("/v1/authority")["status"], "relinquished");
    cluster.n1.put("k5", "v5").refused(503, "SEALED");
    cluster.n2.start();
    cluster.n2.wait_applied(tip);
    cluster.n2.wait("has the relinquishment", || {
        (cluster.n2.data("/v1/authority")["status"] == "relinquished").then_some(())
    });
    let granted = cluster.n2.promote(1).expect(200);
    assert_eq!(granted.body["data"]["start_commit"], tip);
    write(&cluster.n2, tip + 1..=tip + 2);
    let _ = cluster.n1.follow(&cluster.n2).expect(200);
    cluster.n1.wait_applied(tip + 2);
    assert_eq!(cluster.n1.digest(), cluster.n2.digest());
    audited(&mut cluster);
}
