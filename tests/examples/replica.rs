//! How fast a replica catches up against a plain copy of the same log, and what a replica adds to a paired
//! write against its own fsync. All in one run, on one disk.
//!
//! `cargo run --release -p aerodb-tests --example replica -- [COMMITS]`, 1,000 commits of 100 keys by default,
//! about 110 MB of log.

#![allow(clippy::expect_used, clippy::print_stdout)]

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use aerodb_tests::{Cluster, Node, binary_path, join};
use serde_json::{Value, json};

const COMMITS: u64 = 1_000;
const KEYS_PER_COMMIT: u64 = 100;
const VALUE_BYTES: usize = 1_000;
const WRITES: usize = 2_000;

fn main() {
    let commits = std::env::args().nth(1).map_or(COMMITS, |it| it.parse().expect("a number"));
    let _ = binary_path();
    let (n1, root) = Cluster::founder(&[]);
    for commit in 0..commits {
        let _ = n1.post("/v1/txn", &transaction(commit)).expect(200);
    }
    let bytes = used_bytes(&n1);

    let copied = timed(|| copy(&n1.dir.join("wal"), &root.path().join("copy")));
    let mut n2 = Node::new(root.path(), "n2");
    assert_eq!(join(&n2, &n1).code, Some(0));
    let started = timed(|| n2.start());
    let caught_up = timed(|| n2.wait_applied(commits));
    let rate = |took: Duration| bytes as f64 / took.as_secs_f64() / 1e6;
    println!("log             {:.1} MB used in {commits} commits", bytes as f64 / 1e6);
    println!("copy + fsync    {copied:.2?}, {:.0} MB/s (whole segments)", rate(copied));
    println!(
        "catch-up        {caught_up:.2?}, {:.0} MB/s (start of the process: {started:.2?})",
        rate(caught_up)
    );

    let floor = spread((0..WRITES).map(fsync_on(&n2.dir)));
    let agent = agent();
    let local = spread((0..WRITES).map(|at| put(&agent, &n1, at)));
    n1.designate("n2");
    let paired = spread((0..WRITES).map(|at| put(&agent, &n1, at)));
    println!("fsync floor     {floor:.0?} p50 p99, of 4096 bytes on the replica's disk");
    println!("local write     {local:.0?}");
    println!("paired write    {paired:.0?}");
    let added = paired.0.saturating_sub(local.0);
    let times = added.as_secs_f64() / floor.0.as_secs_f64();
    println!("the replica adds {added:.0?} at p50, {times:.2} times its own fsync floor");
}

fn transaction(commit: u64) -> Value {
    let value = "v".repeat(VALUE_BYTES);
    let put = |key: u64| {
        let key = format!("key-{commit:06}-{key:04}");
        json!({ "put": { "key": key, "value": value, "encoding": "utf8" } })
    };
    json!({ "conditions": [], "ops": (0..KEYS_PER_COMMIT).map(put).collect::<Vec<_>>() })
}

fn used_bytes(node: &Node) -> u64 {
    let files = node.data("/v1/wal")["files"].clone();
    files.as_array().into_iter().flatten().filter_map(|file| file["bytes"].as_u64()).sum()
}

fn timed(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

/// As `cp -r`, every file and the directory fsynced.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory").flatten() {
        let target = to.join(entry.file_name());
        fs::copy(entry.path(), &target).expect("copied");
        File::open(&target).and_then(|file| file.sync_all()).expect("fsynced");
    }
    File::open(to).and_then(|dir| dir.sync_all()).expect("fsynced");
}

/// One block written over zeros and fsynced, as the log does it.
fn fsync_on(dir: &Path) -> impl FnMut(usize) -> Duration {
    let mut file = File::create(dir.join("floor")).expect("a file");
    file.write_all(&vec![0; WRITES * 4096]).and_then(|()| file.sync_all()).expect("zeros");
    move |at| {
        use std::os::unix::fs::FileExt as _;
        let offset = at as u64 * 4096;
        timed(|| {
            file.write_all_at(&[1; 4096], offset).and_then(|()| file.sync_data()).expect("fsynced")
        })
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().proxy(None).build().into()
}

fn put(agent: &ureq::Agent, node: &Node, at: usize) -> Duration {
    let url = format!("{}/v1/kv/w{at}", node.url());
    timed(|| {
        let mut answer = agent.put(&url).send(&b"value"[..]).expect("acknowledged");
        let _ = answer.body_mut().read_to_vec().expect("an answer");
    })
}

/// The median and the 99th percentile.
fn spread(times: impl Iterator<Item = Duration>) -> (Duration, Duration) {
    let mut times: Vec<_> = times.collect();
    times.sort();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}
