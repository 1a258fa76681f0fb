//! What the tests share: a disk in memory that can fail, and a small cluster's worth of entries.
// Each test binary uses its part of this; all of it is test code.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

mod mem_disk;
mod story;

use std::path::Path;
use std::sync::Arc;

use aerodb_core::hash::PublicKey;
use aerodb_core::wal::RawBatch;
use aerodb_ledger::disk::Disk;
use aerodb_ledger::log::{LogOptions, Prepare, Recovery, Witness};
use aerodb_ledger::wal::{Wal, WalPlace};
use aerodb_ledger::{Fault, LedgerPlace, OpenError};

pub use mem_disk::MemDisk;
#[allow(unused_imports)]
pub use story::{Story, annotation, batches, decisions, key, node};

pub const DIR: &str = "/n1/log";
pub const QUARANTINE: &str = "/n1/quarantine";
pub const OWNER: PublicKey = PublicKey([7; 32]);

/// Segments of `blocks` blocks besides the header, made on demand.
pub fn segments_of(blocks: u64) -> LogOptions {
    LogOptions::new((blocks + 1) * 4096, Prepare::OnDemand).unwrap()
}

pub fn wal_place(disk: &MemDisk, options: LogOptions) -> WalPlace<'static> {
    WalPlace { disk: disk.shared(), dir: Path::new(DIR), options, owner: OWNER }
}

pub fn ledger_place(disk: &MemDisk, options: LogOptions, owner: PublicKey) -> LedgerPlace<'static> {
    LedgerPlace { disk: disk.shared(), dir: Path::new(DIR), options, owner }
}

/// Opens the WAL and gives the batches that it showed.
pub fn open_wal(
    place: &WalPlace<'_>,
    witness: Witness,
) -> Result<(Wal, Recovery, Vec<RawBatch>), Fault> {
    let mut shown = Vec::new();
    let opened = Wal::open(place, None, witness, Path::new(QUARANTINE), &mut |batch| {
        shown.push(batch);
        Ok::<(), std::convert::Infallible>(())
    });
    match opened {
        Ok((wal, recovery)) => Ok((wal, recovery, shown)),
        Err(OpenError::Fault(fault)) => Err(fault),
        Err(OpenError::Refused(never)) => match never {},
    }
}

pub fn seen_frame(seq: u64) -> Witness {
    Witness { frame_seq: Some(seq), record: None }
}

pub fn seen_record(record: u64) -> Witness {
    Witness { frame_seq: None, record: Some(record) }
}

/// A disk that holds `/n1`.
pub fn new_disk() -> MemDisk {
    let disk = MemDisk::default();
    let shared: Arc<dyn Disk> = disk.shared();
    shared.create_dir(Path::new("/n1")).unwrap();
    disk
}

pub fn assert_corrupt(found: &Fault) {
    assert!(matches!(found, Fault::Corrupt { .. }), "{found}");
}
