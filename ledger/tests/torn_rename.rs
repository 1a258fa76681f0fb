//! A power loss may keep both names of a rename: then they lead to one file, and whoever writes to the one writes to
//! the other.

#![allow(clippy::unwrap_used)] // helpers stand outside of the test functions

use std::path::Path;

use aerodb_ledger::disk::simulated::SimulatedDisk;
use aerodb_ledger::disk::{Disk, RealDisk, read_file, replace_file};

const FILE: &str = "/file";

/// Every disk that a power loss can leave of this one.
fn losses(disk: &SimulatedDisk) -> Vec<SimulatedDisk> {
    let versions: Vec<_> = disk.unsynced().iter().map(|part| part.versions).collect();
    let all: usize = versions.iter().product();
    let versions = &versions;
    let of = |number: usize| {
        let (mut left, mut part) = (number, 0);
        disk.after_power_loss(move |_| {
            let version = left % versions[part];
            left /= versions[part];
            part += 1;
            version
        })
    };
    (0..all).map(of).collect()
}

/// Every disk that a power loss before, within and after a replacement can leave.
fn replaced(disk: &SimulatedDisk, bytes: &[u8]) -> Vec<SimulatedDisk> {
    let disk = disk.after_kill();
    disk.record_moments();
    replace_file(&*disk.shared(), Path::new(FILE), bytes).unwrap();
    let moments = disk.moments();
    moments.iter().map(|moment| &moment.disk).chain([&disk]).flat_map(losses).collect()
}

/// Proves: P3-PL7, P3-D1, P3-D3.
#[test]
fn p3_pl7_power_lost_twice_while_a_file_is_replaced_leaves_one_of_its_contents_whole() {
    let disk = SimulatedDisk::new();
    disk.put_file(Path::new(FILE), b"first".to_vec());
    let mut tried = 0;
    for once in replaced(&disk, b"second") {
        for twice in replaced(&once, b"third") {
            let left = twice.file(Path::new(FILE)).unwrap();
            let whole = [&b"first"[..], b"second", b"third"].contains(&&left[..]);
            assert!(whole, "{:?}", String::from_utf8_lossy(&left));
            tried += 1;
        }
    }
    println!("{tried} disks");
}

#[test]
fn a_file_that_two_names_lead_to_is_left_alone_by_what_is_made_under_one_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let (file, temporary) = (dir.path().join("file"), dir.path().join("file.tmp"));
    std::fs::write(&file, "first").unwrap();
    std::fs::hard_link(&file, &temporary).unwrap();
    let created = RealDisk.create(&temporary).unwrap();
    created.write_at(0, b"second").unwrap();
    assert_eq!(read_file(&RealDisk, &file).unwrap(), b"first");
    assert_eq!(read_file(&RealDisk, &temporary).unwrap(), b"second");
}
