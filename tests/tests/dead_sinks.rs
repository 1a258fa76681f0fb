//! A log that nobody takes: the node's standard error is a pipe that is full, or one without a reader, and its
//! standard output is closed. Nothing that the node does depends on them.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
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

/// Fills the pipe, so that not one byte more goes into it; gives how many went.
fn fill(path: &Path) -> usize {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let mut pipe = OpenOptions::new().write(true).custom_flags(flags).open(path).expect("a FIFO");
    let mut bytes = 0;
    // Whole pages, then what is left of the last one.
    for piece in [&[b'\n'; 4096][..], &[b'\n']] {
        // An error says that there is no room.
        while let Ok(written @ 1..) = pipe.write(piece) {
            bytes += written;
        }
    }
    bytes
}

/// Proves: P6-OB6, M-O03.
#[test]
fn a_log_whose_pipe_is_full_loses_lines_and_says_so_and_holds_up_nothing() {
    let root = tempfile::tempdir().expect("a directory");
    let path = fifo(root.path());
    let mut reader = reader(&path);
    let filled = fill(&path);
    assert!(filled > 0, "the pipe takes nothing");
    let mut node = founder_dir(&root);
    start(&mut node, &path, "json");
    work(&node, 1..=300);
    let why = serde_json::json!({ "reason": "test" });
    let _ = node.post("/v1/checkpoints", &why).expect(200);
    let held = drained(&mut reader);
    assert_eq!((held.len(), held.trim()), (filled, ""), "not one line went into a full pipe");
    work(&node, 301..=310);
    let _ = node.post("/v1/checkpoints", &why).expect(200);
    let told = drained(&mut reader);
    let lines = told
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")));
    let lines: Vec<serde_json::Value> = lines.collect();
    assert_eq!(lines[0]["fields"]["message"], "lines of the log were lost", "{told}");
    assert!(lines[0]["fields"]["lines"].as_u64().is_some_and(|lost| lost > 5), "{told}");
    assert!(lines.iter().any(|line| line["spans"][0]["name"] == "checkpoint"), "{told}");
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
