//! The stage of most rows: a founder, and a replica that pulls from it through a proxy.

use aerodb_tests::proxy::Proxy;
use aerodb_tests::{Cluster, Hold, Node};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A founder `n1`, a replica `n2`, and what is between them.
pub(crate) struct Stage {
    pub(crate) n1: Node,
    pub(crate) n2: Node,
    pub(crate) proxy: Proxy,
    pub(crate) root: TempDir,
}

impl Stage {
    /// The replica is pulling, nothing is written.
    #[track_caller]
    pub(crate) fn set() -> Self {
        let (n1, root) = Cluster::founder(&[]);
        let proxy = Proxy::before(&n1);
        let n2 = Cluster::joined(&root, "n2", &n1);
        let body = json!({ "upstream": proxy.url(), "reason": "test" });
        let _ = n2.post("/v1/replication/follow", &body).expect(200);
        let stage = Self { n1, n2, proxy, root };
        stage.wait_pulling();
        stage
    }

    /// Waits until the replica pulls.
    #[track_caller]
    pub(crate) fn wait_pulling(&self) {
        self.n2.wait("pulls", || {
            let data = self.n2.try_get("/v1/replication")?.body["data"].clone();
            data["replica_state"].as_str()?.starts_with("Ready").then_some(())
        });
    }

    /// Puts `k1`, `k2`, … each the value of its number.
    #[track_caller]
    pub(crate) fn put(&self, numbers: std::ops::RangeInclusive<u64>) {
        for number in numbers {
            let _ = self.n1.put(&format!("k{number}"), &number.to_string()).expect(200);
        }
    }

    /// The same, each when the replica has the one before: the replica's log has a frame for each.
    #[track_caller]
    pub(crate) fn put_followed(&self, numbers: std::ops::RangeInclusive<u64>) {
        for number in numbers {
            self.put(number..=number);
            self.n2.wait_applied(number);
        }
    }

    /// Writes while the replica is down, so that its next pull is answered with several batches.
    #[track_caller]
    pub(crate) fn put_behind_its_back(&mut self, numbers: std::ops::RangeInclusive<u64>) {
        self.n2.kill();
        // A pull of the dead process that still waits is answered otherwise, and a fault that is asked for next
        // would befall that answer.
        self.n1.wait("has noticed", || {
            let data = self.n1.try_get("/v1/replication")?.body["data"].clone();
            let detached = |peer: &Value| peer["node_id"] != "n2" || peer["attached"] == false;
            data["peers"].as_array()?.iter().all(detached).then_some(())
        });
        self.put(numbers);
    }

    /// The replica starts anew, pulls, and stands at this point from then on.
    #[track_caller]
    pub(crate) fn stands_again_at(&mut self, point: &str) -> Hold {
        self.n2.stop();
        let mut hold = self.n2.start_to_stand_at(point);
        // What the process before received comes there first.
        hold.reached(&self.n2);
        hold.pass();
        self.wait_pulling();
        hold
    }

    /// Both nodes have the same state at the same commit.
    #[track_caller]
    pub(crate) fn assert_equal(&self, commit: u64) {
        self.n2.wait_shown(commit);
        assert_eq!(self.n1.digest(), self.n2.digest());
        assert_eq!(offsets(&self.n2), [commit; 3]);
    }
}

/// Received, validated and applied, as a replica shows them.
#[track_caller]
pub(crate) fn offsets(node: &Node) -> [u64; 3] {
    let data = node.data("/v1/replication");
    ["wal_received_offset", "wal_validated_offset", "wal_applied_offset"]
        .map(|name| data[name].as_u64().expect("an offset"))
}

/// Waits until the node is halted by this rule; gives its status.
#[track_caller]
pub(crate) fn wait_halted(node: &Node, rule: &str) -> Value {
    node.wait(&format!("is halted by {rule}"), || {
        let status = node.try_get("/v1/status")?.body["data"].clone();
        (status["halt"]["rule"] == rule).then_some(status)
    })
}

/// Waits until the replica is detached; gives why.
#[track_caller]
pub(crate) fn wait_detached(node: &Node) -> String {
    node.wait("is detached", || {
        let data = node.try_get("/v1/replication")?.body["data"].clone();
        let why = data["blocking_reason"].as_str()?.to_owned();
        let detached = data["replica_state"].as_str()?.starts_with("Detached");
        (detached && !why.contains("has not answered yet")).then_some(why)
    })
}

/// No read is served, whatever it asks for, and the refusal says why.
#[track_caller]
pub(crate) fn assert_unreadable(node: &Node, code: &str) {
    for path in ["/v1/kv/k1", "/v1/kv/k1?consistency=snapshot", "/v1/kv?prefix=k"] {
        node.get(path).refused(503, code);
    }
    assert_eq!(node.data("/v1/replication")["read_safety"], "Unsafe");
}

/// The rows of one machine's transitions, as its journal has them.
#[track_caller]
pub(crate) fn rows(node: &Node, machine: &str) -> Vec<String> {
    let steps = node.data(&format!("/v1/transitions?machine={machine}&limit=1000"));
    let steps = steps["transitions"].as_array().or_else(|| steps.as_array()).expect("transitions");
    steps.iter().map(|step| step["row"].as_str().expect("a row").to_owned()).collect()
}

/// What recovery found, once the digest of what it came to is computed, beside the serving.
#[track_caller]
pub(crate) fn recovery(node: &Node) -> Value {
    node.wait("has its digest", || {
        let explanation = node.try_get("/v1/explain/recovery")?.body["data"].clone();
        (!explanation["inputs"]["state_digest"].is_null()).then_some(explanation)
    })
}
