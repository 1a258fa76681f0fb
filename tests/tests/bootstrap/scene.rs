//! A holder that has dropped the start of its log, and a fresh replica that would need it.

use aerodb_tests::{Cluster, Node, Output, aerodb, join};
use serde_json::{Value, json};
use tempfile::TempDir;

/// More than a segment of the log, so that a checkpoint lets go of the first one.
const VALUES: u64 = 18;
const VALUE_BYTES: usize = 1_000_000;

pub(crate) struct Scene {
    /// The holder.
    pub(crate) n1: Node,
    /// The replica, joined and not started.
    pub(crate) n2: Node,
    /// A replica that has had every commit from the first one on.
    pub(crate) whole: Option<Node>,
    /// The holder's last commit.
    pub(crate) commits: u64,
    _root: TempDir,
}

impl Scene {
    #[track_caller]
    pub(crate) fn new() -> Self {
        let (n1, root) = Cluster::founder(&[]);
        let whole = Cluster::joined(&root, "n3", &n1);
        let value = "v".repeat(VALUE_BYTES);
        for number in 1..=VALUES {
            let _ = n1.put(&format!("k{number}"), &value).expect(200);
        }
        whole.wait_applied(VALUES);
        let taken = n1.post("/v1/checkpoints", &json!({ "reason": "test" })).expect(200);
        assert!(taken.body["data"]["segments_removed"].as_u64() > Some(0), "{}", taken.text);
        let _ = n1.put("past", "the checkpoint").expect(200);
        let n2 = Node::new(root.path(), "n2");
        let joined = join(&n2, &n1);
        assert_eq!(joined.code, Some(0), "{joined:?}");
        Self { n1, n2, whole: Some(whole), commits: VALUES + 1, _root: root }
    }

    /// Waits until the replica says that only a bootstrap helps.
    #[track_caller]
    pub(crate) fn wait_required(&self) {
        self.n2.wait_bootstrap_required();
    }

    /// Waits until a snapshot is in force.
    #[track_caller]
    pub(crate) fn wait_complete(&self) {
        self.n2.wait_bootstrap("Complete");
    }

    /// `aerodb bootstrap`.
    pub(crate) fn bootstrap(&self) -> Output {
        aerodb(&["--node", &self.n2.url(), "bootstrap", "--reason", "test"])
    }

    /// Nothing of an attempt is left on the replica.
    #[track_caller]
    pub(crate) fn assert_not_started(&self) {
        let data = self.n2.data("/v1/replication");
        assert_eq!(data["snapshot_bootstrap_state"], "NotStarted");
        assert_eq!(data["wal_applied_offset"], 0);
        assert!(!self.n2.dir.join("bootstrap").exists(), "the staging directory is gone");
        assert!(!self.n2.dir.join("checkpoint").exists());
    }

    /// Both have one history and one state.
    #[track_caller]
    pub(crate) fn assert_same(&self) {
        let bound = self.n1.digest().0;
        self.n2.wait("knows the bound", || (self.n2.digest().0 == bound).then_some(()));
        assert_eq!(self.n2.digest(), self.n1.digest());
        let tip = |node: &Node| node.data("/v1/wal")["tip"].clone();
        assert_eq!(tip(&self.n2), tip(&self.n1));
        assert_ne!(tip(&self.n2), Value::Null);
    }

    /// The commit of the snapshot that the replica stands on.
    #[track_caller]
    pub(crate) fn cut(&self) -> Value {
        self.n2.data("/v1/checkpoints")["last_completed"]["commit_id"].clone()
    }

    /// The kinds of what the replica has recorded.
    #[track_caller]
    pub(crate) fn recorded(&self) -> Vec<String> {
        let entries = self.n2.data("/v1/ledger?log=decision");
        let kinds = entries.as_array().expect("a list").iter().map(|entry| &entry["entry"]);
        kinds.map(|kind| kind.as_str().unwrap_or_default().to_owned()).collect()
    }
}
