//! P3-S1 to P3-S3, SNP-4, SNP-5: a snapshot is whole or it is none, and every byte of it counts.

#![allow(clippy::unwrap_used)] // helpers stand outside of the test functions

mod support;

use std::path::{Path, PathBuf};

use aerodb_core::hash::{Chain, ClusterId, Hash};
use aerodb_core::id::{Boundary, CommitId, Epoch};
use aerodb_core::position::Position;
use aerodb_core::rules::RuleId;
use aerodb_core::wal::{KEY_BYTES_MAX, VALUE_BYTES_MAX};
use aerodb_ledger::checkpoint::{Checkpoint, WalStart};
use aerodb_ledger::disk::simulated::{At, Failure, SimulatedDisk, Times};
use aerodb_ledger::disk::{Disk, DiskError, Operation};
use aerodb_ledger::snapshot::{
    BLOCK_HEADER_BYTES, HEADER_BYTES, MANIFEST_BYTES, Manifest, Snapshot, SnapshotError,
    SnapshotFacts, SnapshotReader, SnapshotReceiver, SnapshotVersion, SnapshotWriter,
    discard_staging, path_of, remove_unfinished, snapshots_in,
};
use aerodb_ledger::{Damage, Fault};
use support::{DATA, OWNER, Story, new_disk, trace};

type Row = (Vec<u8>, u64, Option<Vec<u8>>);

const CUT: u64 = 9;

fn dir() -> &'static Path {
    Path::new(DATA)
}

fn path() -> PathBuf {
    path_of(dir(), Boundary::new(CUT))
}

fn facts() -> SnapshotFacts {
    let story = Story::begin();
    let at = |commit, byte| Position { boundary: Boundary::new(commit), chain: Chain([byte; 32]) };
    SnapshotFacts {
        cluster: *story.authority.cluster(),
        position: at(CUT, 9),
        epoch: Epoch::FIRST,
        ledger: story.authority.head(),
        oldest_retained: Boundary::new(4),
        designation: Some(at(2, 2)),
    }
}

fn row(key: &str, commit: u64, value: Option<&str>) -> Row {
    (key.into(), commit, value.map(Into::into))
}

/// Values, tombstones, an empty value, several versions of a key.
fn rows() -> Vec<Row> {
    vec![
        row("a", 9, Some("new")),
        row("a", 7, None),
        row("a", 1, Some("")),
        row("b", 2, None),
        row("ключ", 8, Some("value")),
    ]
}

fn write(disk: &SimulatedDisk, rows: &[Row]) -> Result<Snapshot, SnapshotError> {
    let mut writer = SnapshotWriter::create(disk.shared(), dir(), facts())?;
    for (key, commit, value) in rows {
        writer.push(key, CommitId::new(*commit).unwrap(), value.as_deref())?;
    }
    writer.finish().map(aerodb_ledger::Durable::into_inner)
}

fn read(disk: &SimulatedDisk) -> Result<(Manifest, Vec<Row>), Fault> {
    let reader = SnapshotReader::open(disk, &path())?;
    let rows = reader.versions().map(|version| {
        let SnapshotVersion { key, commit, value } = version?;
        Ok((key.to_vec(), commit.get(), value.map(|value| value.to_vec())))
    });
    Ok((*reader.manifest(), rows.collect::<Result<_, Fault>>()?))
}

/// Proves: MVI-6.
#[test]
fn a_snapshot_is_read_as_it_was_written() {
    let disk = new_disk();
    let snapshot = write(&disk, &rows()).unwrap();
    assert_eq!(snapshot.path, path());
    let (manifest, found) = read(&disk).unwrap();
    assert_eq!((manifest, found), (snapshot.manifest, rows()));
    assert_eq!((manifest.facts, manifest.keys, manifest.versions), (facts(), 3, 5));
    assert_eq!(manifest.file_bytes(), disk.file(&path()).unwrap().len() as u64);
    assert_eq!(SnapshotReader::manifest_of(&disk, &path()).unwrap(), manifest);
    assert_eq!(snapshots_in(&disk, dir()).unwrap(), [Boundary::new(CUT)]);
}

#[test]
fn an_empty_store_has_a_snapshot_too() {
    let disk = new_disk();
    let snapshot = write(&disk, &[]).unwrap();
    assert_eq!(read(&disk).unwrap(), (snapshot.manifest, vec![]));
    assert_eq!(disk.file(&path()).unwrap().len(), HEADER_BYTES + MANIFEST_BYTES);
}

#[test]
fn the_largest_key_and_value_have_a_block_of_their_own_and_equal_states_equal_bytes() {
    let (key, value) = ("k".repeat(KEY_BYTES_MAX), "v".repeat(VALUE_BYTES_MAX));
    let mut large = rows();
    large.insert(4, row(&key, 3, Some(&value)));
    let many = (0..2_000).map(|n| row(&format!("l{n:06}"), n % CUT + 1, Some(&"x".repeat(300))));
    large.splice(5..5, many);
    let (disk, other) = (new_disk(), new_disk());
    let snapshot = write(&disk, &large).unwrap();
    write(&other, &large).unwrap();
    assert_eq!(read(&disk).unwrap(), (snapshot.manifest, large));
    assert_eq!(snapshot.manifest.blocks, 12, "small, large, and 642,000 bytes in ten");
    assert_eq!(disk.file(&path()), other.file(&path()));
}

/// Proves: M-C07.
#[test]
fn snp_5_a_snapshot_never_takes_the_place_of_another() {
    let disk = new_disk();
    write(&disk, &rows()).unwrap();
    let before = disk.file(&path());
    assert!(matches!(write(&disk, &[]), Err(SnapshotError::Exists { .. })));

    let disk = new_disk();
    let late = SnapshotWriter::create(disk.shared(), dir(), facts()).unwrap();
    disk.put_file(&path(), before.clone().unwrap());
    assert!(matches!(late.finish(), Err(SnapshotError::Exists { .. })));
    assert_eq!(disk.file(&path()), before);
}

#[test]
fn what_may_not_be_in_a_snapshot_is_refused_and_leaves_it_as_it_was() {
    let disk = new_disk();
    let mut writer = SnapshotWriter::create(disk.shared(), dir(), facts()).unwrap();
    let mut push = |(key, commit, value): Row| {
        let pushed = writer.push(&key, CommitId::new(commit).unwrap(), value.as_deref());
        assert!(matches!(pushed, Err(SnapshotError::NotNext { .. })), "{key:?} at {commit}");
    };
    push(row("a", CUT + 1, None));
    push(row("", 1, None));
    push(row(&"k".repeat(KEY_BYTES_MAX + 1), 1, None));
    push((vec![0xff], 1, None));
    push(row("a", 1, Some(&"v".repeat(VALUE_BYTES_MAX + 1))));
    for (key, commit, value) in rows() {
        writer.push(&key, CommitId::new(commit).unwrap(), value.as_deref()).unwrap();
    }
    let late = writer.push(b"b", CommitId::FIRST, None);
    assert!(matches!(late, Err(SnapshotError::NotNext { what: "keys out of order", .. })));
    writer.finish().unwrap();
    assert_eq!(read(&disk).unwrap().1, rows());

    for wrong in [
        SnapshotFacts { oldest_retained: Boundary::new(CUT + 1), ..facts() },
        SnapshotFacts {
            designation: Some(Position { boundary: Boundary::new(CUT + 1), chain: Chain([1; 32]) }),
            ..facts()
        },
    ] {
        let created = SnapshotWriter::create(new_disk().shared(), dir(), wrong);
        assert!(matches!(created, Err(SnapshotError::Impossible { .. })));
    }
}

#[test]
fn p3_s2_a_snapshot_of_any_other_length_is_refused() {
    let good = new_disk();
    write(&good, &rows()).unwrap();
    let bytes = good.file(&path()).unwrap();
    for length in 0..bytes.len() {
        let disk = good.after_kill();
        disk.put_file(&path(), bytes[..length].to_vec());
        match read(&disk).unwrap_err() {
            Fault::Corrupt {
                rule: RuleId::P3S2, what: Damage::IncompleteSnapshot, file, ..
            } => {
                assert_eq!(file, path());
            }
            other => panic!("{length} bytes: {other}"),
        }
    }
    for more in [vec![0], vec![0; MANIFEST_BYTES], bytes.clone()] {
        let disk = good.after_kill();
        disk.put_file(&path(), [&bytes[..], &more].concat());
        read(&disk).unwrap_err();
    }
}

/// Proves: M-C16, P3-D6.
#[test]
fn snp_4_every_flipped_bit_of_a_snapshot_is_refused() {
    let good = new_disk();
    write(&good, &rows()).unwrap();
    let bytes = good.file(&path()).unwrap();
    for at in 0..bytes.len() * 8 {
        let disk = good.after_kill();
        let mut damaged = bytes.clone();
        damaged[at / 8] ^= 1 << (at % 8);
        disk.put_file(&path(), damaged);
        match read(&disk).unwrap_err() {
            Fault::Corrupt { file, offset, rule, what } => {
                assert_eq!((&file, rule), (&path(), what.rule()));
                assert!(offset as usize <= at / 8, "byte {}: {what} at {offset}", at / 8);
            }
            other => panic!("byte {}: {other}", at / 8),
        }
    }
}

/// A byte that reads wrong once is refused, when the file is verified or when it is used; nothing wrong is
/// ever handed out.
/// Proves: P3-M5.
#[test]
fn snp_4_every_byte_that_reads_wrong_once_is_refused() {
    let good = new_disk();
    write(&good, &rows()).unwrap();
    let length = good.file(&path()).unwrap().len() as u64;
    let in_blocks = HEADER_BYTES as u64..length - MANIFEST_BYTES as u64;
    for at in 0..length {
        for after in 0..if in_blocks.contains(&at) { 2 } else { 1 } {
            let disk = good.after_kill();
            disk.flip(&path(), at, 1 << (at % 8), after, Times::Once);
            assert!(read(&disk).is_err(), "byte {at}, reading {after}");
        }
    }
}

/// Whoever writes the bytes on purpose can make the checksum right, but not the manifest's hash.
#[test]
fn the_hash_of_the_manifest_is_that_of_every_byte() {
    let (disk, other) = (new_disk(), new_disk());
    let snapshot = write(&disk, &rows()).unwrap();
    let mut changed = rows();
    changed[4].2 = Some("other".into());
    let other = write(&other, &changed).unwrap();
    assert_ne!(snapshot.manifest.hash(), other.manifest.hash());
    assert_ne!(snapshot.manifest.content, other.manifest.content);
    let (mut counted, mut facts) = (snapshot.manifest, snapshot.manifest);
    counted.keys -= 1;
    facts.facts.oldest_retained = Boundary::ORIGIN;
    assert_ne!(counted.hash(), snapshot.manifest.hash());
    assert_ne!(facts.hash(), snapshot.manifest.hash());
}

/// Proves: M-C03, M-C04, M-C05, M-C06.
#[test]
fn p3_s1_whatever_call_fails_there_is_no_snapshot_or_the_whole_one() {
    let good = new_disk();
    let snapshot = write(&good, &rows()).unwrap();
    let calls = good.changes() - new_disk().changes();
    assert_eq!(calls, 7, "create, three writes, fsync, rename, fsync of the directory");
    let failures = [
        Failure::Io,
        Failure::NoSpace,
        Failure::Access,
        Failure::ShortWrite { bytes: 3 },
        Failure::LyingSync { reached: 0 },
        Failure::LyingSync { reached: 0b10 },
    ];
    for (call, failure) in (0..calls).flat_map(|call| failures.map(|failure| (call, failure))) {
        let disk = new_disk();
        disk.fail(At::Change(disk.changes() + call), failure, Times::Once);
        let failed = write(&disk, &rows()).unwrap_err();
        assert!(matches!(failed, SnapshotError::Disk(_)), "{failed}");
        assert_none_or_whole(&disk.after_power_loss(|_| 0), &snapshot);
        assert_none_or_whole(&disk.after_kill(), &snapshot);
    }
}

#[test]
fn after_a_failed_write_nothing_more_is_written() {
    let disk = new_disk();
    let mut writer = SnapshotWriter::create(disk.shared(), dir(), facts()).unwrap();
    disk.fail(At::Next(Operation::Write, 0), Failure::NoSpace, Times::Once);
    let value = vec![b'v'; 200 << 10];
    writer.push(b"a", CommitId::FIRST, Some(&value)).unwrap();
    assert!(matches!(
        writer.push(b"b", CommitId::FIRST, Some(&value)),
        Err(SnapshotError::Disk(error)) if error.is_no_space()
    ));
    let before = disk.changes();
    assert!(matches!(writer.push(b"c", CommitId::FIRST, None), Err(SnapshotError::Disk(_))));
    assert!(matches!(writer.finish(), Err(SnapshotError::Disk(_))));
    assert_eq!(disk.changes(), before);
}

#[test]
fn a_snapshot_given_up_leaves_nothing() {
    let disk = new_disk();
    let writer = SnapshotWriter::create(disk.shared(), dir(), facts()).unwrap();
    writer.abandon().unwrap();
    assert_eq!(disk.list(dir()).unwrap(), Vec::<String>::new());
}

/// Every choice of what survived a power loss before each call, and after the last.
/// Proves: P3-PL6, SNP-2, M-C01, M-C03, M-C04, M-C05, M-C06.
#[test]
fn p3_s3_a_power_loss_at_any_call_leaves_no_snapshot_or_the_whole_one() {
    let disk = new_disk();
    disk.record_moments();
    let snapshot = write(&disk, &rows()).unwrap();
    let mut outcomes = 0;
    for moment in disk.moments() {
        outcomes += every_power_loss(&moment.disk, |left| assert_none_or_whole(left, &snapshot));
    }
    outcomes += every_power_loss(&disk, |left| {
        assert_eq!(read(left).unwrap(), (snapshot.manifest, rows()), "it was said to be durable");
    });
    println!("{outcomes} outcomes of power losses");
    assert!(outcomes > 60, "only {outcomes}");
}

/// Calls `look` with each disk that a power loss can leave; how many there are.
fn every_power_loss(disk: &SimulatedDisk, mut look: impl FnMut(&SimulatedDisk)) -> u64 {
    let parts: Vec<_> = disk.unsynced().iter().map(|part| part.versions as u64).collect();
    let outcomes = parts.iter().product();
    assert!(outcomes < 1 << 16, "{outcomes} outcomes");
    for number in 0..outcomes {
        let mut rest = number;
        look(&disk.after_power_loss(|part| {
            let version = rest % part.versions as u64;
            rest /= part.versions as u64;
            version as usize
        }));
    }
    outcomes
}

/// And either way the next attempt goes well.
fn assert_none_or_whole(disk: &SimulatedDisk, snapshot: &Snapshot) {
    match snapshots_in(disk, dir()).unwrap()[..] {
        [] => {
            let left = disk.list(dir()).unwrap().len();
            assert_eq!(remove_unfinished(disk, dir()).unwrap(), left);
            assert_eq!(disk.list(dir()).unwrap(), Vec::<String>::new());
            assert_eq!(&write(disk, &rows()).unwrap(), snapshot);
        }
        [cut] => assert_eq!(cut, Boundary::new(CUT)),
        _ => panic!("{:?}", disk.list(dir())),
    }
    assert_eq!(read(disk).unwrap(), (snapshot.manifest, rows()));
}

fn staging() -> PathBuf {
    dir().join("bootstrap")
}

/// Sends the bytes of the good snapshot, in chunks.
fn receive(disk: &SimulatedDisk, bytes: &[u8]) -> Result<SnapshotReceiver, DiskError> {
    let mut receiver = SnapshotReceiver::create(disk.shared(), &staging())?;
    bytes.chunks(100).try_for_each(|chunk| receiver.write(chunk))?;
    assert_eq!(receiver.bytes(), bytes.len() as u64);
    Ok(receiver)
}

fn take_over(disk: &SimulatedDisk, bytes: &[u8]) -> Result<Snapshot, Fault> {
    let received = receive(disk, bytes)?.finish()?;
    Ok(received.verify()?.install(&dir().join("snapshots"))?.into_inner())
}

/// Proves: RS-4, M-R25.
#[test]
fn rs_5_what_was_received_is_installed_only_if_every_byte_is_right() {
    let good = new_disk();
    let manifest = write(&good, &rows()).unwrap().manifest;
    let bytes = good.file(&path()).unwrap();
    for at in 0..bytes.len() {
        let (disk, mut damaged) = (new_disk(), bytes.clone());
        damaged[at] ^= 0x10;
        assert!(matches!(take_over(&disk, &damaged), Err(Fault::Corrupt { .. })), "byte {at}");
        assert!(disk.list(&dir().join("snapshots")).unwrap_err().is_not_found());
    }
    let disk = new_disk();
    let snapshot = take_over(&disk, &bytes).unwrap();
    assert_eq!((snapshot.manifest, disk.file(&snapshot.path)), (manifest, Some(bytes)));
}

/// Power losses before each call: under its name the snapshot is whole or absent, what is in staging goes
/// with the next attempt, and that begins at byte 0 and succeeds.
#[test]
fn f_s1_f_s2_a_power_loss_in_a_transfer_leaves_nothing_that_the_next_one_uses() {
    let good = new_disk();
    write(&good, &rows()).unwrap();
    let bytes = good.file(&path()).unwrap();
    let disk = new_disk();
    disk.record_moments();
    let snapshot = take_over(&disk, &bytes).unwrap();
    let mut outcomes = 0;
    for moment in disk.moments() {
        outcomes += every_power_loss(&moment.disk, |left| {
            match left.file(&snapshot.path) {
                Some(found) => assert_eq!(found, bytes),
                None => assert_eq!(take_over(left, &bytes).unwrap(), snapshot),
            }
            discard_staging(left, &staging()).unwrap();
            let names = left.list(dir()).unwrap();
            assert_eq!(names, ["snapshots"]);
        });
    }
    assert!(outcomes > 20, "only {outcomes}");
}

/// The marker that names the snapshot of [`rows`], and its directory.
fn named() -> (SimulatedDisk, Checkpoint) {
    let disk = new_disk();
    let manifest = write(&disk, &rows()).unwrap().manifest;
    let SnapshotFacts { cluster, position, epoch, ledger, designation, .. } = facts();
    let wal_start = WalStart { segment: 1, frame_seq: 1, position: Position::origin(&cluster) };
    let (owner, snapshot) = (OWNER, manifest.hash());
    let marker =
        Checkpoint { cluster, owner, position, epoch, ledger, designation, snapshot, wal_start };
    (disk, marker)
}

/// Proves: CKP-4.
#[test]
fn ckp_4_only_the_very_snapshot_that_the_marker_names_is_opened() {
    let (disk, marker) = named();
    let found = marker.open_snapshot(&disk, dir()).unwrap();
    assert_eq!((found.manifest().hash(), found.manifest().facts), (marker.snapshot, facts()));
    let changes: [fn(&mut Checkpoint); 4] = [
        |marker| marker.snapshot = Hash([1; 32]),
        |marker| marker.cluster = ClusterId([1; 32]),
        |marker| marker.position.chain = Chain([1; 32]),
        |marker| marker.epoch = Epoch::new(2).unwrap(),
    ];
    let another = Damage::Snapshot { what: "the checkpoint names another one" };
    for change in changes {
        let mut marker = marker.clone();
        change(&mut marker);
        let found = marker.open_snapshot(&disk, dir()).unwrap_err();
        assert!(matches!(&found, Fault::Corrupt { what, .. } if *what == another), "{found}");
    }
    disk.remove_file(&path());
    let found = marker.open_snapshot(&disk, dir()).unwrap_err();
    let what = "the checkpoint names it, and it is not there";
    assert!(
        matches!(&found, Fault::Corrupt { what: Damage::Snapshot { what: it }, .. } if *it == what)
    );
}

/// A disk that fails says nothing about the snapshot.
#[test]
fn a_snapshot_that_cannot_be_looked_at_is_not_missing() {
    let (disk, marker) = named();
    disk.fail(At::Next(Operation::Open, 0), Failure::Io, Times::Once);
    let found = marker.open_snapshot(&disk, dir()).unwrap_err();
    assert!(matches!(found, Fault::Disk(_)), "{found}");
    let places: Vec<_> = marker.known_places().collect();
    assert_eq!(places, [marker.wal_start.position, marker.position, facts().designation.unwrap()]);
}

/// The file under another manifest, whose checksum is good.
fn with_manifest(disk: &SimulatedDisk, change: impl FnOnce(&mut Manifest)) -> SimulatedDisk {
    let disk = disk.after_kill();
    let mut bytes = disk.file(&path()).unwrap();
    let at = bytes.len() - MANIFEST_BYTES;
    let mut manifest = Manifest::decode(bytes[at..].try_into().unwrap()).unwrap();
    change(&mut manifest);
    bytes[at..].copy_from_slice(&manifest.encode());
    disk.put_file(&path(), bytes);
    disk
}

/// Proves: P3-S2.
#[test]
fn p3_s2_a_snapshot_whose_versions_are_not_those_that_its_manifest_counts_is_damaged() {
    let disk = new_disk();
    write(&disk, &rows()).unwrap();
    let changes: [fn(&mut Manifest); 4] = [
        |manifest| manifest.keys += 1,
        |manifest| manifest.versions += 1,
        |manifest| manifest.blocks += 1,
        |manifest| manifest.content = Hash([1; 32]),
    ];
    for change in changes {
        let found = SnapshotReader::streaming(&with_manifest(&disk, change), &path()).unwrap();
        let last = found.versions().last().unwrap();
        let what = "the blocks are not those of the manifest";
        match last {
            Err(Fault::Corrupt { what: found, .. }) => assert_eq!(found, Damage::Snapshot { what }),
            other => panic!("{other:?}"),
        }
    }
    let same = with_manifest(&disk, |_| ());
    assert_eq!(read(&same).unwrap().1, rows());
}

/// A disk that fails is told: it is neither an empty directory nor one without the file.
#[test]
fn a_directory_of_snapshots_that_cannot_be_looked_at_is_not_empty() {
    let disk = new_disk();
    let absent = Path::new("/n1/absent");
    assert_eq!(snapshots_in(&disk, absent).unwrap(), []);
    assert_eq!(remove_unfinished(&disk, absent).unwrap(), 0);
    discard_staging(&disk, absent).unwrap();
    let fail = |operation| disk.fail(At::Next(operation, 0), Failure::Io, Times::Once);
    fail(Operation::List);
    assert_eq!(snapshots_in(&disk, dir()).unwrap_err().operation, Operation::List);
    fail(Operation::List);
    assert_eq!(remove_unfinished(&disk, dir()).unwrap_err().operation, Operation::List);
    fail(Operation::List);
    assert_eq!(discard_staging(&disk, dir()).unwrap_err().operation, Operation::List);
    fail(Operation::Open);
    let found = SnapshotWriter::create(disk.shared(), dir(), facts()).unwrap_err();
    assert!(matches!(found, SnapshotError::Disk(_)), "{found}");
}

/// What is written is made durable as it grows, so that the end of it has little left to wait for.
#[test]
fn a_block_is_fsynced_once_it_is_large_enough_and_the_rest_at_the_end() {
    let disk = new_disk();
    trace(&disk);
    write(&disk, &[row("a", 9, Some(&"x".repeat(300_000))), row("b", 9, Some("y"))]).unwrap();
    let syncs = trace(&disk).into_iter().filter(|call| call.starts_with("fsync")).count();
    assert_eq!(syncs, 3, "the block, the file, its name");
}

/// What a progress display goes by.
#[test]
fn writer_reader_and_receiver_say_how_far_they_are() {
    let disk = new_disk();
    let mut writer = SnapshotWriter::create(disk.shared(), dir(), facts()).unwrap();
    assert_eq!(writer.bytes(), HEADER_BYTES as u64);
    let value = vec![b'v'; 200 << 10];
    writer.push(b"a", CommitId::FIRST, Some(&value)).unwrap();
    assert_eq!(writer.bytes(), HEADER_BYTES as u64, "the block is not full");
    writer.push(b"b", CommitId::FIRST, Some(&value)).unwrap();
    let block = (BLOCK_HEADER_BYTES + 14 + 1 + (200 << 10)) as u64;
    assert_eq!(writer.bytes(), HEADER_BYTES as u64 + block);
    writer.finish().unwrap();

    let mut versions = SnapshotReader::streaming(&disk, &path()).unwrap().versions();
    let behind = [0, 1, 2].map(|read| HEADER_BYTES as u64 + read * block);
    assert_eq!(versions.bytes(), behind[0]);
    for bytes in &behind[1..] {
        versions.next().unwrap().unwrap();
        assert_eq!(versions.bytes(), *bytes);
    }

    let mut receiver = SnapshotReceiver::create(disk.shared(), &staging()).unwrap();
    assert_eq!(receiver.bytes(), 0);
    for bytes in [5, 12] {
        receiver.write(&[7; 12][..bytes - receiver.bytes() as usize]).unwrap();
        assert_eq!(receiver.bytes(), bytes as u64);
    }
}
