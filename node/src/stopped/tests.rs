//! Commands on a stopped node's directory, on a disk that loses power at every one of their steps: whatever is
//! left, the command run again comes to the same, and what was answered is never taken back.

use std::path::Path;

use aerodb_core::authority::SignedDecline;
use aerodb_core::hash::{ClusterId, Hash};
use aerodb_core::id::Epoch;
use aerodb_core::machine::RoleName;
use aerodb_ledger::authority::NodeKey;
use aerodb_ledger::disk::simulated::SimulatedDisk;
use aerodb_ledger::disk::{Access, Disk, Operation, is_dir};

use super::{
    Declining, ForkAsked, Forking, Founder, Relinquishing, Relocating, decline, fork, relinquish,
    relocate,
};
use crate::checkpoint::tests::losses;
use crate::declines::decline_of;
use crate::directory::DataDir;
use crate::identity::IdentityFile;
use crate::open::open;
use crate::scene::{self, DIR, annotation, dir, entries, node};

/// The directory of a node that has all of it, with one commit.
fn stopped(name: &str) -> SimulatedDisk {
    scene::stopped(&dir(), name, entries(), &[entries()[2].entry.head()])
}

fn declined(disk: &SimulatedDisk) -> SignedDecline {
    match decline(&dir(), &disk.shared(), Epoch::FIRST, annotation()).unwrap() {
        Declining::Declined(_, certificate) => certificate,
        Declining::Refused(refused) => panic!("{:?}", refused.explanation),
    }
}

fn recorded(disk: &SimulatedDisk) -> Option<SignedDecline> {
    let opened = open(dir(), &disk.shared()).unwrap();
    assert!(opened.failures.is_empty(), "{:?}", opened.failures);
    let next = Epoch::FIRST.next().unwrap();
    decline_of(&opened.decisions.entries(), next).map(|(_, certificate)| certificate)
}

/// Proves: P6-AS2.
#[test]
fn au17_power_loss_at_every_step_of_a_decline_leaves_it_there_or_to_be_made() {
    let disk = stopped("n2");
    disk.record_moments();
    let given = declined(&disk);
    let moments = disk.moments();
    assert!(moments.len() > 5, "{} steps", moments.len());
    let (mut there, mut not_there) = (0, 0);
    for moment in &moments {
        for lost in losses(&moment.disk) {
            match recorded(&lost.after_kill()) {
                Some(certificate) => {
                    assert_eq!(certificate, given);
                    there += 1;
                }
                None => not_there += 1,
            }
            assert_eq!(declined(&lost), given, "before {}", moment.before);
        }
    }
    assert!(there > 0 && not_there > 0, "{there} {not_there}");
    for lost in losses(&disk) {
        assert_eq!(recorded(&lost), Some(given.clone()), "it was answered");
    }
}

fn relinquished(disk: &SimulatedDisk) -> aerodb_core::authority::SignedEntry {
    let asked = relinquish(dir(), &disk.shared(), node("n2"), Epoch::FIRST, annotation());
    match asked.unwrap() {
        Relinquishing::Relinquished(entry) => *entry,
        Relinquishing::Refused(refused) => panic!("{:?}", refused.explanation),
    }
}

fn role(disk: &SimulatedDisk) -> RoleName {
    open(dir(), &disk.shared()).unwrap().role
}

/// Proves: M-P17, P6-RC7, P6-F2, P6-SC4.
#[test]
fn power_loss_at_every_step_of_an_offline_relinquishment_leaves_a_holder_or_a_sealed_node() {
    let disk = stopped("n1");
    disk.record_moments();
    let said = relinquished(&disk);
    let (mut holding, mut sealed) = (0, 0);
    for moment in &disk.moments() {
        for lost in losses(&moment.disk) {
            match role(&lost.after_kill()) {
                RoleName::PrimaryActive => holding += 1,
                RoleName::PrimarySealed => sealed += 1,
                other => panic!("{other:?} before {}", moment.before),
            }
            assert_eq!(relinquished(&lost), said, "before {}", moment.before);
        }
    }
    assert!(holding > 0 && sealed > 0, "{holding} {sealed}");
    for lost in losses(&disk) {
        assert_eq!(role(&lost), RoleName::PrimarySealed, "it was answered");
    }
}

const COPY: &str = "/copy";

/// What `cp -a` leaves: the bytes are in the cache alone.
fn copied(disk: &SimulatedDisk, from: &Path, to: &Path) {
    disk.create_dir(to).unwrap();
    for name in disk.list(from).unwrap() {
        let (from, to) = (from.join(&name), to.join(&name));
        if is_dir(disk, &from).unwrap() {
            copied(disk, &from, &to);
        } else {
            let file = disk.open(&from, Access::Read).unwrap();
            let mut bytes = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
            file.read_at(0, &mut bytes).unwrap();
            let copy = disk.create(&to).unwrap();
            if !bytes.is_empty() {
                copy.write_at(0, &bytes).unwrap();
            }
        }
    }
}

/// Whether a node started there would take part.
fn takes_part(disk: &SimulatedDisk, path: &str) -> bool {
    open(DataDir::new(path), &disk.after_kill().shared()).is_ok_and(|it| it.failures.is_empty())
}

fn relocated(disk: &SimulatedDisk) -> bool {
    let (kept, left) = (DataDir::new(COPY), dir());
    match relocate(&kept, Some(&left), &disk.shared(), false, annotation()) {
        Ok(Relocating::Relocated { .. }) => true,
        Ok(Relocating::Refused(_)) | Err(_) => false,
    }
}

#[test]
fn dir4_power_loss_at_every_step_of_a_relocation_never_leaves_two_directories_that_start() {
    let disk = stopped("n2");
    copied(&disk, Path::new(DIR), Path::new(COPY));
    disk.record_moments();
    assert!(relocated(&disk));
    let moments = disk.moments();
    let (mut old, mut neither, mut new) = (0, 0, 0);
    for moment in &moments {
        for lost in losses(&moment.disk).into_iter().take(3) {
            match (takes_part(&lost, DIR), takes_part(&lost, COPY)) {
                (true, true) => panic!("both before {}", moment.before),
                (true, false) => {
                    old += 1;
                    // The copy may be gone with the power: then it is refused, and the original stands.
                    let done = relocated(&lost);
                    assert_eq!(takes_part(&lost, COPY), done, "before {}", moment.before);
                    assert_eq!(takes_part(&lost, DIR), !done, "before {}", moment.before);
                }
                (false, kept) => {
                    if kept {
                        new += 1
                    } else {
                        neither += 1
                    }
                    assert!(relocated(&lost), "before {}", moment.before);
                    assert!(takes_part(&lost, COPY) && !takes_part(&lost, DIR));
                }
            }
        }
    }
    assert!(old > 0 && neither > 0, "{old} {neither} {new}");
    for lost in losses(&disk) {
        assert!(takes_part(&lost, COPY) && !takes_part(&lost, DIR), "it was answered");
        assert!(relocated(&lost), "asked again");
    }
}

const FORK: &str = "/fork";

fn forked(disk: &SimulatedDisk, seed: u8) -> Option<ClusterId> {
    let asked = ForkAsked {
        into: DataDir::new(FORK),
        expected_epoch: Epoch::FIRST,
        founder: Founder::default(),
        key: NodeKey::from_seed(&[seed; 32]),
        nonce: Hash([seed; 32]),
        dry_run: false,
        annotation: annotation(),
    };
    match fork(&dir(), &disk.shared(), asked).unwrap() {
        Forking::Founded(founded) => {
            assert_eq!(founded.ancestor.proven.boundary.get(), 1);
            assert!(founded.decline.is_some(), "n2 is the heir");
            Some(founded.cluster)
        }
        Forking::Possible(_) => None,
        Forking::Refused(refused) => panic!("{:?}", refused.explanation),
    }
}

/// Where names move: between these steps files are only filled.
#[test]
fn fk1_power_loss_where_names_move_never_leaves_the_old_directory_and_the_fork_both_to_start() {
    let disk = stopped("n2");
    disk.record_moments();
    let cluster = forked(&disk, 1);
    let (mut old, mut neither) = (0, 0);
    let names = |operation| operation == Operation::Rename || operation == Operation::SyncDir;
    let moments = disk.moments();
    for moment in moments.iter().filter(|moment| names(moment.before.operation)) {
        for lost in losses(&moment.disk).into_iter().take(2) {
            let starts = takes_part(&lost, DIR);
            let made = takes_part(&lost, FORK);
            assert!(!(starts && made), "both before {}", moment.before);
            if starts {
                old += 1
            } else if !made {
                neither += 1
            }
            // Once the old one is retired, it is the same cluster that is finished.
            let again = forked(&lost, 2);
            assert!(starts || again == cluster, "before {}", moment.before);
            assert!(!takes_part(&lost, DIR) && takes_part(&lost, FORK));
            let identity = IdentityFile::read(&*lost.shared(), Path::new(FORK)).unwrap();
            assert_eq!(Some(identity.cluster), again);
        }
    }
    assert!(old > 0 && neither > 0, "{old} {neither}");
    for lost in losses(&disk).into_iter().take(2) {
        assert!(!takes_part(&lost, DIR) && takes_part(&lost, FORK), "it was answered");
        assert_eq!(forked(&lost, 3), cluster, "asked again");
    }
}
