//! Every byte of logs of several segments flipped, one at a time, on the disk and in what is read: acknowledged
//! data is never silently lost or altered. A byte on the disk is a refusal that names file, offset and rule,
//! and nothing is changed; a byte that reads wrong once is that, or nothing comes of it.

#![allow(clippy::unwrap_used)] // helpers stand outside of the test functions

mod support;

use std::path::{Path, PathBuf};

use aerodb_core::rules::RuleId;
use aerodb_ledger::authority::AuthorityLedger;
use aerodb_ledger::decision::DecisionLedger;
use aerodb_ledger::disk::simulated::{SimulatedDisk, Times};
use aerodb_ledger::log::Witness;
use aerodb_ledger::wal::Wal;
use aerodb_ledger::{Damage, Fault};
use support::{
    DIR, OWNER, QUARANTINE, Story, batches, change, decisions, key, ledger_place, new_disk, node,
    open_wal, segments_of, wal_place,
};

fn segment(number: u64) -> PathBuf {
    Path::new(DIR).join(format!("{number:016}.seg"))
}

/// Opens a log; digests of its records.
type Open<'o> = &'o dyn Fn(&SimulatedDisk) -> Result<Vec<Vec<u8>>, Fault>;

/// Four segments of a block, one of two records.
fn wal_disk() -> SimulatedDisk {
    let disk = new_disk();
    let mut wal = Wal::create(&wal_place(&disk, segments_of(1))).unwrap();
    let story = Story::begin();
    let all = batches(story.origin(), story.authority.head(), &[10, 20, 3_500, 100, 5]);
    for batch in [&all[..1], &all[1..2], &all[2..3], &all[3..]] {
        wal.append(batch).unwrap();
    }
    disk
}

fn open_wal_disk(disk: &SimulatedDisk) -> Result<Vec<Vec<u8>>, Fault> {
    let (_, _, shown) = open_wal(&wal_place(disk, segments_of(1)), Witness::default())?;
    Ok(shown.iter().map(|batch| batch.bytes().to_vec()).collect())
}

/// Three entries, each with its trailer in the next segment.
fn authority_disk() -> SimulatedDisk {
    let disk = new_disk();
    let place = ledger_place(&disk, segments_of(1), OWNER);
    let entries = Story::begin().admit("n2").entries;
    let mut ledger = AuthorityLedger::create(&place, entries[..1].to_vec()).unwrap();
    ledger.append(&entries[1..]).unwrap();
    disk
}

fn open_authority(disk: &SimulatedDisk) -> Result<Vec<Vec<u8>>, Fault> {
    let place = ledger_place(disk, segments_of(1), OWNER);
    let opened = AuthorityLedger::open(&place, Witness::default(), Path::new(QUARANTINE))?;
    let entries = opened.0.entries().after(None, usize::MAX);
    Ok(entries.iter().map(|stored| stored.bytes.to_vec()).collect())
}

fn decision_disk() -> SimulatedDisk {
    let disk = new_disk();
    let place = ledger_place(&disk, segments_of(1), key("n1").public_key());
    let mut ledger = DecisionLedger::create(&place, node("n1")).unwrap();
    decisions(&mut ledger, 2);
    disk
}

fn open_decisions(disk: &SimulatedDisk) -> Result<Vec<Vec<u8>>, Fault> {
    let place = ledger_place(disk, segments_of(1), key("n1").public_key());
    let (quarantine, witness) = (Path::new(QUARANTINE), Witness::default());
    let (ledger, _) = DecisionLedger::open(&place, node("n1"), witness, quarantine)?;
    let entries = ledger.entries().after(None, usize::MAX);
    Ok(entries.iter().map(|stored| stored.bytes.to_vec()).collect())
}

/// The fault names the damaged file, and a place in it that is not past the damage; a batch's payload is
/// named by where it starts.
fn assert_names(fault: &Fault, path: &Path, at: usize) {
    let Fault::Corrupt { file, offset, rule, what } = fault else { panic!("{fault}") };
    assert_eq!((file, rule), (&path.to_owned(), &what.rule()));
    let sector = at as u64 / 512 * 512;
    assert!(*offset <= sector + 136 && *offset + 4096 > sector, "{fault}: byte {at}");
}

/// One bit of every byte of every file, in turn.
fn every_byte_on_the_disk(what: &str, good: &SimulatedDisk, open: Open<'_>) {
    let mut flipped = 0;
    for (path, bytes) in good.files() {
        for at in 0..bytes.len() {
            let disk = good.after_kill();
            change(&disk, &path, |file| file[at] ^= 1 << (at % 8));
            let damaged = disk.fingerprint(|_| true);
            let fault = open(&disk).unwrap_err();
            assert_names(&fault, &path, at);
            assert_eq!(disk.fingerprint(|_| true), damaged, "nothing is changed");
            flipped += 1;
        }
    }
    println!("{what}: {flipped} bytes flipped on the disk, all refused");
    assert!(flipped >= 4 * 8192);
}

/// One bit of every eighth byte, in the first reading of it, in the second, …
fn every_byte_that_is_read(what: &str, good: &SimulatedDisk, open: Open<'_>) {
    let expected = open(&good.after_kill()).unwrap();
    let (mut refused, mut harmless) = (0, 0);
    for (path, bytes) in good.files() {
        for (at, after) in (0..bytes.len()).step_by(8).flat_map(|at| (0..3).map(move |n| (at, n))) {
            let disk = good.after_kill();
            disk.flip(&path, at as u64, 1 << (at / 8 % 8), after, Times::Once);
            match open(&disk) {
                Err(fault) => {
                    assert_names(&fault, &path, at);
                    refused += 1;
                }
                Ok(shown) => {
                    assert_eq!(shown, expected);
                    harmless += 1;
                }
            }
            let again = open(&disk.after_kill()).unwrap();
            assert_eq!(again, expected, "what was read wrong was written nowhere");
        }
    }
    println!("{what}: {refused} bytes that read wrong once were refused, {harmless} never read");
    assert!(refused >= 4_000 && harmless > 0);
}

/// Proves: M-W17, P3-D6.
#[test]
fn wal_8_every_flipped_byte_of_a_wal() {
    every_byte_on_the_disk("WAL", &wal_disk(), &open_wal_disk);
    every_byte_that_is_read("WAL", &wal_disk(), &open_wal_disk);
}

/// Proves: M-P22, P6-RC7.
#[test]
fn wal_8_every_flipped_byte_of_an_authority_ledger() {
    every_byte_on_the_disk("authority ledger", &authority_disk(), &open_authority);
}

#[test]
fn wal_8_every_flipped_byte_of_a_decision_ledger() {
    every_byte_on_the_disk("decision ledger", &decision_disk(), &open_decisions);
}

/// A torn batch that reads differently a second time may be whole: it is not dropped.
#[test]
fn dis_16_a_torn_batch_that_reads_differently_a_second_time_is_refused() {
    let good = wal_disk();
    change(&good, segment(4), |file| file[4096 + 512..4096 + 1024].fill(0));
    for (after, at) in [(1, 4096 + 3), (2, 4096 + 3), (1, 4096 + 600), (2, 8191)] {
        let disk = good.after_kill();
        disk.flip(&segment(4), at, 0x10, after, Times::Once);
        let before = disk.fingerprint(|_| true);
        match open_wal_disk(&disk).unwrap_err() {
            Fault::Corrupt { file, offset: 4096, rule: RuleId::Dis16, what: Damage::Unstable } => {
                assert_eq!(file, segment(4));
            }
            other => panic!("{other}"),
        }
        assert_eq!(disk.fingerprint(|_| true), before, "nothing is changed");
        let shown = open_wal_disk(&disk.after_kill()).unwrap();
        assert_eq!(shown.len(), 3, "it reads the same three times now: a tail");
    }
}

/// A segment is read a window at a time. A frame that is bad in the first window is not looked at again in the
/// next one, where it might pass.
/// Proves: P3-M5.
#[test]
fn wal_8_a_frame_that_reads_wrong_once_is_not_read_again_with_more_of_what_follows() {
    let disk = new_disk();
    let longer_than_a_window = segments_of(100);
    let mut wal = Wal::create(&wal_place(&disk, longer_than_a_window)).unwrap();
    let story = Story::begin();
    for batch in batches(story.origin(), story.authority.head(), &[10, 700, 20]) {
        wal.append(&[batch]).unwrap();
    }
    drop(wal);
    for at in (4096 * 2..4096 * 2 + 1024).step_by(8) {
        let disk = disk.after_kill();
        disk.flip(&segment(1), at, 0x40, 0, Times::Once);
        let opened = open_wal(&wal_place(&disk, longer_than_a_window), Witness::default());
        assert_names(&opened.unwrap_err(), &segment(1), usize::try_from(at).unwrap());
    }
}
