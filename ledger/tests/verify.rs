//! Offline verification of a stopped node's directory, on a real disk.

#![allow(clippy::unwrap_used)] // helpers stand outside of the test functions

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aerodb_core::decision::record::DecisionBody;
use aerodb_core::explain::Recorded;
use aerodb_core::id::PromotionId;
use aerodb_core::position::Position;
use aerodb_core::rules::RuleId;
use aerodb_ledger::LedgerPlace;
use aerodb_ledger::authority::AuthorityLedger;
use aerodb_ledger::decision::DecisionLedger;
use aerodb_ledger::disk::{Disk, RealDisk};
use aerodb_ledger::log::LogOptions;
use aerodb_ledger::verify::{
    AUTHORITY_DIR, Completeness, DECISION_DIR, Integrity, Verdict, WAL_DIR, replay_authority,
    replay_decisions, verify_authority, verify_decisions, verify_directory,
};
use aerodb_ledger::wal::{Wal, WalPlace};
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

#[test]
fn a_sound_directory_is_genuine_and_complete_and_is_not_touched() {
    let root = tempfile::tempdir().unwrap();
    data_dir(root.path(), 6, None);
    let before = content(root.path());
    let report = verify_directory(&RealDisk, root.path(), Some(&key("n1").public_key()));
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(report.completeness, Completeness::Ok);
    assert_eq!((report.wal.batches, report.wal.epochs_checked), (2, true));
    assert_eq!(report.authority_ledger.head, Some(Story::full().entries[5].entry.head()));
    assert!(verify_directory(&RealDisk, root.path(), None).is_ok(), "without the identity too");
    assert_eq!(content(root.path()), before);
}

#[test]
fn au_14_a_ledger_shorter_than_its_wal_has_seen_is_genuine_but_not_complete() {
    let root = tempfile::tempdir().unwrap();
    data_dir(root.path(), 1, None);
    let report = verify_directory(&RealDisk, root.path(), None);
    assert_eq!(report.authority_ledger.integrity, Integrity::Ok);
    assert!(matches!(report.completeness, Completeness::Fault { rule: RuleId::Au14, .. }));
    assert!(!report.is_ok());
}

#[test]
fn ri_3_a_wal_of_another_history_is_not_genuine() {
    let root = tempfile::tempdir().unwrap();
    let mut origin = Story::full().origin();
    origin.chain.0[0] ^= 1;
    data_dir(root.path(), 6, Some(origin));
    let report = verify_directory(&RealDisk, root.path(), None);
    match report.wal.integrity {
        Integrity::Fault(fault) => assert_eq!(fault.rule, RuleId::Ri3),
        Integrity::Ok => panic!("it passed"),
    }
}

#[test]
fn damage_is_reported_with_file_offset_and_rule() {
    let root = tempfile::tempdir().unwrap();
    data_dir(root.path(), 6, None);
    let path = root.path().join(DECISION_DIR).join("0000000000000001.seg");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4096 + 600] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let report = verify_directory(&RealDisk, root.path(), None);
    match report.decision_ledger.integrity {
        Integrity::Fault(fault) => {
            assert_eq!((fault.rule, fault.file), (RuleId::P3D4, Some(path)));
            assert_eq!(fault.offset, Some(4096 + 136));
        }
        Integrity::Ok => panic!("it passed"),
    }
    assert_eq!(report.wal.integrity, Integrity::Ok);
}

#[test]
fn a_missing_directory_is_reported_and_not_created() {
    let root = tempfile::tempdir().unwrap();
    let report = verify_directory(&RealDisk, root.path(), None);
    assert!(!report.is_ok());
    match report.wal.integrity {
        Integrity::Fault(fault) => assert_eq!(fault.rule, RuleId::R3),
        Integrity::Ok => panic!("it passed"),
    }
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
}

#[test]
fn every_recorded_decision_comes_out_again() {
    let root = tempfile::tempdir().unwrap();
    let entries = Story::full().entries;
    data_dir(root.path(), entries.len(), None);
    let (_, read) = verify_authority(&RealDisk, &root.path().join(AUTHORITY_DIR), None);
    let read = read.unwrap();
    let grants = replay_authority(&read.entries);
    assert_eq!(grants.len(), 1);
    assert_eq!((grants[0].kind, grants[0].verdict), ("authority_granted", Verdict::Same));
    assert_eq!(grants[0].replayed, Some(grants[0].recorded));
    let dir = root.path().join(DECISION_DIR);
    let (_, decisions) = verify_decisions(&RealDisk, &dir, None, Some(&read.authority));
    let denials = replay_decisions(&decisions.unwrap().entries);
    assert_eq!((denials[0].kind, denials[0].verdict), ("promotion_denied", Verdict::Same));
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
    let (_, read) = verify_decisions(&RealDisk, &dir, Some(&owner), None);
    let verdicts: Vec<_> =
        replay_decisions(&read.unwrap().entries).iter().map(|line| line.verdict).collect();
    assert_eq!(verdicts, [Verdict::Same, Verdict::Differs, Verdict::OtherRuleset]);
}
