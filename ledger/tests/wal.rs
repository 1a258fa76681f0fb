//! The WAL: what is appended is read back, over segments and restarts, by its readers and by recovery.

#![allow(clippy::unwrap_used)] // helpers stand outside of the test functions

mod support;

use std::path::Path;
use std::sync::Arc;

use aerodb_core::id::Boundary;
use aerodb_core::rules::RuleId;
use aerodb_core::wal::RawBatch;
use aerodb_ledger::disk::simulated::{At, Failure, SimulatedDisk, Times};
use aerodb_ledger::disk::{Disk, Operation, RealDisk};
use aerodb_ledger::log::{Block, LogOptions, Prepare, Witness};
use aerodb_ledger::wal::{Wal, WalPlace, scan_read_only};
use aerodb_ledger::{Damage, Fault};
use support::{
    DIR, OWNER, QUARANTINE, Story, batches, change, fail_next, new_disk, open_wal, seen_frame,
    seen_record, segments_of, trace, wal_place,
};

fn some_batches(value_bytes: &[usize]) -> Vec<RawBatch> {
    let story = Story::begin();
    batches(story.origin(), story.authority.head(), value_bytes)
}

fn upto(commit: u64) -> Boundary {
    Boundary::new(commit)
}

const ALL: Boundary = Boundary::new(u64::MAX);

fn filled(disk: &SimulatedDisk, blocks: u64, value_bytes: &[usize]) -> (Wal, Vec<RawBatch>) {
    let mut wal = Wal::create(&wal_place(disk, segments_of(blocks))).unwrap();
    let all = some_batches(value_bytes);
    for batch in &all {
        wal.append(std::slice::from_ref(batch)).unwrap();
    }
    (wal, all)
}

/// Proves: WAL-9.
#[test]
fn what_was_appended_is_shown_at_every_opening_in_order() {
    let disk = new_disk();
    let (wal, all) = filled(&disk, 4, &[10, 5_000, 0, 9_000, 20]);
    let (end, last_frame) = (wal.end(), wal.last_frame_seq());
    drop(wal);
    for _ in 0..2 {
        let before = disk.files();
        let (wal, recovery, shown) =
            open_wal(&wal_place(&disk, segments_of(4)), Witness::default()).unwrap();
        assert_eq!(shown, all);
        assert_eq!((wal.end(), wal.last_frame_seq()), (end, last_frame));
        assert_eq!((recovery.first_record, recovery.last_record), (Some(1), Some(5)));
        assert_eq!(recovery.unproven_tail, None);
        assert_eq!(disk.files(), before, "what recovery writes again is what was there");
    }
}

#[test]
fn appending_goes_on_after_a_restart() {
    let disk = new_disk();
    let (wal, all) = filled(&disk, 2, &[10, 10, 10]);
    drop(wal);
    let all = {
        let mut more = some_batches(&[10, 10, 10, 30, 40]).split_off(3);
        let place = wal_place(&disk, segments_of(2));
        let (mut wal, _, _) = open_wal(&place, Witness::default()).unwrap();
        wal.append(&more).unwrap();
        let mut all = all;
        all.append(&mut more);
        all
    };
    let (_, recovery, shown) =
        open_wal(&wal_place(&disk, segments_of(2)), Witness::default()).unwrap();
    assert_eq!(shown, all);
    assert_eq!((recovery.frames, recovery.segments), (4, 2));
}

/// Proves: WAL-6.
#[test]
fn one_append_is_one_write_and_one_fsync() {
    let disk = new_disk();
    let (mut wal, _) = filled(&disk, 4, &[10]);
    trace(&disk);
    wal.append(&some_batches(&[10, 10, 10])[1..]).unwrap();
    assert_eq!(trace(&disk), ["write 0000000000000001.seg", "fsync 0000000000000001.seg"]);
}

/// Proves: M-W09.
#[test]
fn p3_fs4_a_segment_is_complete_and_its_name_durable_before_it_is_written_to() {
    let disk = new_disk();
    let (mut wal, _) = filled(&disk, 1, &[10]);
    trace(&disk);
    wal.append(&some_batches(&[10, 10])[1..]).unwrap();
    let expected = [
        "create 0000000000000002.seg.tmp",
        "write 0000000000000002.seg.tmp",
        "write 0000000000000002.seg.tmp",
        "fsync 0000000000000002.seg.tmp",
        "rename 0000000000000002.seg.tmp",
        "fsync directory log",
        "write 0000000000000002.seg",
        "fsync 0000000000000002.seg",
    ];
    assert_eq!(trace(&disk), expected);
}

#[test]
fn a_batch_that_does_not_follow_is_refused_and_the_next_one_taken() {
    let disk = new_disk();
    let (mut wal, _) = filled(&disk, 4, &[10]);
    let all = some_batches(&[10, 10, 10]);
    for wrong in [&all[..1], &all[2..], &[all[1].clone(), all[1].clone()], &[]] {
        assert!(matches!(wal.append(wrong), Err(Fault::NotNext { .. })), "{wrong:?}");
    }
    wal.append(&all[1..]).unwrap();
}

#[test]
fn a_batch_larger_than_a_segment_is_refused_and_the_next_one_taken() {
    let disk = new_disk();
    let (mut wal, _) = filled(&disk, 1, &[10]);
    let too_large = some_batches(&[10, 5_000]);
    assert!(matches!(wal.append(&too_large[1..]), Err(Fault::TooLarge { .. })));
    wal.append(&some_batches(&[10, 10])[1..]).unwrap();
}

#[test]
fn an_empty_wal_starts_with_commit_1_unless_a_checkpoint_says_otherwise() {
    let disk = new_disk();
    let mut wal = Wal::create(&wal_place(&disk, segments_of(4))).unwrap();
    let all = some_batches(&[10, 10, 10]);
    let refused = wal.append(&all[1..]).unwrap_err();
    assert!(matches!(refused, Fault::NotNext { expected: 1, found: Some(2) }), "{refused}");
    wal.append(&all).unwrap();
}

#[test]
fn a_reader_gives_whole_batches_between_two_boundaries() {
    let disk = new_disk();
    let (mut wal, _) = filled(&disk, 2, &[10, 10, 10]);
    let all = some_batches(&[10; 6]);
    wal.append(&all[3..]).unwrap();
    let reader = wal.reader();
    assert_eq!(reader.read_after(upto(0), ALL, usize::MAX).unwrap(), all);
    assert_eq!(reader.read_after(upto(4), ALL, usize::MAX).unwrap(), all[4..]);
    assert_eq!(reader.read_after(upto(1), upto(5), usize::MAX).unwrap(), all[1..5]);
    assert_eq!(reader.read_after(upto(0), ALL, 1).unwrap(), all[..1], "at least one");
    let two = all[0].bytes().len() * 2;
    assert_eq!(reader.read_after(upto(3), ALL, two).unwrap(), all[3..5]);
    assert_eq!(reader.read_after(upto(6), ALL, usize::MAX).unwrap(), []);
    assert_eq!(reader.batch_end_at(upto(6)).unwrap(), wal.end());
    assert_eq!(reader.batch_end_at(upto(7)).unwrap(), None);
    assert_eq!(reader.batch_end_at(upto(0)).unwrap(), None);
}

#[test]
fn segments_are_listed_with_their_commits() {
    let disk = new_disk();
    let (wal, _) = filled(&disk, 2, &[10, 10, 10]);
    let segments = wal.reader().segments();
    let listed: Vec<_> = segments
        .iter()
        .map(|s| (s.number, s.frames, s.first_commit, s.last_commit, s.used_bytes))
        .collect();
    assert_eq!(listed, [(1, 2, 1, 2, 8192), (2, 1, 3, 3, 4096)]);
}

/// Proves: RW-3, M-W05, M-R03, P3-FS5.
#[test]
fn p3_pl14_a_reader_never_sees_what_no_fsync_covers() {
    let disk = new_disk();
    let (mut wal, all) = filled(&disk, 4, &[10]);
    let reader = wal.reader();
    fail_next(&disk, Operation::Sync, 0);
    assert!(matches!(wal.append(&some_batches(&[10, 10])[1..]), Err(Fault::Disk(_))));
    assert_eq!(reader.durable_end(), upto(1));
    assert_eq!(reader.read_after(upto(0), ALL, usize::MAX).unwrap(), all);
    assert_eq!(reader.batch_end_at(upto(2)).unwrap(), None);
}

#[test]
fn wal_13_the_first_failure_poisons_the_writer() {
    for failing in [Operation::Write, Operation::Sync] {
        let disk = new_disk();
        let (mut wal, _) = filled(&disk, 4, &[10]);
        let next = &some_batches(&[10, 10])[1..];
        fail_next(&disk, failing, 0);
        assert!(matches!(wal.append(next), Err(Fault::Disk(_))));
        trace(&disk);
        for _ in 0..2 {
            match wal.append(next) {
                Err(Fault::Poisoned { cause }) => assert_eq!(cause.operation, failing),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(trace(&disk), Vec::<String>::new(), "nothing is written any more");
    }
}

/// Proves: M-W09.
#[test]
fn a_segment_that_cannot_be_made_poisons_the_writer_and_a_restart_goes_on() {
    let disk = new_disk();
    let (mut wal, all) = filled(&disk, 1, &[10]);
    let next = &some_batches(&[10, 10])[1..];
    fail_next(&disk, Operation::Sync, 0);
    assert!(matches!(wal.append(next), Err(Fault::Disk(_))));
    drop(wal);
    let (mut wal, _, shown) =
        open_wal(&wal_place(&disk, segments_of(1)), Witness::default()).unwrap();
    assert_eq!(shown, all, "the unfinished segment is passed over");
    wal.append(next).unwrap();
}

#[test]
fn a_segment_found_without_a_batch_is_made_anew_before_it_is_used() {
    let disk = new_disk();
    let (mut wal, _) = filled(&disk, 1, &[10]);
    let next = &some_batches(&[10, 10])[1..];
    fail_next(&disk, Operation::SyncDir, 0);
    assert!(matches!(wal.append(next), Err(Fault::Disk(_))));
    drop(wal);
    trace(&disk);
    // The last frame is witnessed, so that it is not written again.
    let (mut wal, ..) = open_wal(&wal_place(&disk, segments_of(1)), seen_frame(1)).unwrap();
    wal.append(next).unwrap();
    let expected = [
        "fsync 0000000000000001.seg",
        "fsync directory log",
        "create 0000000000000002.seg.tmp",
        "write 0000000000000002.seg.tmp",
        "write 0000000000000002.seg.tmp",
        "fsync 0000000000000002.seg.tmp",
        "rename 0000000000000002.seg.tmp",
        "fsync directory log",
        "write 0000000000000002.seg",
        "fsync 0000000000000002.seg",
    ];
    assert_eq!(trace(&disk), expected);
}

#[test]
fn reading_is_not_durability_the_last_frame_is_written_again_unless_it_is_witnessed() {
    let disk = new_disk();
    drop(filled(&disk, 4, &[10, 10]));
    trace(&disk);
    let place = wal_place(&disk, segments_of(4));
    let (_, recovery, _) = open_wal(&place, Witness::default()).unwrap();
    let rewritten = recovery.rewritten_frame.unwrap();
    assert_eq!((rewritten.frame_seq, rewritten.offset, rewritten.bytes), (2, 8192, 4096));
    let expected =
        ["write 0000000000000001.seg", "fsync 0000000000000001.seg", "fsync directory log"];
    assert_eq!(trace(&disk), expected);
    let (_, recovery, _) = open_wal(&place, seen_frame(2)).unwrap();
    assert_eq!(recovery.rewritten_frame, None);
    assert_eq!(trace(&disk), expected[1..], "what reads as zeros after it becomes so");
}

#[test]
fn a_witness_of_an_earlier_batch_does_not_spare_the_last_one() {
    let disk = new_disk();
    drop(filled(&disk, 4, &[10, 10]));
    let place = wal_place(&disk, segments_of(4));
    for (seen, again) in [(1, true), (2, false)] {
        let (_, recovery, _) = open_wal(&place, seen_record(seen)).unwrap();
        assert_eq!(recovery.rewritten_frame.is_some(), again, "{seen}");
        assert_eq!(recovery.bytes, 2 * 4096);
    }
}

/// What a process that died had written, not fsynced: once an opening has shown it, no power loss takes it away.
#[test]
fn reading_is_not_durability_what_an_opening_shows_outlives_the_power() {
    let disk = new_disk();
    let (mut wal, _) = filled(&disk, 4, &[10]);
    let all = some_batches(&[10, 20]);
    fail_next(&disk, Operation::Sync, 0);
    wal.append(&all[1..]).unwrap_err();
    drop(wal);
    let disk = disk.after_kill();
    let place = wal_place(&disk, segments_of(4));
    let (_, _, shown) = open_wal(&place, Witness::default()).unwrap();
    assert_eq!(shown, all);
    let disk = disk.after_power_loss(|_| 0);
    let (_, _, shown) = open_wal(&wal_place(&disk, segments_of(4)), Witness::default()).unwrap();
    assert_eq!(shown, all);
}

/// A segment of 1 MiB is not read in one piece: frames within, across and longer than the pieces.
#[test]
fn frames_of_any_length_are_found_wherever_they_lie_in_a_long_segment() {
    let disk = new_disk();
    let mut value_bytes = vec![10; 70];
    value_bytes.extend([300_000, 10, 500_000, 10, 3_000, 600_000, 10, 200_000]);
    let (wal, all) = filled(&disk, 255, &value_bytes);
    assert!(wal.reader().read_after(upto(0), ALL, usize::MAX).unwrap() == all);
    drop(wal);
    let place = wal_place(&disk, segments_of(255));
    let (_, recovery, shown) = open_wal(&place, Witness::default()).unwrap();
    assert_eq!((recovery.segments, recovery.unproven_tail), (3, None));
    assert!(shown == all);
}

#[test]
fn a_torn_frame_is_looked_at_to_the_end_of_a_long_segment() {
    let disk = new_disk();
    drop(filled(&disk, 255, &[10, 400_000]));
    let place = wal_place(&disk, segments_of(255));
    let segment = Path::new(DIR).join("0000000000000001.seg");
    let torn = disk.after_kill();
    change(&torn, &segment, |file| file[300_032..300_544].fill(0));
    let tail = |disk: &SimulatedDisk| {
        let place = wal_place(disk, segments_of(255));
        open_wal(&place, Witness::default()).map(|(_, recovery, _)| recovery.unproven_tail.unwrap())
    };
    let found = tail(&torn.after_kill()).unwrap();
    assert_eq!((found.frame_seq, found.offset, found.bytes), (2, 8192, 99 * 4096));
    change(&torn, &segment, |file| file[(1 << 20) - 1] = 1);
    match tail(&torn).unwrap_err() {
        Fault::Corrupt { offset, what, .. } => {
            assert_eq!((offset, what), ((1 << 20) - 512, Damage::BytesPastEnd));
        }
        other => panic!("{other}"),
    }
    assert_eq!(open_wal(&place, Witness::default()).unwrap().2.len(), 2);
}

#[test]
fn an_empty_wal_has_no_record_first_or_last() {
    let disk = new_disk();
    drop(filled(&disk, 4, &[]));
    let place = wal_place(&disk, segments_of(4));
    let (wal, recovery, shown) = open_wal(&place, Witness::default()).unwrap();
    assert_eq!((recovery.first_record, recovery.last_record), (None, None));
    assert_eq!((recovery.frames, recovery.bytes, shown.len()), (0, 0, 0));
    assert_eq!((wal.last_frame_seq(), wal.reader().durable_end()), (0, Boundary::ORIGIN));
}

/// A frame that fills its segment to the last byte is taken, one byte more is refused and leaves no trace.
#[test]
fn a_batch_that_fills_a_segment_exactly_is_taken() {
    let room = 4096 - 8 * 4 - 132;
    let length = |value: usize| some_batches(&[value])[0].bytes().len() + 4;
    let fits = 1_000 + room - length(1_000);
    assert_eq!(length(fits), room);
    let disk = new_disk();
    let (mut wal, _) = filled(&disk, 1, &[]);
    let before = disk.files();
    match wal.append(&some_batches(&[fits + 1])).unwrap_err() {
        Fault::TooLarge { bytes, max } => assert_eq!((bytes, max), (max + 1, room as u64)),
        other => panic!("{other}"),
    }
    assert_eq!(disk.files(), before);
    let whole = some_batches(&[fits]);
    wal.append(&whole).unwrap();
    assert_eq!(wal.reader().read_after(upto(0), ALL, usize::MAX).unwrap(), whole);
}

/// Proves: P3-D1.
#[test]
fn p3_d1_what_a_cut_write_left_is_taken_back() {
    for bytes in [1, 511, 700, 4_000] {
        let disk = new_disk();
        let (mut wal, all) = filled(&disk, 4, &[10]);
        let before = disk.files();
        disk.fail(At::Next(Operation::Write, 0), Failure::ShortWrite { bytes }, Times::Once);
        assert!(matches!(wal.append(&some_batches(&[10, 10])[1..]), Err(Fault::Disk(_))));
        assert_eq!(disk.files(), before, "{bytes}");
        drop(wal);
        let place = wal_place(&disk, segments_of(4));
        let (_, recovery, shown) = open_wal(&place, Witness::default()).unwrap();
        assert_eq!((shown, recovery.unproven_tail), (all, None));
    }
}

/// Segments of two blocks for frames, the next one made ahead of need.
fn ahead(disk: &SimulatedDisk) -> WalPlace<'static> {
    wal_place(disk, LogOptions::new(12_288, Prepare::Ahead).unwrap())
}

#[test]
fn appending_goes_on_in_the_segment_that_is_not_full_although_the_next_stands_ready() {
    let disk = new_disk();
    let all = some_batches(&[10, 10, 10]);
    let mut wal = Wal::create(&ahead(&disk)).unwrap();
    wal.append(&all[..1]).unwrap();
    drop(wal);
    assert_eq!(disk.list(Path::new(DIR)).unwrap().len(), 2, "the second stands ready");
    let (mut wal, recovery, _) = open_wal(&ahead(&disk), Witness::default()).unwrap();
    assert_eq!((recovery.segments, recovery.frames), (2, 1));
    for batch in &all[1..] {
        wal.append(std::slice::from_ref(batch)).unwrap();
    }
    let used: Vec<_> = wal.reader().segments().iter().map(|segment| segment.used_bytes).collect();
    assert_eq!(used, [8192, 4096]);
}

/// The last frame may lie in the segment before the last one, which is empty: neither is read from the cache.
#[test]
fn reading_is_not_durability_of_the_last_two_segments_nothing_is_read_from_the_cache() {
    let disk = new_disk();
    let mut wal = Wal::create(&ahead(&disk)).unwrap();
    for batch in some_batches(&[10, 10]) {
        wal.append(&[batch]).unwrap();
    }
    drop(wal);
    let first = Path::new(DIR).join("0000000000000001.seg");
    let mut device = disk.files()[&first].clone();
    device[8192..].fill(0);
    disk.set_device(&first, device);
    let (_, recovery, shown) = open_wal(&ahead(&disk), Witness::default()).unwrap();
    assert_eq!((recovery.segments, shown.len()), (2, 1));
}

#[test]
fn a_segment_that_could_not_be_made_ahead_fails_the_append_that_needs_it_and_says_why() {
    let disk = new_disk();
    // The directory, the first segment, and then the one that a thread makes.
    disk.fail(At::Next(Operation::Create, 2), Failure::NoSpace, Times::Once);
    let mut wal = Wal::create(&ahead(&disk)).unwrap();
    let all = some_batches(&[10, 10, 10]);
    wal.append(&all[..1]).unwrap();
    wal.append(&all[1..2]).unwrap();
    match wal.append(&all[2..]).unwrap_err() {
        Fault::Disk(error) => {
            assert_eq!((error.operation, error.is_no_space()), (Operation::Create, true))
        }
        other => panic!("{other}"),
    }
}

/// Proves: P3-D5.
#[test]
fn a_read_only_scan_changes_nothing_and_creates_nothing() {
    let disk = new_disk();
    drop(filled(&disk, 4, &[10, 10]));
    trace(&disk);
    let mut shown = 0;
    let dir = Path::new(support::DIR);
    let mut count = |_| {
        shown += 1;
        Ok::<(), ()>(())
    };
    let recovery = scan_read_only(&disk, dir, None, None, Witness::default(), &mut count).unwrap();
    assert_eq!((shown, recovery.rewritten_frame), (2, None));
    assert_eq!(trace(&disk), Vec::<String>::new());
}

#[test]
fn on_a_real_disk_segments_are_prepared_ahead_and_a_restart_finds_everything() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("wal");
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let options = LogOptions::new(12_288, Prepare::Ahead).unwrap();
    let place = WalPlace { disk, dir: &dir, options, owner: OWNER };
    let all = some_batches(&[100; 9]);
    let mut wal = Wal::create(&place).unwrap();
    for batch in &all {
        wal.append(std::slice::from_ref(batch)).unwrap();
    }
    assert_eq!(wal.reader().read_after(upto(0), ALL, usize::MAX).unwrap(), all);
    drop(wal);
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 6, "five used, one ready");
    let (wal, recovery, shown) = open_wal(&place, Witness::default()).unwrap();
    assert_eq!((shown, recovery.segments), (all, 6));
    assert!(matches!(Wal::create(&place), Err(Fault::Exists { .. })));
    drop(wal);
    assert!(!Path::new(QUARANTINE).exists());
}

/// Frames of a log with larger blocks share no block with another, and the log keeps its block.
#[test]
fn frames_start_at_multiples_of_the_block_that_the_log_was_made_with() {
    let block = Block::holding(16384);
    let options = LogOptions::new(4 * 16384, Prepare::OnDemand).unwrap().with_block(block).unwrap();
    let disk = new_disk();
    let mut wal = Wal::create(&wal_place(&disk, options)).unwrap();
    let all = some_batches(&[10, 20_000, 10, 10]);
    for batch in &all[..3] {
        wal.append(std::slice::from_ref(batch)).unwrap();
    }
    let used: Vec<_> = wal.reader().segments().iter().map(|segment| segment.used_bytes).collect();
    assert_eq!(used, [3 * 16384, 16384], "frames of 1, 2 and 1 block after the header's block");
    drop(wal);
    // Opened with other options, it goes on as it was made.
    let (mut wal, _, shown) = open_wal(&wal_place(&disk, segments_of(4)), seen_frame(3)).unwrap();
    assert_eq!(shown, all[..3]);
    wal.append(&all[3..]).unwrap();
    assert_eq!(wal.reader().read_after(upto(0), ALL, usize::MAX).unwrap(), all);
    drop(wal);
    let second = Path::new(DIR).join("0000000000000002.seg");
    let bytes = disk.files()[&second].clone();
    assert_eq!(bytes.len(), 4 * 16384);
    for at in [4096, 16383] {
        change(&disk, &second, |bytes| bytes[at] = 1);
        let found = open_wal(&wal_place(&disk, options), Witness::default()).unwrap_err();
        assert!(matches!(found, Fault::Corrupt { offset: 4096, .. }), "{found}");
        disk.put_file(&second, bytes.clone());
    }
}

#[test]
fn a_segment_with_another_block_than_the_log_is_foreign() {
    let blocks = |block| {
        let options = LogOptions::new(4 * 16384, Prepare::OnDemand).unwrap();
        let options = options.with_block(block).unwrap();
        let disk = new_disk();
        let mut wal = Wal::create(&wal_place(&disk, options)).unwrap();
        for batch in some_batches(&[40_000, 40_000]) {
            wal.append(&[batch]).unwrap();
        }
        (disk, options)
    };
    let ((disk, options), (other, _)) = (blocks(Block::MIN), blocks(Block::holding(16384)));
    let second = Path::new(DIR).join("0000000000000002.seg");
    disk.put_file(&second, other.files()[&second].clone());
    let found = open_wal(&wal_place(&disk, options), Witness::default()).unwrap_err();
    assert_eq!(found.rule(), RuleId::St2, "{found}");
}
