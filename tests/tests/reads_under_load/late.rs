//! A replica that comes late: the start of the holder's log is gone before it has pulled anything.

use aerodb_tests::proxy::{Fault, Gate, Proxy};
use aerodb_tests::{Cluster, Node};
use serde_json::json;

use crate::Run;
use crate::load::{Attempt, send_to};

/// More than a segment of the log, so that a checkpoint lets go of the first one.
const VALUES: u64 = 18;
const VALUE_BYTES: usize = 1_000_000;

/// The replica, joined and not started, and what was written before there were clients.
pub(crate) struct Late {
    pub(crate) node: Node,
    before: Vec<(String, Option<String>)>,
}

impl Late {
    /// Has the holder drop the start of its log.
    #[track_caller]
    pub(crate) fn behind(cluster: &Cluster) -> Self {
        let mut before: Vec<(String, Option<String>)> = (1..=VALUES)
            .map(|number| (format!("{number:06}").repeat(VALUE_BYTES / 6), None))
            .collect();
        // Nothing of that weighs on the scans.
        before.push(("before".to_owned(), Some("large".to_owned())));
        let late = Self { node: cluster.newcomer("n4"), before };
        for attempt in late.written() {
            let answer = send_to(&cluster.n1.url(), &attempt).expect("an answer").expect(200);
            assert_eq!(answer.body["data"]["commit_id"].as_u64(), attempt.acknowledged);
        }
        let taken = cluster.n1.post("/v1/checkpoints", &json!({ "reason": "test" })).expect(200);
        assert!(taken.body["data"]["segments_removed"].as_u64() > Some(0), "{}", taken.text);
        late
    }

    /// What was written, from the first commit on.
    pub(crate) fn written(&self) -> Vec<Attempt> {
        let attempt = |(commit, (value, deleted)): (u64, &(String, Option<String>))| Attempt {
            key: deleted.as_ref().map_or("large", |_| "k00").to_owned(),
            value: value.clone(),
            deleted: deleted.clone(),
            acknowledged: Some(commit),
        };
        (1..).zip(&self.before).map(attempt).collect()
    }

    /// It is told that it is too far behind, and refuses reads; asked, it takes the snapshot over, and refuses
    /// reads until it has; then it answers.
    #[track_caller]
    pub(crate) fn bootstraps(&mut self, cluster: &Cluster, run: &Run) {
        const INDEX: usize = 3;
        self.node.spawn();
        let node = &self.node;
        let refuses_more = |what: &str| {
            let before = run.refused(INDEX, "READ_UNSAFE");
            let more = || (run.refused(INDEX, "READ_UNSAFE") > before + 20).then_some(());
            node.wait(what, more);
        };
        node.wait_bootstrap_required();
        refuses_more("refuses reads before its bootstrap");

        let (proxy, gate) = (Proxy::before(&cluster.n1), Gate::default());
        let body = json!({ "upstream": proxy.url(), "reason": "test" });
        let _ = node.post("/v1/replication/follow", &body).expect(200);
        node.wait_bootstrap_required();
        proxy.chunk(3, Fault::Delay(gate.clone()));
        let body = json!({ "reason": "test" });
        let _ = node.post("/v1/replication/bootstrap", &body).expect(200);
        gate.reached();
        node.wait_bootstrap("InProgress");
        refuses_more("refuses reads during its bootstrap");
        // Before its first pull it is at commit 0, and may say so.
        assert!(run.newest_of(INDEX) <= Some(0), "nothing that is not proven is shown");
        gate.open();
        node.wait_bootstrap("Complete");
    }
}
