//! The fields that the specification names for each endpoint (rules/6-names 6.3), on a holder and on a replica that
//! run: every one of them is there, `null` only where there is nothing or where it is labelled as unknown, and they
//! say another thing when the state is another one.

use aerodb_tests::{Answer, Cluster, Node};
use serde_json::{Value, json};

/// An endpoint, what it must return, and where that stands in its `data`.
type Named = (&'static str, &'static [(&'static str, &'static [&'static str])]);

const TABLE: [Named; 6] = [
    (
        "/v1/status",
        &[
            ("lifecycle state", &["/lifecycle"]),
            ("commit-id high-water mark", &["/tips/wal_tip"]),
            ("WAL durability boundary", &["/tips/wal_durable"]),
            (
                "phase enablement flags",
                &["/enabled/replication", "/enabled/failover", "/enabled/group_commit"],
            ),
        ],
    ),
    (
        "/v1/wal",
        &[
            ("WAL file identifiers", &["/files/0/name"]),
            ("append offset", &["/append_offset"]),
            ("last durable offset", &["/last_durable_offset"]),
            ("checksum status", &["/checksum_status"]),
            ("truncation point", &["/truncation_point"]),
            ("received, validated, applied offsets", &["/received", "/validated", "/applied"]),
            ("gaps and failures", &["/gaps", "/failures"]),
        ],
    ),
    (
        "/v1/mvcc",
        &[
            ("oldest retained commit id", &["/oldest_retained_commit_id"]),
            ("latest commit id", &["/latest_commit_id"]),
            ("active snapshots", &["/active_snapshots/count", "/active_snapshots/commit_ids"]),
            ("GC watermark", &["/gc_watermark"]),
            ("replica commit id", &["/replica_commit_id"]),
            ("whether reads are blocked", &["/reads_blocked"]),
        ],
    ),
    (
        "/v1/snapshots",
        &[
            ("active snapshots", &["/active"]),
            ("those on the disk", &["/files/0/commit_id", "/files/0/in_force"]),
        ],
    ),
    (
        "/v1/checkpoints",
        &[
            ("last completed checkpoint commit id", &["/last_completed/commit_id"]),
            ("durability status", &["/last_completed/durability"]),
            (
                "WAL range covered",
                &[
                    "/last_completed/wal_covered/first_commit_id",
                    "/last_completed/wal_covered/last_commit_id",
                ],
            ),
            ("pending or aborted", &["/pending_commit_id", "/pending_state", "/aborted"]),
        ],
    ),
    (
        "/v1/replication",
        &[
            ("role", &["/role"]),
            ("replica_state", &["/replica_state"]),
            ("replica_commit_id", &["/replica_commit_id"]),
            ("primary_commit_id", &["/primary_commit_id"]),
            ("offsets", &["/wal_received_offset", "/wal_validated_offset", "/wal_applied_offset"]),
            ("snapshot_bootstrap_state", &["/snapshot_bootstrap_state"]),
            ("read_safety", &["/read_safety"]),
            ("blocking_reason", &["/blocking_reason"]),
            ("WAL prefix position", &["/wal_prefix/commit_id", "/wal_prefix/chain"]),
            ("commit-id lag", &["/lag"]),
            ("authority", &["/authority_epoch", "/authority_holder"]),
        ],
    ),
];

/// `null` here means that there is none, on the holder alone or on both sides.
const NONE: [(&str, &str, Side); 9] = [
    ("/v1/wal", "/truncation_point", Side::Both),
    ("/v1/mvcc", "/replica_commit_id", Side::Holder),
    ("/v1/checkpoints", "/pending_commit_id", Side::Both),
    ("/v1/checkpoints", "/pending_state", Side::Both),
    ("/v1/checkpoints", "/aborted", Side::Both),
    ("/v1/replication", "/replica_state", Side::Holder),
    ("/v1/replication", "/replica_commit_id", Side::Holder),
    ("/v1/replication", "/blocking_reason", Side::Both),
    ("/v1/replication", "/lag", Side::Holder),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Holder,
    Both,
}

fn may_be_none(path: &str, field: &str, is_holder: bool) -> bool {
    NONE.iter().any(|(at, name, side)| {
        let side = match side {
            Side::Holder => is_holder,
            Side::Both => true,
        };
        (*at, *name) == (path, field) && side
    })
}

fn is_labelled(answer: &Answer, field: &str) -> bool {
    let name = field.trim_start_matches('/').replace('/', ".");
    let label = format!("incomplete: {name} is unknown: ");
    let notes = answer.body["notes"].as_array().expect("notes");
    notes.iter().any(|note| note.as_str().is_some_and(|note| note.starts_with(&label)))
}

#[track_caller]
fn walk(node: &Node, is_holder: bool) {
    for (path, required) in TABLE {
        let answer = node.get(path).expect(200);
        let envelope: Vec<_> = answer.body.as_object().expect("an object").keys().collect();
        assert_eq!(envelope.len(), 4, "{path}: {envelope:?}");
        assert_eq!(answer.body["api_version"], "v1");
        assert!(answer.body["observed_at"]["snapshot"].is_string(), "{path}");
        for (what, fields) in required {
            for field in *fields {
                let found = answer.body["data"].pointer(field);
                let found = found.unwrap_or_else(|| panic!("{path} lacks {field}: {what}"));
                let known = !found.is_null() || is_labelled(&answer, field);
                let none = may_be_none(path, field, is_holder);
                assert!(known || none, "{path}: {field} is null, and no note says why");
            }
        }
    }
}

/// What a client that watches the log of a node sees move with a write.
fn ends(node: &Node) -> [Value; 7] {
    let [status, wal, mvcc, replication] =
        ["/v1/status", "/v1/wal", "/v1/mvcc", "/v1/replication"].map(|path| node.data(path));
    [
        status["tips"]["wal_tip"].clone(),
        status["tips"]["wal_durable"].clone(),
        wal["append_offset"].clone(),
        wal["last_durable_offset"].clone(),
        mvcc["latest_commit_id"].clone(),
        replication["wal_prefix"]["chain"].clone(),
        replication["wal_applied_offset"].clone(),
    ]
}

fn checkpoint(node: &Node) -> Value {
    let taken = node.post("/v1/checkpoints", &json!({ "reason": "test" })).expect(200);
    taken.body["data"]["checkpoint"].clone()
}

/// Proves: OAPI-5, OAPI-6, O5-2, O5-3, O5-4.
#[test]
fn oapi_6_every_field_of_the_table_of_names_is_there_and_moves_with_the_state() {
    let cluster = Cluster::start();
    let (n1, n2) = (&cluster.n1, &cluster.n2);
    let _ = n1.put("k", "1").expect(200);
    n2.wait_shown(1);
    let taken = [n1, n2].map(checkpoint);
    assert!(taken.iter().all(|taken| taken["commit_id"] == 1), "{taken:?}");
    walk(n1, true);
    walk(n2, false);

    let before = [n1, n2].map(ends);
    let _ = n1.put("k", "2").expect(200);
    n2.wait_shown(2);
    for (node, before) in [n1, n2].iter().zip(before) {
        for (number, (was, is)) in before.iter().zip(ends(node)).enumerate() {
            assert_ne!(*was, is, "{}: field {number}", node.id);
        }
        let _ = checkpoint(node);
        let checkpoints = node.data("/v1/checkpoints")["last_completed"].clone();
        assert_eq!(checkpoints["commit_id"], 2);
        let covered = json!({ "first_commit_id": 1, "last_commit_id": 2 });
        assert_eq!(checkpoints["wal_covered"], covered);
        assert_eq!(node.data("/v1/snapshots")["files"][0]["commit_id"], 2);
        let status = node.data("/v1/status");
        let enabled = json!({ "replication": true, "failover": true, "group_commit": true });
        assert_eq!(status["enabled"], enabled);
    }
    let lag = n2.data("/v1/replication");
    assert_eq!((&lag["lag"], &lag["primary_commit_id"]), (&json!(0), &json!(2)));
}

#[test]
fn oapi_6_what_is_switched_on_is_said() {
    let (alone, _root) = Cluster::founder(&[]);
    assert_eq!(alone.data("/v1/status")["enabled"]["replication"], false);
    let (set, _root) = aerodb_tests::configured(&[("group_commit_max", 1)]);
    assert_eq!(set.data("/v1/status")["enabled"]["group_commit"], false);
}
