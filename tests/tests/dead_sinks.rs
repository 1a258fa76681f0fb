//! A log that nobody takes: the node's standard error is a pipe that is full, or one without a reader, and its
//! standard output is closed. Nothing that the node does depends on them.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use aerodb_tests::{Node, founder_dir};
use rustix::fs::OFlags;

fn fifo(root: &Path) -> PathBuf {
    let path = root.join("log.fifo");
    let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo runs");
    assert!(made.success(), "there is no FIFO");
    path
}

/// The reading end. What is not there is not waited for.
fn reader(path: &Path) -> File {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path).expect("a FIFO")
}

/// Starts the node with all that it can log on its way into the pipe.
fn start(node: &mut Node, path: &Path, format: &str) {
    let path = path.to_str().expect("a UTF-8 path");
    let line = format!("RUST_LOG=trace exec \"$@\" --log-format {format} >&- 2>{path}");
    node.spawn_under(&["sh", "-c", &line, "sh"]);
    node.wait("answers", || node.try_get("/livez").map(|_| ()));
}

/// Writes, and is answered each time.
fn work(node: &Node, commits: std::ops::RangeInclusive<u64>) {
    for number in commits {
        let put = node.put(&format!("k{number}"), "v").expect(200);
        assert_eq!(put.body["data"]["commit_id"], number);
    }
}

/// What the pipe holds now.
fn drained(reader: &mut File) -> String {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    // An error says that there is nothing more for now.
    while let Ok(read @ 1..) = reader.read(&mut piece) {
        bytes.extend_from_slice(&piece[..read]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Proves: P6-OB6, M-O03.
#[test]
fn a_log_whose_pipe_is_full_loses_lines_and_says_so_and_holds_up_nothing() {
    let root = tempfile::tempdir().expect("a directory");
    let path = fifo(root.path());
    let mut reader = reader(&path);
    let mut node = founder_dir(&root);
    start(&mut node, &path, "json");
    work(&node, 1..=300);
    let held = drained(&mut reader);
    assert!(held.len() > 50_000, "the pipe was not full: {} bytes", held.len());
    assert!(held.lines().next().is_some_and(|line| {
        serde_json::from_str::<serde_json::Value>(line).is_ok_and(|line| line["level"].is_string())
    }));
    work(&node, 301..=310);
    let later = drained(&mut reader);
    assert!(later.contains("lines of the log were lost"), "{later}");
    assert_eq!(node.stop(), Some(0));
}

/// Proves: P6-OB6, P6-B5.3, M-O03.
#[test]
fn a_log_without_a_reader_ends_no_node() {
    let root = tempfile::tempdir().expect("a directory");
    let path = fifo(root.path());
    let reader = reader(&path);
    let mut node = founder_dir(&root);
    start(&mut node, &path, "text");
    drop(reader);
    work(&node, 1..=50);
    let body = serde_json::json!({ "expected_epoch": 1, "reason": "test" });
    node.post("/v1/promotions", &body).refused(409, "PROMOTION_DENIED");
    let digest = node.digest();
    assert_eq!(node.stop(), Some(0));
    node.start();
    assert_eq!(node.digest(), digest);
}
