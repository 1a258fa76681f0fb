//! The way out: a new cluster from what a stopped directory can prove. Never a promotion.

use std::path::Path;

use aerodb_tests::{Cluster, Node, Output, aerodb, directory_digest, join};
use serde_json::Value;

fn write(node: &Node, range: std::ops::RangeInclusive<u64>) {
    for number in range {
        let answer = node.put(&format!("k{number}"), &format!("v{number}")).expect(200);
        assert_eq!(answer.body["data"]["commit_id"], number);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn fork(dir: &Path, into: &Path, more: &[&str]) -> Output {
    let line = ["fork", "--data-dir", text(dir), "--into", text(into), "--output", "json"];
    aerodb(&[&line[..], more].concat())
}

const ASKED: [&str; 4] = ["--expected-epoch", "1", "--reason", "the holder's disk is gone"];

fn failed(output: &Output) -> String {
    let body = output.json();
    let reason = body["explanation"]["conclusion"]["reason"].as_str();
    reason.unwrap_or_else(|| panic!("{output:?}")).to_owned()
}

/// Without what differs between two answers to the same: nothing.
fn founded(output: &Output) -> Value {
    assert_eq!(output.code, Some(0), "{output:?}");
    output.json()["data"].clone()
}

#[test]
fn a_replica_is_forked_when_the_holder_is_gone_and_the_new_cluster_goes_on_from_the_proven_commit()
{
    let mut cluster = Cluster::start();
    write(&cluster.n1, 1..=5);
    cluster.n2.wait_applied(5);
    cluster.n1.kill();
    let denied = cluster.n2.promote(1);
    denied.refused(409, "PROMOTION_DENIED");
    let remedies = denied.body["remedies"].as_array().expect("remedies");
    let fork_told =
        |it: &Value| it["path"].as_str().is_some_and(|it| it.starts_with("aerodb fork"));
    assert!(remedies.iter().any(fork_told), "{}", denied.text);
    let digest = cluster.n2.digest();

    let (old, root) =
        (cluster.n2.dir.clone(), cluster.n2.dir.parent().expect("a parent").to_owned());
    let into = root.join("f1");
    let locked = fork(&old, &into, &ASKED);
    assert_eq!(locked.code, Some(1), "it runs: {locked:?}");
    assert_eq!(cluster.n2.stop(), Some(0));
    let stale = fork(&old, &into, &["--expected-epoch", "2", "--reason", "x"]);
    assert_eq!((stale.code, failed(&stale).as_str()), (Some(1), "P6-A3"));
    let before = directory_digest(&old);
    let dry = fork(&old, &into, &["--expected-epoch", "1", "--dry-run"]);
    assert_eq!(dry.code, Some(0), "{dry:?}");
    assert_eq!((before, false), (directory_digest(&old), into.exists()));

    let made = founded(&fork(&old, &into, &ASKED));
    assert_eq!(made["ancestor"]["proven"]["commit_id"], 5);
    assert_eq!(made["after"], "unknown");
    assert!(made["decline"].is_null(), "n2 was nobody's heir");
    let explanation = &made["explanation"];
    assert_eq!(explanation["conclusion"]["status"], "approved");
    assert_eq!(dry.json()["explanation"], *explanation);
    assert_eq!(founded(&fork(&old, &into, &ASKED)), made, "asked again");
    let elsewhere = fork(&old, &root.join("f2"), &ASKED);
    assert_eq!((elsewhere.code, failed(&elsewhere).as_str()), (Some(1), "FK-1"));
    let retired = aerodb(&["serve", "--data-dir", text(&old)]);
    assert_eq!(retired.code, Some(1));
    assert!(retired.stderr.contains("DIR-4"), "{retired:?}");

    // The new cluster: another id, the same data under the same commit ids, and writes go on after them.
    cluster.n2.dir.clone_from(&into);
    let mut f1 = cluster.n2;
    f1.start();
    let status = f1.get("/v1/status").expect(200);
    assert_eq!(status.body["observed_at"]["cluster_id"], made["cluster_id"]);
    assert_ne!(made["cluster_id"], made["ancestor"]["cluster"]);
    assert_eq!(f1.digest(), digest);
    assert_eq!(f1.get("/v1/kv/k3?at=4").expect(200).text, "v3");
    let genesis = f1.data("/v1/ledger/authority/1");
    assert_eq!(genesis["body"]["ancestor"], made["ancestor"]);
    let history = f1.get("/history").expect(200);
    assert_eq!(
        history.body[0]["start_commit_id"].as_u64().or(history.body[0][1].as_u64()),
        Some(5)
    );
    write(&f1, 6..=8);

    // Nothing of the ancestor fits: neither its nodes nor its receipts.
    let _ = cluster
        .n3
        .post("/v1/replication/follow", &serde_json::json!({ "upstream": f1.url(), "reason": "x" }))
        .expect(200);
    cluster.n3.wait("halts on the foreign cluster", || {
        let halt = cluster.n3.try_get("/v1/status")?.body["data"]["halt"].clone();
        (halt["rule"] == "F-V2" && halt.to_string().contains("cluster")).then_some(())
    });

    // A replica of it takes its snapshot, and can be promoted.
    let mut f3 = Node::new(&root, "f3");
    let joined = join(&f3, &f1);
    assert_eq!(joined.code, Some(0), "{joined:?}");
    f3.start();
    f3.wait("needs a snapshot", || {
        (f3.try_get("/v1/replication")?.body["data"]["bootstrap_required"] == true).then_some(())
    });
    let url = f3.url();
    let taken = aerodb(&["bootstrap", "--reason", "new here", "--node", &url]);
    assert_eq!(taken.code, Some(0), "{taken:?}");
    f3.wait_applied(8);
    assert_eq!(f3.digest(), f1.digest());
    let _ = f1.wait("designated", || {
        let body = serde_json::json!({ "successor": "f3", "expected_epoch": 1, "reason": "x" });
        Some(f1.post("/v1/authority/designate", &body)).filter(|it| it.status == 200)
    });
    let _ = f1.wait("acknowledged", || f1.try_put("k9", "v9").filter(|it| it.status == 200));
    f1.kill();
    let _ = f3.promote(1).expect(200);
    assert_eq!(f3.get("/v1/kv/k9").expect(200).text, "v9");
    assert_eq!(f3.stop(), Some(0));
    f1.start();
    assert_eq!(f1.stop(), Some(0));
    for dir in [text(&into), f3.dir_arg(), text(&old)] {
        for tool in [["ledger", "verify"], ["ledger", "replay"], ["wal", "verify"]] {
            let audited = aerodb(&[tool[0], tool[1], "--data-dir", dir]);
            assert_eq!(audited.code, Some(0), "{tool:?} {audited:?}");
        }
    }
    let replayed =
        aerodb(&["ledger", "replay", "--data-dir", text(&into), "--output", "json"]).json();
    assert_eq!(replayed["decisions"][0]["kind"], "forked", "{replayed}");
}

#[test]
fn an_heir_declines_with_its_fork_and_the_ancestors_holder_goes_on_without_it() {
    let mut cluster = Cluster::start();
    write(&cluster.n1, 1..=3);
    cluster.n1.designate("n2");
    write(&cluster.n1, 4..=5);
    assert_eq!(cluster.n2.stop(), Some(0));
    let into = cluster.n2.dir.with_file_name("f2");
    let made = founded(&fork(
        &cluster.n2.dir,
        &into,
        &[&ASKED[..], &["--cluster", "lab", "--node-id", "f2"]].concat(),
    ));
    assert_eq!(made["decline"]["claim"]["epoch"], 2);
    assert_eq!(made["node_id"], "f2");
    let line = ["decline", "--expected-epoch", "1", "--reason", "x", "--output", "json"];
    let again = aerodb(&[&line[..], &["--data-dir", cluster.n2.dir_arg()]].concat());
    assert_eq!(again.json()["data"]["decline"], made["decline"]);

    let body = serde_json::json!({
        "expected_epoch": 1, "reason": "it declined", "evidence": [{ "decline": made["decline"] }],
    });
    let _ = cluster.n1.post("/v1/authority/release", &body).expect(200);
    let answer = cluster.n1.put("k6", "v6").expect(200);
    assert_eq!(answer.body["data"]["durability"], "local");
    cluster.n2.dir = into;
    cluster.n2.start();
    assert_eq!(cluster.n2.get("/v1/kv/k5").expect(200).text, "v5");
    assert_eq!(cluster.n2.get("/v1/kv/k6").status, 404, "what followed is not here");
    let answer = cluster.n2.put("k6", "another").expect(200);
    assert_eq!(answer.body["data"]["commit_id"], 6);
}

#[test]
fn a_stopped_holder_and_a_backup_are_forked_and_what_holds_nothing_is_not() {
    let (mut n1, root) = Cluster::founder(&[]);
    let empty = root.path().join("empty");
    assert_eq!(n1.stop(), Some(0));
    let refused = fork(&n1.dir, &empty, &ASKED);
    assert_eq!((refused.code, failed(&refused).as_str()), (Some(1), "FK-2"), "{refused:?}");
    assert!(!empty.exists());
    n1.start();
    write(&n1, 1..=3);
    let _ = n1.post("/v1/checkpoints", &serde_json::json!({ "reason": "x" })).expect(200);
    write(&n1, 4..=4);
    n1.kill();
    let backup = root.path().join("backup");
    let copied = std::process::Command::new("cp").arg("-a").args([&n1.dir, &backup]).status();
    assert!(copied.expect("cp runs").success());

    // The backup's original is not touched: the ancestor goes on, and the fork says where it was forked off.
    let (from_backup, from_holder) = (root.path().join("g1"), root.path().join("g2"));
    let made = founded(&fork(&backup, &from_backup, &ASKED));
    assert_eq!(made["explanation"]["inputs"]["original"], false);
    n1.start();
    write(&n1, 5..=5);
    assert_eq!(n1.stop(), Some(0));
    let other = founded(&fork(&n1.dir, &from_holder, &ASKED));
    assert_eq!(other["ancestor"]["proven"]["commit_id"], 5);
    assert_eq!(made["ancestor"]["proven"]["commit_id"], 4);
    assert_ne!(made["cluster_id"], other["cluster_id"]);
    n1.dir = from_holder;
    n1.start();
    assert_eq!(n1.get("/v1/kv/k5").expect(200).text, "v5");
    write(&n1, 6..=6);
    n1.restart();
    write(&n1, 7..=7);
}
