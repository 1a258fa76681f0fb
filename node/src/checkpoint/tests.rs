//! Checkpoints and recoveries on a disk that loses power at every one of their steps.

use std::path::Path;
use std::sync::Arc;

use aerodb_core::authority::{Annotation, Authority, Durability, Member};
use aerodb_core::hash::Hash;
use aerodb_core::id::{Address, Boundary, ClusterName, NodeId, Reason};
use aerodb_core::machine::Checkpoint as Machine;
use aerodb_core::position::Position;
use aerodb_core::rules::RuleId;
use aerodb_core::wal::{Batch, Commit, Op};
use aerodb_ledger::authority::{AuthorityLedger, NodeKey};
use aerodb_ledger::disk::simulated::{At, Call, Failure, Moment, SimulatedDisk, Times};
use aerodb_ledger::disk::{Disk, Operation, remove_tree};
use aerodb_ledger::log::{LogOptions, Prepare, Witness};
use aerodb_ledger::snapshot::snapshots_in;
use aerodb_ledger::wal::{Wal, WalPlace};

use super::{CheckpointError, Cut, Shelf, Taken, Taker};
use crate::config::Config;
use crate::directory::{self, DataDir, Founding};
use crate::journal::{Cell, Journal};
use crate::open::{Opened, Standing, StartError, open};
use crate::recovery::CheckpointRefused;
use crate::store::{Store, StoreWriter};
use crate::view::Identity;

const DIR: &str = "/n1";
const SEGMENT_BYTES: u64 = 32 << 10;

fn dir() -> DataDir {
    DataDir::new(DIR)
}

fn at(commit: u64) -> Boundary {
    Boundary::new(commit)
}

/// A node on a simulated disk, run step by step.
struct Bench {
    disk: SimulatedDisk,
    authority: Arc<Authority>,
    identity: Identity,
    wal: Wal,
    writer: StoreWriter,
    tip: Position,
    taker: Taker,
}

impl Bench {
    /// A founder with an empty log of small segments, made one by one.
    fn founded() -> Self {
        let disk = SimulatedDisk::new();
        let (shared, key) = (disk.shared(), NodeKey::from_seed(&[3; 32]));
        let founder = Member {
            node_id: NodeId::new("n1").unwrap(),
            public_key: key.public_key(),
            address: Address::new("http://127.0.0.1:7401").unwrap(),
        };
        let annotation = Annotation {
            received_at_ms: 0,
            operator: "test".to_owned(),
            reason: Reason::new("founded").unwrap(),
        };
        let node_id = founder.node_id.clone();
        let founding = Founding {
            cluster_name: ClusterName::new("c").unwrap(),
            nonce: Hash([9; 32]),
            founder,
            minimum_durability: Durability::Local,
            ancestor: None,
            annotation,
        };
        let genesis = directory::genesis(founding, &key);
        let config = Config::new("127.0.0.1:7401".parse().unwrap());
        directory::create(&dir(), &shared, &config, &node_id, &key, vec![genesis]).unwrap();
        remove_tree(&disk, &dir().wal()).unwrap();
        let options = LogOptions::new(SEGMENT_BYTES, Prepare::OnDemand).unwrap();
        let wal_dir = dir().wal();
        let place =
            WalPlace { disk: Arc::clone(&shared), dir: &wal_dir, options, owner: key.public_key() };
        let wal = Wal::create(&place).unwrap();
        disk.sync_dir(Path::new(DIR)).unwrap();
        let ledger = dir().authority_ledger();
        let read = AuthorityLedger::open_read_only(&disk, &ledger, None, Witness::default());
        let authority = read.unwrap().authority;
        let cluster = *authority.cluster();
        let identity = Identity { node_id, public_key: key.public_key(), cluster };
        let (writer, store) = Store::empty();
        let taker = taker(&disk, &identity, &store, &wal);
        let tip = Position::origin(&cluster);
        Self { disk, authority, identity, wal, writer, tip, taker }
    }

    /// Appends and applies commits through this one: each gives one of five keys a value of a few blocks, or
    /// takes it away.
    fn write_to(&mut self, last: u64) {
        for number in self.tip.boundary.get() + 1..=last {
            let key = format!("k{}", number % 5).into();
            let op = match number % 7 {
                0 => Op::Delete { key },
                _ => Op::Put { key, value: vec![number as u8; 5000].into() },
            };
            let commits = vec![Commit { ops: vec![op] }];
            let (epoch, stamp) = (self.authority.epoch(), self.authority.head());
            let (batch, raw) = Batch::form(&self.tip, epoch, stamp, commits).unwrap();
            let _ = self.wal.append(&[raw]).unwrap();
            self.tip = batch.end();
            for (id, commit) in batch.into_commits() {
                self.writer.apply(id, commit);
            }
        }
    }

    /// Takes a checkpoint of the first commits.
    fn checkpoint(&mut self, acknowledged: u64) -> Result<Taken, CheckpointError> {
        let cut =
            Cut { acknowledged: Some(at(acknowledged)), authority: Arc::clone(&self.authority) };
        let wal = &mut self.wal;
        self.taker.take(&cut, &mut |marker| Ok(wal.let_go(marker)?))
    }

    fn digest(&self, commit: u64) -> Hash {
        self.writer.store().state_digest(at(commit))
    }
}

fn taker(disk: &SimulatedDisk, identity: &Identity, store: &Store, wal: &Wal) -> Taker {
    Taker {
        disk: disk.shared(),
        data: DIR.into(),
        identity: identity.clone(),
        store: store.clone(),
        wal: wal.reader(),
        shelf: Arc::new(Shelf::new(dir().snapshots(), None)),
        machine: Arc::new(Cell::default()),
        journal: Arc::new(Journal::default()),
    }
}

/// What a power loss may leave: nothing that is unsynced, all of it, and eight mixtures.
pub(crate) fn losses(disk: &SimulatedDisk) -> Vec<SimulatedDisk> {
    let mixed = (1..=8_u64).map(|seed| {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        disk.after_power_loss(move |unsynced| {
            // Marsaglia's xorshift64: the same choices in every run.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % unsynced.versions as u64) as usize
        })
    });
    let extremes = [disk.after_power_loss(|_| 0), disk.after_power_loss(|_| usize::MAX)];
    extremes.into_iter().chain(mixed).collect()
}

/// Opens the directory; the recovered end, its digest, and the commit of the checkpoint it stands on.
fn recover(disk: &SimulatedDisk) -> Result<(Boundary, Hash, Option<Boundary>), StartError> {
    let opened = open(dir(), &disk.shared())?;
    assert!(opened.failures.is_empty(), "{:?}", opened.failures);
    let Opened { replayed, checkpoint, .. } = opened;
    let tip = replayed.standing.tip.boundary;
    let store = replayed.store.store();
    Ok((tip, store.state_digest(tip), checkpoint.map(|it| it.marker.position.boundary)))
}

/// Proves: P3-K1, P3-K2, M-C09, CKP-5, P3-T7, P5-T2.
#[test]
fn p3_pl7_power_loss_at_every_step_of_a_checkpoint_leaves_the_old_or_the_new_one() {
    let mut node = Bench::founded();
    node.write_to(20);
    node.checkpoint(20).unwrap();
    node.write_to(40);
    let whole = node.digest(40);
    node.disk.record_moments();
    let taken = node.checkpoint(35).unwrap();
    assert!(taken.segments_removed > 0, "{taken:?}");
    assert_eq!(taken.snapshots_removed, 1, "the older snapshot goes with the new record");
    assert_eq!(node.taker.machine.get(), Machine::Complete { boundary: at(35) });
    let moments = node.disk.moments();
    let end = node.disk.after_kill();
    let disks = moments.iter().map(|moment| &moment.disk).chain([&end]);
    let (mut old, mut new, mut tried) = (0, 0, 0);
    for (number, disk) in disks.enumerate() {
        for lost in losses(disk).into_iter().chain([disk.after_kill()]) {
            let (tip, digest, checkpoint) = recover(&lost)
                .unwrap_or_else(|error| panic!("{error} at {:?}", moments.get(number)));
            assert_eq!((tip, digest), (at(40), whole), "at {number}");
            match checkpoint.map(Boundary::get) {
                Some(20) => old += 1,
                Some(35) => new += 1,
                other => panic!("{other:?} at {number}"),
            }
            tried += 1;
        }
    }
    assert!(old > 0 && new > 0);
    println!("{} steps, {tried} disks: {old} old, {new} new", moments.len());
}

#[test]
fn p3_pl7_power_loss_at_every_step_of_the_first_checkpoint_loses_nothing() {
    let mut node = Bench::founded();
    node.write_to(30);
    let whole = node.digest(30);
    node.disk.record_moments();
    node.checkpoint(30).unwrap();
    for Moment { before, disk } in node.disk.moments() {
        for lost in losses(&disk) {
            let (tip, digest, checkpoint) = recover(&lost).unwrap();
            assert_eq!((tip, digest), (at(30), whole), "before {before}");
            assert!([None, Some(at(30))].contains(&checkpoint), "before {before}");
        }
    }
}

/// Proves: P3-RS2, M-C18, P3-T7, F-RC1.
#[test]
fn p3_rs_power_loss_at_every_step_of_a_recovery_changes_nothing_of_what_the_next_one_finds() {
    let mut node = Bench::founded();
    node.write_to(40);
    node.disk.record_moments();
    node.checkpoint(33).unwrap();
    let whole = node.digest(40);
    let moments = node.disk.moments();
    // In the middle of the removal of segments, and with a torn batch at the end.
    let cut = moments.iter().rev().nth(2).unwrap().disk.after_power_loss(|_| 0);
    recover(&cut.after_kill()).unwrap();
    cut.record_moments();
    drop(open(dir(), &cut.shared()).unwrap());
    let steps = cut.moments();
    assert!(steps.len() > 5, "a recovery takes more than {} steps", steps.len());
    for Moment { before, disk } in steps {
        for lost in losses(&disk) {
            let (tip, digest, checkpoint) = recover(&lost).unwrap();
            assert_eq!((tip, digest, checkpoint), (at(40), whole, Some(at(33))), "{before}");
            let again = recover(&lost).unwrap();
            assert_eq!(again, (tip, digest, checkpoint), "recovered twice");
        }
    }
}

/// Proves: M-C13, M-C09.
#[test]
fn ckp_6_a_disk_error_at_every_step_of_a_checkpoint_loses_nothing() {
    let mut steps = 0;
    loop {
        let mut node = Bench::founded();
        node.write_to(20);
        node.checkpoint(20).unwrap();
        node.write_to(40);
        let whole = node.digest(40);
        node.disk.fail(At::Change(node.disk.changes() + steps), Failure::NoSpace, Times::Once);
        let before = node.disk.changes();
        let taken = node.checkpoint(40);
        let reached = node.disk.changes() - before > steps;
        for lost in losses(&node.disk) {
            let (tip, digest, _) = recover(&lost).unwrap();
            assert_eq!((tip, digest), (at(40), whole), "error at step {steps}: {taken:?}");
        }
        if !reached {
            break;
        }
        let error = taken.err();
        assert!(error.as_ref().is_none_or(|it| it.is_disk()), "step {steps}: {error:?}");
        steps += 1;
    }
    assert!(steps > 10, "{steps}");
}

/// Whichever removal of a segment fails, or the fsync after them: the call says so, the checkpoint stays recorded,
/// and the log takes writes as before.
#[test]
fn m_c13_an_error_while_the_log_is_truncated_fails_the_call_and_leaves_log_and_checkpoint_usable() {
    let removals = |node: &Bench| {
        let calls = node.disk.trace();
        calls.iter().filter(|call| is_segment_removal(call)).count() as u64
    };
    let mut node = Bench::founded();
    node.write_to(40);
    drop(node.disk.trace());
    node.checkpoint(35).unwrap();
    let all = removals(&node);
    assert!(all >= 2, "{all} segments are removed");
    for after in 0..all {
        let mut node = Bench::founded();
        node.write_to(40);
        let (operation, whole) = (Operation::Remove, node.digest(40));
        node.disk.fail(At::Next(operation, after), Failure::Io, Times::Once);
        let error = node.checkpoint(35).unwrap_err();
        assert!(error.is_disk() && error.to_string().contains(".seg"), "removal {after}: {error}");
        let standing = node.taker.shelf.standing().unwrap();
        assert_eq!(standing.marker.position.boundary, at(35), "removal {after}: it stays recorded");
        node.write_to(45);
        let more = node.digest(45);
        assert_ne!(whole, more);
        for lost in losses(&node.disk) {
            let (tip, digest, checkpoint) = recover(&lost).unwrap();
            assert_eq!((tip, digest, checkpoint), (at(45), more, Some(at(35))), "removal {after}");
        }
        assert!(!node.checkpoint(45).unwrap().unchanged, "removal {after}");
    }
}

fn is_segment_removal(call: &Call) -> bool {
    call.operation == Operation::Remove && call.path.extension().is_some_and(|it| it == "seg")
}

/// Every reading of a start fails once: it refuses with operation, file and rule, and writes nothing.
#[test]
fn m_c19_a_read_error_during_recovery_refuses_the_start_with_file_and_rule() {
    let mut node = Bench::founded();
    node.write_to(20);
    node.checkpoint(10).unwrap();
    node.write_to(25);
    let whole = node.digest(25);
    let sound = node.disk.after_power_loss(|_| 0);
    let mut refused = 0;
    for number in 0.. {
        let disk = sound.after_kill();
        disk.fail(At::Read(number), Failure::Io, Times::Once);
        let error = match open(dir(), &disk.shared()) {
            // Past the last reading that there is.
            Ok(_) if disk.reads() <= number => break,
            Ok(_) => panic!("reading {number} failed, and the node started"),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(DIR), "reading {number}: no file is named: {error}");
        assert!(error.contains(RuleId::P3D9.id()), "reading {number}: {error}");
        refused += 1;
        // The disk gives its bytes again: nothing was lost by the refusal.
        if number % 5 == 0 {
            let recovered = recover(&disk.after_kill()).unwrap();
            assert_eq!(recovered, (at(25), whole, Some(at(10))), "reading {number}");
        }
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn ckp_5_what_a_crash_left_of_a_snapshot_is_passed_over_and_removed_by_the_next_checkpoint() {
    let mut node = Bench::founded();
    node.write_to(10);
    node.disk.record_moments();
    node.checkpoint(10).unwrap();
    let moments = node.disk.moments();
    let written = |moment: &&Moment| moment.before.to_string().contains("checkpoint");
    // The snapshot is durable and no record names it.
    let orphan = moments.iter().find(written).unwrap().disk.after_power_loss(|_| 0);
    let left = |disk: &SimulatedDisk| snapshots_in(disk, &dir().snapshots()).unwrap();
    assert_eq!(left(&orphan), [at(10)]);
    let opened = open(dir(), &orphan.shared()).unwrap();
    assert!(opened.checkpoint.is_none(), "CKP-4: no record names it");
    assert_eq!(left(&orphan), [at(10)], "recovery leaves it where it is");
    let mut wal = opened.wal;
    let store = opened.replayed.store.store().clone();
    let taker = taker(&orphan, &node.identity, &store, &wal);
    let cut = Cut { acknowledged: Some(at(10)), authority: Arc::clone(&node.authority) };
    let taken = taker.take(&cut, &mut |marker| Ok(wal.let_go(marker)?)).unwrap();
    assert_eq!((taken.snapshots_removed, left(&orphan)), (1, vec![at(10)]));
    assert_eq!(recover(&orphan.after_power_loss(|_| 0)).unwrap().2, Some(at(10)));
}

/// Proves: M-C16, P3-D5.
/// What `/v1/snapshots` shows of the disk: the snapshot in force, and an older one for as long as it is pulled.
#[test]
fn snp_5_an_older_snapshot_is_on_the_shelf_for_as_long_as_it_is_pulled() {
    let mut node = Bench::founded();
    let shown = |shelf: &Shelf| -> Vec<(u64, u64)> {
        let place = |(it, pulled): (Standing, u64)| (it.marker.position.boundary.get(), pulled);
        shelf.files().into_iter().map(place).collect()
    };
    let shelf = Arc::clone(&node.taker.shelf);
    assert_eq!(shown(&shelf), []);
    node.write_to(5);
    let _ = node.checkpoint(5).unwrap();
    let (one, another) = (shelf.hold().unwrap(), shelf.hold().unwrap());
    assert_eq!(shown(&shelf), [(5, 2)]);
    node.write_to(10);
    let _ = node.checkpoint(10).unwrap();
    drop(one);
    assert_eq!(shown(&shelf), [(5, 1), (10, 0)]);
    assert_eq!(snapshots_in(&node.disk, shelf.dir()).unwrap(), [at(5), at(10)]);
    drop(another);
    assert_eq!(shown(&shelf), [(10, 0)]);
}

#[test]
fn dis_20_a_damaged_or_missing_snapshot_is_refused_and_nothing_is_written() {
    let mut node = Bench::founded();
    node.write_to(20);
    node.checkpoint(20).unwrap();
    let path = dir().snapshots().join(format!("{:020}.snapshot", 20));
    let whole = node.disk.file(&path).unwrap();
    let refused = |disk: &SimulatedDisk, what: &str| {
        let _ = disk.trace();
        let error = open(dir(), &disk.shared()).unwrap_err();
        let named = matches!(
            error,
            StartError::Checkpoint(CheckpointRefused::Snapshot { at: commit, .. }) if commit == at(20)
        );
        assert!(named && error.to_string().contains(RuleId::Dis20.id()), "{what}: {error}");
        let lock_only = disk.trace().iter().all(|call| call.path.ends_with("LOCK"));
        assert!(lock_only, "{what}: something was written");
    };
    for byte in (0..whole.len()).step_by(97) {
        let disk = node.disk.after_power_loss(|_| 0);
        let mut damaged = whole.clone();
        damaged[byte] ^= 0x10;
        disk.put_file(&path, damaged);
        refused(&disk, &format!("byte {byte}"));
    }
    for cut in [0, 100, whole.len() - 1] {
        let disk = node.disk.after_power_loss(|_| 0);
        disk.put_file(&path, whole[..cut].to_vec());
        refused(&disk, &format!("cut at {cut}"));
    }
    let disk = node.disk.after_power_loss(|_| 0);
    disk.remove_file(&path);
    refused(&disk, "missing");
}

/// Proves: P3-D5.
#[test]
fn wal_8_nothing_is_written_before_the_whole_log_was_read_and_found_good() {
    let mut node = Bench::founded();
    node.write_to(40);
    node.checkpoint(20).unwrap();
    node.write_to(45);
    let disk = node.disk.after_power_loss(|_| 0);
    let wal = disk.list(&dir().wal()).unwrap();
    let path = dir().wal().join(&wal[wal.len() - 2]);
    let mut bytes = disk.file(&path).unwrap();
    bytes[9000] ^= 1;
    disk.put_file(&path, bytes);
    let _ = disk.trace();
    assert!(matches!(open(dir(), &disk.shared()), Err(StartError::Fault(_))));
    assert!(disk.trace().iter().all(|call| call.path.ends_with("LOCK")));
}

#[test]
fn mvs_1_a_checkpoint_is_never_taken_above_the_acknowledged_bound() {
    let mut node = Bench::founded();
    node.write_to(12);
    let cut = |acknowledged| Cut { acknowledged, authority: Arc::clone(&node.authority) };
    let mut never = |_: &_| -> Result<_, CheckpointError> { unreachable!("nothing is recorded") };
    let unknown = node.taker.take(&cut(None), &mut never);
    assert!(matches!(unknown, Err(CheckpointError::Unknown)));
    let nothing = node.taker.take(&cut(Some(Boundary::ORIGIN)), &mut never);
    assert!(matches!(nothing, Err(CheckpointError::Nothing)));
    let taken = node.checkpoint(7).unwrap();
    assert_eq!(taken.standing.manifest.facts.position.boundary, at(7));
    assert_eq!(taken.standing.manifest.versions, 7);
    assert!(node.checkpoint(7).unwrap().unchanged);
}

#[test]
fn dis_21_the_record_keeps_the_designation_and_replay_starts_past_it() {
    let mut node = Bench::founded();
    node.write_to(34);
    node.checkpoint(32).unwrap();
    let opened = open(dir(), &node.disk.after_kill().shared()).unwrap();
    let range = opened.replayed.applied.unwrap();
    assert_eq!((range.first.get(), range.last.get()), (33, 34));
    let standing = opened.checkpoint.unwrap();
    assert_eq!(standing.marker.designation, None);
    assert!(
        standing.marker.wal_start.position.boundary < at(32),
        "it starts in the middle of a segment"
    );
    let places: Vec<_> = standing.marker.known_places().collect();
    assert_eq!(places[1], standing.marker.position);
}
