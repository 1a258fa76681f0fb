//! The two ledgers: nothing enters that is not signed, chained and legal, and what is in stays.

#![allow(clippy::unwrap_used)] // helpers stand outside of the test functions

mod support;

use std::path::Path;

use aerodb_core::authority::{Certificate, ENTRY_BYTES_MAX, EntryBody};
use aerodb_core::decision::record::DecisionBody;
use aerodb_core::id::Seq;
use aerodb_core::rules::RuleId;
use aerodb_ledger::authority::{
    AuthorityLedger, Rejected, SignatureError, adopt_entry, sign_entry,
};
use aerodb_ledger::decision::{DecisionLedger, DecisionRejected};
use aerodb_ledger::disk::Operation;
use aerodb_ledger::disk::simulated::SimulatedDisk;
use aerodb_ledger::log::Witness;
use aerodb_ledger::{AppendError, Fault, LedgerPlace};
use support::{
    OWNER, QUARANTINE, Story, annotation, decisions, fail_next, key, ledger_place, new_disk, node,
    segments_of, trace,
};

fn place(disk: &SimulatedDisk) -> LedgerPlace<'static> {
    ledger_place(disk, segments_of(8), OWNER)
}

fn reopen(disk: &SimulatedDisk) -> AuthorityLedger {
    let opened = AuthorityLedger::open(&place(disk), Witness::default(), Path::new(QUARANTINE));
    opened.unwrap().0
}

#[test]
fn an_authority_ledger_reads_back_entry_by_entry() {
    let (disk, story) = (new_disk(), Story::full());
    let mut ledger = AuthorityLedger::create(&place(&disk), story.entries[..1].to_vec()).unwrap();
    ledger.append(&story.entries[1..3]).unwrap();
    for entry in &story.entries[3..] {
        let head = ledger.append(std::slice::from_ref(entry)).unwrap();
        assert_eq!(*head, entry.entry.head());
    }
    let last_frame = ledger.last_frame_seq();
    drop(ledger);
    for _ in 0..2 {
        let ledger = reopen(&disk);
        assert_eq!(*ledger.authority(), story.authority);
        assert_eq!(ledger.last_frame_seq(), last_frame);
        let entries = ledger.entries();
        let read: Vec<_> = entries.after(None, 100).iter().map(|e| (*e.entry).clone()).collect();
        assert_eq!(read, story.entries);
        let third = entries.entry(Seq::new(3).unwrap()).unwrap();
        assert_eq!(third.bytes, story.entries[2].encode());
        assert_eq!(entries.after(Seq::new(2), 1), [third]);
    }
}

/// Proves: P6-AS4.
#[test]
fn a_ledger_append_is_two_writes_and_two_fsyncs() {
    let (disk, story) = (new_disk(), Story::begin().admit("n2"));
    let mut ledger = AuthorityLedger::create(&place(&disk), story.entries[..1].to_vec()).unwrap();
    trace(&disk);
    ledger.append(&story.entries[1..]).unwrap();
    let (write, sync) = ("write 0000000000000001.seg", "fsync 0000000000000001.seg");
    assert_eq!(trace(&disk), [write, sync, write, sync]);
}

/// Proves: P6-B4.2.
#[test]
fn a_ledger_whose_trailer_failed_has_not_appended_and_a_restart_finds_the_entry() {
    let (disk, story) = (new_disk(), Story::begin().admit("n2"));
    let mut ledger = AuthorityLedger::create(&place(&disk), story.entries[..1].to_vec()).unwrap();
    fail_next(&disk, Operation::Write, 1);
    let failed = ledger.append(&story.entries[1..]);
    assert!(matches!(failed, Err(AppendError::Fault(Fault::Disk(_)))));
    assert_eq!((ledger.entries().len(), ledger.authority().head().seq), (1, Seq::FIRST));
    let again = ledger.append(&story.entries[1..]);
    assert!(matches!(again, Err(AppendError::Fault(Fault::Poisoned { .. }))));
    drop(ledger);
    let (ledger, recovery) =
        AuthorityLedger::open(&place(&disk), Witness::default(), Path::new(QUARANTINE)).unwrap();
    assert_eq!((ledger.entries().len(), recovery.trailer_missing), (2, true));
    assert_eq!(ledger.last_frame_seq(), 4);
}

fn rejected<T>(outcome: Result<T, AppendError<Rejected>>) -> Rejected {
    match outcome {
        Err(AppendError::Rejected(rejected)) => rejected,
        Err(AppendError::Fault(fault)) => panic!("{fault}"),
        Ok(_) => panic!("it was taken"),
    }
}

#[test]
fn au_15_an_entry_signed_by_another_key_is_rejected() {
    let (disk, story) = (new_disk(), Story::begin());
    let mut ledger = AuthorityLedger::create(&place(&disk), story.entries.clone()).unwrap();
    let admitted = story.admit("n2").entries.remove(1).entry;
    let before = disk.files();
    let found = rejected(ledger.append(&[sign_entry(&key("n2"), admitted)]));
    let invalid =
        SignatureError::Invalid { seq: Seq::new(2).unwrap(), node_id: node("n1"), of: "entry" };
    assert_eq!((found.rule(), found), (RuleId::Au15, Rejected::Signature(invalid)));
    assert_eq!(disk.files(), before);
}

#[test]
fn au_15_a_certificate_signed_by_another_key_is_rejected() {
    let disk = new_disk();
    let story = Story::begin().admit("n2").designate("n2").release("n2");
    let mut ledger = AuthorityLedger::create(&place(&disk), story.entries.clone()).unwrap();
    let forged = story.next("n1", story.obligation_ended("n2", "n1"));
    let found = rejected(ledger.append(&[forged]));
    assert!(matches!(found, Rejected::Signature(SignatureError::Invalid { of: "receipt", .. })));
    let genuine = story.next("n1", story.obligation_ended("n2", "n2"));
    ledger.append(&[genuine]).unwrap();
}

#[test]
fn au_15_a_decline_signed_by_another_key_ends_nothing_and_grants_nothing() {
    let owed = Story::begin().admit("n2").designate("n2");
    let ended = |signer| EntryBody::ObligationEnded {
        epoch: owed.epoch(),
        node_id: node("n2"),
        certificate: Certificate::Decline(owed.decline("n2", signer)),
    };
    let disk = new_disk();
    let mut ledger = AuthorityLedger::create(&place(&disk), owed.entries.clone()).unwrap();
    let found = rejected(ledger.append(&[owed.next("n1", ended("n1"))]));
    assert!(matches!(found, Rejected::Signature(SignatureError::Invalid { of: "decline", .. })));
    ledger.append(&[owed.next("n1", ended("n2"))]).unwrap();

    let (epoch, final_position) = (owed.epoch(), owed.origin());
    let said = EntryBody::AuthorityRelinquished { epoch, successor: node("n2"), final_position };
    let sealed = Story::of(owed.entries.clone()).then("n1", said);
    let disk = new_disk();
    let mut ledger = AuthorityLedger::create(&place(&disk), sealed.entries.clone()).unwrap();
    let forged = sealed.granted_back(sealed.decline("n2", "n1"));
    let found = rejected(ledger.append(&[forged]));
    assert!(matches!(found, Rejected::Signature(SignatureError::Invalid { of: "decline", .. })));
    let genuine = sealed.granted_back(sealed.decline("n2", "n2"));
    ledger.append(&[genuine]).unwrap();
    assert_eq!(ledger.authority().epoch().get(), 2);
}

#[test]
fn entries_are_appended_all_or_none() {
    let (disk, story) = (new_disk(), Story::begin().admit("n2").admit("n3"));
    let mut ledger = AuthorityLedger::create(&place(&disk), story.entries[..1].to_vec()).unwrap();
    let (second, third) = (story.entries[1].clone(), story.entries[2].clone());
    let before = disk.files();
    let found = rejected(ledger.append(&[second.clone(), second.clone()]));
    assert_eq!(found.rule(), RuleId::P6A2);
    assert_eq!((ledger.entries().len(), disk.files()), (1, before));
    ledger.append(&[second, third]).unwrap();
    drop(ledger);
    assert_eq!(*reopen(&disk).authority(), story.authority);
}

/// Proves: AU-19.
#[test]
fn au_19_an_entry_that_is_new_here_is_adopted_unless_it_was_decided_by_other_rules() {
    let story = Story::begin().admit("n2").designate("n2");
    let before = story.authority.clone();
    let end = story.origin();
    let story = story.promote("n2", end);
    let (grant, earlier) = story.entries.split_last().unwrap();
    let mut state = None;
    for entry in earlier {
        adopt_entry(&mut state, entry).unwrap();
    }
    assert_eq!(state.as_ref(), Some(&before));

    let mut other = grant.entry.clone();
    let EntryBody::AuthorityGranted(granted) = &mut other.body else { panic!("a grant") };
    granted.decision.ruleset += 1;
    let refused = adopt_entry(&mut state, &sign_entry(&key("n2"), other)).unwrap_err();
    assert_eq!(refused.rule(), RuleId::Au19);
    let forged = sign_entry(&key("n1"), grant.entry.clone());
    assert_eq!(adopt_entry(&mut state, &forged).unwrap_err().rule(), RuleId::Au15);
    assert_eq!(state.as_ref(), Some(&before), "nothing has moved");
    adopt_entry(&mut state, grant).unwrap();
    assert_eq!(state, Some(story.authority));
}

#[test]
fn entries_that_do_not_begin_with_genesis_make_no_ledger() {
    let (disk, story) = (new_disk(), Story::begin().admit("n2"));
    rejected(AuthorityLedger::create(&place(&disk), story.entries[1..].to_vec()));
    assert!(disk.files().is_empty(), "nothing is written");
}

fn decision_place(disk: &SimulatedDisk) -> LedgerPlace<'static> {
    ledger_place(disk, segments_of(8), key("n1").public_key())
}

#[test]
fn a_decision_ledger_continues_its_chain_over_restarts() {
    let disk = new_disk();
    let mut ledger = DecisionLedger::create(&decision_place(&disk), node("n1")).unwrap();
    decisions(&mut ledger, 2);
    let head = ledger.head();
    drop(ledger);
    let (witness, quarantine) = (Witness::default(), Path::new(QUARANTINE));
    let opened = DecisionLedger::open(&decision_place(&disk), node("n1"), witness, quarantine);
    let (mut ledger, _) = opened.unwrap();
    assert_eq!((ledger.head(), ledger.next_seq()), (head, Seq::new(3)));
    decisions(&mut ledger, 1);
    let third = ledger.entries().entry(Seq::new(3).unwrap()).unwrap();
    assert_eq!(third.entry.entry.previous, head.unwrap().hash);
    drop(ledger);
    let opened = DecisionLedger::open(&decision_place(&disk), node("n2"), witness, quarantine);
    assert_eq!(opened.unwrap_err().rule(), RuleId::St2, "it is the ledger of another node");
}

/// Shown is what no power loss takes away, whatever the ledger says at once to its owner.
#[test]
fn a_decision_that_is_noted_is_shown_when_its_trailer_is_durable() {
    let disk = new_disk();
    let mut ledger = DecisionLedger::create(&decision_place(&disk), node("n1")).unwrap();
    trace(&disk);
    let (write, sync) = ("write 0000000000000001.seg", "fsync 0000000000000001.seg");
    let body = DecisionBody::Halted { rule: RuleId::FV1, evidence: "e".to_owned() };
    let noted = ledger.note(body, annotation(), &key("n1")).unwrap();
    assert_eq!((ledger.head(), ledger.entries().len()), (Some(noted), 0));
    assert_eq!(trace(&disk), [write, sync]);
    ledger.settle().unwrap();
    assert_eq!(ledger.entries().len(), 1);
    assert_eq!(trace(&disk), [write, sync]);
    ledger.settle().unwrap();
    assert!(trace(&disk).is_empty(), "nothing is owed");
}

#[test]
fn a_decision_signed_by_another_key_is_rejected() {
    let disk = new_disk();
    let mut ledger = DecisionLedger::create(&decision_place(&disk), node("n1")).unwrap();
    decisions(&mut ledger, 1);
    let body = ledger.entries().entry(Seq::FIRST).unwrap().entry.entry.body.clone();
    let outcome = ledger.append(body, annotation(), &key("n2"));
    assert!(matches!(outcome, Err(AppendError::Rejected(DecisionRejected::Signature { .. }))));
    assert_eq!(ledger.entries().len(), 1);
}

/// What a reader would refuse is not written: the ledger would be lost with it.
#[test]
fn an_entry_larger_than_any_can_be_is_refused_and_the_next_one_taken() {
    let disk = new_disk();
    let mut ledger = DecisionLedger::create(
        &ledger_place(&disk, segments_of(64), key("n1").public_key()),
        node("n1"),
    )
    .unwrap();
    let halted = |bytes| DecisionBody::Halted { rule: RuleId::FV1, evidence: "e".repeat(bytes) };
    let refused = ledger.append(halted(ENTRY_BYTES_MAX), annotation(), &key("n1")).unwrap_err();
    assert!(matches!(refused, AppendError::Fault(Fault::TooLarge { .. })), "{refused}");
    ledger.append(halted(ENTRY_BYTES_MAX - 1024), annotation(), &key("n1")).unwrap();
    assert_eq!(ledger.entries().len(), 1);
}

/// The most that an entry can have is taken, one byte more is not; and what was refused leaves no trace.
#[test]
fn an_entry_of_exactly_the_most_bytes_is_taken() {
    let disk = new_disk();
    let place = ledger_place(&disk, segments_of(64), key("n1").public_key());
    let mut ledger = DecisionLedger::create(&place, node("n1")).unwrap();
    assert!(ledger.entries().is_empty());
    let halted = |bytes| DecisionBody::Halted { rule: RuleId::FV1, evidence: "e".repeat(bytes) };
    ledger.append(halted(1_000), annotation(), &key("n1")).unwrap();
    assert!(!ledger.entries().is_empty());
    let first = ledger.entries().entry(Seq::FIRST).unwrap().bytes.len();
    let fits = 1_000 + ENTRY_BYTES_MAX - first;
    match ledger.append(halted(fits + 1), annotation(), &key("n1")) {
        Err(AppendError::Fault(Fault::TooLarge { bytes, max })) => {
            assert_eq!((bytes, max), (max + 1, ENTRY_BYTES_MAX as u64));
        }
        other => panic!("{other:?}"),
    }
    ledger.append(halted(fits), annotation(), &key("n1")).unwrap();
    let second = ledger.entries().entry(Seq::new(2).unwrap()).unwrap();
    assert_eq!((second.bytes.len(), ledger.entries().len()), (ENTRY_BYTES_MAX, 2));
}

#[test]
fn no_entries_are_no_append() {
    let (disk, story) = (new_disk(), Story::begin().admit("n2"));
    let mut ledger = AuthorityLedger::create(&place(&disk), story.entries).unwrap();
    let before = disk.files();
    match ledger.append(&[]) {
        Err(AppendError::Fault(Fault::NotNext { expected: 3, found: None })) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(disk.files(), before, "nothing is written");
}

#[test]
fn a_key_shows_whose_it_is_and_not_what_it_is() {
    let key = key("n1");
    let shown = format!("{key:?}");
    assert_eq!(shown, format!("NodeKey(of {:?})", key.public_key()));
    let secret: String = key.to_seed()[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!shown.contains(&secret));
}
