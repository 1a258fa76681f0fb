//! Stopped nodes of a small cluster, each on a disk in memory: where tests of power loss begin.

use std::path::Path;
use std::sync::Arc;

use aerodb_core::authority::{
    Annotation, Durability, Entry, EntryBody, Grant, Member, SignedEntry,
};
use aerodb_core::decision::promotion::{AuthorityFacts, Progress, PromotionFacts};
use aerodb_core::explain::Recorded;
use aerodb_core::hash::{ClusterId, Hash};
use aerodb_core::id::{Address, ClusterName, Epoch, NodeId, PromotionId, Reason};
use aerodb_core::machine::RoleName;
use aerodb_core::position::{LedgerHead, Position};
use aerodb_core::wal::{Batch, Commit, Op};
use aerodb_ledger::authority::{NodeKey, admit_entry, sign_entry};
use aerodb_ledger::disk::simulated::SimulatedDisk;
use aerodb_ledger::disk::{Disk, remove_tree};
use aerodb_ledger::log::{LogOptions, Prepare};
use aerodb_ledger::wal::{Wal, WalPlace};

use crate::config::Config;
use crate::directory::{self, DataDir, Founding};

pub(crate) const DIR: &str = "/node";

pub(crate) fn dir() -> DataDir {
    DataDir::new(DIR)
}

pub(crate) fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

pub(crate) fn key(name: &str) -> NodeKey {
    NodeKey::from_seed(&[name.as_bytes()[1]; 32])
}

pub(crate) fn member(name: &str) -> Member {
    let address = Address::new("http://127.0.0.1:7401").unwrap();
    Member { node_id: node(name), public_key: key(name).public_key(), address }
}

pub(crate) fn annotation() -> Annotation {
    let reason = Reason::new("test").unwrap();
    Annotation { received_at_ms: 0, operator: "test".to_owned(), reason }
}

/// n1 founds the cluster, admits n2 and names it successor at the origin.
pub(crate) fn entries() -> Vec<SignedEntry> {
    let founding = Founding {
        cluster_name: ClusterName::new("c").unwrap(),
        nonce: Hash([9; 32]),
        founder: member("n1"),
        minimum_durability: Durability::Local,
        ancestor: None,
        annotation: annotation(),
    };
    let entries = vec![directory::genesis(founding, &key("n1"))];
    let at = Position::origin(&cluster(&entries));
    let epoch = Epoch::FIRST;
    let entries = then(entries, "n1", EntryBody::MemberAdmitted { epoch, member: member("n2") });
    then(entries, "n1", EntryBody::SuccessorDesignated { epoch, successor: node("n2"), at })
}

pub(crate) fn cluster(entries: &[SignedEntry]) -> ClusterId {
    ClusterId(entries[0].entry.hash().0)
}

/// With one entry more, as that node signs it.
pub(crate) fn then(
    mut entries: Vec<SignedEntry>,
    author: &str,
    body: EntryBody,
) -> Vec<SignedEntry> {
    let head = entries.last().unwrap().entry.head();
    let entry = Entry {
        format: Entry::FORMAT,
        seq: head.seq.next().unwrap(),
        previous: head.hash,
        author: node(author),
        body,
        annotation: annotation(),
    };
    entries.push(sign_entry(&key(author), entry));
    entries
}

/// With n2's grant on its designation, its history ending with these batches; decided under this ruleset.
pub(crate) fn granted(entries: Vec<SignedEntry>, end: Position, ruleset: u32) -> Vec<SignedEntry> {
    let mut state = None;
    entries.iter().for_each(|entry| admit_entry(&mut state, entry).unwrap());
    let authority = state.unwrap();
    let facts = PromotionFacts {
        cluster: *authority.cluster(),
        node: node("n2"),
        expected_epoch: Epoch::FIRST,
        replica_id: None,
        ledger: authority.head(),
        authority: AuthorityFacts::from(&*authority),
        member: true,
        role: RoleName::ReplicaActive,
        halt: None,
        attempt_in_progress: false,
        progress: Progress {
            received: end.boundary,
            validated: end.boundary,
            applied: end.boundary,
        },
        wal_end: end,
        chain_at_basis: Some(Position::origin(authority.cluster()).chain),
        epoch_mismatch: None,
        declined: false,
        decline: None,
    };
    let (mut decision, explanation) = Recorded::decide(facts);
    assert!(explanation.holds(), "{explanation:?}");
    decision.ruleset = ruleset;
    let grant = Grant::of(PromotionId::new("n2-1").unwrap(), None, decision).unwrap();
    then(entries, "n2", EntryBody::AuthorityGranted(Box::new(grant)))
}

/// A batch of one commit for each stamp, `k1`, `k2`, … of epoch 1; and where they end.
pub(crate) fn batches(
    entries: &[SignedEntry],
    stamps: &[LedgerHead],
) -> (Vec<aerodb_core::wal::RawBatch>, Position) {
    let mut tip = Position::origin(&cluster(entries));
    let raws = (1..).zip(stamps).map(|(number, stamp)| {
        let ops = vec![Op::Put { key: format!("k{number}").into(), value: "v".into() }];
        let formed = Batch::form(&tip, Epoch::FIRST, *stamp, vec![Commit { ops }]);
        let (batch, raw) = formed.unwrap();
        tip = batch.end();
        raw
    });
    let raws: Vec<_> = raws.collect();
    (raws, tip)
}

/// The directory of a stopped node that has this ledger, and a batch of one commit for each stamp, in segments of a
/// few frames.
pub(crate) fn stopped(
    dir: &DataDir,
    name: &str,
    entries: Vec<SignedEntry>,
    stamps: &[LedgerHead],
) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let shared = disk.shared();
    let config = Config::new("127.0.0.1:7401".parse().unwrap());
    let (raws, _) = batches(&entries, stamps);
    directory::create(dir, &shared, &config, &node(name), &key(name), entries).unwrap();
    remove_tree(&disk, &dir.wal()).unwrap();
    let options = LogOptions::new(32 << 10, Prepare::OnDemand).unwrap();
    let (wal_dir, owner) = (dir.wal(), key(name).public_key());
    let place = WalPlace { disk: Arc::clone(&shared), dir: &wal_dir, options, owner };
    let mut wal = Wal::create(&place).unwrap();
    for raw in raws {
        let _ = wal.append(&[raw]).unwrap();
    }
    disk.sync_dir(Path::new(DIR)).unwrap();
    disk
}
