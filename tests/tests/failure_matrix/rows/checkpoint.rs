//! M-C01 to M-C14: a checkpoint dies at each of its boundaries, and the one before it or the new one is in force.

use std::thread;

use aerodb_tests::{Cluster, Node, aerodb, join};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Some sixty of them fill a segment of the log.
const LARGE: usize = 256 << 10;

fn reason() -> Value {
    json!({ "reason": "test" })
}

#[track_caller]
fn checkpoint(node: &Node) -> Value {
    node.post("/v1/checkpoints", &reason()).expect(200).body["data"].clone()
}

#[track_caller]
fn fill(node: &Node, from: u64, to: u64, value: &str) {
    for number in from..=to {
        let _ = node.put(&format!("k{}", number % 9), &format!("{number}{value}")).expect(200);
    }
}

/// The commit of the checkpoint that the last recovery started from; `null` without one.
#[track_caller]
fn started_from(node: &Node) -> Value {
    let recovery = node.data("/v1/explain/recovery");
    assert_eq!(recovery["conclusion"]["status"], "recovered");
    recovery["inputs"]["checkpoint"]["position"]["commit_id"].clone()
}

/// A node that has a checkpoint at commit 20 and dies along the next ones, until one stands.
struct Taken {
    n1: Node,
    _root: TempDir,
    /// The commit of the checkpoint in force.
    old: u64,
}

impl Taken {
    #[track_caller]
    fn at_20() -> Self {
        let (n1, root) = Cluster::founder(&[]);
        fill(&n1, 1, 20, "");
        let _ = checkpoint(&n1);
        Self { n1, _root: root, old: 20 }
    }

    /// Ten more writes, and the process dies at this point of the checkpoint of them. `stands` when that
    /// checkpoint is in force after the next start.
    #[track_caller]
    fn dies_at(&mut self, point: &str, stands: bool) {
        let tip = self.n1.data("/v1/status")["tips"]["acknowledged"].as_u64().expect("a bound");
        let new = tip + 10;
        fill(&self.n1, tip + 1, new, "");
        let digest = self.n1.digest();
        let _ = self.n1.stop();
        self.n1.start_to_die_at(point);
        let answer = self.n1.try_post("/v1/checkpoints", &reason());
        assert!(answer.is_none(), "{point}: answered: {answer:?}");
        self.n1.died_at(point);
        self.n1.start();
        assert_eq!(self.n1.digest(), digest, "{point}");
        let from = if stands { new } else { self.old };
        assert_eq!(started_from(&self.n1), from, "{point}");
        let safety = self.n1.data("/v1/explain/checkpoint");
        assert_eq!(safety["inputs"]["record"]["position"]["commit_id"], from, "{point}: {safety}");
        // What the crash left stands in nobody's way.
        let taken = checkpoint(&self.n1);
        assert_eq!(taken["checkpoint"]["commit_id"], new, "{point}");
        let left = std::fs::read_dir(self.n1.dir.join("snapshots")).expect("the snapshots").count();
        assert_eq!(left, 1, "{point}: only the one in force is left");
        self.n1.restart();
        assert_eq!((self.n1.digest(), started_from(&self.n1)), (digest, json!(new)), "{point}");
        self.old = new;
    }

    #[track_caller]
    fn each(points: &[&str], stands: bool) {
        let mut taken = Self::at_20();
        for point in points {
            taken.dies_at(point, stands);
        }
    }
}

#[test]
fn m_c01_a_checkpoint_of_which_nothing_is_known_yet_is_none() {
    Taken::each(&["snap.begin"], false);
}

#[test]
fn m_c03_a_snapshot_that_is_written_in_part_is_none() {
    let points = ["snap.file_write[0]", "snap.file_write[1]", "snap.file_write[0]:2"];
    Taken::each(&points, false);
    Taken::each(&["snap.file_write[100]:2", "snap.file_write[999999]:2"], false);
}

#[test]
fn m_c04_a_snapshot_that_is_not_fsynced_is_none() {
    // Every 64 KiB of it, and then the manifest.
    let (mut n1, _root) = Cluster::founder(&[]);
    fill(&n1, 1, 4, &"v".repeat(LARGE));
    for point in ["snap.file_fsync", "snap.file_fsync:2", "snap.file_fsync:4"] {
        let digest = n1.digest();
        assert_eq!(n1.stop(), Some(0));
        n1.start_to_die_at(point);
        assert!(n1.try_post("/v1/checkpoints", &reason()).is_none(), "{point}: answered");
        n1.died_at(point);
        n1.start();
        assert_eq!((n1.digest(), started_from(&n1)), (digest, Value::Null), "{point}");
    }
    let _ = checkpoint(&n1);
}

#[test]
fn m_c05_a_snapshot_without_its_manifest_is_none() {
    let points = [
        "snap.manifest_write[0]",
        "snap.manifest_write[1]",
        "snap.manifest_write[512]",
        "snap.manifest_write[999999]",
        "snap.manifest_fsync",
    ];
    Taken::each(&points, false);
}

#[test]
fn m_c06_a_snapshot_that_has_its_name_and_no_record_is_none() {
    Taken::each(&["snap.rename", "snap.dir_fsync"], false);
    // The directory of snapshots itself is made by the first of them.
    let (mut n1, _root) = Cluster::founder(&[]);
    fill(&n1, 1, 5, "");
    let digest = n1.digest();
    assert_eq!(n1.stop(), Some(0));
    n1.start_to_die_at("snap.parent_fsync");
    assert!(n1.try_post("/v1/checkpoints", &reason()).is_none(), "answered");
    n1.died_at("snap.parent_fsync");
    n1.start();
    assert_eq!((n1.digest(), started_from(&n1)), (digest, Value::Null));
    assert_eq!(checkpoint(&n1)["checkpoint"]["commit_id"], 5);
}

/// Asked for many times at once, each is answered with the one that is in force, and nothing is written twice.
#[test]
fn m_c07_checkpoints_asked_for_at_once_are_one_and_leave_the_first_untouched() {
    let (n1, _root) = Cluster::founder(&[]);
    fill(&n1, 1, 20, "");
    let taken: Vec<Value> = thread::scope(|scope| {
        let asked: Vec<_> = (0..4).map(|_| scope.spawn(|| checkpoint(&n1))).collect();
        asked.into_iter().map(|it| it.join().expect("no panic")).collect()
    });
    assert!(taken.iter().all(|it| it["checkpoint"]["commit_id"] == 20), "{taken:?}");
    assert!(taken.iter().all(|it| it["checkpoint"] == taken[0]["checkpoint"]), "{taken:?}");
    let path = n1.dir.join("snapshots").join(format!("{:020}.snapshot", 20));
    let first = std::fs::read(&path).expect("the snapshot");
    fill(&n1, 21, 25, "");
    assert_eq!(checkpoint(&n1)["checkpoint"]["commit_id"], 25);
    assert!(!path.exists(), "the older one goes with the new record");
    assert!(!first.is_empty());
}

/// The marker of the checkpoint in force is made durable at every start, the second one is the new one's.
#[test]
fn m_c09_before_its_record_has_the_name_the_old_checkpoint_is_in_force() {
    let points = [
        "ckpt.record_write[0]:2",
        "ckpt.record_write[1]:2",
        "ckpt.record_write[512]:2",
        "ckpt.record_write[999999]:2",
        "ckpt.record_fsync:2",
        "ckpt.record_rename:2",
    ];
    Taken::each(&points, false);
}

#[test]
fn m_c09_once_its_record_has_the_name_the_new_checkpoint_is_in_force() {
    Taken::each(&["ckpt.record_dir_fsync:2"], true);
}

/// A log of several segments, of which each removal is cut short.
#[test]
fn m_c11_m_c12_whatever_is_removed_of_the_log_what_is_left_continues_the_checkpoint() {
    let (mut n1, _root) = Cluster::founder(&[]);
    let value = "v".repeat(LARGE);
    fill(&n1, 1, 200, &value);
    let digest = n1.digest();
    let segments = |node: &Node| {
        let names = std::fs::read_dir(node.dir.join("wal")).expect("the log");
        names.filter(|name| name.as_ref().is_ok_and(|it| it.path().extension().is_some())).count()
    };
    let before = segments(&n1);
    assert!(before >= 4, "{before} segments");
    assert_eq!(n1.stop(), Some(0));
    n1.start_to_die_at("trunc.each_unlink");
    assert!(n1.try_post("/v1/checkpoints", &reason()).is_none(), "answered");
    n1.died_at("trunc.each_unlink");
    assert_eq!(segments(&n1), before - 1, "one segment is removed");
    // The next start removes the others, and dies at each step of that.
    for point in ["trunc.each_unlink", "trunc.before_dir_fsync", "trunc.before_dir_fsync"] {
        n1.spawn_to_die_at(point);
        n1.died_at(point);
    }
    assert!(segments(&n1) <= before - 2);
    n1.start();
    assert_eq!((n1.digest(), started_from(&n1)), (digest, json!(200)));
    fill(&n1, 201, 205, "");
    assert_eq!(checkpoint(&n1)["checkpoint"]["commit_id"], 205);
    assert_eq!(n1.stop(), Some(0));
    let verified = aerodb(&["wal", "verify", "--data-dir", n1.dir_arg()]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

/// The replica asks for what the holder has removed: it says so, applies nothing past the gap, and waits.
#[test]
fn m_c14_a_replica_that_needs_what_was_removed_waits_for_a_snapshot_and_applies_no_gap() {
    let (n1, root) = Cluster::founder(&[]);
    fill(&n1, 1, 80, &"v".repeat(LARGE));
    let _ = checkpoint(&n1);
    fill(&n1, 81, 85, "");
    let mut n2 = Node::new(root.path(), "n2");
    assert_eq!(join(&n2, &n1).code, Some(0));
    n2.start();
    n2.wait("needs a bootstrap", || {
        let status = n2.try_get("/v1/status")?;
        (status.body["data"]["bootstrap_required"] == true).then_some(())
    });
    let shown = n2.data("/v1/replication");
    assert_eq!(shown["wal_received_offset"], 0, "{shown}");
    assert!(shown["blocking_reason"].as_str().is_some_and(|why| why.contains("DIS-22")), "{shown}");
    n2.get("/v1/kv/k1?consistency=snapshot").refused(503, "READ_UNSAFE");
    n2.restart();
    n2.wait("needs a bootstrap", || {
        let status = n2.try_get("/v1/status")?;
        (status.body["data"]["bootstrap_required"] == true).then_some(())
    });
}
