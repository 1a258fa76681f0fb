//! What is put through the power losses: the WAL and both ledgers, seen alike.

use std::path::Path;

use aerodb_core::authority::{EntryBody, SignedEntry};
use aerodb_core::decision::record::{DecisionBody, SignedDecision};
use aerodb_core::hash::Hash;
use aerodb_core::id::Address;
use aerodb_core::wal::RawBatch;
use aerodb_ledger::authority::AuthorityLedger;
use aerodb_ledger::checkpoint::{Checkpoint, WalStart};
use aerodb_ledger::decision::DecisionLedger;
use aerodb_ledger::disk::simulated::SimulatedDisk;
use aerodb_ledger::log::{LogOptions, Recovery, Witness};
use aerodb_ledger::wal::Wal;
use aerodb_ledger::{AppendError, Fault, LedgerPlace, SealedError};
use bytes::Bytes;

use crate::support::{
    DATA, OWNER, QUARANTINE, Story, annotation, batches_filled, key, ledger_place, member,
    new_disk, node, open_wal_after, position_after, wal_place,
};

/// One act of a process.
#[derive(Debug, Clone, Copy)]
pub enum Act<'a> {
    /// One append of batches with values of so many bytes; a ledger takes one entry. What they are made of
    /// tells them from others that could stand in their place.
    Append { value_bytes: &'a [usize], fill: u8 },
    /// A checkpoint at the end, and the truncation that follows it.
    Truncate,
}

/// A log that was opened, and what it showed.
pub struct Opened<L> {
    pub log: L,
    pub recovery: Recovery,
    /// Records before those shown, removed by a truncation.
    pub removed: usize,
    pub shown: Vec<Bytes>,
}

/// A log open for appending.
pub trait Log {
    fn append(&mut self, records: &[Bytes]) -> Result<(), Fault>;
    fn last_frame_seq(&self) -> u64;
}

/// A kind of log on a simulated disk.
pub trait Subject {
    type Log: Log;

    /// The records that a new log holds, or goes on after.
    fn first(&self) -> Vec<Bytes>;
    /// How many of those lie before the log's own start.
    fn first_removed(&self) -> usize {
        0
    }
    fn create(&self, disk: &SimulatedDisk) -> Result<Self::Log, Fault>;
    fn open(&self, disk: &SimulatedDisk, witness: Witness) -> Result<Opened<Self::Log>, Fault>;
    /// Records that continue a history.
    fn next(&self, history: &[Bytes], value_bytes: &[usize], fill: u8) -> Vec<Bytes>;
    /// How many records a truncation now would leave removed in all.
    fn would_remove(&self, log: &Self::Log) -> usize;
    /// Truncates as far as can be; how many records are then removed in all.
    fn truncate(&self, disk: &SimulatedDisk, log: &mut Self::Log) -> Result<usize, Fault>;
}

pub struct WalSubject {
    options: LogOptions,
    story: Story,
    /// Commits before its start, which only a snapshot holds.
    after: usize,
}

impl WalSubject {
    pub fn new(options: LogOptions) -> Self {
        Self { options, story: Story::begin(), after: 0 }
    }

    /// A WAL that goes on after a snapshot of so many commits.
    pub fn after(options: LogOptions, after: usize) -> Self {
        Self { after, ..Self::new(options) }
    }

    fn before_the_start(&self) -> Vec<Bytes> {
        self.next_after(&[], &vec![10; self.after], b'v')
    }

    /// The marker of that snapshot.
    fn marker(&self) -> Option<Checkpoint> {
        let position = position_after(&raw(self.before_the_start().last()?));
        Some(Checkpoint {
            cluster: *self.story.authority.cluster(),
            owner: OWNER,
            position,
            epoch: self.story.epoch(),
            ledger: self.story.authority.head(),
            designation: None,
            snapshot: Hash([3; 32]),
            wal_start: WalStart { segment: 2, frame_seq: 2, position },
        })
    }

    fn next_after(&self, history: &[Bytes], value_bytes: &[usize], fill: u8) -> Vec<Bytes> {
        let tip = history.last().map_or(self.story.origin(), |last| position_after(&raw(last)));
        let formed = batches_filled(tip, self.story.authority.head(), value_bytes, fill);
        formed.iter().map(|batch| batch.bytes().clone()).collect()
    }

    /// At the end of the history. One batch holds one commit here.
    fn checkpoint(&self, wal: &Wal) -> Option<Checkpoint> {
        let position = wal.end()?;
        Some(Checkpoint {
            cluster: *self.story.authority.cluster(),
            owner: OWNER,
            position,
            epoch: self.story.epoch(),
            ledger: self.story.authority.head(),
            designation: None,
            snapshot: Hash([3; 32]),
            wal_start: wal.start_keeping(position.boundary)?,
        })
    }
}

impl Log for Wal {
    fn append(&mut self, records: &[Bytes]) -> Result<(), Fault> {
        Self::append(self, &records.iter().map(raw).collect::<Vec<_>>()).map(drop)
    }

    fn last_frame_seq(&self) -> u64 {
        Self::last_frame_seq(self)
    }
}

fn raw(record: &Bytes) -> RawBatch {
    RawBatch::split_first(&mut record.clone()).unwrap()
}

fn commits_before(checkpoint: &Checkpoint) -> usize {
    usize::try_from(checkpoint.wal_start.position.boundary.get()).unwrap()
}

impl Subject for WalSubject {
    type Log = Wal;

    fn first(&self) -> Vec<Bytes> {
        self.before_the_start()
    }

    fn first_removed(&self) -> usize {
        self.after
    }

    fn create(&self, disk: &SimulatedDisk) -> Result<Wal, Fault> {
        let place = wal_place(disk, self.options);
        let Some(marker) = self.marker() else { return Wal::create(&place) };
        let wal = Wal::create_after(&place, &marker)?;
        // The log first: a marker that names a start which is not there would be refused.
        let _ = marker.write(disk, Path::new(DATA))?;
        Ok(wal)
    }

    fn open(&self, disk: &SimulatedDisk, witness: Witness) -> Result<Opened<Wal>, Fault> {
        let checkpoint = Checkpoint::read(disk, Path::new(DATA)).map_err(|error| match error {
            SealedError::Disk(error) => Fault::Disk(error),
            other => panic!("{other}"),
        })?;
        let place = wal_place(disk, self.options);
        let (log, recovery, shown) = open_wal_after(&place, checkpoint.as_ref(), witness)?;
        let removed = checkpoint.as_ref().map_or(0, commits_before);
        let shown = shown.iter().map(|batch| batch.bytes().clone()).collect();
        Ok(Opened { log, recovery, removed, shown })
    }

    fn next(&self, history: &[Bytes], value_bytes: &[usize], fill: u8) -> Vec<Bytes> {
        self.next_after(history, value_bytes, fill)
    }

    fn would_remove(&self, wal: &Wal) -> usize {
        self.checkpoint(wal).as_ref().map_or(0, commits_before)
    }

    fn truncate(&self, disk: &SimulatedDisk, wal: &mut Wal) -> Result<usize, Fault> {
        let Some(checkpoint) = self.checkpoint(wal) else { return Ok(0) };
        let durable = checkpoint.write(disk, Path::new(DATA))?;
        wal.truncate(&durable)?;
        Ok(commits_before(&durable))
    }
}

pub struct AuthoritySubject(pub LogOptions);

impl AuthoritySubject {
    fn place(&self, disk: &SimulatedDisk) -> LedgerPlace<'static> {
        ledger_place(disk, self.0, OWNER)
    }
}

fn fault<R: std::fmt::Debug>(error: AppendError<R>) -> Fault {
    match error {
        AppendError::Fault(fault) => fault,
        AppendError::Rejected(rejected) => panic!("{rejected:?}"),
    }
}

fn entry(record: &Bytes) -> SignedEntry {
    SignedEntry::decode(record).unwrap()
}

impl Log for AuthorityLedger {
    fn append(&mut self, records: &[Bytes]) -> Result<(), Fault> {
        let entries: Vec<_> = records.iter().map(entry).collect();
        Self::append(self, &entries).map(drop).map_err(fault)
    }

    fn last_frame_seq(&self) -> u64 {
        Self::last_frame_seq(self)
    }
}

impl Subject for AuthoritySubject {
    type Log = AuthorityLedger;

    fn first(&self) -> Vec<Bytes> {
        vec![Story::begin().entries[0].encode().into()]
    }

    fn create(&self, disk: &SimulatedDisk) -> Result<AuthorityLedger, Fault> {
        AuthorityLedger::create(&self.place(disk), Story::begin().entries).map_err(fault)
    }

    fn open(
        &self,
        disk: &SimulatedDisk,
        witness: Witness,
    ) -> Result<Opened<AuthorityLedger>, Fault> {
        let opened = AuthorityLedger::open(&self.place(disk), witness, Path::new(QUARANTINE))?;
        let (log, recovery) = opened;
        let shown = log.entries().after(None, usize::MAX);
        let shown = shown.into_iter().map(|stored| stored.bytes).collect();
        Ok(Opened { log, recovery, removed: 0, shown })
    }

    fn next(&self, history: &[Bytes], _: &[usize], fill: u8) -> Vec<Bytes> {
        let story = Story::of(history.iter().map(entry).collect());
        let member = member(&format!("{}{}", char::from(fill), history.len()));
        let body = EntryBody::MemberAdmitted { epoch: story.epoch(), member };
        vec![story.next("n1", body).encode().into()]
    }

    fn would_remove(&self, _: &AuthorityLedger) -> usize {
        0
    }

    fn truncate(&self, _: &SimulatedDisk, _: &mut AuthorityLedger) -> Result<usize, Fault> {
        panic!("a ledger is never truncated")
    }
}

/// One node's own record.
pub struct DecisionSubject(pub LogOptions);

impl DecisionSubject {
    fn place(&self, disk: &SimulatedDisk) -> LedgerPlace<'static> {
        ledger_place(disk, self.0, key("n1").public_key())
    }
}

fn decision(record: &Bytes) -> SignedDecision {
    SignedDecision::decode(record).unwrap()
}

fn shown_by(log: &DecisionLedger) -> Vec<Bytes> {
    log.entries().after(None, usize::MAX).into_iter().map(|stored| stored.bytes).collect()
}

impl Log for DecisionLedger {
    /// The same body at the same place is the same entry, to the byte.
    fn append(&mut self, records: &[Bytes]) -> Result<(), Fault> {
        for record in records {
            let entry = decision(record).entry;
            Self::append(self, entry.body, entry.annotation, &key("n1")).map_err(fault)?;
        }
        Ok(())
    }

    fn last_frame_seq(&self) -> u64 {
        Self::last_frame_seq(self)
    }
}

impl Subject for DecisionSubject {
    type Log = DecisionLedger;

    fn first(&self) -> Vec<Bytes> {
        Vec::new()
    }

    fn create(&self, disk: &SimulatedDisk) -> Result<DecisionLedger, Fault> {
        DecisionLedger::create(&self.place(disk), node("n1"))
    }

    fn open(
        &self,
        disk: &SimulatedDisk,
        witness: Witness,
    ) -> Result<Opened<DecisionLedger>, Fault> {
        let place = self.place(disk);
        let opened = DecisionLedger::open(&place, node("n1"), witness, Path::new(QUARANTINE))?;
        let (log, recovery) = opened;
        let shown = shown_by(&log);
        Ok(Opened { log, recovery, removed: 0, shown })
    }

    fn next(&self, history: &[Bytes], _: &[usize], fill: u8) -> Vec<Bytes> {
        let disk = new_disk();
        let mut log = self.create(&disk).unwrap();
        Log::append(&mut log, history).unwrap();
        let upstream =
            Address::new(format!("http://127.0.0.1:{}", u16::from(fill) + 7000)).unwrap();
        let body = DecisionBody::Followed { upstream, request: None };
        DecisionLedger::append(&mut log, body, annotation(), &key("n1")).unwrap();
        shown_by(&log).split_off(history.len())
    }

    fn would_remove(&self, _: &DecisionLedger) -> usize {
        0
    }

    fn truncate(&self, _: &SimulatedDisk, _: &mut DecisionLedger) -> Result<usize, Fault> {
        panic!("a ledger is never truncated")
    }
}
