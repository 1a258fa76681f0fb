//! Section 8: bootstrap from a snapshot.

use aerodb_core::hash::Chain;
use aerodb_core::id::{Boundary, Epoch};
use aerodb_core::position::{LedgerHead, Position};
use aerodb_core::wal::{Batch, Commit, Op};
use aerodb_tests::proxy::{Change, Fault, Proxy};
use aerodb_tests::{Cluster, Node, aerodb, join};
use bytes::Bytes;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::golden;
use crate::stage::{assert_unreadable, offsets, wait_halted};

/// The holder `n1` has dropped the start of its log; `n2`, behind a proxy, has none of it.
pub(crate) struct Cut {
    pub(crate) n1: Node,
    pub(crate) n2: Node,
    pub(crate) proxy: Proxy,
    /// The commit of the holder's snapshot.
    pub(crate) at: u64,
    _root: TempDir,
}

/// More than a segment of the log.
const VALUES: u64 = 18;
const VALUE_BYTES: usize = 1_000_000;

impl Cut {
    #[track_caller]
    pub(crate) fn set() -> Self {
        let (n1, root) = Cluster::founder(&[]);
        let proxy = Proxy::before(&n1);
        let value = "v".repeat(VALUE_BYTES);
        for number in 1..=VALUES {
            let _ = n1.put(&format!("k{number}"), &value).expect(200);
        }
        checkpoint(&n1);
        for number in 1..=2 {
            let _ = n1.put(&format!("past{number}"), "the cut").expect(200);
        }
        let mut n2 = Node::new(root.path(), "n2");
        assert_eq!(join(&n2, &n1).code, Some(0));
        n2.start();
        let _ = n2
            .post("/v1/replication/follow", &json!({ "upstream": proxy.url(), "reason": "test" }))
            .expect(200);
        let cut = Self { n1, n2, proxy, at: VALUES, _root: root };
        cut.wait_required();
        cut
    }

    #[track_caller]
    pub(crate) fn wait_required(&self) {
        self.n2.wait("needs a bootstrap", || {
            let status = self.n2.try_get("/v1/status")?;
            (status.body["data"]["bootstrap_required"] == true).then_some(())
        });
    }

    #[track_caller]
    pub(crate) fn ask(&self) {
        let _ = self.n2.post("/v1/replication/bootstrap", &json!({ "reason": "test" })).expect(200);
    }

    /// Asks, and waits until the snapshot is in force; it ends with the holder's state.
    #[track_caller]
    pub(crate) fn bootstraps(&self) {
        let done = aerodb(&["--node", &self.n2.url(), "bootstrap", "--reason", "test"]);
        assert_eq!(done.code, Some(0), "{done:?}");
        self.assert_equal();
    }

    #[track_caller]
    pub(crate) fn assert_equal(&self) {
        let bound = self.n1.digest().0;
        self.n2.wait("has told the bound", || {
            let status = self.n2.try_get("/v1/status")?.body["data"].clone();
            (status["tips"]["acknowledged"] == bound).then_some(())
        });
        assert_eq!(self.n1.digest(), self.n2.digest());
    }

    /// F-S1.1 to F-S1.3: nothing is left, nothing is applied, nothing is read, and it is begun again when it
    /// is asked for, from byte 0.
    #[track_caller]
    pub(crate) fn assert_uninitialised(&self) {
        let data = self.n2.data("/v1/replication");
        assert_eq!(data["snapshot_bootstrap_state"], "NotStarted");
        assert_eq!(offsets(&self.n2), [0; 3]);
        assert!(!self.n2.dir.join("bootstrap").exists());
        assert!(!self.n2.dir.join("checkpoint").exists());
        assert_unreadable(&self.n2, "READ_UNSAFE");
    }

    /// The replica dies at this point of a bootstrap, and starts again.
    #[track_caller]
    pub(crate) fn dies_at(&mut self, point: &str) {
        self.n2.kill();
        self.n2.start_to_die_at(point);
        self.wait_required();
        self.ask();
        self.n2.died_at(point);
        self.n2.start();
    }
}

/// Takes a checkpoint; the commit that it is of.
#[track_caller]
fn checkpoint(node: &Node) -> u64 {
    let taken = node.post("/v1/checkpoints", &json!({ "reason": "test" })).expect(200);
    taken.body["data"]["checkpoint"]["commit_id"].as_u64().expect("a commit")
}

#[test]
fn f_s1_crash_during_snapshot_transfer() {
    let mut cut = Cut::set();
    cut.dies_at("boot.transfer:3");
    cut.wait_required();
    cut.assert_uninitialised();
    golden::check("f_s1", &cut.n2.data("/v1/explain/replication"));
    cut.bootstraps();
}

#[test]
fn f_s1_connection_lost_during_snapshot_transfer() {
    let cut = Cut::set();
    for fault in [Fault::Drop, Fault::Cut(1000)] {
        cut.proxy.chunk(3, fault);
        let done = aerodb(&["--node", &cut.n2.url(), "bootstrap", "--reason", "test"]);
        assert_eq!(done.code, Some(1), "{done:?}");
        cut.assert_uninitialised();
        let data = cut.n2.data("/v1/replication");
        assert_eq!(data["bootstrap"]["state"], "NotStarted");
        assert_eq!(data["bootstrap"]["chunks_received"], 3);
    }
    cut.bootstraps();
}

/// Whatever byte of a transfer is damaged, what was received is rejected and the replica is as it was (RS-5).
/// Proves: M-R25.
#[test]
fn rs_5_a_damaged_transfer_is_rejected() {
    let cut = Cut::set();
    for (after, fault, why) in [
        (0, Fault::Damage(0), "SNP-4"),
        (2, Fault::Damage(777), "SNP-4"),
        (17, Fault::Damage(usize::MAX), "SNP-4"),
        (2, Fault::Flip(777), ""),
    ] {
        cut.proxy.chunk(after, fault);
        let done = aerodb(&["--node", &cut.n2.url(), "bootstrap", "--reason", "test"]);
        assert_eq!(done.code, Some(1), "{done:?}");
        assert!(done.stderr.contains(why), "{done:?}");
        cut.assert_uninitialised();
    }
    assert_eq!(cut.proxy.happened(), 4);
    let explained = cut.n2.data("/v1/explain/bootstrap");
    assert_eq!(explained["conclusion"]["status"], "undetermined");
    cut.bootstraps();
}

#[test]
fn f_s2_crash_after_snapshot_transfer_before_validation() {
    let mut cut = Cut::set();
    for point in ["boot.before_validate", "boot.mid_validate"] {
        cut.dies_at(point);
        cut.wait_required();
        cut.assert_uninitialised();
    }
    golden::check("f_s2", &cut.n2.data("/v1/explain/replication"));
    // From byte 0: the first chunk is asked for again.
    cut.proxy.chunk(0, Fault::Drop);
    let done = aerodb(&["--node", &cut.n2.url(), "bootstrap", "--reason", "test"]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert_eq!(cut.n2.data("/v1/replication")["bootstrap"]["bytes_received"], 0);
    cut.bootstraps();
}

/// One rename decides: before it the replica is as it was, after it the snapshot is in force (RS-4, RS-8).
#[test]
fn rs_4_rs_8_crash_while_the_snapshot_is_installed() {
    let mut cut = Cut::set();
    cut.dies_at("boot.install.rename");
    cut.wait_required();
    cut.assert_uninitialised();
    cut.dies_at("boot.installed");
    assert_eq!(cut.n2.data("/v1/replication")["snapshot_bootstrap_state"], "Complete");
    cut.assert_equal();
    let recovery = cut.n2.data("/v1/explain/recovery");
    assert_eq!(recovery["inputs"]["checkpoint"]["position"]["commit_id"], cut.at);
    cut.n2.restart();
    cut.assert_equal();
}

/// F-S3, in the way that `offer` changes what comes first after the snapshot.
#[track_caller]
pub(crate) fn mismatch(name: &str, offer: impl FnOnce(&Cut) -> Change) {
    let mut cut = Cut::set();
    let change = offer(&cut);
    cut.proxy.next(Fault::Change(change));
    cut.ask();
    let status = wait_halted(&cut.n2, "F-S3");
    assert_eq!(status["halt"]["evidence"]["cut"]["commit_id"], cut.at);
    assert_unreadable(&cut.n2, "HALTED");
    assert_eq!(cut.n2.data("/v1/replication")["snapshot_bootstrap_state"], "InProgress");
    golden::check(name, &cut.n2.data("/v1/explain/replication"));
    assert_eq!(offsets(&cut.n2), [cut.at; 3], "not a byte past the cut is kept");
    assert_eq!(cut.n2.data("/v1/wal")["files"], json!([]));

    cut.n2.restart();
    let _ = wait_halted(&cut.n2, "F-S3");
    assert_eq!(cut.n2.data("/v1/state/bootstrap")["state"], "Mismatched");
    cut.n2.post("/v1/replication/resume", &json!({ "reason": "test" })).refused(503, "HALTED");

    // The way back is another snapshot, which only an operator asks for; one of the same cut is none.
    let done = aerodb(&["--node", &cut.n2.url(), "bootstrap", "--reason", "test"]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(checkpoint(&cut.n1) > cut.at);
    cut.bootstraps();
    assert_eq!(cut.n2.data("/v1/status")["halt"], Value::Null);
}

#[test]
fn f_s3_wal_offered_one_commit_late() {
    mismatch("f_s3_late", |_| Change::with_a_gap());
}

/// Proves: M-R28.
#[test]
fn f_s3_wal_offered_one_commit_early() {
    mismatch("f_s3_early", |cut| Change::replaced(forged(cut, cut.at - 1)));
}

/// Proves: M-R28.
#[test]
fn f_s3_wal_of_another_history() {
    mismatch("f_s3_other", |cut| Change::replaced(forged(cut, cut.at)));
}

/// A batch that continues another history which has so many commits.
#[track_caller]
fn forged(cut: &Cut, commits: u64) -> Bytes {
    let entries = cut.n1.data("/v1/ledger?log=authority");
    let last = entries.as_array().and_then(|entries| entries.last()).expect("an entry");
    let stamp: LedgerHead =
        serde_json::from_value(json!({ "seq": last["seq"], "hash": last["hash"] }))
            .expect("a head");
    let tip = Position { boundary: Boundary::new(commits), chain: Chain([7; 32]) };
    let put = Op::Put { key: "k1".into(), value: "forged".into() };
    let (_, raw) =
        Batch::form(&tip, Epoch::FIRST, stamp, vec![Commit { ops: vec![put] }]).expect("a batch");
    raw.bytes().clone()
}
