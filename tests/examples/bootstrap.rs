//! A fresh replica takes a snapshot of many keys over while the holder takes writes, and is compared with the
//! holder and with a replica that had every commit from the first one on. Prints times and memory.
//!
//! `cargo run --release -p aerodb-tests --example bootstrap -- [KEYS]`, 1,000,000 keys by default. It takes
//! about 1 GB in the temporary directory.

#![allow(clippy::expect_used, clippy::print_stdout)]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aerodb_tests::{Cluster, Node, aerodb, join};
use serde_json::{Value, json};

const KEYS: u64 = 1_000_000;
const KEYS_PER_COMMIT: u64 = 1_000;
const VALUE_BYTES: usize = 100;

fn main() {
    let keys = std::env::args().nth(1).map_or(KEYS, |keys| keys.parse().expect("a number of keys"));
    let (n1, root) = Cluster::founder(&[]);
    let n3 = Cluster::joined(&root, "n3", &n1);

    let (commits, took) = timed(|| load(&n1, keys));
    println!("loaded          {keys} keys in {commits} commits in {took:.1?}");
    let ((), took) = timed(|| wait_applied(&n3, commits));
    println!("whole log       applied on n3 {took:.1?} later");
    let (taken, took) =
        timed(|| n1.post("/v1/checkpoints", &json!({ "reason": "example" })).expect(200));
    let checkpoint = &taken.body["data"]["checkpoint"];
    let bytes = checkpoint["snapshot_bytes"].as_u64().expect("a size");
    let removed = &taken.body["data"]["segments_removed"];
    println!("checkpoint      {bytes} bytes in {took:.1?}, {removed} segments let go of");

    let mut n2 = Node::new(root.path(), "n2");
    assert_eq!(join(&n2, &n1).code, Some(0));
    n2.start();
    n2.wait("needs a bootstrap", || {
        let status = n2.try_get("/v1/status")?;
        (status.body["data"]["bootstrap_required"] == true).then_some(())
    });

    let (over, peak) = (AtomicBool::new(false), AtomicU64::new(0));
    let (last, written) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| write_until(&n1, &over));
        // The process starts again when the snapshot is installed, and its memory with it.
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                if !is_complete(&n2) {
                    peak.fetch_max(memory_peak(&n2), Ordering::Relaxed);
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let (done, took) =
            timed(|| aerodb(&["--node", &n2.url(), "bootstrap", "--reason", "example"]));
        assert_eq!(done.code, Some(0), "{done:?}");
        println!("bootstrap       in force after {took:.1?}: {}", done.stdout.trim());
        over.store(true, Ordering::Relaxed);
        writer.join().expect("a writer")
    });
    let ((), took) = timed(|| wait_applied(&n2, last));
    println!("caught up       to commit {last} {took:.1?} later; {written} writes beside it");
    wait_applied(&n3, last);

    let digest = |node: &Node| {
        node.wait("has told the bound", || (node.digest().0 == last).then_some(()));
        node.digest().1
    };
    let chain = |node: &Node| node.data("/v1/replication")["wal_prefix"].clone();
    let (snapshot, whole, holder) = (digest(&n2), digest(&n3), digest(&n1));
    println!("state digest    n1 {holder}, n2 (snapshot) {snapshot}, n3 (whole log) {whole}");
    assert!(snapshot == whole && whole == holder && holder != Value::Null);
    assert_eq!(chain(&n2), chain(&n3));
    println!("chain           n2 and n3 {}", chain(&n2));
    println!(
        "memory, VmHWM   n1 {} MiB, n3 {} MiB, n2 while receiving {} MiB, n2 after it {} MiB",
        memory_peak(&n1) >> 20,
        memory_peak(&n3) >> 20,
        peak.load(Ordering::Relaxed) >> 20,
        memory_peak(&n2) >> 20,
    );
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    (work(), started.elapsed())
}

/// Puts the keys; how many commits that took.
fn load(node: &Node, keys: u64) -> u64 {
    let mut last = 0;
    for first in (0..keys).step_by(usize::try_from(KEYS_PER_COMMIT).expect("a step")) {
        let ops: Vec<Value> = (first..keys.min(first + KEYS_PER_COMMIT))
            .map(|number| {
                let value = format!("{number:0VALUE_BYTES$}");
                json!({ "put": { "key": format!("key/{number:09}"), "value": value, "encoding": "utf8" } })
            })
            .collect();
        let done = node.post("/v1/txn", &json!({ "conditions": [], "ops": ops })).expect(200);
        last = done.body["data"]["commit_id"].as_u64().expect("a commit");
    }
    last
}

/// Overwrites keys until told to stop; the last commit, and how many there were.
fn write_until(node: &Node, over: &AtomicBool) -> (u64, u64) {
    let (mut last, mut written) = (0, 0);
    while !over.load(Ordering::Relaxed) || written == 0 {
        let done = node.put(&format!("key/{:09}", written % 1_000), "another value").expect(200);
        last = done.body["data"]["commit_id"].as_u64().expect("a commit");
        written += 1;
    }
    (last, written)
}

/// As [`Node::wait_applied`], for as long as it takes.
fn wait_applied(node: &Node, commit: u64) {
    let applied = || {
        let status = node.try_get("/v1/status")?;
        status.body["data"]["tips"]["applied"].as_u64()
    };
    while applied().is_none_or(|applied| applied < commit) {
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn is_complete(node: &Node) -> bool {
    node.try_get("/v1/replication")
        .is_none_or(|answer| answer.body["data"]["snapshot_bootstrap_state"] == "Complete")
}

/// The most memory that the process has had resident, in bytes.
fn memory_peak(node: &Node) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.process_id()));
    let status = status.unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}
