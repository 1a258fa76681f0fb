//! Ledger entries as evidence: what the node to be promoted has not pulled is brought by hand, and adopted with the
//! grant or not at all.

use std::fs;

use aerodb_tests::{Cluster, aerodb, directory_digest};
use serde_json::json;

#[test]
fn a_relinquishment_made_on_a_dead_holders_disk_is_brought_to_the_heir_by_hand() {
    let mut cluster = Cluster::start();
    for number in 1..=4 {
        let _ = cluster.n1.put(&format!("k{number}"), "v").expect(200);
    }
    cluster.n2.wait_applied(4);
    cluster.n1.kill();
    let asked = ["--expected-epoch", "1", "--reason", "its board is dead"];
    let line = ["relinquish", "n2", "--output", "json", "--data-dir", cluster.n1.dir_arg()];
    let said = aerodb(&[&line[..], &asked].concat());
    assert_eq!(said.code, Some(0), "{said:?}");
    let file = cluster.n1.dir.with_extension("relinquished.json");
    fs::write(&file, &said.stdout).expect("a file");
    let entry = said.json()["data"].clone();

    cluster.n2.promote(1).refused(409, "PROMOTION_DENIED");
    let seq = cluster.n2.data("/v1/ledger").as_array().expect("entries").len();
    let request = |evidence: serde_json::Value| json!({ "expected_epoch": 1, "reason": "by hand", "evidence": evidence });

    // What is forged, out of place or of another node counts for nothing, and nothing of it is kept.
    let mut forged = entry.clone();
    forged["signature"] = json!("00".repeat(64));
    let refused = cluster.n2.post("/v1/promotions", &request(json!([{ "entry": forged }])));
    refused.refused(409, "COMMAND_REFUSED");
    assert_eq!(refused.body["rule"], "AU-15");
    assert_eq!(refused.body["remedies"][0]["path"], "/v1/ledger?log=authority");
    let mut changed = entry.clone();
    changed["body"]["successor"] = json!("n3");
    let refused = cluster.n2.post("/v1/promotions", &request(json!([{ "entry": changed }])));
    refused.refused(400, "INVALID_REQUEST");
    let denied = cluster.n3.post("/v1/promotions", &request(json!([{ "entry": entry }])));
    denied.refused(409, "PROMOTION_DENIED");
    for node in [&cluster.n2, &cluster.n3] {
        assert_eq!(node.data("/v1/ledger").as_array().expect("entries").len(), seq);
    }

    // A dry run leaves no trace, online and offline, and both say the same.
    let evidence = request(json!([{ "entry": entry }]));
    let dry = cluster.n2.post("/v1/promotions?dry_run=true", &evidence).expect(200);
    assert_eq!(cluster.n2.stop(), Some(0));
    let before = directory_digest(&cluster.n2.dir);
    let path = file.to_str().expect("UTF-8");
    let line = ["promote", "--dry-run", "--expected-epoch", "1", "--output", "json"];
    let place = ["--evidence", path, "--data-dir", cluster.n2.dir_arg()];
    let offline = aerodb(&[&line[..], &place].concat());
    assert_eq!(offline.code, Some(0), "{offline:?}");
    assert_eq!(offline.json()["explanation"], dry.body["data"]["explanation"]);
    assert_eq!(before, directory_digest(&cluster.n2.dir));
    cluster.n2.start();

    let url = cluster.n2.url();
    let line = ["promote", "--expected-epoch", "1", "--reason", "by hand", "--request-id", "p"];
    let line = [&line[..], &["--evidence", path, "--node", &url]].concat();
    for _ in 0..2 {
        let granted = aerodb(&line);
        assert_eq!(granted.code, Some(0), "{granted:?}");
    }
    let entries = cluster.n2.data("/v1/ledger");
    let kinds: Vec<_> =
        entries.as_array().expect("entries")[seq..].iter().map(|it| it["entry"].clone()).collect();
    assert_eq!(kinds, ["authority_relinquished", "authority_granted"]);
    assert_eq!(cluster.n2.get("/history").expect(200).body[1]["basis"], "relinquishment");
    let _ = cluster.n2.put("k5", "v").expect(200);

    // The old holder starts sealed, follows, and is a replica; both ledgers are one.
    cluster.n1.start();
    cluster.n1.put("k6", "v").refused(503, "SEALED");
    let _ = cluster.n1.follow(&cluster.n2).expect(200);
    cluster.n1.wait_applied(5);
    for node in [&mut cluster.n1, &mut cluster.n2] {
        assert_eq!(node.stop(), Some(0));
        let audited = aerodb(&["ledger", "replay", "--data-dir", node.dir_arg()]);
        assert_eq!(audited.code, Some(0), "{audited:?}");
    }
    let diff =
        aerodb(&["ledger", "diff", cluster.n1.dir_arg(), cluster.n2.dir_arg(), "--output", "json"]);
    assert_eq!(diff.json()["relation"], "identical", "{diff:?}");
}

#[test]
fn every_step_asked_again_is_answered_with_what_is_already_so() {
    let mut cluster = Cluster::start();
    let _ = cluster.n1.put("k1", "v").expect(200);
    let asked =
        |successor: &str| json!({ "successor": successor, "expected_epoch": 1, "reason": "again" });
    let n1 = &cluster.n1;
    let post = |path: &str, node: &str| {
        n1.post(path, &asked(node)).expect(200).body["data"]["seq"].clone()
    };
    assert_eq!(post("/v1/authority/designate", "n2"), post("/v1/authority/designate", "n2"));
    cluster.n1.post("/v1/authority/designate", &asked("n3")).refused(409, "COMMAND_REFUSED");
    let path = "/v1/members/n3?expected_epoch=1&reason=gone";
    let removed: Vec<_> = (0..2)
        .map(|_| {
            let url = cluster.n1.url();
            let line = ["members", "remove", "n3", "--expected-epoch", "1", "--reason", "gone"];
            let output = aerodb(&[&line[..], &["--node", &url, "--output", "json"]].concat());
            assert_eq!(output.code, Some(0), "{path} {output:?}");
            output.json()["data"]["seq"].clone()
        })
        .collect();
    assert_eq!(removed[0], removed[1]);
    assert_eq!(post("/v1/authority/relinquish", "n2"), post("/v1/authority/relinquish", "n2"));
    let other = cluster.n1.post("/v1/authority/relinquish", &asked("n3"));
    other.refused(409, "COMMAND_REFUSED");
    cluster.n1.restart();
    cluster.n2.resume();
    let again = cluster.n1.post("/v1/authority/relinquish", &asked("n2")).expect(200);
    assert_eq!(again.body["data"]["entry"], "authority_relinquished");
    // A sealed node says what opens it again.
    let sealed = cluster.n1.put("k2", "v");
    sealed.refused(503, "SEALED");
    let paths: Vec<_> = sealed.body["remedies"]
        .as_array()
        .expect("remedies")
        .iter()
        .map(|it| it["path"].clone())
        .collect();
    assert_eq!(paths, ["/v1/promotions", "/v1/authority/decline"]);
}
