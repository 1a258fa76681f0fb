//! Three nodes, the second one pulling through a proxy, and what is done to them.

use std::path::Path;
use std::process::Command;

use aerodb_tests::proxy::{Change, Fault, Gate, Proxy};
use aerodb_tests::{Answer, Cluster, Node, Output, aerodb};
use serde_json::{Value, json};

/// The stage of a story.
pub(crate) struct Scene {
    pub(crate) cluster: Cluster,
    pub(crate) proxy: Proxy,
}

impl Scene {
    /// Everybody pulls, and commits 1 to 3 are everywhere.
    pub(crate) fn set() -> Self {
        let cluster = Cluster::start();
        let proxy = Proxy::before(&cluster.n1);
        let body = json!({ "upstream": proxy.url(), "reason": "test" });
        let _ = cluster.n2.post("/v1/replication/follow", &body).expect(200);
        cluster.wait_pulling(&["n2", "n3"]);
        let scene = Self { cluster, proxy };
        put(&scene.cluster.n1, 1..=3);
        scene.cluster.n2.wait_applied(3);
        scene.cluster.n3.wait_applied(3);
        scene
    }

    /// The next answer with batches loses them, and the one after it stands at the gate: n2 has the ledger and
    /// not the history.
    pub(crate) fn ledger_without_history(&self) -> Gate {
        self.proxy.next(Fault::Change(Change::of(|answer| answer.batches.clear())));
        let gate = Gate::default();
        self.proxy.next(Fault::Delay(gate.clone()));
        gate
    }

    /// A byte of the next batch is another one.
    pub(crate) fn damaged_batch(&self) {
        self.proxy.next(Fault::Change(Change::corrupted(140)));
    }
}

/// Writes, each acknowledged under the commit of its number.
#[track_caller]
pub(crate) fn put(node: &Node, range: std::ops::RangeInclusive<u64>) {
    for number in range {
        let answer = node.put(&format!("k{number}"), "v").expect(200);
        assert_eq!(answer.body["data"]["commit_id"], number);
    }
}

/// A write that is durable on the holder alone: its successor does not run.
#[track_caller]
pub(crate) fn put_caught(node: &Node, commit: u64) {
    let soon = [("aerodb-deadline-ms", "200")];
    let caught = node.try_send("PUT", "/v1/kv/caught", &soon, Some(b"v")).expect("an answer");
    caught.refused(503, "NOT_ACKNOWLEDGED");
    assert_eq!(caught.body["commit_id"], commit);
}

/// A command whose caller waits only for a moment.
#[track_caller]
pub(crate) fn post_soon(node: &Node, path: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json"), ("aerodb-deadline-ms", "200")];
    node.try_send("POST", path, &headers, Some(body.to_string().as_bytes())).expect("an answer")
}

/// A promotion request with one more field.
#[track_caller]
pub(crate) fn promote_with(node: &Node, epoch: u64, field: &str, value: &Value) -> Answer {
    let mut body = json!({ "expected_epoch": epoch, "reason": "test" });
    body[field] = value.clone();
    node.post("/v1/promotions", &body)
}

/// Waits until the node is halted by this rule.
#[track_caller]
pub(crate) fn wait_halted(node: &Node, rule: &str) {
    node.wait(&format!("is halted by {rule}"), || {
        let status = node.try_get("/v1/status")?;
        (status.body["data"]["halt"]["rule"] == rule).then_some(())
    });
}

/// Waits until the node's ledger says so of the epoch.
#[track_caller]
pub(crate) fn wait_authority(node: &Node, field: &str, value: &str) {
    node.wait(&format!("knows that {field} is {value}"), || {
        let data = node.try_get("/v1/authority")?.body["data"].clone();
        (data.pointer(field)? == value).then_some(())
    });
}

/// Waits until the node's ledger and history end where the other's do.
#[track_caller]
pub(crate) fn wait_even(node: &Node, other: &Node) {
    let ends = |node: &Node| {
        let status = node.try_get("/v1/status")?.body;
        let applied = status["data"]["tips"]["applied"].as_u64()?;
        Some((status["observed_at"]["ledger_seq"].as_u64()?, applied))
    };
    node.wait("has all of the other node's", || (ends(node)? == ends(other)?).then_some(()));
}

/// What the node sets aside is what its log holds past its validated history.
#[track_caller]
pub(crate) fn discard(node: &Node) {
    let body = json!({ "reason": "it was never receipted" });
    let _ = node.post("/v1/replication/discard-suffix", &body).expect(200);
}

/// Runs a command of the binary on a stopped node's directory.
pub(crate) fn offline(node: &Node, line: &[&str], epoch: u64) -> Output {
    let epoch = epoch.to_string();
    let asked = ["--expected-epoch", &epoch, "--reason", "test", "--output", "json"];
    aerodb(&[line, &asked, &["--data-dir", node.dir_arg()]].concat())
}

/// The node runs on a copy of its directory (`cp -a`) meanwhile, and is halted by that.
pub(crate) fn on_a_copy<T>(node: &mut Node, meanwhile: impl FnOnce(&Node) -> T) -> T {
    node.kill();
    let original = node.dir.clone();
    node.dir = original.with_file_name(format!("{}-copy", node.id));
    copy(&original, &node.dir);
    node.start();
    wait_halted(node, "ST-2");
    let came = meanwhile(node);
    node.kill();
    std::fs::remove_dir_all(&node.dir).expect("removed");
    node.dir = original;
    node.start();
    came
}

/// `cp -a`.
pub(crate) fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.expect("cp runs").success());
}
