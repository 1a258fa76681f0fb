//! A stopped node with something in each log, ways to damage a copy of it, and the commands that read it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use aerodb_tests::{Cluster, Node, Output, aerodb};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const KEYS: usize = 5;

/// A founder with something in each log, stopped cleanly: a refused command is recorded, `k0` to `k4` hold
/// values of 2,000 bytes, and `k4` is deleted again.
pub(crate) fn stopped() -> (Node, TempDir) {
    let (mut n1, root) = Cluster::founder(&[]);
    for number in 0..KEYS {
        let _ = n1.put(&format!("k{number}"), &"v".repeat(2000)).expect(200);
    }
    let _ = n1.try_send("DELETE", "/v1/kv/k4", &[], None).expect("an answer").expect(200);
    let release = json!({ "expected_epoch": 1, "reason": "none to release" });
    n1.post("/v1/authority/release", &release).refused(409, "COMMAND_REFUSED");
    // The stamp is taken at a start and at a clean stop.
    assert_eq!(n1.stop(), Some(0));
    (n1, root)
}

pub(crate) fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.expect("cp runs").success());
}

pub(crate) fn segment(dir: &Path, log: &str) -> PathBuf {
    dir.join(log).join("0000000000000001.seg")
}

/// The end of what is written in a file: after its last byte that is not zero, to the end of that block.
pub(crate) fn written(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| (last / 4096 + 1) * 4096)
}

pub(crate) fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>, usize)) {
    let mut bytes = fs::read(path).expect("a segment");
    let end = written(&bytes);
    change(&mut bytes, end);
    fs::write(path, bytes).expect("written");
}

pub(crate) fn flip(path: &Path, at: usize) {
    change(path, |bytes, _| bytes[at] ^= 0x20);
}

/// Zeros the last so many blocks, as if what lies in them had never been written.
pub(crate) fn cut(path: &Path, blocks: usize) {
    change(path, |bytes, end| bytes[end - blocks * 4096..end].fill(0));
}

/// A command that reads a directory.
pub(crate) const COMMANDS: [&[&str]; 7] = [
    &["ledger", "verify"],
    &["ledger", "show"],
    &["ledger", "show", "--log", "decision"],
    &["ledger", "replay"],
    &["wal", "verify"],
    &["wal", "show"],
    &["wal", "show", "--values", "--after", "2", "--limit", "1"],
];

pub(crate) fn table(command: &[&str], dir: &Path) -> Output {
    aerodb(&[command, &["--data-dir", dir.to_str().expect("a path")]].concat())
}

pub(crate) fn in_json(command: &[&str], dir: &Path) -> Output {
    table(&[command, &["--output", "json"]].concat(), dir)
}

pub(crate) fn diff(a: &str, b: &str) -> Output {
    aerodb(&["ledger", "diff", a, b, "--output", "json"])
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

/// The first fault anywhere in a report.
pub(crate) fn fault_in(report: &Value) -> Value {
    let mut left = vec![report];
    while let Some(value) = left.pop() {
        if let Some(fault) = value.get("fault") {
            return fault.clone();
        }
        left.extend(value.as_object().into_iter().flat_map(|members| members.values()));
    }
    panic!("no fault in {report}")
}
