//! Damage: every byte that is not what was written is found, nothing is changed on the disk, and only
//! a torn last frame that nothing witnesses is dropped.

#![allow(clippy::unwrap_used)] // helpers stand outside of the test functions

mod support;

use std::path::{Path, PathBuf};

use aerodb_core::hash::PublicKey;
use aerodb_core::rules::RuleId;
use aerodb_ledger::authority::AuthorityLedger;
use aerodb_ledger::disk::Operation;
use aerodb_ledger::disk::simulated::{At, Failure, SimulatedDisk, Times};
use aerodb_ledger::log::{Recovery, Witness};
use aerodb_ledger::wal::Wal;
use aerodb_ledger::{Damage, Fault};
use support::{
    DIR, OWNER, QUARANTINE, Story, assert_corrupt, batches, change, ledger_place, new_disk,
    open_wal, seen_frame, seen_record, segments_of, wal_place,
};

const SECTOR: usize = 512;

fn segment(number: u64) -> PathBuf {
    Path::new(DIR).join(format!("{number:016}.seg"))
}

/// Three frames: two in the first segment, one in the second.
fn wal_disk() -> SimulatedDisk {
    let disk = new_disk();
    let mut wal = Wal::create(&wal_place(&disk, segments_of(2))).unwrap();
    let story = Story::begin();
    for batch in batches(story.origin(), story.authority.head(), &[10, 20, 3_500]) {
        wal.append(&[batch]).unwrap();
    }
    disk
}

fn open_wal_disk(disk: &SimulatedDisk, witness: Witness) -> Result<Recovery, Fault> {
    open_wal(&wal_place(disk, segments_of(2)), witness).map(|(_, recovery, _)| recovery)
}

/// Genesis and a trailer, an admission and a trailer.
fn authority_disk() -> SimulatedDisk {
    let disk = new_disk();
    let place = ledger_place(&disk, segments_of(3), OWNER);
    let entries = Story::begin().admit("n2").entries;
    let mut ledger = AuthorityLedger::create(&place, entries[..1].to_vec()).unwrap();
    ledger.append(&entries[1..]).unwrap();
    disk
}

fn open_authority(disk: &SimulatedDisk, witness: Witness) -> Result<(usize, Recovery), Fault> {
    let place = ledger_place(disk, segments_of(3), OWNER);
    let (ledger, recovery) = AuthorityLedger::open(&place, witness, Path::new(QUARANTINE))?;
    Ok((ledger.entries().len(), recovery))
}

fn rule_and_damage(fault: Fault) -> (RuleId, Damage) {
    match fault {
        Fault::Corrupt { rule, what, .. } => (rule, what),
        other => panic!("{other}"),
    }
}

fn refused(disk: &SimulatedDisk) -> (RuleId, Damage) {
    let before = disk.files();
    let fault = open_wal_disk(disk, Witness::default()).unwrap_err();
    assert_eq!(disk.files(), before, "nothing is changed");
    rule_and_damage(fault)
}

#[test]
fn a_segment_of_any_other_length_is_refused() {
    for length in [0, 1, 4095, 4096, 8191, 12_287] {
        let disk = wal_disk();
        change(&disk, segment(2), |file| file.truncate(length));
        let (rule, damage) = refused(&disk);
        assert_eq!(rule, RuleId::Wal8, "{length}");
        let expected = if length < 4096 { 4096 } else { 12_288 };
        assert_eq!(damage, Damage::Length { expected, found: length as u64 });
    }
    let disk = wal_disk();
    change(&disk, segment(2), |file| file.push(0));
    let longer = Damage::Length { expected: 12_288, found: 12_289 };
    assert_eq!(refused(&disk), (RuleId::Wal8, longer));
}

#[test]
fn a_segment_of_another_size_than_the_first_is_foreign() {
    let disk = wal_disk();
    let other = new_disk();
    let mut wal = Wal::create(&wal_place(&other, segments_of(3))).unwrap();
    let story = Story::begin();
    for batch in batches(story.origin(), story.authority.head(), &[5_000, 10, 10]) {
        wal.append(&[batch]).unwrap();
    }
    disk.put_file(&segment(2), other.files()[&segment(2)].clone());
    let foreign = Damage::ForeignSegment { what: "segment size" };
    assert_eq!(refused(&disk), (RuleId::St2, foreign));
}

/// A segment is made ahead only once the one before it is in use.
#[test]
fn dis_18_two_empty_segments_at_the_end_are_refused() {
    let disk = wal_disk();
    let empty = |number| {
        let other = new_disk();
        let mut wal = Wal::create(&wal_place(&other, segments_of(2))).unwrap();
        let story = Story::begin();
        for batch in batches(story.origin(), story.authority.head(), &[5_000, 5_000, 5_000, 5_000])
        {
            wal.append(&[batch]).unwrap();
        }
        let mut bytes = other.files()[&segment(number)].clone();
        bytes[4096..].fill(0);
        bytes
    };
    disk.put_file(&segment(3), empty(3));
    open_wal_disk(&disk.after_kill(), Witness::default()).unwrap();
    disk.put_file(&segment(4), empty(4));
    assert_eq!(refused(&disk), (RuleId::Dis18, Damage::EmptySegment { number: 4 }));
}

/// A disk that fails says nothing about the log.
#[test]
fn a_directory_that_cannot_be_listed_is_not_one_without_segments() {
    let disk = wal_disk();
    disk.fail(At::Next(Operation::List, 0), Failure::Io, Times::Once);
    let found = open_wal_disk(&disk, Witness::default()).unwrap_err();
    assert!(matches!(found, Fault::Disk(_)), "{found}");
    open_wal_disk(&disk, Witness::default()).unwrap();
}

#[test]
fn dis_18_a_missing_segment_is_refused() {
    let disk = wal_disk();
    disk.remove_file(&segment(1));
    assert_eq!(refused(&disk), (RuleId::Dis18, Damage::MissingSegment { missing: 1 }));
}

/// Proves: M-C21.
#[test]
fn core_r3_a_log_without_segments_is_not_a_new_log() {
    let disk = wal_disk();
    disk.remove_file(&segment(1));
    disk.remove_file(&segment(2));
    assert_eq!(refused(&disk), (RuleId::R3, Damage::NoSegment));
}

#[test]
fn dis_18_an_emptied_segment_before_a_used_one_is_refused() {
    let disk = wal_disk();
    change(&disk, segment(1), |file| file[4096..].fill(0));
    assert!(matches!(refused(&disk), (RuleId::Dis18, Damage::EmptySegment { number: 1 })));
}

#[test]
fn dis_18_a_lost_frame_at_the_end_of_a_segment_before_a_used_one_is_refused() {
    let disk = wal_disk();
    change(&disk, segment(1), |file| file[8192..].fill(0));
    let expected = Damage::FrameSeq { expected: 2, found: 3 };
    assert_eq!(refused(&disk), (RuleId::Dis18, expected));
}

#[test]
fn dis_16_a_torn_frame_before_a_used_segment_is_refused() {
    let disk = wal_disk();
    change(&disk, segment(1), |file| file[8192..8704].fill(0));
    assert_eq!(refused(&disk), (RuleId::Dis16, Damage::LaterSegment { number: 2 }));
}

#[test]
fn st_2_segments_of_another_node_or_log_are_refused() {
    let disk = wal_disk();
    let mut place = wal_place(&disk, segments_of(2));
    place.owner = PublicKey([8; 32]);
    let before = disk.files();
    let (rule, damage) = rule_and_damage(open_wal(&place, Witness::default()).unwrap_err());
    assert_eq!(rule, RuleId::St2);
    assert_eq!(damage, Damage::Owner { expected: PublicKey([8; 32]), found: OWNER });
    let (rule, _) = rule_and_damage(open_authority(&disk, Witness::default()).unwrap_err());
    assert_eq!(rule, RuleId::St2);
    assert_eq!(disk.files(), before);
}

#[test]
fn dis_16_any_zeroed_sectors_of_the_last_frame_are_an_unproven_tail_without_witness() {
    let good = wal_disk();
    for zeroed in 1..256_u32 {
        let disk = good.after_kill();
        change(&disk, segment(2), |file| zero_sectors(&mut file[4096..8192], zeroed));
        let torn = disk.files()[&segment(2)][4096..8192].to_vec();
        let recovery = open_wal_disk(&disk, Witness::default()).unwrap();
        assert_eq!(recovery.last_record, Some(2), "{zeroed:b}");
        let after = disk.files();
        if zeroed == 255 {
            assert_eq!(recovery.unproven_tail, None, "as if it was never written");
            continue;
        }
        let tail = recovery.unproven_tail.unwrap();
        assert_eq!((tail.file, tail.offset, tail.frame_seq), (segment(2), 4096, 3));
        let kept = &after[&tail.quarantined_to.unwrap()];
        assert_eq!(kept[..], torn[..kept.len()], "kept as it was");
        assert!(torn[kept.len()..].iter().all(|byte| *byte == 0));
        assert!(after[&segment(2)][4096..].iter().all(|byte| *byte == 0));
        let again = open_wal_disk(&disk, Witness::default()).unwrap();
        assert_eq!((again.unproven_tail, again.last_record), (None, Some(2)));
    }
}

#[test]
fn dis_16_any_zeroed_sectors_of_a_witnessed_frame_are_refused() {
    let good = wal_disk();
    for zeroed in 1..256_u32 {
        let disk = good.after_kill();
        change(&disk, segment(2), |file| zero_sectors(&mut file[4096..8192], zeroed));
        let before = disk.files();
        for witness in [seen_frame(3), seen_record(3)] {
            let fault = open_wal_disk(&disk, witness).unwrap_err();
            let (rule, damage) = rule_and_damage(fault);
            assert_eq!(rule, RuleId::Dis16);
            assert!(matches!(damage, Damage::Lost { last_frame: 2, last_record: 2, .. }));
        }
        assert_eq!(disk.files(), before, "nothing is changed");
        open_wal_disk(&disk, seen_frame(2)).unwrap();
    }
}

fn zero_sectors(frame: &mut [u8], zeroed: u32) {
    for (at, sector) in frame.chunks_exact_mut(SECTOR).enumerate() {
        if zeroed >> at & 1 == 1 {
            sector.fill(0);
        }
    }
}

#[test]
fn a_torn_frame_of_several_blocks_without_header_is_dropped_whole() {
    let disk = new_disk();
    let mut wal = Wal::create(&wal_place(&disk, segments_of(8))).unwrap();
    let story = Story::begin();
    let all = batches(story.origin(), story.authority.head(), &[10, 20_000]);
    wal.append(&all[..1]).unwrap();
    wal.append(&all[1..]).unwrap();
    drop(wal);
    // Header and some sectors are gone, the last of the frame's sectors is there.
    change(&disk, segment(1), |file| file[8192..16_384].fill(0));
    let place = wal_place(&disk, segments_of(8));
    let (mut wal, recovery, shown) = open_wal(&place, Witness::default()).unwrap();
    assert_eq!(shown, all[..1]);
    assert_eq!(recovery.unproven_tail.unwrap().bytes, 20_480);
    wal.append(&all[1..]).unwrap();
    drop(wal);
    let (_, _, shown) = open_wal(&place, Witness::default()).unwrap();
    assert_eq!(shown, all);
}

#[test]
fn wal_8_a_zero_sector_in_a_frame_with_a_later_frame_is_refused() {
    let good = wal_disk();
    for sector in 1..8 {
        let disk = good.after_kill();
        let at = 4096 + sector * SECTOR;
        change(&disk, segment(1), |file| file[at..at + SECTOR].fill(0));
        let (rule, damage) = refused(&disk);
        assert!(matches!(rule, RuleId::Dis16 | RuleId::Wal8), "{damage}");
    }
}

fn corrupt_at(disk: &SimulatedDisk) -> (u64, Damage) {
    match open_wal_disk(disk, Witness::default()).unwrap_err() {
        Fault::Corrupt { offset, what, .. } => (offset, what),
        other => panic!("{other}"),
    }
}

/// Frame 3 of two blocks, torn, in the second of two segments of three.
#[test]
fn what_speaks_against_a_torn_frame_is_named_with_its_place() {
    let disk = new_disk();
    let mut wal = Wal::create(&wal_place(&disk, segments_of(3))).unwrap();
    let story = Story::begin();
    for batch in batches(story.origin(), story.authority.head(), &[5_000, 10, 5_000]) {
        wal.append(&[batch]).unwrap();
    }
    drop(wal);
    let torn = |changes: &[(usize, u8)]| {
        let disk = disk.after_kill();
        change(&disk, segment(2), |file| {
            file[4096 + 2 * SECTOR..4096 + 3 * SECTOR].fill(0);
            changes.iter().for_each(|(at, byte)| file[*at] = *byte);
        });
        corrupt_at(&disk)
    };
    // Past its two blocks: the last sector that is not zero.
    assert_eq!(torn(&[(12_288 + 700, 1)]), (12_288 + 512, Damage::BytesPastEnd));
    let last = 16_384 - 1;
    assert_eq!(torn(&[(12_288 + 700, 1), (last, 1)]), (16_384 - 512, Damage::BytesPastEnd));
    // Without a header its extent is not known: a sector of another tag, and one without.
    let headless = |changes: &[(usize, u8)]| {
        let disk = disk.after_kill();
        change(&disk, segment(2), |file| {
            file[4096..4096 + SECTOR].fill(0);
            changes.iter().for_each(|(at, byte)| file[*at] = *byte);
        });
        corrupt_at(&disk)
    };
    let tag = |at: usize, found| (at as u64, Damage::Tag { seq: 3, found });
    assert_eq!(headless(&[(4096 + 2 * SECTOR, 9)]), tag(4096 + 2 * SECTOR, 9));
    assert_eq!(headless(&[(12_288 + 3 * SECTOR + 5, 1)]), tag(12_288 + 3 * SECTOR, 0));
}

/// Where a checksum found the damage, the damage has both: with the computed one put in the place of the stored one,
/// that check passes.
#[test]
fn damage_that_a_checksum_finds_tells_the_stored_one_and_the_computed_one() {
    let good = wal_disk();
    let damaged = |at: usize, stored: Option<u32>, stored_at: usize| {
        let disk = good.after_kill();
        change(&disk, segment(1), |file| {
            file[at] ^= 1;
            if let Some(checksum) = stored {
                file[stored_at..stored_at + 4].copy_from_slice(&checksum.to_le_bytes());
            }
        });
        open_wal_disk(&disk, Witness::default()).map_err(rule_and_damage)
    };
    let file = good.file(&segment(1)).unwrap();
    // A byte of what is summed up, and where the sum stands: segment header, frame header, payload.
    for (at, stored_at) in [(40, 12), (4096 + 100, 4096 + 132), (4096 + 200, 4096 + 128)] {
        let (_, damage) = damaged(at, None, stored_at).unwrap_err();
        let (stored, computed) = damage.checksums().unwrap();
        assert_eq!(file[stored_at..stored_at + 4], stored.to_le_bytes());
        let (_, other) = damaged(at, Some(computed), stored_at).unwrap_err();
        assert_ne!(other, damage);
    }
    assert_eq!(Damage::FrameSeq { expected: 2, found: 3 }.checksums(), None);
}

#[test]
fn a_torn_sector_is_no_unproven_tail() {
    // Half a sector: no device does that to a sector that it writes whole or not at all.
    let disk = wal_disk();
    change(&disk, segment(2), |file| file[4096 + 600..4096 + 1024].fill(0));
    assert!(matches!(refused(&disk), (RuleId::P3D4, Damage::PayloadChecksum { .. })));
}

#[test]
fn a_torn_trailer_leaves_its_entries_and_is_written_again() {
    let good = authority_disk();
    let trailer = 4096; // the fourth frame, alone in the second segment
    for zeroed in 1..256_u32 {
        let disk = good.after_kill();
        change(&disk, segment(2), |file| zero_sectors(&mut file[trailer..trailer + 4096], zeroed));
        let (entries, recovery) = open_authority(&disk, Witness::default()).unwrap();
        assert_eq!((entries, recovery.trailer_missing), (2, true), "{zeroed:b}");
        assert_eq!(recovery.unproven_tail.is_some(), zeroed != 255);
        assert_eq!(recovery.rewritten_frame.unwrap().frame_seq, 3);
        let (entries, recovery) = open_authority(&disk, seen_frame(4)).unwrap();
        assert_eq!((entries, recovery.trailer_missing), (2, false));
        assert_eq!(disk.files()[&segment(2)], good.files()[&segment(2)]);
    }
}

#[test]
fn dis_16_an_answered_ledger_entry_is_never_taken_for_a_tail() {
    // The entry's frame lies in the first segment, its trailer, which was synced later, in the second.
    let good = authority_disk();
    for zeroed in 1..256_u32 {
        let disk = good.after_kill();
        change(&disk, segment(1), |file| zero_sectors(&mut file[12_288..16_384], zeroed));
        let before = disk.files();
        assert_corrupt(&open_authority(&disk, Witness::default()).unwrap_err());
        assert_eq!(disk.files(), before, "nothing is changed");
    }
}

#[test]
fn core_r3_an_authority_ledger_without_genesis_is_refused() {
    let disk = authority_disk();
    disk.remove_file(&segment(2));
    change(&disk, segment(1), |file| file[4096..].fill(0));
    let before = disk.files();
    assert_corrupt(&open_authority(&disk, Witness::default()).unwrap_err());
    assert_eq!(disk.files(), before);
}

/// Genesis is a witness of its own: no ledger was ever used before it was durable. A torn one is no tail.
#[test]
fn core_r3_a_torn_genesis_is_no_unproven_tail() {
    let disk = new_disk();
    let place = ledger_place(&disk, segments_of(3), OWNER);
    drop(AuthorityLedger::create(&place, Story::begin().entries).unwrap());
    change(&disk, segment(1), |file| {
        zero_sectors(&mut file[4096..8192], 0b10);
        file[8192..].fill(0);
    });
    let before = disk.files();
    let found = open_authority(&disk, Witness::default()).unwrap_err();
    assert_eq!(found.rule(), RuleId::Dis16, "{found}");
    assert_eq!(disk.files(), before, "nothing is changed");
}

#[test]
fn a_file_that_no_log_writes_is_refused() {
    let disk = wal_disk();
    let bytes = disk.files()[&segment(1)].clone();
    disk.put_file(&Path::new(DIR).join("copy of 0000000000000001.seg"), bytes);
    assert_eq!(refused(&disk), (RuleId::St2, Damage::ForeignFile));
}

#[test]
fn reading_is_not_durability_a_frame_that_only_the_cache_holds_is_not_read() {
    let disk = wal_disk();
    let mut device = disk.files()[&segment(2)].clone();
    device[4096..].fill(0);
    disk.set_device(&segment(2), device);
    let recovery = open_wal_disk(&disk, Witness::default()).unwrap();
    assert_eq!((recovery.last_record, recovery.unproven_tail), (Some(2), None));
    let fault = open_wal_disk(&disk, seen_frame(3)).unwrap_err();
    assert_eq!(fault.rule(), RuleId::Dis16);
}

/// What reads differently a second time is no frame and no tail: the last frame is read twice, a torn one three times.
#[test]
fn a_last_frame_that_reads_differently_again_is_corrupt() {
    let reads = |disk: &SimulatedDisk, offset: u64, after: u64| {
        let disk = disk.after_kill();
        disk.flip(&segment(2), offset, 1, after, Times::Once);
        open_wal_disk(&disk, Witness::default()).map(drop)
    };
    let whole = wal_disk();
    let fault = reads(&whole, 4096 + 600, 1).unwrap_err();
    assert_eq!(rule_and_damage(fault), (RuleId::Dis16, Damage::Unstable));
    reads(&whole, 4096 + 600, 2).unwrap();
    let torn = wal_disk();
    change(&torn, segment(2), |file| zero_sectors(&mut file[4096..8192], 0b100));
    for again in [1, 2] {
        let fault = reads(&torn, 4096 + 600, again).unwrap_err();
        assert_eq!(rule_and_damage(fault), (RuleId::Dis16, Damage::Unstable), "{again}");
    }
}
