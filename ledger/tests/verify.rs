//! Offline verification of a stopped node's directory, on a real disk.

#![allow(clippy::unwrap_used)] // helpers stand outside of the test functions

mod support;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aerodb_core::authority::{Authority, EntryBody};
use aerodb_core::decision::record::DecisionBody;
use aerodb_core::explain::Recorded;
use aerodb_core::hash::Chain;
use aerodb_core::id::{Boundary, CommitId, PromotionId, Seq};
use aerodb_core::position::Position;
use aerodb_core::rules::RuleId;
use aerodb_ledger::authority::{AuthorityLedger, sign_entry};
use aerodb_ledger::checkpoint::{Checkpoint, WalStart};
use aerodb_ledger::decision::DecisionLedger;
use aerodb_ledger::disk::{Disk, RealDisk, create_dir};
use aerodb_ledger::log::LogOptions;
use aerodb_ledger::retention::Retention;
use aerodb_ledger::snapshot::{SnapshotFacts, SnapshotWriter};
use aerodb_ledger::verify::{
    AUTHORITY_DIR, Completeness, DECISION_DIR, DirectoryReport, FaultKind, FaultReport, Integrity,
    Known, Missing, ReplayedDecision, SNAPSHOTS_DIR, Stamps, Verdict, VerifiedAuthority, WAL_DIR,
    replay_authority_entry, replay_decision_entry, verify_authority, verify_decisions,
    verify_directory,
};
use aerodb_ledger::wal::{Wal, WalPlace};
use aerodb_ledger::{AppendError, LedgerPlace, Sealed};
use support::{Story, annotation, batches, key, node, segments_of};

fn disk() -> Arc<dyn Disk> {
    Arc::new(RealDisk)
}

fn place(dir: &Path, options: LogOptions) -> LedgerPlace<'_> {
    LedgerPlace { disk: disk(), dir, options, owner: key("n1").public_key() }
}

/// A data directory of n1: the ledger holds so many entries of the story, the WAL has seen all of them.
fn data_dir(root: &Path, entries: usize, origin: Option<Position>) {
    let story = Story::full();
    let options = segments_of(8);
    let dir = root.join(AUTHORITY_DIR);
    AuthorityLedger::create(&place(&dir, options), story.entries[..entries].to_vec()).unwrap();

    let dir = root.join(DECISION_DIR);
    let mut ledger = DecisionLedger::create(&place(&dir, options), node("n1")).unwrap();
    let (decision, _) = Recorded::decide(Story::begin().admit("n2").facts("n2", story.origin()));
    let promotion_id = PromotionId::new("n1-1").unwrap();
    let body = DecisionBody::PromotionDenied { promotion_id, decision };
    ledger.append(body, annotation(), &key("n1")).unwrap();

    let dir = root.join(WAL_DIR);
    let owner = key("n1").public_key();
    let mut wal = Wal::create(&WalPlace { disk: disk(), dir: &dir, options, owner }).unwrap();
    let tip = origin.unwrap_or(story.origin());
    let stamp = Story::begin().admit("n2").authority.head();
    wal.append(&batches(tip, stamp, &[10, 20])).unwrap();
}

fn content(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for dir in [AUTHORITY_DIR, DECISION_DIR, WAL_DIR] {
        for file in std::fs::read_dir(root.join(dir)).unwrap() {
            let path = file.unwrap().path();
            files.insert(path.clone(), std::fs::read(path).unwrap());
        }
    }
    files
}

fn verified(root: &Path) -> DirectoryReport {
    verify_directory(&RealDisk, root, &Known::default())
}

/// Verification with a stamp that says how many appends each log had.
fn verified_with(root: &Path, stamps: Stamps) -> DirectoryReport {
    let (node, owner) = (node("n1"), key("n1").public_key());
    let known = Known { node: Some(&node), owner: Some(&owner), stamps: Some(stamps) };
    verify_directory(&RealDisk, root, &known)
}

#[track_caller]
fn fault_of(integrity: &Integrity) -> &FaultReport {
    match integrity {
        Integrity::Fault(fault) => fault,
        Integrity::Ok => panic!("it passed"),
    }
}

/// Proves: P3-T3.
#[test]
fn a_sound_directory_is_genuine_and_complete_and_is_not_touched() {
    let root = tempfile::tempdir().unwrap();
    data_dir(root.path(), 6, None);
    let before = content(root.path());
    let stamps = Stamps { authority: 2, decision: 2, wal: 1 };
    let report = verified_with(root.path(), stamps);
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(report.authority_ledger.completeness, Completeness::Ok);
    assert_eq!(report.decision_ledger.completeness, Completeness::Ok);
    assert_eq!(report.wal.completeness, Completeness::Ok);
    assert_eq!((report.wal.batches, report.wal.epochs_checked), (2, true));
    assert_eq!(report.authority_ledger.head, Some(Story::full().entries[5].entry.head()));
    let report = verified(root.path());
    assert!(report.is_ok(), "without the identity too");
    assert_eq!(report.authority_ledger.completeness, Completeness::Ok, "by the WAL's stamp");
    assert_eq!(report.decision_ledger.completeness, Completeness::Unknown);
    assert_eq!(report.wal.completeness, Completeness::Unknown);
    assert_eq!(content(root.path()), before);
}

#[test]
fn dis_16_a_log_that_ends_before_the_identitys_stamp_is_genuine_but_not_complete() {
    let root = tempfile::tempdir().unwrap();
    data_dir(root.path(), 6, None);
    let stamps = Stamps { authority: 3, decision: 4, wal: 2 };
    let report = verified_with(root.path(), stamps);
    let logs = [
        (&report.authority_ledger.integrity, &report.authority_ledger.completeness, 3, 2),
        (&report.decision_ledger.integrity, &report.decision_ledger.completeness, 4, 2),
        (&report.wal.integrity, &report.wal.completeness, 2, 1),
    ];
    for (integrity, completeness, stamped, last) in logs {
        assert_eq!(*integrity, Integrity::Ok);
        let missing = Missing::IdentityStamp { rule: RuleId::Dis16, stamped, last };
        assert_eq!(*completeness, Completeness::Fault(vec![missing]));
    }
    assert!(!report.is_ok());
}

#[test]
fn dis_16_a_wal_that_ends_before_a_commit_that_the_nodes_own_entry_names_is_not_complete() {
    let root = tempfile::tempdir().unwrap();
    data_dir(root.path(), 1, None);
    let story = Story::begin().admit("n2");
    let mut at = story.origin();
    at.boundary = Boundary::new(5);
    let epoch = story.epoch();
    let body = EntryBody::SuccessorDesignated { epoch, successor: node("n2"), at };
    let story = story.then("n1", body);
    let dir = root.path().join(AUTHORITY_DIR);
    std::fs::remove_dir_all(&dir).unwrap();
    AuthorityLedger::create(&place(&dir, segments_of(8)), story.entries).unwrap();
    let report = verified_with(root.path(), Stamps { authority: 2, decision: 2, wal: 1 });
    let (named, last) = (Boundary::new(5), Boundary::new(2));
    let missing = Missing::OwnEntry { rule: RuleId::Dis16, named, last };
    assert_eq!(report.wal.completeness, Completeness::Fault(vec![missing]));
    assert_eq!(report.wal.integrity, Integrity::Ok);
    // Another node's copy of the entry says nothing of that node's own WAL.
    assert_eq!(verified(root.path()).wal.completeness, Completeness::Unknown);
}

/// What the node's own entry names is a witness, also without the identity's stamp.
#[test]
fn dis_16_a_wal_that_reaches_what_the_nodes_own_entry_names_is_complete() {
    let root = tempfile::tempdir().unwrap();
    data_dir(root.path(), 1, None);
    let story = Story::begin().admit("n2");
    let (epoch, end) = (story.epoch(), Position { boundary: Boundary::new(2), ..story.origin() });
    let body = EntryBody::SuccessorDesignated { epoch, successor: node("n2"), at: end };
    let story = story.then("n1", body);
    let dir = root.path().join(AUTHORITY_DIR);
    std::fs::remove_dir_all(&dir).unwrap();
    AuthorityLedger::create(&place(&dir, segments_of(8)), story.entries).unwrap();
    let (node, owner) = (node("n1"), key("n1").public_key());
    let known = Known { node: Some(&node), owner: Some(&owner), stamps: None };
    let report = verify_directory(&RealDisk, root.path(), &known);
    assert_eq!(report.wal.completeness, Completeness::Ok);
    assert_eq!(verified(root.path()).wal.completeness, Completeness::Unknown, "whose WAL it is");
}

/// A grant to the node is named after the request in its own record, which was durable first.
#[test]
fn dis_16_a_record_that_ends_before_the_request_of_the_nodes_grant_is_not_complete() {
    let root = tempfile::tempdir().unwrap();
    data_dir(root.path(), 1, None);
    let story = Story::begin().admit("n2").designate("n2");
    let at = story.origin();
    let story = story.promote("n2", at);
    let body = EntryBody::SuccessorDesignated { epoch: story.epoch(), successor: node("n1"), at };
    let story = story.then("n2", body).promote("n1", at);
    let dir = root.path().join(AUTHORITY_DIR);
    std::fs::remove_dir_all(&dir).unwrap();
    AuthorityLedger::create(&place(&dir, segments_of(8)), story.entries).unwrap();
    let (name, owner) = (node("n1"), key("n1").public_key());
    let known = Known { node: Some(&name), owner: Some(&owner), stamps: None };
    let found = || verify_directory(&RealDisk, root.path(), &known).decision_ledger.completeness;
    assert_eq!(found(), Completeness::Ok, "n1-1 was asked for in its first entry");

    let dir = root.path().join(DECISION_DIR);
    std::fs::remove_dir_all(&dir).unwrap();
    drop(DecisionLedger::create(&place(&dir, segments_of(8)), name.clone()).unwrap());
    let missing = Missing::OwnGrant { rule: RuleId::Dis16, asked: Seq::FIRST, last: 0 };
    assert_eq!(found(), Completeness::Fault(vec![missing]));
    // What n2 was granted says nothing of n1's record, and nobody's directory has no record of its own.
    assert_eq!(verified(root.path()).decision_ledger.completeness, Completeness::Unknown);
}

/// Every byte of the snapshot that the marker names, and what is retained.
#[test]
fn a_damaged_snapshot_and_a_damaged_retention_are_faults_of_the_checkpoint() {
    let root = tempfile::tempdir().unwrap();
    data_dir(root.path(), 6, None);
    let dir = root.path().join(SNAPSHOTS_DIR);
    create_dir(&RealDisk, &dir).unwrap();
    let (cluster, owner) = (*Story::begin().authority.cluster(), key("n1").public_key());
    let (epoch, ledger) = (Story::begin().epoch(), Story::begin().authority.head());
    let position = Position { boundary: Boundary::new(2), chain: Chain([2; 32]) };
    let oldest_retained = position.boundary;
    let facts =
        SnapshotFacts { cluster, position, epoch, ledger, oldest_retained, designation: None };
    let mut writer = SnapshotWriter::create(disk(), &dir, facts).unwrap();
    writer.push(b"key", CommitId::FIRST, Some(b"value")).unwrap();
    let snapshot = writer.finish().unwrap().into_inner();
    let origin = Position::origin(&cluster);
    let wal_start = WalStart { segment: 1, frame_seq: 1, position: origin };
    let hash = snapshot.manifest.hash();
    let marker = Checkpoint {
        cluster,
        owner,
        position,
        epoch,
        ledger,
        designation: None,
        snapshot: hash,
        wal_start,
    };
    marker.write(&RealDisk, root.path()).unwrap();
    assert_eq!(verified(root.path()).checkpoint, Integrity::Ok);

    let good = std::fs::read(&snapshot.path).unwrap();
    let at = good.windows(5).position(|bytes| bytes == b"value").unwrap();
    let mut bytes = good.clone();
    bytes[at] ^= 1;
    std::fs::write(&snapshot.path, bytes).unwrap();
    assert_eq!(fault_of(&verified(root.path()).checkpoint).rule, RuleId::Snp4);
    std::fs::write(&snapshot.path, good).unwrap();
    assert_eq!(verified(root.path()).checkpoint, Integrity::Ok);

    std::fs::write(root.path().join(Retention::NAME), b"{}").unwrap();
    assert!(matches!(verified(root.path()).checkpoint, Integrity::Fault(_)));
    std::fs::remove_file(root.path().join(Retention::NAME)).unwrap();
    std::fs::write(root.path().join(Checkpoint::NAME), b"{}").unwrap();
    assert!(matches!(verified(root.path()).checkpoint, Integrity::Fault(_)));
}

#[test]
fn what_could_not_be_read_is_no_damage() {
    let root = tempfile::tempdir().unwrap();
    data_dir(root.path(), 6, None);
    let segment = root.path().join(WAL_DIR).join("0000000000000001.seg");
    std::fs::remove_file(&segment).unwrap();
    std::fs::create_dir(&segment).unwrap();
    let report = verified(root.path());
    let fault = fault_of(&report.wal.integrity);
    assert_eq!((fault.kind, fault.rule), (FaultKind::Unreadable, RuleId::P3D9));
    assert_eq!(fault.file, Some(segment));
    assert_eq!(report.wal.completeness, Completeness::Unknown);
}

#[test]
fn au_14_a_ledger_shorter_than_its_wal_has_seen_is_genuine_but_not_complete() {
    let root = tempfile::tempdir().unwrap();
    data_dir(root.path(), 1, None);
    let report = verified(root.path());
    assert_eq!(report.authority_ledger.integrity, Integrity::Ok);
    let seen = Story::begin().admit("n2").authority.head();
    let head = Story::begin().authority.head();
    let missing = Missing::WalStamp { rule: RuleId::Au14, seen, head };
    assert_eq!(report.authority_ledger.completeness, Completeness::Fault(vec![missing]));
    assert!(!report.is_ok());
}

#[test]
fn ri_3_a_wal_of_another_history_is_not_genuine() {
    let root = tempfile::tempdir().unwrap();
    let mut origin = Story::full().origin();
    origin.chain.0[0] ^= 1;
    data_dir(root.path(), 6, Some(origin));
    let report = verified(root.path());
    let fault = fault_of(&report.wal.integrity);
    assert_eq!((fault.kind, fault.rule), (FaultKind::Damage, RuleId::Ri3));
    let file = root.path().join(WAL_DIR).join("0000000000000001.seg");
    // Segment header, frame header, the record's length.
    assert_eq!((&fault.file, fault.offset), (&Some(file), Some(4096 + 136 + 4)));
}

#[test]
fn a_batch_that_breaks_the_history_is_named_with_its_own_place_in_a_shared_append() {
    let root = tempfile::tempdir().unwrap();
    data_dir(root.path(), 6, None);
    let dir = root.path().join(WAL_DIR);
    std::fs::remove_dir_all(&dir).unwrap();
    let options = segments_of(8);
    let owner = key("n1").public_key();
    let mut wal = Wal::create(&WalPlace { disk: disk(), dir: &dir, options, owner }).unwrap();
    let (tip, stamp) = (Story::full().origin(), Story::begin().authority.head());
    let [one, _] = batches(tip, stamp, &[1000, 10]).try_into().unwrap();
    let [_, other] = batches(tip, stamp, &[500, 7]).try_into().unwrap();
    let length = one.bytes().len();
    wal.append(&[one, other.clone()]).unwrap();
    let report = verified(root.path());
    let fault = fault_of(&report.wal.integrity);
    assert_eq!(fault.rule, RuleId::Ri3);
    let bytes = std::fs::read(fault.file.as_ref().unwrap()).unwrap();
    let offset = usize::try_from(fault.offset.unwrap()).unwrap();
    // After the first batch and both lengths, with the tags of the two sectors between.
    assert_eq!(offset, 4096 + 136 + 4 + length + 4 + 2 * 4);
    assert_eq!(bytes[offset..offset + 32], other.bytes()[..32]);
    assert_eq!(report.wal.batches, 1, "the one before it is sound");
}

/// Proves: F-0.4, F-X5.
#[test]
fn damage_is_reported_with_file_offset_and_rule() {
    let root = tempfile::tempdir().unwrap();
    data_dir(root.path(), 6, None);
    let path = root.path().join(DECISION_DIR).join("0000000000000001.seg");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4096 + 600] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let report = verified(root.path());
    let fault = fault_of(&report.decision_ledger.integrity);
    assert_eq!((fault.rule, &fault.file), (RuleId::P3D4, &Some(path)));
    assert_eq!(fault.offset, Some(4096 + 136));
    assert_eq!(report.wal.integrity, Integrity::Ok);
}

#[test]
fn a_missing_directory_is_reported_and_not_created() {
    let root = tempfile::tempdir().unwrap();
    let report = verified(root.path());
    assert!(!report.is_ok());
    assert_eq!(fault_of(&report.wal.integrity).rule, RuleId::R3);
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
}

fn replayed_authority(root: &Path) -> (Vec<ReplayedDecision>, VerifiedAuthority) {
    let mut replayed = Vec::new();
    let dir = root.join(AUTHORITY_DIR);
    let ledger = verify_authority(&RealDisk, &dir, &Known::default(), &mut |stored| {
        replayed.extend(replay_authority_entry(&stored.entry));
        Ok::<(), Infallible>(())
    });
    (replayed, ledger.unwrap())
}

fn replayed_decisions(
    dir: &Path,
    known: &Known<'_>,
    ledger: Option<&Authority>,
) -> Vec<ReplayedDecision> {
    let mut replayed = Vec::new();
    let report = verify_decisions(&RealDisk, dir, known, ledger, &mut |stored| {
        replayed.extend(replay_decision_entry(&stored.entry));
        Ok::<(), Infallible>(())
    });
    assert_eq!(report.unwrap().integrity, Integrity::Ok);
    replayed
}

#[test]
fn every_recorded_decision_comes_out_again() {
    let root = tempfile::tempdir().unwrap();
    let entries = Story::full().entries;
    data_dir(root.path(), entries.len(), None);
    let (grants, ledger) = replayed_authority(root.path());
    assert_eq!(grants.len(), 1);
    assert_eq!((grants[0].kind, grants[0].verdict), ("authority_granted", Verdict::Same));
    assert_eq!(grants[0].replayed, Some(grants[0].recorded));
    let dir = root.path().join(DECISION_DIR);
    let denials = replayed_decisions(&dir, &Known::default(), ledger.authority.as_deref());
    assert_eq!((denials[0].kind, denials[0].verdict), ("promotion_denied", Verdict::Same));
}

#[test]
fn entries_are_shown_in_order_up_to_the_fault_and_a_reader_may_stop() {
    let root = tempfile::tempdir().unwrap();
    let entries = Story::full().entries;
    let dir = root.path().join(AUTHORITY_DIR);
    let mut ledger = AuthorityLedger::create(&place(&dir, segments_of(32)), entries[..1].to_vec());
    for entry in &entries[1..] {
        ledger.as_mut().unwrap().append(std::slice::from_ref(entry)).unwrap();
    }
    let shown = |stop_at: usize| {
        let mut shown = Vec::new();
        let found = verify_authority(&RealDisk, &dir, &Known::default(), &mut |stored| {
            shown.push((*stored.entry).clone());
            if shown.len() == stop_at { Err("enough") } else { Ok(()) }
        });
        (shown, found.map(|found| found.report.integrity))
    };
    assert_eq!(shown(usize::MAX), (entries.clone(), Ok(Integrity::Ok)));
    assert_eq!(shown(3), (entries[..3].to_vec(), Err("enough")));
    let path = dir.join("0000000000000001.seg");
    let mut bytes = std::fs::read(&path).unwrap();
    // The third entry's frame: two before it, each with its trailer.
    bytes[4096 * 5 + 200] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let (sound, found) = shown(usize::MAX);
    assert_eq!(sound, entries[..2]);
    assert_eq!(fault_of(&found.unwrap()).offset, Some(4096 * 5 + 136));
}

#[test]
fn a_tampered_or_foreign_decision_is_told_apart() {
    let root = tempfile::tempdir().unwrap();
    let (dir, owner) = (root.path().join(DECISION_DIR), key("n1").public_key());
    let mut ledger = DecisionLedger::create(&place(&dir, segments_of(8)), node("n1")).unwrap();
    let story = Story::begin().admit("n2");
    let (good, _) = Recorded::decide(story.facts("n2", story.origin()));
    let mut differs = good.clone();
    differs.facts.halt = Some(RuleId::Rm5);
    let mut other = good.clone();
    other.ruleset += 1;
    for decision in [good, differs, other] {
        let promotion_id = PromotionId::new("n1-1").unwrap();
        let body = DecisionBody::PromotionDenied { promotion_id, decision };
        ledger.append(body, annotation(), &key("n1")).unwrap();
    }
    let known = Known { owner: Some(&owner), ..Known::default() };
    let replayed = replayed_decisions(&dir, &known, None);
    let verdicts: Vec<_> = replayed.iter().map(|line| line.verdict).collect();
    assert_eq!(verdicts, [Verdict::Same, Verdict::Differs, Verdict::OtherRuleset]);
}

/// A ledger with a grant that a program of other rules made: read, checked in everything that can be, and said so.
/// Proves: AU-19.
#[test]
fn au19_a_ledger_of_other_rules_is_whole_and_its_decision_is_said_not_to_be_made_again() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join(AUTHORITY_DIR);
    let mut entries = Story::full().entries;
    let at = entries.iter().position(|it| it.entry.body.kind() == "authority_granted").unwrap();
    entries.truncate(at + 1);
    let signed = &mut entries[at];
    let EntryBody::AuthorityGranted(grant) = &mut signed.entry.body else { panic!("a grant") };
    grant.decision.ruleset = 7;
    let author = signed.entry.author.as_str().to_owned();
    *signed = sign_entry(&key(&author), signed.entry.clone());

    let refused = AuthorityLedger::create(&place(&dir, segments_of(8)), entries.clone());
    let Err(AppendError::Rejected(rejected)) = refused else { panic!("it was adopted") };
    assert_eq!(rejected.rule(), RuleId::Au19);
    AuthorityLedger::create_again(&place(&dir, segments_of(8)), entries).unwrap();

    let (grants, ledger) = replayed_authority(root.path());
    assert_eq!(ledger.report.integrity, Integrity::Ok);
    assert_eq!(ledger.report.other_rulesets, [(7, 1)].into());
    assert_eq!((grants[0].ruleset, grants[0].verdict), (7, Verdict::OtherRuleset));
    assert_eq!(grants[0].replayed, None);
}
