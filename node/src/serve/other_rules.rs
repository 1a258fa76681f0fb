//! A grant that was decided under rules that this program does not have: a node starts on a ledger of its own that
//! holds one, and takes none from another node.

use aerodb_core::id::{Address, Epoch};
use aerodb_core::machine::RoleName;
use aerodb_core::position::LedgerHead;
use aerodb_core::rules::{RULESET, RuleId};
use aerodb_http_api::code::Code;
use bytes::Bytes;

use super::power_loss::ask;
use crate::open::open;
use crate::parted::{Parting, judge};
use crate::replication::LedgerThere;
use crate::scene::{annotation, batches, dir, entries, granted, stopped};
use crate::supervisor::Intervention;

/// The version that no program has yet.
const LATER: u32 = RULESET + 1;

fn stamps() -> [LedgerHead; 2] {
    [entries()[2].entry.head(); 2]
}

/// The cluster's ledger with n2's grant under this ruleset.
fn ledger(ruleset: u32) -> Vec<aerodb_core::authority::SignedEntry> {
    let (_, end) = batches(&entries(), &stamps());
    granted(entries(), end, ruleset)
}

/// As the program that made the ledger leaves it: this one refuses to make it, and must read it.
fn left_by_a_later_program() -> aerodb_ledger::disk::simulated::SimulatedDisk {
    use aerodb_ledger::disk::{Disk as _, remove_tree};

    let disk = stopped(&dir(), "n2", entries(), &stamps());
    let (ledger_dir, options) = (dir().authority_ledger(), dir().ledger_options());
    remove_tree(&disk, &ledger_dir).unwrap();
    let owner = crate::scene::key("n2").public_key();
    let place =
        aerodb_ledger::LedgerPlace { disk: disk.shared(), dir: &ledger_dir, options, owner };
    let made = aerodb_ledger::authority::AuthorityLedger::create_again(&place, ledger(LATER));
    drop(made.unwrap());
    // The request that the grant is named after.
    let record = dir().decision_ledger();
    let place = aerodb_ledger::LedgerPlace { dir: &record, ..place };
    let opened = aerodb_ledger::decision::DecisionLedger::open(
        &place,
        crate::scene::node("n2"),
        aerodb_ledger::log::Witness::default(),
        &dir().quarantine(),
    );
    let asked = aerodb_core::decision::record::DecisionBody::PromotionRequested {
        expected_epoch: Epoch::FIRST,
        replica_id: None,
        request: None,
    };
    let _ = opened.unwrap().0.append(asked, annotation(), &crate::scene::key("n2")).unwrap();
    disk.sync_dir(dir().path()).unwrap();
    disk
}

/// Proves: AU-19.
#[test]
fn au19_a_node_opens_its_own_history_whatever_rules_it_was_decided_by() {
    let disk = left_by_a_later_program();
    let opened = open(dir(), &disk.shared()).unwrap();
    assert_eq!(opened.role, RoleName::PrimaryActive);
    assert_eq!(opened.ledger.authority().epoch().get(), 2);
    assert!(opened.failures.is_empty(), "{:?}", opened.failures);
}

/// Proves: AU-19.
#[test]
fn au19_a_grant_that_cannot_be_decided_again_is_not_adopted_and_nothing_is_halted() {
    let disk = stopped(&dir(), "n1", entries(), &stamps());
    let follow = |ruleset| {
        let grant = ledger(ruleset).pop().unwrap();
        let common = entries()[2].entry.head();
        let there = Some(LedgerThere { common, entries: vec![Bytes::from(grant.encode())] });
        let upstream = Address::new("http://127.0.0.1:7402").unwrap();
        ask(&disk, move |supervisor| async move {
            let intervention = Intervention::Follow { upstream, there };
            supervisor.intervene(intervention, None, annotation()).await
        })
    };
    let refused = follow(LATER).unwrap_err();
    assert_eq!((refused.code(), refused.body().rule), (Code::CommandRefused, Some(RuleId::Au19)));
    assert!(refused.body().detail.contains("ruleset 2"), "{refused}");
    assert!(!refused.body().remedies.as_ref().unwrap().is_empty());
    let opened = open(dir(), &disk.after_kill().shared()).unwrap();
    assert_eq!(opened.ledger.authority().epoch(), Epoch::FIRST);
    assert!(opened.failures.is_empty(), "{:?}", opened.failures);
}

/// A deposed holder whose ledger runs past the parent of such a grant does not halt over it either.
#[test]
fn au19_a_grant_that_cannot_be_decided_again_deposes_nobody() {
    let ours: Vec<_> = entries()
        .into_iter()
        .map(|entry| aerodb_ledger::Stored {
            bytes: entry.encode().into(),
            entry: std::sync::Arc::new(entry),
        })
        .collect();
    let common = entries()[2].entry.head();
    let parting = |ruleset| judge(&ours, common, &ledger(ruleset).pop().unwrap());
    assert!(matches!(parting(RULESET), Parting::Deposed(_)));
    let Parting::Nothing(why) = parting(LATER) else { panic!("it was believed") };
    assert!(why.contains("ruleset 2"), "{why}");
}
