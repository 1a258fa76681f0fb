//! The shipped binary on a disk that fails: `strace` makes one system call on one file fail, and from then
//! on nothing is acknowledged (WAL-13), the process says file, operation and rule and ends with exit code
//! 1, and after a restart every write that was acknowledged is there (P3-D9, P3-FS8).
//!
//! Needs `strace`, so it stands behind a feature:
//! `cargo test -p aerodb-tests --features strace --test disk_faults`

use std::path::PathBuf;
use std::process::Command;

use aerodb_tests::{Cluster, Node, aerodb, founder_dir, join};
use tempfile::TempDir;

/// One failing system call. Counts are those of one thread of the process.
struct Fault {
    /// The file or directory that it fails on, within the data directory.
    on: &'static str,
    /// What `strace` does: the call, its outcome, and from which one on.
    inject: &'static str,
}

/// What the process must say: the operation, the file and the rule.
struct Told<'a>(&'a [&'a str]);

const FIRST: &str = "wal/0000000000000001.seg";
const SECOND: &str = "wal/0000000000000002.seg";
const THIRD_TEMP: &str = "wal/0000000000000003.seg.tmp";
/// A value of which a segment holds fewer than 20.
const LARGE: usize = 900_000;

/// The arguments of `strace` for a fault on a node.
fn strace(node: &Node, fault: &Fault) -> Vec<String> {
    let text = |path: PathBuf| path.to_str().expect("UTF-8").to_owned();
    let (on, trace) = (text(node.dir.join(fault.on)), text(trace_of(node)));
    let args = ["-f", "-qq", "-o", &trace, "-P", &on, "-e"];
    let mut args: Vec<String> = args.map(str::to_owned).into();
    args.push(format!("inject={}", fault.inject));
    args
}

fn trace_of(node: &Node) -> PathBuf {
    node.dir.with_extension("strace")
}

/// A node that serves, and from now on has this fault.
fn faulty(fault: &Fault) -> (Node, TempDir) {
    let (node, root) = Cluster::founder(&[]);
    trace(&node, fault);
    (node, root)
}

/// From now on a node that runs has this fault.
fn trace(node: &Node, fault: &Fault) {
    let pid = node.process_id().to_string();
    let mut tracer = Command::new("strace");
    tracer.args(strace(node, fault)).args(["-p", &pid]);
    let mut tracer = tracer.spawn().expect("strace is installed");
    node.wait("is traced", || {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?;
        let traced = |task: std::fs::DirEntry| {
            let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
            status.lines().any(|line| line.starts_with("TracerPid") && !line.ends_with("\t0"))
        };
        threads.flatten().all(traced).then_some(())
    });
    std::thread::spawn(move || tracer.wait());
}

/// Puts until one is not acknowledged; gives how many were.
fn put_until_refused(node: &Node, value: &str, most: usize) -> usize {
    for at in 0..most {
        match node.try_put(&format!("k{at}"), value) {
            Some(answer) if answer.status == 200 => {}
            Some(answer) => {
                assert!(
                    answer.code() == "WAL_POISONED" || answer.code() == "NO_SPACE",
                    "{}",
                    answer.text
                );
                return at;
            }
            None => return at,
        }
    }
    panic!("{most} puts were acknowledged, and the fault never came: {}", node.log());
}

fn assert_told(node: &Node, told: &Told<'_>) {
    let log = node.log();
    for word in told.0 {
        assert!(log.contains(word), "{word:?} is not said: {log}");
    }
    let trace = std::fs::read_to_string(trace_of(node)).expect("a trace");
    assert!(trace.contains("INJECTED"), "nothing was injected: {trace}");
}

/// After a restart without the fault: all that was acknowledged, and a log that verifies and goes on.
fn assert_recovers(node: &mut Node, acknowledged: usize, value: &str) {
    node.start();
    for at in 0..acknowledged {
        let read = node.get(&format!("/v1/kv/k{at}")).expect(200);
        assert!(read.text == value, "k{at} is not what was acknowledged");
    }
    let _ = node.put("after", "the fault").expect(200);
    assert_eq!(node.stop(), Some(0));
    for tool in ["wal", "ledger"] {
        let verified = aerodb(&[tool, "verify", "--data-dir", node.dir_arg()]);
        assert_eq!(verified.code, Some(0), "{verified:?}");
    }
}

fn puts(fault: &Fault, value: &str, least: usize, told: &Told<'_>) {
    let (mut node, _root) = faulty(fault);
    let acknowledged = put_until_refused(&node, value, 100);
    assert!(acknowledged >= least, "only {acknowledged} puts were acknowledged: {}", node.log());
    if let Some(later) = node.try_put("later", "1") {
        assert_ne!(later.status, 200, "acknowledged after the fault: {}", later.text);
    }
    assert_eq!(node.exit_code(), Some(1), "{}", node.log());
    assert_told(&node, told);
    println!("{} on {}: {acknowledged} acknowledged, all there", fault.inject, fault.on);
    assert_recovers(&mut node, acknowledged, value);
}

/// Proves: P3-FS8, P3-FS9, F-Z1, CORE-F2, PG-4, CT-2, RA-10.
#[test]
fn m_w06_a_failed_fsync_of_the_wal() {
    for (inject, acknowledged) in
        [("fdatasync:error=EIO:when=1+", 0), ("fdatasync:error=EIO:when=5+", 4)]
    {
        let fault = Fault { on: FIRST, inject };
        puts(&fault, "v", acknowledged, &Told(&["cannot fsync", FIRST, "WAL-13"]));
    }
    // Once only: that the next one would succeed proves nothing (P3-FS9).
    let once = Fault { on: FIRST, inject: "fdatasync:error=ENOSPC:when=3" };
    puts(&once, "v", 2, &Told(&["cannot fsync", FIRST, "WAL-13"]));
}

/// Proves: P3-D10, P3-D1, CORE-F2.
#[test]
fn m_w08_a_failed_or_short_write_to_the_wal() {
    for inject in [
        "pwrite64:error=EIO:when=4+",
        "pwrite64:error=ENOSPC:when=4",
        "pwrite64:error=EACCES:when=4",
        "pwrite64:retval=512:when=4",
    ] {
        puts(&Fault { on: FIRST, inject }, "v", 3, &Told(&["cannot write", FIRST, "WAL-13"]));
    }
}

/// The next segment is made ahead, by a thread of its own; its failure ends the node when it is needed.
#[test]
fn m_w09_a_segment_that_cannot_be_made_is_told_by_the_append_that_needs_it() {
    let large = "x".repeat(LARGE);
    for (on, inject, operation) in [
        (THIRD_TEMP, "openat:error=EACCES:when=1+", "cannot create"),
        (THIRD_TEMP, "pwrite64:error=ENOSPC:when=3", "cannot write"),
        (THIRD_TEMP, "fdatasync:error=EIO:when=1", "cannot fsync"),
        (THIRD_TEMP, "rename:error=EIO:when=1", "cannot rename"),
        ("wal", "fsync:error=EIO:when=1", "cannot fsync directory"),
    ] {
        let told = Told(&[operation, "/wal", "WAL-13"]);
        puts(&Fault { on, inject }, &large, 32, &told);
    }
}

#[test]
fn m_w06_a_failed_fsync_in_the_segment_after_a_roll() {
    let large = "x".repeat(LARGE);
    let fault = Fault { on: SECOND, inject: "fdatasync:error=EIO:when=2+" };
    puts(&fault, &large, 17, &Told(&["cannot fsync", SECOND, "WAL-13"]));
}

/// The receiver of a replica: nothing that failed to become durable is counted, and what is there goes on.
#[test]
fn m_r11_a_replica_whose_log_fails_counts_nothing_of_it() {
    for inject in [
        "fdatasync:error=EIO:when=3+",
        "pwrite64:error=ENOSPC:when=3+",
        "pwrite64:retval=700:when=3",
    ] {
        let (n1, root) = Cluster::founder(&[]);
        let mut n2 = Cluster::joined(&root, "n2", &n1);
        trace(&n2, &Fault { on: FIRST, inject });
        let mut counted = 0;
        for number in 1..=20 {
            let _ = n1.put(&format!("k{number}"), "v").expect(200);
            let applied = n2.wait("counts the write or ends", || {
                let Some(status) = n2.try_get("/v1/status") else { return Some(None) };
                let applied = status.body["data"]["tips"]["applied"].as_u64()?;
                (applied >= number).then_some(Some(applied))
            });
            match applied {
                Some(applied) => counted = applied,
                None => break,
            }
        }
        assert!((1..20).contains(&counted), "{inject}: {counted} counted");
        assert_eq!(n2.exit_code(), Some(1), "{inject}: {}", n2.log());
        assert_told(&n2, &Told(&[FIRST, "WAL-13"]));
        n2.start();
        n2.wait_applied(counted);
        let tip = n1.data("/v1/status")["tips"]["acknowledged"].as_u64().expect("a bound");
        n2.wait_shown(tip);
        assert_eq!(n1.digest(), n2.digest(), "{inject}");
    }
}

/// An admission is appended to the authority ledger and then told by the decision ledger.
#[test]
fn m_w08_a_failed_write_to_a_ledger() {
    for (on, inject, operation) in [
        ("authority.ledger/0000000000000001.seg", "fdatasync:error=EIO:when=1", "cannot fsync"),
        // The trailer's own fsync.
        ("authority.ledger/0000000000000001.seg", "fdatasync:error=EIO:when=2", "cannot fsync"),
        ("authority.ledger/0000000000000001.seg", "pwrite64:error=ENOSPC:when=1", "cannot write"),
        ("decision.ledger/0000000000000001.seg", "fdatasync:error=EIO:when=1", "cannot fsync"),
        ("decision.ledger/0000000000000001.seg", "pwrite64:error=EIO:when=2", "cannot write"),
    ] {
        let (mut node, root) = faulty(&Fault { on, inject });
        let _ = node.put("k0", "v").expect(200);
        let joined = join(&Node::new(root.path(), "n2"), &node);
        assert_ne!(joined.code, Some(0), "admitted on a disk that failed: {joined:?}");
        assert_eq!(node.exit_code(), Some(1), "{}", node.log());
        assert_told(&node, &Told(&[operation, on, "WAL-13"]));
        println!("{inject} on {on}: the admission is not answered, k0 is there");
        assert_recovers(&mut node, 1, "v");
    }
}

/// The close stamp cannot be renamed into place: told, and nothing else comes of it. A stop without the
/// stamp is a crash like any other.
#[test]
fn a_close_stamp_that_cannot_be_written_is_told_and_costs_nothing() {
    let fault = Fault { on: "identity.tmp", inject: "rename:error=EIO:when=1+" };
    let (mut node, _root) = faulty(&fault);
    let _ = node.put("k0", "v").expect(200);
    assert_eq!(node.stop(), Some(0), "{}", node.log());
    assert_told(&node, &Told(&["cannot rename", "identity.tmp", "the close stamp is not written"]));
    assert_recovers(&mut node, 1, "v");
}

/// The start stamp cannot: the node does not serve.
#[test]
fn a_start_stamp_that_cannot_be_written_refuses_the_start() {
    let root = tempfile::tempdir().expect("a directory");
    let mut node = founder_dir(&root);
    let fault = Fault { on: "identity.tmp", inject: "rename:error=EIO:when=1" };
    let wrapper = [vec!["strace".to_owned()], strace(&node, &fault)].concat();
    node.spawn_under(&wrapper.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(node.exit_code(), Some(1), "{}", node.log());
    assert_told(&node, &Told(&["cannot rename", "identity.tmp"]));
    assert_recovers(&mut node, 0, "");
}
