//! DIS-18: whole closed segments go, below a durable checkpoint only, and numbers go on.

#![allow(clippy::unwrap_used)] // helpers stand outside of the test functions

mod support;

use std::convert::Infallible;
use std::path::Path;

use aerodb_core::hash::{Chain, Hash, PublicKey};
use aerodb_core::id::Boundary;
use aerodb_core::position::Position;
use aerodb_core::rules::RuleId;
use aerodb_core::wal::RawBatch;
use aerodb_ledger::checkpoint::{Checkpoint, WalStart};
use aerodb_ledger::disk::simulated::SimulatedDisk;
use aerodb_ledger::disk::{Disk, Operation};
use aerodb_ledger::log::{Recovery, Witness};
use aerodb_ledger::wal::{Wal, scan_read_only};
use aerodb_ledger::{Fault, OpenError, SEALED_BYTES_MAX, SealedError};
use support::{
    DIR, OWNER, QUARANTINE, Story, batches, change, fail_next, new_disk, segments_of, trace,
    wal_place,
};

const DATA: &str = "/n1";

/// Seven commits, one a batch, two batches a segment.
struct Seven {
    disk: SimulatedDisk,
    wal: Wal,
    all: Vec<RawBatch>,
    story: Story,
}

fn seven() -> Seven {
    let (disk, story) = (new_disk(), Story::begin());
    let mut wal = Wal::create(&wal_place(&disk, segments_of(2))).unwrap();
    let all = batches(story.origin(), story.authority.head(), &[10; 9]);
    for batch in &all[..7] {
        wal.append(std::slice::from_ref(batch)).unwrap();
    }
    Seven { disk, wal, all, story }
}

fn at(commit: u64) -> Boundary {
    Boundary::new(commit)
}

impl Seven {
    fn end_of(&self, commit: u64) -> Position {
        self.wal.reader().batch_end_at(at(commit)).unwrap().unwrap()
    }

    fn checkpoint(&self, commit: u64) -> Checkpoint {
        Checkpoint {
            cluster: *self.story.authority.cluster(),
            owner: OWNER,
            position: self.end_of(commit),
            epoch: self.story.epoch(),
            ledger: self.story.authority.head(),
            designation: None,
            snapshot: Hash([3; 32]),
            wal_start: self.wal.start_keeping(at(commit)).unwrap(),
        }
    }

    fn truncate(&mut self, checkpoint: Checkpoint) -> Result<(), Fault> {
        let durable = checkpoint.write(&self.disk, Path::new(DATA)).unwrap();
        self.wal.truncate(&durable)
    }

    fn segments(&self) -> Vec<String> {
        self.disk.list(Path::new(DIR)).unwrap()
    }
}

fn open(
    disk: &SimulatedDisk,
    checkpoint: Option<&Checkpoint>,
) -> Result<(Wal, Recovery, Vec<RawBatch>), Fault> {
    let mut shown = Vec::new();
    let place = wal_place(disk, segments_of(2));
    let mut show = |batch| {
        shown.push(batch);
        Ok::<(), Infallible>(())
    };
    let opened =
        Wal::open(&place, checkpoint, Witness::default(), Path::new(QUARANTINE), &mut show);
    match opened {
        Ok((wal, recovery)) => Ok((wal, recovery, shown)),
        Err(OpenError::Fault(fault)) => Err(fault),
        Err(OpenError::Refused(never)) => match never {},
    }
}

#[test]
fn dis18_segments_wholly_below_the_checkpoint_go_and_the_log_goes_on_where_it_was() {
    let mut node = seven();
    let checkpoint = node.checkpoint(5);
    assert_eq!(checkpoint.wal_start.segment, 3, "it holds commits 5 and 6");
    assert_eq!(checkpoint.wal_start.position, node.end_of(4));
    node.truncate(checkpoint.clone()).unwrap();
    assert_eq!(node.segments(), ["0000000000000003.seg", "0000000000000004.seg"]);

    node.wal.append(&node.all[7..8]).unwrap();
    let last_frame = node.wal.last_frame_seq();
    let Seven { disk, wal, all, .. } = node;
    drop(wal);
    let (mut wal, recovery, shown) = open(&disk, Some(&checkpoint)).unwrap();
    assert_eq!(shown, all[4..8]);
    assert_eq!((recovery.first_record, recovery.last_record), (Some(5), Some(8)));
    assert_eq!((wal.last_frame_seq(), last_frame), (8, 8));
    wal.append(&all[8..9]).unwrap();
    assert_eq!(wal.reader().read_after(at(4), at(9), usize::MAX).unwrap(), all[4..9]);
}

/// The two halves apart: what readers no longer see is removed beside the writer, and durably.
#[test]
fn dis18_what_is_let_go_of_is_removed_oldest_first_and_counted() {
    let mut node = seven();
    let durable = node.checkpoint(5).write(&node.disk, Path::new(DATA)).unwrap();
    let removal = node.wal.let_go(&durable).unwrap();
    let refused = node.wal.reader().read_after(at(3), at(7), usize::MAX).unwrap_err();
    assert!(matches!(refused, Fault::Removed { commit: 4, kept: 5 }), "{refused}");
    assert_eq!(node.segments().len(), 4, "nothing is removed yet");
    trace(&node.disk);
    assert_eq!(removal.carry_out().unwrap(), 2);
    assert_eq!(
        trace(&node.disk),
        ["remove 0000000000000001.seg", "remove 0000000000000002.seg", "fsync directory log"]
    );
    assert_eq!(node.segments(), ["0000000000000003.seg", "0000000000000004.seg"]);
    assert_eq!(removal.carry_out().unwrap(), 0);
}

/// What a checkpoint by bytes goes by: what has grown past the last one.
#[test]
fn the_bytes_used_are_those_past_the_checkpoint_and_only_grow() {
    let mut node = seven();
    assert_eq!(node.wal.used_bytes(), 7 * 4096);
    let marker = node.checkpoint(5);
    node.wal.append(&node.all[7..9]).unwrap();
    assert_eq!(node.wal.used_bytes(), 8 * 4096, "two commits in one frame");
    assert_eq!(node.wal.last_frame_start(), Some(at(7)));
    assert_eq!(node.wal.append_bytes_max(), 8192 - 16 * 4 - 132);
    let Seven { disk, wal, .. } = node;
    drop(wal);
    let reopened = |marker: Option<&Checkpoint>| open(&disk, marker).unwrap().0.used_bytes();
    assert_eq!(reopened(None), 8 * 4096);
    assert_eq!(reopened(Some(&marker)), 3 * 4096, "commits 6, 7, and 8 with 9");
}

/// Proves: M-C14.
#[test]
fn dis22_a_reader_is_told_what_was_truncated_away_and_from_where_it_may_read() {
    let mut node = seven();
    let (reader, end_of_4) = (node.wal.reader(), node.end_of(4));
    node.truncate(node.checkpoint(5)).unwrap();
    let refused = reader.read_after(at(3), at(7), usize::MAX).unwrap_err();
    assert!(matches!(refused, Fault::Removed { commit: 4, kept: 5 }), "{refused}");
    assert_eq!(refused.rule(), RuleId::Dis22);
    assert!(matches!(reader.batch_end_at(at(3)), Err(Fault::Removed { .. })));
    assert_eq!(reader.batch_end_at(at(4)).unwrap(), Some(end_of_4));
    assert_eq!(reader.read_after(at(4), at(7), usize::MAX).unwrap(), node.all[4..7]);
}

#[test]
fn dis18_the_active_segment_stays_whatever_the_checkpoint_covers() {
    let mut node = seven();
    node.truncate(node.checkpoint(7)).unwrap();
    assert_eq!(node.segments(), ["0000000000000004.seg"]);
    let again = node.checkpoint(7);
    node.truncate(again.clone()).unwrap();
    let Seven { disk, wal, all, .. } = node;
    drop(wal);
    assert_eq!(open(&disk, Some(&again)).unwrap().2, all[6..7]);
}

#[test]
fn dis18_a_checkpoint_that_does_not_fit_removes_nothing() {
    let mut node = seven();
    let good = node.checkpoint(5);
    let refused = |node: &mut Seven, checkpoint: Checkpoint| {
        let before = node.segments();
        let refused = node.truncate(checkpoint).unwrap_err();
        assert!(matches!(refused, Fault::NoSuchStart { .. }), "{refused}");
        assert_eq!(node.segments(), before);
    };
    let start_past_its_commit = Checkpoint { position: node.end_of(3), ..good.clone() };
    refused(&mut node, start_past_its_commit);
    let other_frame = WalStart { frame_seq: 4, ..good.wal_start };
    refused(&mut node, Checkpoint { wal_start: other_frame, ..good.clone() });
    let beyond = Position { boundary: at(8), ..good.position };
    refused(&mut node, Checkpoint { position: beyond, ..good.clone() });
    node.wal.append(&node.all[7..8]).unwrap();
    node.truncate(good).unwrap();
}

/// Proves: P3-W1, CKP-6, M-C13.
#[test]
fn wal13_a_truncation_that_fails_poisons_the_writer_and_loses_nothing() {
    for operation in [Operation::Remove, Operation::SyncDir] {
        let mut node = seven();
        let checkpoint = node.checkpoint(5);
        let durable = checkpoint.clone().write(&node.disk, Path::new(DATA)).unwrap();
        fail_next(&node.disk, operation, 0);
        let failed = node.wal.truncate(&durable).unwrap_err();
        assert!(matches!(&failed, Fault::Disk(error) if error.operation == operation), "{failed}");
        let refused = node.wal.append(&node.all[7..8]).unwrap_err();
        assert_eq!(refused.rule(), RuleId::Wal13);
        let Seven { disk, wal, all, .. } = node;
        drop(wal);
        assert_eq!(open(&disk, Some(&checkpoint)).unwrap().2, all[4..7]);
    }
}

/// After a power loss any of the removed names may be back: each subset of them is passed over, named, and
/// removed by the next truncation.
/// Proves: P3-W3, P3-W4, P3-W6, M-C11, M-C12.
#[test]
fn dis18_leftovers_of_a_truncation_are_passed_over_and_removed_by_the_next() {
    for back in 0..4_u8 {
        let mut node = seven();
        let before = node.disk.files();
        let checkpoint = node.checkpoint(5);
        node.truncate(checkpoint.clone()).unwrap();
        let Seven { disk, wal, all, .. } = node;
        drop(wal);
        let left: Vec<u64> = (1..=2).filter(|number| back & (1 << (number - 1)) != 0).collect();
        for number in &left {
            let path = Path::new(DIR).join(format!("{number:016}.seg"));
            disk.put_file(&path, before[&path].clone());
        }
        let (mut wal, recovery, shown) = open(&disk, Some(&checkpoint)).unwrap();
        assert_eq!((recovery.leftover_segments, shown), (left, all[4..7].to_vec()));
        let durable = checkpoint.write(&disk, Path::new(DATA)).unwrap();
        wal.truncate(&durable).unwrap();
        assert_eq!(
            disk.list(Path::new(DIR)).unwrap(),
            ["0000000000000003.seg", "0000000000000004.seg"]
        );
    }
}

#[test]
fn dis18_without_its_checkpoint_a_truncated_log_is_refused() {
    let mut node = seven();
    let checkpoint = node.checkpoint(5);
    node.truncate(checkpoint.clone()).unwrap();
    let Seven { disk, wal, .. } = node;
    drop(wal);
    let refused = open(&disk, None).unwrap_err();
    assert_eq!(refused.rule(), RuleId::Dis18);
    let other_chain =
        Position { chain: checkpoint.position.chain, ..checkpoint.wal_start.position };
    let start = WalStart { position: other_chain, ..checkpoint.wal_start };
    let refused = open(&disk, Some(&Checkpoint { wal_start: start, ..checkpoint.clone() }));
    assert_eq!(refused.unwrap_err().rule(), RuleId::Ri3);
    let start = WalStart { segment: 6, ..checkpoint.wal_start };
    let refused = open(&disk, Some(&Checkpoint { wal_start: start, ..checkpoint }));
    assert_eq!(refused.unwrap_err().rule(), RuleId::Dis18);
}

#[test]
fn dis16_a_log_that_ends_before_its_checkpoint_has_lost_something() {
    let node = seven();
    let checkpoint = node.checkpoint(7);
    let Seven { disk, wal, .. } = node;
    drop(wal);
    let last = Path::new(DIR).join("0000000000000004.seg");
    change(&disk, &last, |bytes| bytes[4096..8192].fill(0));
    let refused = open(&disk, Some(&checkpoint)).unwrap_err();
    assert_eq!(refused.rule(), RuleId::Dis16);
    let read = scan_read_only(
        &disk,
        Path::new(DIR),
        None,
        Some(&checkpoint),
        Witness::default(),
        &mut |_| Ok::<(), Infallible>(()),
    );
    assert!(matches!(read, Err(OpenError::Fault(Fault::Corrupt { .. }))));
}

/// Proves: M-C15.
#[test]
fn f_rc2_every_flipped_byte_and_every_cut_of_a_checkpoint_is_found() {
    let node = seven();
    let written = node.checkpoint(5).write(&node.disk, Path::new(DATA)).unwrap();
    let read = || Checkpoint::read(&node.disk, Path::new(DATA));
    assert_eq!(read().unwrap().as_ref(), Some(&*written));
    let path = Path::new(DATA).join("checkpoint");
    let whole = node.disk.files()[&path].clone();
    for at in 0..whole.len() {
        change(&node.disk, &path, |bytes| bytes[at] ^= 1);
        assert!(matches!(read(), Err(SealedError::Damaged { .. })), "a flip at {at}");
        node.disk.put_file(&path, whole[..at].to_vec());
        assert!(matches!(read(), Err(SealedError::Damaged { .. })), "a cut at {at}");
        node.disk.put_file(&path, whole.clone());
    }
    node.disk.remove_file(&path);
    assert_eq!(read().unwrap(), None);
}

/// A marker with a right digest that no node ever wrote: with numbers that nothing counts from.
#[test]
fn dis18_a_checkpoint_that_names_no_possible_start_is_damaged() {
    let node = seven();
    let good = node.checkpoint(5);
    let start = good.wal_start;
    let past = Position { boundary: at(6), ..start.position };
    let endless = Position { boundary: at(u64::MAX), ..start.position };
    for (what, wal_start) in [
        ("no segment", WalStart { segment: 0, ..start }),
        ("no frame", WalStart { frame_seq: 0, ..start }),
        ("fewer frames than segments", WalStart { frame_seq: start.segment - 1, ..start }),
        ("segments without frames", WalStart { frame_seq: 1, ..start }),
        ("a segment that no file can have", WalStart { segment: 1 << 60, ..start }),
        ("the last frame of all", WalStart { frame_seq: u64::MAX, ..start }),
        ("past its own commit", WalStart { position: past, ..start }),
        ("the last commit of all", WalStart { position: endless, ..start }),
    ] {
        let position = if what == "the last commit of all" { endless } else { good.position };
        let wrong = Checkpoint { wal_start, position, ..good.clone() };
        wrong.write(&node.disk, Path::new(DATA)).unwrap();
        let read = Checkpoint::read(&node.disk, Path::new(DATA));
        assert!(matches!(read, Err(SealedError::Damaged { .. })), "{what}: {read:?}");
    }
}

/// Proves: CORE-E3.
#[test]
fn f_rc2_a_checkpoint_of_another_version_or_size_is_told_apart() {
    let node = seven();
    let path = Path::new(DATA).join("checkpoint");
    let read = |bytes: &[u8]| {
        node.disk.put_file(&path, bytes.to_vec());
        Checkpoint::read(&node.disk, Path::new(DATA)).unwrap_err().to_string()
    };
    let later = br#"{"format":"aerodb checkpoint 2","shape":[1,2,3]}"#;
    assert!(read(later).contains(r#"format "aerodb checkpoint 2" is not known"#));
    assert!(read(&vec![b' '; SEALED_BYTES_MAX + 1]).contains("more than it can have"));
}

#[test]
fn dis18_a_wal_that_follows_a_snapshot_begins_where_its_checkpoint_says() {
    let node = seven();
    let wal_start = WalStart { segment: 1, frame_seq: 1, position: node.end_of(5) };
    let checkpoint = Checkpoint { wal_start, ..node.checkpoint(5) };
    let disk = new_disk();
    let place = wal_place(&disk, segments_of(2));
    let mut wal = Wal::create_after(&place, &checkpoint).unwrap();
    assert_eq!((wal.end(), wal.reader().durable_end()), (Some(wal_start.position), at(5)));
    assert!(matches!(wal.append(&node.all[..1]), Err(Fault::NotNext { expected: 6, .. })));
    wal.append(&node.all[5..7]).unwrap();
    assert_eq!(wal.reader().batch_end_at(at(5)).unwrap(), Some(wal_start.position));
    drop(wal);
    let (_, recovery, shown) = open(&disk, Some(&checkpoint)).unwrap();
    assert_eq!((recovery.first_record, recovery.last_record), (Some(6), Some(7)));
    assert_eq!(shown, node.all[5..7]);
    assert_eq!(open(&disk, None).unwrap_err().rule(), RuleId::Dis18);
}

#[test]
fn st_2_a_checkpoint_of_another_node_is_foreign() {
    let node = seven();
    let other = Checkpoint { owner: PublicKey([8; 32]), ..node.checkpoint(5) };
    let Seven { disk, wal, .. } = node;
    drop(wal);
    let refused = open(&disk, Some(&other)).unwrap_err();
    assert_eq!(refused.rule(), RuleId::St2);
    assert!(refused.to_string().starts_with("/n1/checkpoint is corrupt"), "{refused}");
}

/// The marker of a snapshot that the WAL does not reach.
fn beyond_marker(story: &Story, wal_start: WalStart) -> Checkpoint {
    Checkpoint {
        cluster: *story.authority.cluster(),
        owner: OWNER,
        position: wal_start.position,
        epoch: story.epoch(),
        ledger: story.authority.head(),
        designation: None,
        snapshot: Hash([3; 32]),
        wal_start,
    }
}

/// A snapshot that covers more than the WAL takes its place: the next segment is ready before the checkpoint
/// names it, so that one rename decides, and both sides of it open.
#[test]
fn dis_18_a_wal_goes_on_past_a_gap_that_a_snapshot_fills() {
    let Seven { disk, mut wal, all, story } = seven();
    let beyond = Position { boundary: at(40), chain: Chain([4; 32]) };
    let wal_start = wal.start_past(beyond).unwrap();
    assert_eq!((wal_start.segment, wal_start.frame_seq), (5, 8));
    assert_eq!(wal.start_past(beyond).unwrap(), wal_start, "asked again, the same");
    let before = disk.after_kill();
    assert_eq!(open(&before, None).unwrap().2, all[..7], "nothing has changed yet");

    let durable = beyond_marker(&story, wal_start).write(&disk, Path::new(DATA)).unwrap();
    let (mut after, _, shown) = open(&disk, Some(&durable)).unwrap();
    assert_eq!((shown.len(), after.end()), (0, Some(beyond)));
    after.truncate(&durable).unwrap();
    let other = Position { chain: Chain([5; 32]), ..beyond };
    let forged = batches(other, story.authority.head(), &[10]);
    assert!(matches!(after.append(&forged), Err(Fault::NotNext { .. })), "of another history");
    let next = batches(beyond, story.authority.head(), &[10]);
    assert_eq!(after.must_continue(), Some(beyond));
    after.append(&next).unwrap();
    assert_eq!(after.must_continue(), None);
    assert_eq!(open(&disk, Some(&durable)).unwrap().2, next);
    assert!(matches!(open(&disk, None), Err(Fault::Corrupt { .. })), "the old start is gone");
}

#[test]
fn dis_18_a_wal_without_a_batch_goes_on_past_a_snapshot_too() {
    let (disk, story) = (new_disk(), Story::begin());
    let mut wal = Wal::create(&wal_place(&disk, segments_of(2))).unwrap();
    let beyond = Position { boundary: at(40), chain: Chain([4; 32]) };
    let wal_start = wal.start_past(beyond).unwrap();
    assert_eq!((wal_start.segment, wal_start.frame_seq), (2, 2));
    assert_eq!(open(&disk, None).unwrap().2, []);
    let durable = beyond_marker(&story, wal_start).write(&disk, Path::new(DATA)).unwrap();
    let (mut after, _, _) = open(&disk, Some(&durable)).unwrap();
    let next = batches(beyond, story.authority.head(), &[10]);
    after.append(&next).unwrap();
    assert_eq!(open(&disk, Some(&durable)).unwrap().2, next);
}
