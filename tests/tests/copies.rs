//! Directories that are not what they were: copied, set back, or made anew under an old id. None of them is granted
//! an epoch, counted for a receipt, or served from, and each says what to do.

use std::fs;
use std::path::Path;
use std::process::Command;

use aerodb_tests::{Cluster, Node, aerodb, join};
use serde_json::{Value, json};
use tempfile::TempDir;

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.expect("cp runs").success());
}

/// `cp -a` of a node's directory, to be started beside it: another port, everything else as it was.
fn beside(node: &Node, place: &TempDir) -> Node {
    let twin = Node::new(place.path(), &node.id);
    copy(&node.dir, &twin.dir);
    let path = twin.dir.join("aerodb.toml");
    let text = fs::read_to_string(&path).expect("a configuration");
    let port = node.port.to_string();
    fs::write(&path, text.replace(&port, &twin.port.to_string())).expect("written");
    twin
}

#[track_caller]
fn wait_halted(node: &Node, rule: &str) -> Value {
    node.wait(&format!("is halted by {rule}"), || {
        let status = node.try_get("/v1/status")?.body["data"].clone();
        (status["halt"]["rule"] == rule).then_some(status)
    })
}

/// Not granted, not written to, not read from, nobody's upstream; and the answer names the way on.
#[track_caller]
fn is_nobody(node: &Node, rule: &str, epoch: u64, way: &str) {
    wait_halted(node, rule);
    let denied = node.promote(epoch);
    denied.refused(409, "PROMOTION_DENIED");
    let why = denied.body["explanation"]["conclusion"]["reason"].as_str().unwrap_or_default();
    assert!(why.contains("RM-5"), "{}", denied.text);
    node.put("k", "stolen").refused(503, "HALTED");
    for path in ["/v1/kv/k1", "/v1/kv/k1?consistency=snapshot", "/v1/kv?prefix=k"] {
        node.get(path).refused(503, "HALTED");
    }
    for path in ["/primary", "/replica", "/read-only", "/readyz"] {
        assert_eq!(node.get(path).status, 503, "{path}");
    }
    let resumed = node.post("/v1/replication/resume", &json!({ "reason": "try" }));
    resumed.refused(503, "HALTED");
    assert!(resumed.body["detail"].as_str().is_some_and(|it| it.contains(way)), "{}", resumed.text);
    let remedies = resumed.body["remedies"].as_array().expect("remedies");
    let offered = |command: &str| {
        remedies.iter().any(|it| it["path"].as_str().is_some_and(|path| path.starts_with(command)))
    };
    assert!(offered("aerodb relocate") && offered("aerodb join"), "{}", resumed.text);
}

/// The ledger entries, without what a node may still add to its own record.
fn ledger(node: &Node) -> Value {
    node.data("/v1/ledger?log=authority&limit=1000")
}

fn writes(cluster: &Cluster, from: u64) {
    for number in from..from + 2 {
        let answer = cluster.n1.put(&format!("k{number}"), "v").expect(200);
        assert_eq!(answer.body["data"]["commit_id"], number);
    }
}

const ORIGINAL: &str =
    "start the original, or stop both and give this one the identity with aerodb relocate";

#[test]
fn a_copy_of_the_successor_started_beside_it_is_nobody() {
    let (mut cluster, place) = (Cluster::start(), tempfile::tempdir().expect("a directory"));
    writes(&cluster, 1);
    cluster.n1.designate("n2");
    writes(&cluster, 3);
    // Of a node that runs: cp takes what is there. And of one that is stopped.
    let mut running = beside(&cluster.n2, &place);
    running.spawn();
    wait_halted(&running, "ST-2");
    is_nobody(&running, "ST-2", 1, ORIGINAL);
    writes(&cluster, 5);
    running.restart();
    is_nobody(&running, "ST-2", 1, ORIGINAL);
    running.kill();

    // The holder dies; the copy is still nobody, and the original is granted the epoch.
    running.start();
    cluster.n1.kill();
    is_nobody(&running, "ST-2", 1, ORIGINAL);
    let before = ledger(&running);
    let _ = cluster.n2.promote(1).expect(200);
    is_nobody(&running, "ST-2", 1, ORIGINAL);
    assert_eq!(before, ledger(&running));
    assert_eq!(cluster.n2.get("/v1/kv/k6").expect(200).text, "v");
}

#[test]
fn a_copy_of_the_holder_started_beside_it_acknowledges_and_serves_nothing() {
    let (mut cluster, place) = (Cluster::start(), tempfile::tempdir().expect("a directory"));
    writes(&cluster, 1);
    assert_eq!(cluster.n1.stop(), Some(0));
    let mut twin = beside(&cluster.n1, &place);
    cluster.n1.start();
    twin.start();
    is_nobody(&twin, "ST-2", 1, ORIGINAL);
    let body = json!({ "successor": "n2", "expected_epoch": 1, "reason": "from a copy" });
    for path in ["/v1/authority/designate", "/v1/authority/relinquish"] {
        twin.post(path, &body).refused(409, "COMMAND_REFUSED");
    }
    // A replica that is sent there gets nothing, and says so.
    let _ = cluster.n3.follow(&twin).expect(200);
    cluster.n3.wait("is detached", || {
        let data = cluster.n3.try_get("/v1/replication")?.body["data"].clone();
        let why = data["blocking_reason"].as_str()?.to_owned();
        why.contains("serves nobody").then_some(())
    });
    let _ = cluster.n3.follow(&cluster.n1).expect(200);
    cluster.n2.resume();
    cluster.wait_pulling(&["n2", "n3"]);
    writes(&cluster, 3);
    cluster.n3.wait_shown(4);
}

/// An older copy where the directory was: another directory, and it says so.
#[test]
fn an_older_copy_in_the_place_of_the_directory_is_nobody() {
    let (mut cluster, place) = (Cluster::start(), tempfile::tempdir().expect("a directory"));
    writes(&cluster, 1);
    cluster.n2.wait_applied(2);
    cluster.n2.kill();
    let older = place.path().join("older");
    copy(&cluster.n2.dir, &older);
    cluster.n2.start();
    cluster.wait_pulling(&["n2", "n3"]);
    cluster.n1.designate("n2");
    writes(&cluster, 3);
    cluster.n2.kill();
    let newer = place.path().join("newer");
    fs::rename(&cluster.n2.dir, &newer).expect("moved");
    copy(&older, &cluster.n2.dir);
    cluster.n2.start();
    is_nobody(&cluster.n2, "ST-2", 1, ORIGINAL);
    cluster.n1.put("k", "v").refused(503, "SUCCESSOR_DETACHED");
    // What it says to do, done: the original again.
    cluster.n2.kill();
    fs::remove_dir_all(&cluster.n2.dir).expect("removed");
    fs::rename(&newer, &cluster.n2.dir).expect("moved back");
    cluster.n2.start();
    cluster.wait_pulling(&["n2", "n3"]);
    writes(&cluster, 5);
}

/// What was in the directory before, put back into the very same directory: the node cannot know, and the holder
/// does.
#[test]
fn st2_a_directory_that_was_set_back_is_halted_by_the_holder() {
    let (mut cluster, place) = (Cluster::start(), tempfile::tempdir().expect("a directory"));
    writes(&cluster, 1);
    cluster.n1.designate("n2");
    writes(&cluster, 3);
    cluster.n2.kill();
    let older = place.path().join("older");
    copy(&cluster.n2.dir, &older);
    cluster.n2.start();
    cluster.wait_pulling(&["n2", "n3"]);
    writes(&cluster, 5);
    cluster.n2.kill();
    for entry in fs::read_dir(&cluster.n2.dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        let removed =
            if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.expect("removed");
    }
    copy(&older.join("."), &cluster.n2.dir);
    cluster.n2.start();
    is_nobody(&cluster.n2, "ST-2", 1, "join under a new node id");
    // No receipt of it was counted.
    cluster.n1.put("k", "v").refused(503, "SUCCESSOR_DETACHED");
    cluster.n2.restart();
    cluster.n1.kill();
    is_nobody(&cluster.n2, "ST-2", 1, "join under a new node id");
}

/// A new directory under an old id has a new key: it is not that node.
#[test]
fn au7_a_replica_that_joins_from_an_empty_directory_under_its_old_id_is_refused() {
    let mut cluster = Cluster::start();
    writes(&cluster, 1);
    cluster.n1.designate("n2");
    writes(&cluster, 3);
    cluster.n2.kill();
    let lost = cluster.n2.dir.with_extension("lost");
    fs::rename(&cluster.n2.dir, &lost).expect("moved");
    let before = ledger(&cluster.n1);
    let refused = join(&cluster.n2, &cluster.n1);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let said = refused.stdout + &refused.stderr;
    assert!(said.contains("AU-7"), "{said}");
    assert_eq!(before, ledger(&cluster.n1));
    let serve = aerodb(&["serve", "--data-dir", cluster.n2.dir_arg()]);
    assert_ne!(serve.code, Some(0), "{serve:?}");
    // The promotion that n2 could have had is nobody else's.
    cluster.n3.promote(1).refused(409, "PROMOTION_DENIED");
    cluster.n1.put("k", "v").refused(503, "SUCCESSOR_DETACHED");
    // Its old directory is the node.
    if cluster.n2.dir.exists() {
        fs::remove_dir_all(&cluster.n2.dir).expect("removed");
    }
    fs::rename(&lost, &cluster.n2.dir).expect("moved back");
    cluster.n2.start();
    cluster.wait_pulling(&["n2", "n3"]);
    writes(&cluster, 5);
}
