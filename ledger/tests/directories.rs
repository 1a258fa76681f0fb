//! Directories made durable, with all that is in them: call by call.

#![allow(clippy::unwrap_used)] // helpers stand outside of the test functions

mod support;

use std::path::Path;

use aerodb_ledger::Fault;
use aerodb_ledger::disk::simulated::{At, Failure, SimulatedDisk, Times};
use aerodb_ledger::disk::{Disk, DiskError, Operation, create_dir, create_dirs, is_dir, sync_tree};
use support::{new_disk, trace};

/// The calls that this makes.
fn calls(disk: &SimulatedDisk, made: impl FnOnce() -> Result<(), DiskError>) -> Vec<String> {
    trace(disk);
    made().unwrap();
    trace(disk)
}

/// Proves: P3-FS9.
#[test]
fn p3_fs9_an_empty_directory_that_is_there_is_made_anew_and_one_with_content_is_kept() {
    let (disk, dir) = (new_disk(), Path::new("/n1/log"));
    let made = ["create log", "fsync directory n1"];
    assert_eq!(calls(&disk, || create_dir(&disk, dir)), made);
    let anew = ["remove log", "create log", "fsync directory n1"];
    assert_eq!(calls(&disk, || create_dir(&disk, dir)), anew);
    disk.put_file(&dir.join("file"), vec![1]);
    assert_eq!(calls(&disk, || create_dir(&disk, dir)), made);
    assert_eq!(disk.list(dir).unwrap(), ["file"]);
}

#[test]
fn every_directory_above_that_is_missing_is_made_and_its_name_made_durable() {
    let disk = new_disk();
    let deep = Path::new("/n1/a/b");
    let made = ["create a", "fsync directory n1", "create b", "fsync directory a"];
    assert_eq!(calls(&disk, || create_dirs(&disk, deep)), made);
    assert_eq!(calls(&disk, || create_dirs(&disk, deep)), Vec::<String>::new());
}

#[test]
fn a_tree_is_made_durable_file_by_file_and_then_its_names() {
    let disk = new_disk();
    create_dir(&disk, Path::new("/n1/sub")).unwrap();
    disk.put_file(Path::new("/n1/file"), vec![1]);
    disk.put_file(Path::new("/n1/sub/deep"), vec![2]);
    let made = calls(&disk, || sync_tree(&disk, Path::new("/n1")));
    assert_eq!(
        made,
        [
            "fsync file",
            "fsync deep",
            "fsync directory sub",
            "fsync directory n1",
            "fsync directory n1",
            "fsync directory /",
        ]
    );
}

/// Proves: P3-D9.
#[test]
fn p3_d9_a_disk_that_fails_gives_no_answer() {
    let disk = new_disk();
    let (dir, fail) = (Path::new("/n1"), |failure| {
        disk.fail(At::Next(Operation::List, 0), failure, Times::Once);
    });
    for failure in [Failure::Io, Failure::Access] {
        fail(failure);
        assert_eq!(is_dir(&disk, dir).unwrap_err().operation, Operation::List);
        fail(failure);
        assert_eq!(create_dir(&disk, dir).unwrap_err().operation, Operation::List);
    }
    assert!(is_dir(&disk, dir).unwrap());
    assert!(!is_dir(&disk, Path::new("/n1/absent")).unwrap());
}

#[test]
fn a_fault_is_for_want_of_space_only_if_the_disk_says_so() {
    let disk = new_disk();
    let failed = |failure| {
        disk.fail(At::Next(Operation::Create, 0), failure, Times::Once);
        disk.create(Path::new("/n1/file")).unwrap_err()
    };
    for (failure, full) in [(Failure::NoSpace, true), (Failure::Io, false)] {
        let cause = failed(failure);
        assert_eq!(Fault::Disk(cause.clone()).is_no_space(), full);
        assert_eq!(Fault::Poisoned { cause }.is_no_space(), full);
    }
    assert!(!Fault::TooLarge { bytes: 2, max: 1 }.is_no_space());
}
