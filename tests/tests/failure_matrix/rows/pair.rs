//! A holder and its successor, one of which dies on the way of authority from the one to the other.

use aerodb_tests::{Cluster, Node, aerodb};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Which of two dead nodes starts first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum First {
    Holder,
    Heir,
}

pub(crate) const ORDERS: [First; 2] = [First::Holder, First::Heir];

/// A holder and a replica that pulls from it.
pub(crate) struct Pair {
    pub(crate) holder: Node,
    pub(crate) heir: Node,
    /// `a1`, `a2`, … each of the value of its number, are acknowledged.
    pub(crate) acknowledged: u64,
    _root: TempDir,
}

impl Pair {
    /// The replica is the successor; two writes are acknowledged by both.
    #[track_caller]
    pub(crate) fn designated() -> Self {
        let mut pair = Self::strangers();
        pair.holder.designate(&pair.heir.id);
        pair.put();
        pair
    }

    /// Nobody is named successor; one write is acknowledged.
    #[track_caller]
    pub(crate) fn strangers() -> Self {
        let (holder, root) = Cluster::founder(&[]);
        let heir = Cluster::joined(&root, "n2", &holder);
        let mut pair = Self { holder, heir, acknowledged: 0, _root: root };
        pair.wait_attached();
        pair.put();
        pair
    }

    /// Waits until the holder has the replica attached.
    #[track_caller]
    pub(crate) fn wait_attached(&self) {
        self.holder.wait("has its replica attached", || {
            let data = self.holder.try_get("/v1/replication")?.body["data"].clone();
            let attached =
                |peer: &Value| peer["node_id"] == *self.heir.id && peer["attached"] == true;
            data["peers"].as_array()?.iter().any(attached).then_some(())
        });
    }

    /// The same, where the replica may have been started while its upstream was down.
    #[track_caller]
    pub(crate) fn attach(&self) {
        self.heir.wait("pulls", || {
            let data = self.heir.try_get("/v1/replication")?.body["data"].clone();
            let state = data["replica_state"].as_str()?;
            if state.starts_with("Detached") {
                self.heir.resume();
            }
            state.starts_with("Ready").then_some(())
        });
        self.wait_attached();
    }

    /// The holder acknowledges one more write, and the replica has it.
    #[track_caller]
    pub(crate) fn put(&mut self) {
        let number = self.acknowledged + 1;
        let put = self.holder.put(&format!("a{number}"), &number.to_string()).expect(200);
        self.acknowledged = number;
        let commit = put.body["data"]["commit_id"].as_u64().expect("a commit");
        self.heir.wait_applied(commit);
    }

    /// The replica starts anew, to die at this point; it pulls, and a write is acknowledged meanwhile.
    #[track_caller]
    pub(crate) fn arm_heir(&mut self, point: &str) {
        let _ = self.heir.stop();
        self.heir.start_to_die_at(point);
        self.wait_attached();
        self.put();
    }

    /// Asks for the successor's promotion, of which no answer comes, because it dies at this point.
    #[track_caller]
    pub(crate) fn dies_promoting(&mut self, point: &str) {
        let body = json!({ "expected_epoch": self.holder.epoch(), "reason": "test" });
        let answer = self.heir.try_post("/v1/promotions", &body);
        assert!(answer.is_none(), "{point}: answered: {answer:?}");
        self.heir.died_at(point);
    }

    /// Asks for the successor's promotion, which dies at this point after it has sent its answer.
    #[track_caller]
    pub(crate) fn dies_promoted(&mut self, point: &str) {
        let body = json!({ "expected_epoch": self.holder.epoch(), "reason": "test" });
        if let Some(answer) = self.heir.try_post("/v1/promotions", &body) {
            let _ = answer.expect(200);
        }
        self.heir.died_at(point);
    }

    #[track_caller]
    pub(crate) fn start_both(&mut self, first: First) {
        match first {
            First::Holder => {
                self.holder.start();
                self.heir.start();
            }
            First::Heir => {
                self.heir.start();
                self.holder.start();
            }
        }
    }

    /// Every acknowledged write is there for a linearizable read.
    #[track_caller]
    pub(crate) fn assert_readable(&self, node: &Node) {
        for number in 1..=self.acknowledged {
            let read = node.get(&format!("/v1/kv/a{number}")).expect(200);
            assert_eq!(read.text, number.to_string(), "a{number}");
        }
    }

    /// Nothing of the attempt stands: the epoch is the old one, its holder acknowledges, the replica does not,
    /// and nothing is lost.
    #[track_caller]
    pub(crate) fn assert_as_before(&mut self, epoch: u64, what: &str) {
        self.attach();
        assert_eq!((self.holder.epoch(), self.heir.epoch()), (epoch, epoch), "{what}");
        assert_eq!(state(&self.heir, "promotion"), "Steady", "{what}");
        self.heir.put("stolen", "1").refused(421, "NOT_HOLDER");
        self.put();
        self.assert_readable(&self.holder);
        assert_eq!(self.heir.get("/v1/kv/stolen?consistency=snapshot").status, 404, "{what}");
    }

    /// The grant stands: the old holder acknowledges nothing, the new one has everything, and the old one
    /// becomes its replica. Their parts are exchanged, and the next attempt may follow.
    #[track_caller]
    pub(crate) fn assert_granted(&mut self, epoch: u64, what: &str) {
        assert_eq!(self.heir.epoch(), epoch + 1, "{what}");
        assert_eq!(state(&self.heir, "promotion"), "Steady", "{what}");
        assert_eq!(self.holder.epoch(), epoch, "{what}: it has not heard of it");
        let stolen = self.holder.put("stolen", "1");
        assert_eq!(stolen.status, 503, "{what}: acknowledged by the old holder: {}", stolen.text);
        self.assert_readable(&self.heir);
        let _ = self.holder.follow(&self.heir).expect(200);
        std::mem::swap(&mut self.holder, &mut self.heir);
        self.wait_attached();
        self.put();
        self.heir.put("stolen", "1").refused(421, "NOT_HOLDER");
        self.assert_equal();
    }

    #[track_caller]
    pub(crate) fn assert_equal(&self) {
        let bound = self.holder.digest().0.as_u64().expect("a commit");
        self.heir.wait_shown(bound);
        assert_eq!(self.holder.digest(), self.heir.digest());
    }

    /// Both stop; their ledgers and logs verify, every decision comes to the same again, and the one ledger is
    /// the other, or the start of it.
    #[track_caller]
    pub(crate) fn audited(mut self) {
        assert_eq!((self.heir.stop(), self.holder.stop()), (Some(0), Some(0)));
        for node in [&self.holder, &self.heir] {
            for command in [["ledger", "verify"], ["ledger", "replay"], ["wal", "verify"]] {
                let output = aerodb(&[&command[..], &["--data-dir", node.dir_arg()]].concat());
                assert_eq!(output.code, Some(0), "{command:?}: {output:?}");
            }
        }
        let diff = aerodb(&["ledger", "diff", self.holder.dir_arg(), self.heir.dir_arg()]);
        assert_eq!(diff.code, Some(0), "{diff:?}");
    }
}

/// The state that a machine of the node is in.
#[track_caller]
pub(crate) fn state(node: &Node, machine: &str) -> Value {
    node.data(&format!("/v1/state/{machine}"))["state"].clone()
}
