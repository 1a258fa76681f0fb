//! A suffix is set aside on a disk that loses power at every step of it, with every choice of what survives that is
//! tried here. Whatever is left, the node acknowledges nothing alone, and the command finishes the work when it is run
//! again; nothing of the old logs is lost.

use std::convert::Infallible;
use std::sync::Arc;

use aerodb_core::authority::EntryBody;
use aerodb_core::decision::record::DecisionBody;
use aerodb_core::id::Epoch;
use aerodb_core::machine::RoleName;
use aerodb_core::position::LedgerHead;
use aerodb_core::rules::{RULESET, RuleId};
use aerodb_ledger::LedgerPlace;
use aerodb_ledger::authority::AuthorityLedger;
use aerodb_ledger::decision::DecisionLedger;
use aerodb_ledger::disk::simulated::{SimulatedDisk, UnsyncedPart};
use aerodb_ledger::disk::{Disk, is_dir};
use aerodb_ledger::log::{LogOptions, Prepare, Witness};
use aerodb_ledger::wal::scan_read_only;
use serde_json::json;

use super::{DiscardError, discard};
use crate::directory::DataDir;
use crate::open::{Opened, open};
use crate::scene::{DIR, annotation, batches, entries, granted, key, node, stopped, then};

/// What a power loss leaves here. A rename is one change, as file systems that keep a journal make it: its two names
/// go together. All else is lost or kept by itself.
fn outcomes(disk: &SimulatedDisk) -> Vec<SimulatedDisk> {
    let of = |names: usize, sectors: fn(u64) -> usize| {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        disk.after_power_loss(move |part| {
            // Marsaglia's xorshift64: the same choices in every run.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            if part.what == UnsyncedPart::Name { names } else { sectors(state) }
        })
    };
    let sectors: [fn(u64) -> usize; 4] =
        [|_| 0, |_| usize::MAX, |state| (state & 1) as usize, |state| (state >> 7 & 1) as usize];
    [0, usize::MAX].into_iter().flat_map(|names| sectors.map(|it| of(names, it))).collect()
}

/// Commits that the next epoch starts from.
const KEPT: u64 = 3;
/// With those that nobody ever acknowledged.
const ALL: u64 = 5;

/// Small segments, so that few steps only fill them.
fn dir() -> DataDir {
    let options = |bytes| LogOptions::new(bytes, Prepare::OnDemand).unwrap();
    DataDir::new(DIR).with_logs(options(32 << 10), options(64 << 10))
}

/// A deposed holder that halted.
struct Scene {
    disk: SimulatedDisk,
    /// What it halted over.
    evidence: serde_json::Value,
    /// The end of the ledger that is kept.
    ledger: LedgerHead,
    /// Entries that are set aside.
    aside: u64,
    /// The role that its ledger then gives it.
    role: RoleName,
}

/// It knows of the grant, and its log runs past where that starts.
fn log_runs_past() -> Scene {
    let stamp = entries()[2].entry.head();
    let (_, start) = batches(&entries(), &[stamp; KEPT as usize]);
    let known = granted(entries(), start, RULESET);
    let ledger = known.last().unwrap().entry.head();
    let disk = stopped(&dir(), "n1", known, &[stamp; ALL as usize]);
    let evidence = json!({ "detail": "test" });
    Scene { disk, evidence, ledger, aside: 0, role: RoleName::ReplicaActive }
}

/// Its own ledger runs past the grant's parent with a release that was never covered, which its last batches have
/// seen.
fn ledger_runs_past() -> Scene {
    let epoch = Epoch::FIRST;
    let parent = entries()[2].entry.head();
    let own = then(entries(), "n1", EntryBody::SuccessorReleased { epoch, successor: node("n2") });
    let release = own[3].entry.head();
    let disk = stopped(&dir(), "n1", own, &[parent, parent, parent, release, release]);
    let evidence = json!({ "detail": "test", "ledger_kept": parent });
    Scene { disk, evidence, ledger: parent, aside: 1, role: RoleName::PrimaryActive }
}

fn decisions(disk: &SimulatedDisk) -> DecisionLedger {
    let (dir, owner) = (dir(), key("n1").public_key());
    let (place_dir, options) = (dir.decision_ledger(), dir.ledger_options());
    let place = LedgerPlace { disk: disk.shared(), dir: &place_dir, options, owner };
    let opened = DecisionLedger::open(&place, node("n1"), Witness::default(), &dir.quarantine());
    opened.unwrap().0
}

impl Scene {
    fn halt(&self, disk: &SimulatedDisk) {
        let body = DecisionBody::Halted { rule: RuleId::FV2, evidence: self.evidence.to_string() };
        let _ = decisions(disk).append(body, annotation(), &key("n1")).unwrap();
    }

    /// Whether the work is done: logs and role are what they shall be, and nothing stands against the node.
    fn is_done(&self, opened: &Opened) -> bool {
        let at = opened.replayed.standing.received.get();
        opened.failures.is_empty()
            && opened.ledger.authority().head() == self.ledger
            && at == KEPT
            && opened.role == self.role
    }

    /// Whatever power loss left: nothing is acknowledged by this node alone, or it does not start at all.
    fn starts(&self, lost: &SimulatedDisk, what: &dyn std::fmt::Display) -> Option<Opened> {
        let has_log = is_dir(lost, &dir().wal()).unwrap();
        match open(dir(), &lost.shared()) {
            Ok(opened) => {
                let owes = opened.ledger.authority().obligation().is_some();
                let holds = opened.role == RoleName::PrimaryActive && opened.failures.is_empty();
                assert!(owes || !holds, "it acknowledges before {what}");
                Some(opened)
            }
            Err(error) => {
                assert!(!has_log, "{error} before {what}");
                None
            }
        }
    }

    /// The command, run again until there is nothing to do for it.
    fn finish(&self, lost: &SimulatedDisk, what: &dyn std::fmt::Display) {
        match discard(&dir(), &lost.shared(), annotation()) {
            Ok(_) | Err(DiscardError::Nothing { .. }) => {}
            // The failure is cleared, and the node is what it was before it halted; or all is done.
            Err(DiscardError::Holder { .. }) => {
                let opened = open(dir(), &lost.shared()).unwrap();
                if !self.is_done(&opened) {
                    drop(opened);
                    self.halt(lost);
                    let again = discard(&dir(), &lost.shared(), annotation());
                    let _ = again.unwrap_or_else(|error| panic!("{error} before {what}"));
                }
            }
            Err(error) => panic!("{error} before {what}"),
        }
        self.assert_done(lost, what);
    }

    fn assert_done(&self, disk: &SimulatedDisk, what: &dyn std::fmt::Display) {
        let opened = open(dir(), &disk.shared());
        let opened = opened.unwrap_or_else(|error| panic!("{error}: not done before {what}"));
        assert!(self.is_done(&opened), "{:?} before {what}", opened.facts);
        let record = opened.decisions.entries().after(None, usize::MAX);
        let said = record.iter().rev().find_map(|stored| match &stored.entry.entry.body {
            DecisionBody::SuffixDiscarded {
                commits_total,
                entries_total,
                entries,
                quarantine,
                ..
            } => Some((*commits_total, *entries_total, entries.clone(), quarantine.clone())),
            _ => None,
        });
        let (commits, total, aside, quarantine) = said.expect("it is recorded");
        assert_eq!((commits, total), (ALL - KEPT, self.aside), "before {what}");
        assert_eq!(aside.len() as u64, self.aside);
        assert!(aside.iter().all(|entry| entry.entry == "successor_released"));
        self.assert_kept_aside(disk, &quarantine, what);
    }

    /// The old logs lie in quarantine, whole.
    fn assert_kept_aside(&self, disk: &SimulatedDisk, name: &str, what: &dyn std::fmt::Display) {
        let (aside, owner) = (dir().quarantine(), key("n1").public_key());
        let (wal, mut batches) = (aside.join(name), 0);
        let mut count = |_| {
            batches += 1;
            Ok::<(), Infallible>(())
        };
        let seen = Witness::default();
        let scanned = scan_read_only(disk, &wal, Some(&owner), None, seen, &mut count);
        assert!(scanned.is_ok() && batches == ALL, "{batches} batches aside before {what}");
        if self.aside > 0 {
            let ledger = aside.join(name.replace("wal-", "authority-"));
            let read = AuthorityLedger::open_read_only(disk, &ledger, Some(&owner), seen);
            let seq = read.expect("a whole ledger").authority.head().seq;
            assert_eq!(seq.get(), self.ledger.seq.get() + self.aside, "before {what}");
        }
    }

    fn search(self) {
        self.halt(&self.disk);
        self.disk.record_moments();
        let listed = discard(&dir(), &self.disk.shared(), annotation()).unwrap();
        assert_eq!((listed.commits_total, listed.entries_total), (ALL - KEPT, self.aside));
        let (mut disks, mut not_begun, mut none, mut done) = (0, 0, 0, 0);
        for moment in &self.disk.moments() {
            for lost in outcomes(&moment.disk) {
                disks += 1;
                match self.starts(&lost.after_kill(), &moment.before) {
                    None => none += 1,
                    Some(opened) if self.is_done(&opened) => done += 1,
                    Some(_) => not_begun += 1,
                }
                self.finish(&lost, &moment.before);
            }
        }
        assert!(not_begun > 0 && none > 0, "{not_begun} {none} {done}");
        for lost in outcomes(&self.disk) {
            self.assert_done(&lost, &"the end");
        }
        println!("{disks} disks: {not_begun} as before, {none} that do not start, {done} done");
    }
}

/// Proves: P3-PL12.
#[test]
fn power_loss_at_every_step_of_setting_a_log_aside_leaves_what_can_be_finished() {
    log_runs_past().search();
}

#[test]
fn power_loss_at_every_step_of_setting_a_ledger_aside_leaves_what_can_be_finished() {
    ledger_runs_past().search();
}

/// What is said of a discarding that was cut short is what was recorded of it.
#[test]
fn a_discarding_that_is_finished_says_what_was_set_aside() {
    let scene = ledger_runs_past();
    scene.halt(&scene.disk);
    scene.disk.record_moments();
    let whole = discard(&dir(), &scene.disk.shared(), annotation()).unwrap();
    let moments = scene.disk.moments();
    let last = moments.iter().rev().find(|moment| !is_dir(&moment.disk, &dir().wal()).unwrap());
    let cut: Arc<dyn Disk> = last.expect("a moment without a log").disk.after_kill().shared();
    let finished = discard(&dir(), &cut, annotation()).unwrap();
    assert_eq!(finished.entries, whole.entries);
    assert_eq!((finished.seq, finished.quarantine), (whole.seq, whole.quarantine));
}
