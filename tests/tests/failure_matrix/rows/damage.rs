//! Rows of damaged bytes: M-W17, M-W18, M-C15, M-C16, M-R20. Refused by file and rule, with nothing changed.

use std::fs;
use std::path::{Path, PathBuf};

use aerodb_tests::{Cluster, Node, aerodb, directory_digest};
use serde_json::json;
use tempfile::TempDir;

use crate::rows::recovery::flip;

/// A node with a checkpoint at commit 5 and five commits past it, stopped.
#[track_caller]
fn stopped() -> (Node, TempDir) {
    let (mut n1, root) = Cluster::founder(&[]);
    for number in 1..=10 {
        let _ = n1.put(&format!("k{number}"), &number.to_string()).expect(200);
        if number == 5 {
            let _ = n1.post("/v1/checkpoints", &json!({ "reason": "test" })).expect(200);
        }
    }
    assert_eq!(n1.stop(), Some(0));
    (n1, root)
}

/// One byte of this file after the other is damaged.
#[track_caller]
fn refused(node: &mut Node, path: &Path, bytes: impl Iterator<Item = u64>, rule: &str) {
    let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
    for at in bytes {
        flip(path, at);
        let before = directory_digest(&node.dir);
        let started = aerodb(&["serve", "--data-dir", node.dir_arg()]);
        assert_eq!(started.code, Some(1), "byte {at}: {started:?}");
        let said = &started.stderr;
        assert!(said.contains(name) && said.contains(rule), "byte {at} of {name}: {said}");
        assert_eq!(before, directory_digest(&node.dir), "byte {at} of {name}");
        flip(path, at);
    }
    node.start();
    assert_eq!(node.get("/v1/kv/k10").expect(200).text, "10");
}

fn segment(node: &Node, dir: &str) -> PathBuf {
    node.dir.join(dir).join("0000000000000001.seg")
}

fn only_file(dir: &Path) -> PathBuf {
    let mut files = fs::read_dir(dir).expect("a directory").flatten();
    files.next().expect("a file").path()
}

/// Every byte of every kind of place is flipped in `aerodb-ledger`'s `flipped_bytes`; here some of each.
#[test]
fn m_w17_damage_in_the_synced_part_of_the_log_refuses_the_start() {
    let (mut n1, _root) = stopped();
    let path = segment(&n1, "wal");
    // The segment's header, and in the third frame: tag, header, payload, padding.
    let bytes = [0, 9, 100, 3 * 4096, 3 * 4096 + 30, 3 * 4096 + 140, 3 * 4096 + 1000].into_iter();
    refused(&mut n1, &path, bytes, "");
}

/// The applied state has no file but the snapshot: it is never a shorter answer.
#[test]
fn m_w18_m_c16_damage_in_a_snapshot_refuses_the_start() {
    let (mut n1, _root) = stopped();
    let path = only_file(&n1.dir.join("snapshots"));
    let length = fs::metadata(&path).expect("a file").len();
    let bytes = [0, 1, 20, length / 3, length / 2, length - 200, length - 1];
    refused(&mut n1, &path, bytes.into_iter(), "DIS-20");
}

#[test]
fn m_c15_damage_in_the_record_of_a_checkpoint_refuses_the_start() {
    let (mut n1, _root) = stopped();
    let path = n1.dir.join("checkpoint");
    let length = fs::metadata(&path).expect("a file").len();
    refused(&mut n1, &path, (0..length).step_by(37), "DIS-20");
}

#[test]
fn m_c16_a_truncated_snapshot_refuses_the_start() {
    let (n1, _root) = stopped();
    let path = only_file(&n1.dir.join("snapshots"));
    let whole = fs::read(&path).expect("a snapshot");
    for length in [0, 1, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).expect("written");
        let started = aerodb(&["serve", "--data-dir", n1.dir_arg()]);
        assert_eq!(started.code, Some(1), "{length} bytes: {started:?}");
        assert!(started.stderr.contains("DIS-20"), "{length} bytes: {started:?}");
    }
    fs::write(&path, &whole).expect("restored");
}

#[test]
fn m_r20_damage_in_what_a_node_knows_of_itself_refuses_the_start() {
    let (mut n1, _root) = stopped();
    let path = n1.dir.join("identity");
    let length = fs::metadata(&path).expect("a file").len();
    refused(&mut n1, &path, (0..length).step_by(41), "");
    let whole = fs::read(&path).expect("the identity");
    assert_eq!(n1.stop(), Some(0));
    for length in [0, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).expect("written");
        let started = aerodb(&["serve", "--data-dir", n1.dir_arg()]);
        assert_eq!(started.code, Some(1), "{length} bytes: {started:?}");
    }
}
