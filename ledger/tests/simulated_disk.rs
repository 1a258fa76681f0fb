//! The simulated disk does what disks do.

#![allow(clippy::unwrap_used)] // helpers stand outside of the test functions

use std::path::Path;

use aerodb_ledger::disk::simulated::{At, Failure, SimulatedDisk, Times, UnsyncedPart};
use aerodb_ledger::disk::{Access, Disk, DiskFile, Operation};

const FILE: &str = "/file";

/// A file of two sectors of ones, durable.
fn ones() -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    disk.put_file(Path::new(FILE), vec![1; 1024]);
    disk
}

fn opened(disk: &SimulatedDisk) -> std::sync::Arc<dyn DiskFile> {
    disk.open(Path::new(FILE), Access::ReadWrite).unwrap()
}

fn sectors(disk: &SimulatedDisk) -> [u8; 2] {
    let bytes = disk.file(Path::new(FILE)).unwrap();
    [bytes[0], bytes[512]]
}

/// Proves: P3-FS1.
#[test]
fn of_each_unsynced_sector_any_version_survives_a_power_loss() {
    let disk = ones();
    opened(&disk).write_at(0, &[2; 1024]).unwrap();
    opened(&disk).write_at(512, &[3; 512]).unwrap();
    let parts: Vec<_> = disk.unsynced().iter().map(|part| (part.what, part.versions)).collect();
    assert_eq!(parts, [(UnsyncedPart::Sector(0), 2), (UnsyncedPart::Sector(1), 3)]);
    for (first, second, left) in [(0, 0, [1, 1]), (1, 0, [2, 1]), (0, 1, [1, 2]), (1, 2, [2, 3])] {
        let after = disk.after_power_loss(|part| match part.what {
            UnsyncedPart::Sector(0) => first,
            _ => second,
        });
        assert_eq!((sectors(&after), after.unsynced()), (left, vec![]));
    }
    opened(&disk).sync_data().unwrap();
    assert_eq!(sectors(&disk.after_power_loss(|_| 0)), [2, 3]);
}

#[test]
fn a_kill_keeps_the_cache_and_what_is_in_it_can_still_vanish() {
    let disk = ones();
    opened(&disk).write_at(0, &[2; 512]).unwrap();
    let next = disk.after_kill();
    assert_eq!(sectors(&next), [2, 1]);
    let mut read = [0; 512];
    opened(&next).read_uncached_at(0, &mut read).unwrap();
    assert_eq!(read, [2; 512], "no system drops what is dirty");
    assert_eq!(sectors(&next.after_power_loss(|_| 0)), [1, 1]);
}

/// Proves: P3-FS1.
#[test]
fn an_fsync_that_failed_lies_ever_after() {
    let disk = ones();
    disk.fail(At::Next(Operation::Sync, 0), Failure::LyingSync { reached: 0b10 }, Times::Once);
    let file = opened(&disk);
    file.write_at(0, &[2; 1024]).unwrap();
    assert!(file.sync_data().is_err());
    assert_eq!(sectors(&disk), [2, 2], "the cache shows what the device lacks");
    file.sync_data().unwrap();
    assert_eq!(sectors(&disk.after_power_loss(|_| usize::MAX)), [1, 2]);
    file.read_uncached_at(0, &mut [0; 1024]).unwrap();
    assert_eq!(sectors(&disk), [1, 2]);
}

#[test]
fn names_are_lost_one_by_one_until_their_directory_is_synced() {
    let disk = ones();
    let (from, to, root) = (Path::new(FILE), Path::new("/other"), Path::new("/"));
    disk.rename(from, to).unwrap();
    let left = |old, new| {
        let after = disk.after_power_loss(|part| if part.path == from { old } else { new });
        after.list(root).unwrap().join(" ")
    };
    assert_eq!(
        [left(0, 0), left(0, 1), left(1, 0), left(1, 1)],
        ["file", "file other", "", "other"]
    );
    let lied = disk.after_kill();
    lied.fail(At::Change(0), Failure::LyingSync { reached: 0 }, Times::Once);
    assert!(lied.sync_dir(root).is_err());
    lied.sync_dir(root).unwrap();
    assert_eq!(lied.list(root).unwrap(), ["other"]);
    assert_eq!(lied.after_power_loss(|_| usize::MAX).list(root).unwrap(), ["file"]);
    disk.sync_dir(root).unwrap();
    assert_eq!(disk.after_power_loss(|_| 0).list(root).unwrap(), ["other"]);
}

#[test]
fn a_length_is_durable_after_an_fsync_only() {
    let disk = ones();
    opened(&disk).write_at(1024, &[0; 512]).unwrap();
    let after = |version| disk.after_power_loss(|_| version).file(Path::new(FILE)).unwrap().len();
    assert_eq!([after(0), after(1)], [1024, 1536]);
    opened(&disk).sync_data().unwrap();
    assert_eq!(after(0), 1536);
}

#[test]
fn nothing_is_done_when_the_power_is_off() {
    let disk = ones();
    disk.fail(At::Change(0), Failure::PowerLossDuring, Times::Once);
    let file = opened(&disk);
    assert!(file.write_at(0, &[2; 512]).is_err());
    assert!(file.write_at(0, &[3; 512]).is_err() && file.read_at(0, &mut [0; 1]).is_err());
    assert_eq!(sectors(&disk.after_power_loss(|_| usize::MAX)), [2, 1]);
    let disk = ones();
    disk.fail(At::Change(0), Failure::PowerLossBefore, Times::Once);
    assert!(opened(&disk).write_at(0, &[2; 512]).is_err());
    assert_eq!(sectors(&disk.after_power_loss(|_| usize::MAX)), [1, 1]);
}

#[test]
fn a_lock_is_held_once_until_it_is_dropped_or_its_process_ends() {
    let disk = ones();
    let path = Path::new("/LOCK");
    let held = disk.lock(path).unwrap();
    assert!(held.is_some() && disk.lock(path).unwrap().is_none() && disk.is_locked(path).unwrap());
    assert!(!disk.after_kill().is_locked(path).unwrap());
    drop(held);
    assert!(!disk.is_locked(path).unwrap());
}
