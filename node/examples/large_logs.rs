//! Makes a data directory whose logs are as large as one asks for, to measure the offline tools with:
//!
//! ```text
//! cargo run --release -p aerodb-node --example large_logs -- DIR --wal-gib 10
//! time aerodb wal verify --data-dir DIR
//! ```
//!
//! Nothing is fsynced: the directory is for measurements, not for a node.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aerodb_core::authority::{
    Annotation, Certificate, Durability, Entry, EntryBody, Member, ReceiptClaim, SignedEntry,
    SignedReceipt,
};
use aerodb_core::decision::record::DecisionBody;
use aerodb_core::hash::{ClusterId, Hash};
use aerodb_core::id::{Address, ClusterName, Epoch, NodeId, Reason};
use aerodb_core::position::{LedgerHead, Position};
use aerodb_core::wal::{Batch, Commit, Op};
use aerodb_ledger::LedgerPlace;
use aerodb_ledger::authority::{NodeKey, sign_entry};
use aerodb_ledger::decision::DecisionLedger;
use aerodb_ledger::disk::{Access, DirectoryId, Disk, DiskError, DiskFile, DiskLock, RealDisk};
use aerodb_ledger::log::{LogOptions, Prepare, Witness};
use aerodb_ledger::wal::{Wal, WalPlace};
use aerodb_node::config::Config;
use aerodb_node::directory::{DataDir, Founding, create, genesis};
use clap::Parser;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[derive(Debug, Parser)]
struct Arguments {
    /// The directory to make.
    dir: PathBuf,
    /// Gibibytes of WAL.
    #[arg(long, default_value_t = 0)]
    wal_gib: u64,
    /// Commits in each batch of the WAL.
    #[arg(long, default_value_t = 64)]
    batch_commits: usize,
    /// Bytes of each value.
    #[arg(long, default_value_t = 1024)]
    value_bytes: usize,
    /// Entries in the decision ledger.
    #[arg(long, default_value_t = 0)]
    decisions: u64,
    /// Entries in the authority ledger, about.
    #[arg(long, default_value_t = 1)]
    authority: u64,
}

/// The disk, but for the waiting.
#[derive(Debug)]
struct Unsynced;

#[derive(Debug)]
struct UnsyncedFile(Arc<dyn DiskFile>);

impl Disk for Unsynced {
    fn open(&self, path: &Path, access: Access) -> Result<Arc<dyn DiskFile>, DiskError> {
        Ok(Arc::new(UnsyncedFile(RealDisk.open(path, access)?)))
    }
    fn create(&self, path: &Path) -> Result<Arc<dyn DiskFile>, DiskError> {
        Ok(Arc::new(UnsyncedFile(RealDisk.create(path)?)))
    }
    fn list(&self, dir: &Path) -> Result<Vec<String>, DiskError> {
        RealDisk.list(dir)
    }
    fn create_dir(&self, dir: &Path) -> Result<(), DiskError> {
        RealDisk.create_dir(dir)
    }
    fn sync_dir(&self, _: &Path) -> Result<(), DiskError> {
        Ok(())
    }
    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        RealDisk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        RealDisk.remove(path)
    }
    fn remove_dir(&self, dir: &Path) -> Result<(), DiskError> {
        RealDisk.remove_dir(dir)
    }
    fn directory_id(&self, dir: &Path) -> Result<DirectoryId, DiskError> {
        RealDisk.directory_id(dir)
    }
    fn physical_block_bytes(&self, dir: &Path) -> Option<u64> {
        RealDisk.physical_block_bytes(dir)
    }

    fn lock(&self, path: &Path) -> Result<Option<Box<dyn DiskLock>>, DiskError> {
        RealDisk.lock(path)
    }
    fn is_locked(&self, path: &Path) -> Result<bool, DiskError> {
        RealDisk.is_locked(path)
    }
}

impl DiskFile for UnsyncedFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        self.0.read_at(offset, buffer)
    }
    fn read_uncached_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        self.0.read_at(offset, buffer)
    }
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.0.write_at(offset, bytes)
    }
    fn sync_data(&self) -> Result<(), DiskError> {
        Ok(())
    }
    fn length(&self) -> Result<u64, DiskError> {
        self.0.length()
    }
}

fn annotation() -> Outcome<Annotation> {
    let reason = Reason::new("a large log")?;
    Ok(Annotation { received_at_ms: 0, operator: "local".to_owned(), reason })
}

fn member(name: &str, key: &NodeKey) -> Outcome<Member> {
    let address = Address::new("http://127.0.0.1:7400")?;
    Ok(Member { node_id: NodeId::new(name)?, public_key: key.public_key(), address })
}

/// A ledger of n1: n2 is designated and released, again and again.
struct Founder {
    key: NodeKey,
    heir: NodeKey,
    cluster: ClusterId,
    entries: Vec<SignedEntry>,
    head: LedgerHead,
}

impl Founder {
    fn begin() -> Outcome<Self> {
        let (key, heir) = (NodeKey::from_seed(&[1; 32]), NodeKey::from_seed(&[2; 32]));
        let founding = Founding {
            cluster_name: ClusterName::new("large")?,
            nonce: Hash([7; 32]),
            founder: member("n1", &key)?,
            minimum_durability: Durability::Local,
            ancestor: None,
            annotation: annotation()?,
        };
        let first = genesis(founding, &key);
        let head = first.entry.head();
        Ok(Self { key, heir, cluster: ClusterId(head.hash.0), entries: vec![first], head })
    }

    fn append(&mut self, body: EntryBody) -> Outcome<()> {
        let entry = Entry {
            format: Entry::FORMAT,
            seq: self.head.seq.next().ok_or("no number is left")?,
            previous: self.head.hash,
            author: NodeId::new("n1")?,
            body,
            annotation: annotation()?,
        };
        self.head = entry.head();
        self.entries.push(sign_entry(&self.key, entry));
        Ok(())
    }

    fn designate_and_release(&mut self) -> Outcome<()> {
        let (epoch, node_id) = (Epoch::FIRST, NodeId::new("n2")?);
        let at = Position::origin(&self.cluster);
        self.append(EntryBody::SuccessorDesignated { epoch, successor: node_id.clone(), at })?;
        self.append(EntryBody::SuccessorReleased { epoch, successor: node_id.clone() })?;
        let (cluster, ledger) = (self.cluster, self.head);
        let claim = ReceiptClaim { cluster, node_id: node_id.clone(), epoch, position: at, ledger };
        let signature = self.heir.sign(&claim.signing_hash());
        let certificate = Certificate::Receipt(SignedReceipt { claim, signature });
        self.append(EntryBody::ObligationEnded { epoch, node_id, certificate })
    }
}

fn fill_wal(arguments: &Arguments, dir: &DataDir, founder: &Founder) -> Outcome<()> {
    let wal_dir = dir.wal();
    let place = WalPlace {
        disk: Arc::new(Unsynced),
        dir: &wal_dir,
        options: LogOptions::new(LogOptions::WAL.segment_bytes(), Prepare::OnDemand)?,
        owner: founder.key.public_key(),
    };
    let (mut wal, _) = Wal::open(&place, None, Witness::default(), &dir.quarantine(), &mut |_| {
        Ok::<(), String>(())
    })?;
    let mut tip = Position::origin(&founder.cluster);
    let wanted = arguments.wal_gib << 30;
    let (mut written, mut value) = (0, vec![0; arguments.value_bytes]);
    while written < wanted {
        let mut commits = Vec::new();
        for _ in 0..arguments.batch_commits {
            let number = tip.boundary.get() + commits.len() as u64;
            value
                .iter_mut()
                .zip((number..).map(|n| n.wrapping_mul(0x9e37_79b9).to_le_bytes()[2]))
                .for_each(|(byte, random)| *byte = random);
            let key = format!("key-{number:016}").into();
            commits.push(Commit { ops: vec![Op::Put { key, value: value.clone().into() }] });
        }
        let formed = Batch::form(&tip, Epoch::FIRST, founder.head, commits);
        let (batch, raw) = formed.ok_or("no batch")?;
        written += raw.bytes().len() as u64;
        wal.append(&[raw])?;
        tip = batch.end();
    }
    println!("{} commits, {} bytes of batches", tip.boundary, written);
    Ok(())
}

fn fill_decisions(arguments: &Arguments, dir: &DataDir, founder: &Founder) -> Outcome<()> {
    let ledger_dir = dir.decision_ledger();
    let place = LedgerPlace {
        disk: Arc::new(Unsynced),
        dir: &ledger_dir,
        options: LogOptions::new(LogOptions::LEDGER.segment_bytes(), Prepare::OnDemand)?,
        owner: founder.key.public_key(),
    };
    let author = NodeId::new("n1")?;
    let (mut ledger, _) =
        DecisionLedger::open(&place, author, Witness::default(), &dir.quarantine())?;
    for _ in 0..arguments.decisions {
        let upstream = Address::new("http://127.0.0.1:7402")?;
        let body = DecisionBody::Followed { upstream, request: None };
        ledger.append(body, annotation()?, &founder.key)?;
    }
    Ok(())
}

fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    let mut founder = Founder::begin()?;
    if arguments.authority > 1 {
        let body =
            EntryBody::MemberAdmitted { epoch: Epoch::FIRST, member: member("n2", &founder.heir)? };
        founder.append(body)?;
    }
    while (founder.entries.len() as u64) < arguments.authority {
        founder.designate_and_release()?;
    }
    let dir = DataDir::new(&arguments.dir);
    let disk: Arc<dyn Disk> = Arc::new(Unsynced);
    let config = Config::new(([127, 0, 0, 1], 7400).into());
    let node = NodeId::new("n1")?;
    let entries = founder.entries.clone();
    create(&dir, &disk, &config, &node, &founder.key, entries)?;
    fill_wal(&arguments, &dir, &founder)?;
    fill_decisions(&arguments, &dir, &founder)
}
