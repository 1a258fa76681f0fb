//! The format is what these committed files are: today's code writes them anew byte by byte, and reads
//! them. `docs/format.md` explains their bytes.
//!
//! A change here is a change of the format: what is on the disks of others does not change with it. If it
//! is meant, `AERODB_WRITE_GOLDEN=1 cargo test -p aerodb-ledger --test golden committed` writes them anew.

#![allow(clippy::unwrap_used)] // helpers stand outside of the test functions

mod history;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aerodb_core::hash::{ClusterId, Hash, PublicKey};
use aerodb_core::id::{CommitId, Epoch, NodeId};
use aerodb_core::wal::{Op, RawBatch};
use aerodb_ledger::authority::AuthorityLedger;
use aerodb_ledger::checkpoint::Checkpoint;
use aerodb_ledger::decision::DecisionLedger;
use aerodb_ledger::disk::{Disk, RealDisk, create_dir};
use aerodb_ledger::log::{LogOptions, Prepare, Witness};
use aerodb_ledger::snapshot::{Snapshot, SnapshotFacts, SnapshotReader, SnapshotWriter, path_of};
use aerodb_ledger::verify::{Verdict, replay_authority_entry, replay_decision_entry};
use aerodb_ledger::wal::{Wal, WalPlace, scan_read_only};
use aerodb_ledger::{LedgerPlace, Sealed, Stored, write_sealed};
use bytes::Bytes;
use history::{History, annotation, decisions, key, node};
use serde::{Deserialize, Serialize};

/// A key, and a commit that changed it: keys ascending, commits descending.
type VersionKey = (Bytes, Reverse<CommitId>);

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn owner() -> PublicKey {
    key("n1").public_key()
}

/// The shape of the node's identity file, as far as bytes go.
#[derive(Serialize, Deserialize)]
struct Identity {
    node_id: NodeId,
    cluster: ClusterId,
    secret: Hash,
    binding: BTreeMap<String, u64>,
    stamp: Stamp,
}

#[derive(Serialize, Deserialize)]
struct Stamp {
    starts: u64,
    authority_frame: u64,
    decision_frame: u64,
    wal_frame: u64,
}

impl Sealed for Identity {
    const FORMAT: &'static str = "aerodb identity 1";
    const NAME: &'static str = "identity";
}

fn segments_of(blocks: u64) -> LogOptions {
    LogOptions::new((blocks + 1) * 4096, Prepare::OnDemand).unwrap()
}

fn ledger_place(dir: &Path, blocks: u64) -> LedgerPlace<'_> {
    LedgerPlace { disk: Arc::new(RealDisk), dir, options: segments_of(blocks), owner: owner() }
}

fn wal_place(dir: &Path, blocks: u64) -> WalPlace<'_> {
    WalPlace { disk: Arc::new(RealDisk), dir, options: segments_of(blocks), owner: owner() }
}

/// A whole directory: both ledgers, two segments of WAL, the identity.
fn write_node(dir: &Path, told: &History) {
    create_dir(&RealDisk, dir).unwrap();
    let place_dir = dir.join("authority.ledger");
    let place = ledger_place(&place_dir, 8);
    let mut ledger = AuthorityLedger::create(&place, told.entries[..1].to_vec()).unwrap();
    for frame in [1..4, 4..5, 5..8, 8..9, 9..10, 10..11, 11..12, 12..16] {
        ledger.append(&told.entries[frame]).unwrap();
    }
    let place_dir = dir.join("decision.ledger");
    let mut made = DecisionLedger::create(&ledger_place(&place_dir, 16), node("n1")).unwrap();
    for body in decisions(told) {
        let annotation = annotation(body.kind());
        made.append(body, annotation, &key("n1")).unwrap();
    }
    let place_dir = dir.join("wal");
    let mut wal = Wal::create(&wal_place(&place_dir, 4)).unwrap();
    for frame in [0..2, 2..3, 3..4, 4..6, 6..7] {
        wal.append(&told.batches[frame]).unwrap();
    }
    let identity = Identity {
        node_id: node("n1"),
        cluster: *told.authority().cluster(),
        secret: Hash(key("n1").to_seed()),
        binding: BTreeMap::from([("device".to_owned(), 2049), ("inode".to_owned(), 1234)]),
        stamp: Stamp {
            starts: 3,
            authority_frame: ledger.last_frame_seq(),
            decision_frame: made.last_frame_seq(),
            wal_frame: wal.last_frame_seq(),
        },
    };
    write_sealed(&RealDisk, dir, identity).unwrap();
}

/// The same history in a directory whose WAL was truncated at commit 6: it begins in its second segment.
fn write_truncated(dir: &Path, told: &History) {
    create_dir(&RealDisk, dir).unwrap();
    let ledger_dir = dir.join("authority.ledger");
    AuthorityLedger::create(&ledger_place(&ledger_dir, 4), told.entries.clone()).unwrap();
    let decision_dir = dir.join("decision.ledger");
    DecisionLedger::create(&ledger_place(&decision_dir, 1), node("n1")).unwrap();
    let wal_dir = dir.join("wal");
    let mut wal = Wal::create(&wal_place(&wal_dir, 4)).unwrap();
    for batch in &told.batches {
        wal.append(std::slice::from_ref(batch)).unwrap();
    }
    let reader = wal.reader();
    let position = reader.batch_end_at(at(6)).unwrap().unwrap();
    let facts = SnapshotFacts {
        cluster: *told.authority().cluster(),
        position,
        epoch: Epoch::new(2).unwrap(),
        ledger: told.entries[10].entry.head(),
        oldest_retained: at(2),
        designation: Some(position),
    };
    let snapshot = write_snapshot(&dir.join("snapshots"), facts, told);
    let checkpoint = Checkpoint {
        cluster: facts.cluster,
        owner: owner(),
        position,
        epoch: facts.epoch,
        ledger: facts.ledger,
        designation: facts.designation,
        snapshot: snapshot.manifest.hash(),
        wal_start: wal.start_keeping(at(6)).unwrap(),
    };
    let durable = checkpoint.write(&RealDisk, dir).unwrap();
    wal.truncate(&durable).unwrap();
}

/// Every version up to the cut that reads at the oldest retained commit or above may need.
fn versions(facts: &SnapshotFacts, told: &History) -> BTreeMap<VersionKey, Option<Bytes>> {
    let mut versions = BTreeMap::new();
    for (commit, change) in told.batches.iter().flat_map(|raw| raw.decode().unwrap().into_commits())
    {
        for op in change.ops.iter().filter(|_| facts.position.boundary.covers(commit)) {
            let (key, value) = match op {
                Op::Put { key, value } => (key.clone(), Some(value.clone())),
                Op::Delete { key } => (key.clone(), None),
            };
            if facts.oldest_retained.covers(commit) {
                versions.retain(|(other, _): &VersionKey, _| *other != key);
            }
            versions.insert((key, Reverse(commit)), value);
        }
    }
    versions
}

fn write_snapshot(dir: &Path, facts: SnapshotFacts, told: &History) -> Snapshot {
    create_dir(&RealDisk, dir).unwrap();
    let mut writer = SnapshotWriter::create(Arc::new(RealDisk), dir, facts).unwrap();
    for ((key, Reverse(commit)), value) in versions(&facts, told) {
        writer.push(&key, commit, value.as_deref()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn at(commit: u64) -> aerodb_core::id::Boundary {
    aerodb_core::id::Boundary::new(commit)
}

fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Proves: P6-AR5, CORE-E2, P6-FZ5.
#[test]
fn the_committed_files_are_what_the_code_writes() {
    let written = tempfile::tempdir().unwrap();
    let told = History::whole();
    write_node(&written.path().join("node"), &told);
    write_truncated(&written.path().join("truncated"), &told);
    let written = files(written.path());
    if std::env::var_os("AERODB_WRITE_GOLDEN").is_some() {
        fs::remove_dir_all(committed()).ok();
        for (name, bytes) in &written {
            let path = committed().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
    let committed = files(&committed());
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&committed), names(&written));
    for (name, bytes) in &written {
        let other = &committed[name];
        let differs = bytes.iter().zip(other).position(|(new, old)| new != old);
        assert_eq!((differs, bytes.len()), (None, other.len()), "{} differs", name.display());
    }
}

fn read_authority(dir: &Path) -> aerodb_ledger::authority::ReadAuthority {
    let dir = dir.join("authority.ledger");
    let witness = Witness::default();
    AuthorityLedger::open_read_only(&RealDisk, &dir, Some(&owner()), witness).unwrap()
}

#[test]
fn the_authority_ledger_holds_every_kind_of_entry() {
    let read = read_authority(&committed().join("node"));
    let kinds: Vec<_> =
        read.entries.after(None, 100).iter().map(|stored| stored.entry.entry.body.kind()).collect();
    assert_eq!(
        kinds,
        [
            "genesis",
            "member_admitted",
            "member_admitted",
            "member_removed",
            "successor_designated",
            "successor_released",
            "obligation_ended",
            "successor_designated",
            "authority_relinquished",
            "authority_granted",
            "successor_designated",
            "authority_granted",
            "successor_designated",
            "obligation_ended",
            "authority_relinquished",
            "authority_granted",
        ]
    );
    let authority = &read.authority;
    assert_eq!((authority.epoch().get(), authority.holder().as_str()), (4, "n1"));
    assert_eq!(authority.start().boundary, at(8));
    assert_eq!((read.recovery.segments, read.recovery.frames), (3, 18));
    let entries = read.entries.after(None, usize::MAX);
    let again = |stored: &Stored<_>| replay_authority_entry(&stored.entry);
    let replayed: Vec<_> = entries.iter().filter_map(again).collect();
    assert_eq!(replayed.len(), 3);
    assert!(replayed.iter().all(|decision| decision.verdict == Verdict::Same), "{replayed:?}");
}

#[test]
fn the_decision_ledger_holds_every_kind_of_entry() {
    let dir = committed().join("node/decision.ledger");
    let (witness, none) = (Witness::default(), BTreeMap::new());
    let read =
        DecisionLedger::open_read_only(&RealDisk, &dir, Some(&owner()), none, witness).unwrap();
    let entries = read.entries.after(None, 100);
    let kinds: Vec<_> = entries.iter().map(|stored| stored.entry.entry.body.kind()).collect();
    assert_eq!(
        kinds,
        [
            "promotion_requested",
            "promotion_denied",
            "promotion_granted",
            "command_refused",
            "command_refused",
            "command_refused",
            "command_refused",
            "command_refused",
            "command_done",
            "followed",
            "resumed",
            "halted",
            "suffix_discarded",
            "bootstrap_requested",
            "bootstrap_decided",
            "failure_cleared",
            "declined",
            "decline_refused",
            "relocated",
            "forked",
            "fork_refused",
            "checkpoint_requested",
            "relocate_refused",
        ]
    );
    let again = |stored: &Stored<_>| replay_decision_entry(&stored.entry);
    let replayed: Vec<_> = entries.iter().filter_map(again).collect();
    assert_eq!(replayed.len(), 14);
    assert!(replayed.iter().all(|decision| decision.verdict == Verdict::Same), "{replayed:?}");
}

fn read_wal(dir: &Path, checkpoint: Option<&Checkpoint>) -> Vec<RawBatch> {
    let mut shown = Vec::new();
    let mut show = |batch| {
        shown.push(batch);
        Ok::<(), Infallible>(())
    };
    let (dir, witness) = (dir.join("wal"), Witness::default());
    scan_read_only(&RealDisk, &dir, Some(&owner()), checkpoint, witness, &mut show).unwrap();
    shown
}

#[test]
fn the_wal_holds_these_commits() {
    let mut changes = Vec::new();
    for raw in read_wal(&committed().join("node"), None) {
        let batch = raw.decode().unwrap();
        let (epoch, stamp) = (batch.epoch().get(), batch.stamp().seq.get());
        for (commit, change) in batch.commits() {
            let ops = change.ops.iter().map(|op| match op {
                Op::Put { key, value } => {
                    format!(" {}={}", String::from_utf8_lossy(key), value.len())
                }
                Op::Delete { key } => format!(" -{}", String::from_utf8_lossy(key)),
            });
            changes.push(format!("{commit} e{epoch} s{stamp}{}", ops.collect::<String>()));
        }
    }
    assert_eq!(
        changes,
        [
            "1 e1 s4 greeting=5",
            "2 e1 s4 a=1 b=0",
            "3 e1 s4 -a gr\u{fc}n=2",
            "4 e1 s5",
            "5 e1 s8 large=5000",
            "6 e2 s10 epoch=1",
            "7 e2 s11 epoch=13",
            "8 e3 s12 epoch=1",
        ]
    );
}

#[test]
fn the_truncated_wal_begins_where_its_checkpoint_says() {
    let dir = committed().join("truncated");
    let checkpoint = Checkpoint::read(&RealDisk, &dir).unwrap().unwrap();
    assert_eq!((checkpoint.wal_start.segment, checkpoint.wal_start.frame_seq), (2, 4));
    assert_eq!(checkpoint.position.boundary, at(6));
    let shown = read_wal(&dir, Some(&checkpoint));
    assert_eq!(shown, read_wal(&committed().join("node"), None)[3..]);
    assert!(read_authority(&dir).authority.contains(&checkpoint.ledger));
    let names = RealDisk.list(&dir.join("wal")).unwrap();
    assert_eq!(names, ["0000000000000002.seg", "0000000000000003.seg"]);
}

#[test]
fn the_snapshot_holds_these_versions_and_is_the_one_that_the_checkpoint_names() {
    let dir = committed().join("truncated");
    let checkpoint = Checkpoint::read(&RealDisk, &dir).unwrap().unwrap();
    let path = path_of(&dir.join("snapshots"), at(6));
    let reader = SnapshotReader::open(&RealDisk, &path).unwrap();
    let manifest = reader.manifest();
    assert_eq!(manifest.hash(), checkpoint.snapshot);
    assert_eq!(manifest.facts.position, checkpoint.position);
    assert_eq!((manifest.keys, manifest.versions, manifest.blocks), (6, 7, 1));
    let versions = reader.versions().map(|version| {
        let version = version.unwrap();
        let value = version.value.map_or("-".to_owned(), |value| value.len().to_string());
        format!("{}@{}={value}", String::from_utf8_lossy(&version.key), version.commit)
    });
    assert_eq!(
        versions.collect::<Vec<_>>(),
        ["a@3=-", "a@2=1", "b@2=0", "epoch@6=1", "greeting@1=5", "gr\u{fc}n@3=2", "large@5=5000"]
    );
}
