//! Commands on a stopped node's directory, on a disk that loses power at every one of their steps: whatever is
//! left, the command run again comes to the same, and what was answered is never taken back.

use std::path::Path;
use std::sync::Arc;

use aerodb_core::authority::{
    Annotation, Durability, Entry, EntryBody, Member, SignedDecline, SignedEntry,
};
use aerodb_core::hash::{ClusterId, Hash};
use aerodb_core::id::{Address, ClusterName, Epoch, NodeId, Reason};
use aerodb_core::machine::RoleName;
use aerodb_core::position::Position;
use aerodb_ledger::authority::{NodeKey, sign_entry};
use aerodb_ledger::disk::simulated::SimulatedDisk;
use aerodb_ledger::disk::{Disk, remove_tree};
use aerodb_ledger::log::{LogOptions, Prepare};
use aerodb_ledger::wal::{Wal, WalPlace};

use super::{Declining, Relinquishing, decline, relinquish};
use crate::checkpoint::tests::losses;
use crate::config::Config;
use crate::declines::decline_of;
use crate::directory::{self, DataDir, Founding};
use crate::open::open;

const DIR: &str = "/node";

fn dir() -> DataDir {
    DataDir::new(DIR)
}

fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

fn key(name: &str) -> NodeKey {
    NodeKey::from_seed(&[name.as_bytes()[1]; 32])
}

fn member(name: &str) -> Member {
    let address = Address::new("http://127.0.0.1:7401").unwrap();
    Member { node_id: node(name), public_key: key(name).public_key(), address }
}

fn annotation() -> Annotation {
    let reason = Reason::new("test").unwrap();
    Annotation { received_at_ms: 0, operator: "test".to_owned(), reason }
}

/// n1 founds the cluster, admits n2 and names it successor.
fn entries() -> Vec<SignedEntry> {
    let founding = Founding {
        cluster_name: ClusterName::new("c").unwrap(),
        nonce: Hash([9; 32]),
        founder: member("n1"),
        minimum_durability: Durability::Local,
        ancestor: None,
        annotation: annotation(),
    };
    let mut entries = vec![directory::genesis(founding, &key("n1"))];
    let at = Position::origin(&ClusterId(entries[0].entry.hash().0));
    let epoch = Epoch::FIRST;
    for body in [
        EntryBody::MemberAdmitted { epoch, member: member("n2") },
        EntryBody::SuccessorDesignated { epoch, successor: node("n2"), at },
    ] {
        let head = entries.last().unwrap().entry.head();
        let entry = Entry {
            format: Entry::FORMAT,
            seq: head.seq.next().unwrap(),
            previous: head.hash,
            author: node("n1"),
            body,
            annotation: annotation(),
        };
        entries.push(sign_entry(&key("n1"), entry));
    }
    entries
}

/// The directory of a node that has all of it, with a log of small segments.
fn stopped(name: &str) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let shared = disk.shared();
    let config = Config::new("127.0.0.1:7401".parse().unwrap());
    directory::create(&dir(), &shared, &config, &node(name), &key(name), entries()).unwrap();
    remove_tree(&disk, &dir().wal()).unwrap();
    let options = LogOptions::new(32 << 10, Prepare::OnDemand).unwrap();
    let wal_dir = dir().wal();
    let owner = key(name).public_key();
    Wal::create(&WalPlace { disk: Arc::clone(&shared), dir: &wal_dir, options, owner }).unwrap();
    disk.sync_dir(Path::new(DIR)).unwrap();
    disk
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

fn relinquished(disk: &SimulatedDisk) -> SignedEntry {
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
