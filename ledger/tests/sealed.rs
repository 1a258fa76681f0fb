//! Sealed files: every byte counts, and a file that could not be read is never taken for none.

#![allow(clippy::unwrap_used)] // helpers stand outside of the test functions

mod support;

use std::path::{Path, PathBuf};

use aerodb_core::hash::{Chain, ClusterId, Hash, PublicKey};
use aerodb_core::id::{Boundary, Epoch};
use aerodb_core::position::Position;
use aerodb_ledger::checkpoint::{Checkpoint, WalStart};
use aerodb_ledger::disk::Operation;
use aerodb_ledger::disk::simulated::{At, Failure, SimulatedDisk, Times};
use aerodb_ledger::retention::Retention;
use aerodb_ledger::{SEALED_BYTES_MAX, Sealed, SealedError, read_sealed, unseal};
use support::{DATA, Story, new_disk, trace};

fn data() -> &'static Path {
    Path::new(DATA)
}

fn path() -> PathBuf {
    data().join(Retention::NAME)
}

fn retention() -> Retention {
    Retention {
        cluster: ClusterId([1; 32]),
        owner: PublicKey([2; 32]),
        oldest_retained: Boundary::new(7),
    }
}

fn written() -> SimulatedDisk {
    let disk = new_disk();
    let durable = retention().write(&disk, data()).unwrap();
    assert_eq!(*durable, retention());
    disk
}

fn fail(disk: &SimulatedDisk, operation: Operation) {
    disk.fail(At::Next(operation, 0), Failure::Io, Times::Once);
}

/// Proves: P3-PL7.
#[test]
fn a_sealed_file_appears_whole_and_durable_and_is_read_back() {
    let disk = new_disk();
    assert_eq!(Retention::read(&disk, data()).unwrap(), None);
    trace(&disk);
    retention().write(&disk, data()).unwrap();
    assert_eq!(
        trace(&disk),
        [
            "create retention.tmp",
            "write retention.tmp",
            "fsync retention.tmp",
            "rename retention.tmp",
            "fsync directory n1",
        ]
    );
    assert_eq!(Retention::read(&disk, data()).unwrap(), Some(retention()));
}

#[test]
fn only_a_file_that_is_not_there_is_none() {
    for operation in [Operation::Open, Operation::Length, Operation::Read] {
        let disk = written();
        fail(&disk, operation);
        let found = Retention::read(&disk, data()).unwrap_err();
        assert!(matches!(&found, SealedError::Disk(error) if error.operation == operation));
    }
    let disk = new_disk();
    fail(&disk, Operation::Open);
    assert!(matches!(Checkpoint::read(&disk, data()), Err(SealedError::Disk(_))));
    assert_eq!(Checkpoint::read(&disk, data()).unwrap(), None);
}

fn damage(bytes: Vec<u8>) -> String {
    let disk = new_disk();
    disk.put_file(&path(), bytes);
    match read_sealed::<Retention>(&disk, data()) {
        Err(SealedError::Damaged { path: found, what }) if found == path() => what.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_sealed_file_that_is_not_what_was_written_is_damaged_and_says_how() {
    let good = written().file(&path()).unwrap();
    let text = String::from_utf8(good.clone()).unwrap();
    let changed = |from: &str, to: &str| damage(text.replacen(from, to, 1).into_bytes());
    assert_eq!(changed("retention 1", "retention 2"), "format \"aerodb retention 2\" is not known");
    let digests = changed(": 7", ": 8");
    assert!(digests.starts_with("its digest is ") && digests.contains(", the content gives "));
    assert_eq!(changed(": 7", ":  7"), "the bytes are not those that were written");
    assert_eq!(damage([&good[..], b"\n"].concat()), "the bytes are not those that were written");
    assert!(damage(Vec::new()).starts_with("EOF while parsing"));
    let largest = "x".repeat(SEALED_BYTES_MAX);
    assert!(damage(largest.clone().into_bytes()).starts_with("expected value"));
    let what = damage((largest + "x").into_bytes());
    assert_eq!(what, format!("{} bytes are more than it can have", SEALED_BYTES_MAX + 1));
}

/// What a marker says that keeps the WAL from this place on, its snapshot holding 9 commits.
fn checkpoint(wal_start: WalStart) -> Checkpoint {
    let story = Story::begin();
    let position = Position { boundary: Boundary::new(9), chain: Chain([9; 32]) };
    Checkpoint {
        cluster: *story.authority.cluster(),
        owner: PublicKey([2; 32]),
        position,
        epoch: Epoch::FIRST,
        ledger: story.authority.head(),
        designation: None,
        snapshot: Hash([3; 32]),
        wal_start,
    }
}

/// Proves: CKP-5.
#[test]
fn a_checkpoint_names_a_place_where_a_wal_can_begin_at_or_before_its_own() {
    let start = |segment, frame_seq, commits| WalStart {
        segment,
        frame_seq,
        position: Position { boundary: Boundary::new(commits), chain: Chain([8; 32]) },
    };
    let read = |wal_start| {
        let disk = new_disk();
        checkpoint(wal_start).write(&disk, data()).unwrap();
        let bytes = disk.file(&data().join(Checkpoint::NAME)).unwrap();
        let found = unseal::<Checkpoint>(&bytes).map(|found| found == checkpoint(wal_start));
        found.map_err(|damage| damage.to_string())
    };
    for (segment, frame_seq, commits) in [(1, 1, 0), (2, 5, 8), (2, 2, 9), (3, 4, 9)] {
        assert_eq!(read(start(segment, frame_seq, commits)), Ok(true));
    }
    let impossible = Err("no WAL begins where it says".to_owned());
    for (segment, frame_seq, commits) in [
        (0, 1, 0),
        (1, 2, 0),
        (2, 1, 0),
        (3, 2, 0),
        (2, 1 << 62, 0),
        (2, 2, 1 << 62),
        (10_000_000_000_000_000, 1 << 61, 0),
    ] {
        assert_eq!(read(start(segment, frame_seq, commits)), impossible);
    }
    let past = Err("the WAL that it keeps begins past its own commit".to_owned());
    assert_eq!(read(start(2, 5, 10)), past);
}
