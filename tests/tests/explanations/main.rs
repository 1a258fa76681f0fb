//! One explanation of each type (DESIGN 7), from one run of a cluster: golden files, and `docs/explanations.md`,
//! which shows them. `AERODB_GOLDEN=write cargo test -p aerodb-tests --test explanations` writes both anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use aerodb_core::rules::RuleId;
use aerodb_tests::golden::{fresh, named};
use aerodb_tests::{Cluster, Node};
use serde_json::{Value, json};

/// One type: its name, what it answers, where it is asked for, and what was answered.
struct Example {
    name: &'static str,
    says: &'static str,
    asked: &'static str,
    explanation: Value,
}

impl Example {
    fn new(
        name: &'static str,
        says: &'static str,
        asked: &'static str,
        explanation: &Value,
    ) -> Self {
        assert_eq!(explanation["explanation_type"], name, "{explanation}");
        Self { name, says, asked, explanation: named(explanation) }
    }

    fn text(&self) -> String {
        serde_json::to_string_pretty(&self.explanation).expect("JSON") + "\n"
    }
}

/// What the node explains of itself.
#[track_caller]
fn shown(node: &Node, path: &str) -> Value {
    node.data(path)
}

/// The explanation of a refusal.
#[track_caller]
fn refused(node: &Node, path: &str, body: &Value) -> Value {
    node.post(path, body).expect(409).body["explanation"].clone()
}

/// The story that the examples are of: seven commits, a checkpoint, and what a replica is refused.
fn examples() -> Vec<Example> {
    let mut cluster = Cluster::start();
    let why = json!({ "reason": "example" });
    for number in 1..=5 {
        let _ = cluster.n1.put("k", &number.to_string()).expect(200);
    }
    let _ = cluster.n1.put("gone", "6").expect(200);
    let deleted = cluster.n1.try_send("DELETE", "/v1/kv/gone", &[], None);
    let _ = deleted.expect("an answer").expect(200);
    for replica in [&cluster.n2, &cluster.n3] {
        replica.wait_shown(7);
    }
    let _ = cluster.n1.post("/v1/checkpoints", &why).expect(200);
    let _ = cluster.n3.post("/v1/replication/bootstrap", &why).expect(200);
    let bootstrap = cluster.n3.wait("has judged the snapshot", || {
        let answer = cluster.n3.try_get("/v1/explain/bootstrap")?;
        (answer.status == 200).then(|| answer.body["data"].clone())
    });
    let promotion = json!({ "expected_epoch": 1, "reason": "example" });
    let designation = json!({ "successor": "n3", "expected_epoch": 1, "reason": "example" });
    let denied = refused(&cluster.n2, "/v1/promotions", &promotion);
    let command = refused(&cluster.n2, "/v1/authority/designate", &designation);
    let safety = shown(&cluster.n2, "/v1/explain/replication");
    cluster.n1.restart();
    let n1 = &cluster.n1;
    vec![
        Example::new(
            "replication.promotion",
            PROMOTION,
            "POST /v1/promotions` on a replica that is no successor; later `GET /v1/explain/promotion/{id}",
            &denied,
        ),
        Example::new(
            "authority.command",
            COMMAND,
            "POST /v1/authority/designate` on a replica; of a running node's last refusal, the answer itself",
            &command,
        ),
        Example::new(
            "write.admission",
            WRITE,
            "GET /v1/explain/write",
            &shown(n1, "/v1/explain/write"),
        ),
        Example::new(
            "mvcc.read_visibility",
            READ,
            "GET /v1/explain/read?key=k&at=4",
            &shown(n1, "/v1/explain/read?key=k&at=4"),
        ),
        Example::new("replication.safety", SAFETY, "GET /v1/explain/replication", &safety),
        Example::new(
            "wal.segment",
            SEGMENT,
            "GET /v1/explain/segment?commit=3",
            &shown(n1, "/v1/explain/segment?commit=3"),
        ),
        Example::new(
            "recovery.process",
            RECOVERY,
            "GET /v1/explain/recovery",
            &shown(n1, "/v1/explain/recovery"),
        ),
        Example::new(
            "checkpoint.safety",
            CHECKPOINT,
            "GET /v1/explain/checkpoint",
            &shown(n1, "/v1/explain/checkpoint"),
        ),
        Example::new("snapshot.bootstrap", BOOTSTRAP, "GET /v1/explain/bootstrap", &bootstrap),
    ]
}

const PROMOTION: &str = "Whether this node may be granted the next epoch: every rule, with what it looked at. The ledgers keep the inputs, so that it can be made again years later.";
const COMMAND: &str = "Whether the holder carries out a command on its authority: designate, release, relinquish, admit, remove, decline.";
const WRITE: &str = "Whether a write would be admitted here now.";
const READ: &str =
    "What a read of a key shows at a commit, and which of its versions were passed over.";
const SAFETY: &str = "Whether reads on this node are safe: role, pipeline, failures, and how far each stage has come.";
const SEGMENT: &str = "Whether a batch of the log continues the history that lies before it: its bytes, its number, its chain, its epoch, and the ledger that it was written under.";
const RECOVERY: &str =
    "What the last start found on the disk, what it replayed, and what it set aside.";
const CHECKPOINT: &str = "Whether the checkpoint in force may be relied on.";
const BOOTSTRAP: &str =
    "Whether a snapshot that was received takes the place of a replica's history.";

const HEAD: &str = "# Explanations

Every decision of a node, and every state that an operator may have to account for, is explained in one shape: the
type, what was looked at, the inputs, every rule in fixed order with what it came to and the raw values that it read,
the conclusion, and a digest over all of it. Identical inputs give identical bytes on any machine. `aerodb rules ID`
says what a rule requires, where it is enforced and which tests prove it.

One example of each type, from one run of three nodes; hashes, which differ from run to run, have names.
Written by `AERODB_GOLDEN=write cargo test -p aerodb-tests --test explanations`, and checked by the same test.
";

/// Proves: EX-1, EX-3, EX-4, EX-5, EX-6, P6-O2, O5-5, P6-RO2, CORE-R3, EX-2.
#[test]
fn every_type_is_explained_in_the_same_bytes_and_shown_in_the_documentation() {
    let mut document = HEAD.to_owned();
    let golden = Path::new("tests/explanations/golden");
    for example in examples() {
        let applied = example.explanation["rules_applied"].as_array().expect("rules").clone();
        let ids: Vec<_> =
            applied.iter().map(|rule| rule["rule_id"].as_str().expect("an id")).collect();
        for id in &ids {
            assert!(id.parse::<RuleId>().is_ok(), "{id} is not in the catalogue");
        }
        assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "each rule once: {ids:?}");
        fresh(&golden.join(format!("{}.json", example.name)), &example.text());
        let Example { name, says, asked, .. } = &example;
        let _ = write!(
            document,
            "\n## {name}\n\n{says}\n\nAsked by `{asked}`.\n\n```json\n{}```\n",
            example.text()
        );
    }
    fresh(Path::new("../docs/explanations.md"), &document);
}
