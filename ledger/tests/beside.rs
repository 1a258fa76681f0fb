//! A snapshot that is written beside a log: it gives the device little at a time, and flushes it where the log did not.

#![allow(clippy::unwrap_used)] // helpers stand outside of the test functions

mod support;

use std::path::Path;

use aerodb_core::hash::Chain;
use aerodb_core::id::{Boundary, CommitId, Epoch};
use aerodb_core::position::Position;
use aerodb_core::wal::RawBatch;
use aerodb_ledger::disk::simulated::SimulatedDisk;
use aerodb_ledger::snapshot::{
    BLOCK_HEADER_BYTES, HEADER_BYTES, SnapshotFacts, SnapshotReader, SnapshotWriter,
};
use aerodb_ledger::wal::Wal;
use support::{DATA, Story, batches, new_disk, segments_of, trace, wal_place};

const KIB: usize = 1 << 10;
/// What a version of a one-byte key has besides its value.
const VERSION_BYTES: usize = 14 + 1;

struct Node {
    disk: SimulatedDisk,
    wal: Wal,
    batches: Vec<RawBatch>,
}

/// A node whose commits have values of these lengths; none of them is written yet.
fn node(value_bytes: &[usize]) -> Node {
    let (disk, story) = (new_disk(), Story::begin());
    let wal = Wal::create(&wal_place(&disk, segments_of(255))).unwrap();
    let mut batches = batches(story.origin(), story.authority.head(), value_bytes);
    batches.reverse();
    Node { disk, wal, batches }
}

impl Node {
    fn commit(&mut self) {
        let next = self.batches.pop().unwrap();
        self.wal.append(&[next]).unwrap();
    }

    fn snapshot(&self) -> SnapshotWriter {
        let story = Story::begin();
        let facts = SnapshotFacts {
            cluster: *story.authority.cluster(),
            position: Position { boundary: Boundary::new(9), chain: Chain([9; 32]) },
            epoch: Epoch::FIRST,
            ledger: story.authority.head(),
            oldest_retained: Boundary::new(4),
            designation: None,
        };
        let writer = SnapshotWriter::create(self.disk.shared(), Path::new(DATA), facts).unwrap();
        trace(&self.disk);
        writer
    }

    /// What the snapshot's file was given since this was last asked: `w` for a write, `s` for an fsync.
    fn given(&self) -> String {
        let file = "00000000000000000009.snapshot.tmp";
        let calls = trace(&self.disk).into_iter();
        let calls = calls.filter_map(|call| Some(call.strip_suffix(file)?.trim_end().to_owned()));
        calls.map(|call| if call == "fsync" { 's' } else { call.chars().next().unwrap() }).collect()
    }
}

/// Keys in order, each with a block of its own; what came before is written with the next.
fn push(writer: &mut SnapshotWriter, key: &str, value_bytes: usize) {
    let value = vec![b'v'; value_bytes];
    writer.push(key.as_bytes(), CommitId::FIRST, Some(&value)).unwrap();
}

#[test]
fn beside_a_log_a_block_is_written_in_pieces_as_long_as_what_the_log_wrote_and_at_least_64_kib() {
    let block = |value: usize| BLOCK_HEADER_BYTES + VERSION_BYTES + value;
    for (log, value, expected) in [
        (10, 128 * KIB, "www"),
        (10, 128 * KIB - block(0), "ww"),
        (100 * KIB, 160 * KIB, "ww"),
        (100 * KIB, 200 * KIB, "www"),
        (220 * KIB, 200 * KIB, "w"),
    ] {
        let mut node = node(&[log]);
        let mut writer = node.snapshot().beside(node.wal.reader().pulse().clone());
        node.commit();
        push(&mut writer, "a", value);
        push(&mut writer, "b", 70 * KIB);
        assert_eq!(node.given(), expected, "{value} bytes beside {log}");
    }
    let node = node(&[]);
    let mut writer = node.snapshot();
    push(&mut writer, "a", 200 * KIB);
    push(&mut writer, "b", 70 * KIB);
    assert_eq!(node.given(), "w", "beside none");
}

/// Its last block is written with the next version.
#[test]
fn a_file_is_fsynced_when_256_kib_were_given_to_the_device_since_it_was_flushed() {
    let value = 256 * KIB - HEADER_BYTES - BLOCK_HEADER_BYTES - VERSION_BYTES;
    for (value, expected) in [(value, "ws"), (value - 1, "w")] {
        let node = node(&[]);
        let mut writer = node.snapshot();
        push(&mut writer, "a", value);
        push(&mut writer, "b", 10);
        assert_eq!(node.given(), expected, "{value}");
    }
    // From the last one on, and not from the start.
    let node = node(&[]);
    let mut writer = node.snapshot();
    for (key, expected) in [("a", ""), ("b", "w"), ("c", "ws"), ("d", "w"), ("e", "ws")] {
        push(&mut writer, key, 130 * KIB);
        assert_eq!(node.given(), expected, "{key}");
    }
}

#[test]
fn a_flush_by_the_logs_own_fsync_counts_and_a_log_that_rests_flushes_nothing() {
    let mut node = node(&[10; 3]);
    node.commit();
    let mut writer = node.snapshot().beside(node.wal.reader().pulse().clone());
    let mut next = |node: &Node, key| {
        push(&mut writer, key, 130 * KIB);
        node.given()
    };
    assert_eq!(next(&node, "a"), "");
    assert_eq!(next(&node, "b"), "www");
    assert_eq!(next(&node, "c"), "wwws", "the log rests");
    assert_eq!(next(&node, "d"), "www");
    node.commit();
    assert_eq!(next(&node, "e"), "www", "the log has flushed what was given before");
    assert_eq!(next(&node, "f"), "wwws");
    node.commit();
    assert_eq!(next(&node, "g"), "www");
    let snapshot = writer.finish().unwrap();
    assert_eq!(SnapshotReader::open(&node.disk, &snapshot.path).unwrap().versions().count(), 7);
}
