//! What the tests share: places on a simulated disk, and a small cluster's worth of entries.
// Each test binary uses its part of this; all of it is test code.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

mod story;

use std::path::Path;

use aerodb_core::hash::PublicKey;
use aerodb_core::wal::RawBatch;
use aerodb_ledger::checkpoint::Checkpoint;
use aerodb_ledger::disk::simulated::{At, Failure, SimulatedDisk, Times};
use aerodb_ledger::disk::{Disk, Operation};
use aerodb_ledger::log::{LogOptions, Prepare, Recovery, Witness};
use aerodb_ledger::wal::{Wal, WalPlace};
use aerodb_ledger::{Fault, LedgerPlace, OpenError};

#[allow(unused_imports)]
pub use story::{
    Story, annotation, batches, batches_filled, decisions, key, member, node, position_after,
};

pub const DATA: &str = "/n1";
pub const DIR: &str = "/n1/log";
pub const QUARANTINE: &str = "/n1/quarantine";
pub const OWNER: PublicKey = PublicKey([7; 32]);

/// Segments of `blocks` blocks besides the header, made on demand.
pub fn segments_of(blocks: u64) -> LogOptions {
    LogOptions::new((blocks + 1) * 4096, Prepare::OnDemand).unwrap()
}

pub fn wal_place(disk: &SimulatedDisk, options: LogOptions) -> WalPlace<'static> {
    WalPlace { disk: disk.shared(), dir: Path::new(DIR), options, owner: OWNER }
}

pub fn ledger_place(
    disk: &SimulatedDisk,
    options: LogOptions,
    owner: PublicKey,
) -> LedgerPlace<'static> {
    LedgerPlace { disk: disk.shared(), dir: Path::new(DIR), options, owner }
}

/// Opens the WAL and gives the batches that it showed.
pub fn open_wal(
    place: &WalPlace<'_>,
    witness: Witness,
) -> Result<(Wal, Recovery, Vec<RawBatch>), Fault> {
    open_wal_after(place, None, witness)
}

/// As [`open_wal`], of a WAL that may have been truncated.
pub fn open_wal_after(
    place: &WalPlace<'_>,
    checkpoint: Option<&Checkpoint>,
    witness: Witness,
) -> Result<(Wal, Recovery, Vec<RawBatch>), Fault> {
    let mut shown = Vec::new();
    let opened = Wal::open(place, checkpoint, witness, Path::new(QUARANTINE), &mut |batch| {
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
pub fn new_disk() -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    disk.create_dir(Path::new("/n1")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    disk
}

/// Lets the operation fail once, after it has succeeded so many times more.
pub fn fail_next(disk: &SimulatedDisk, operation: Operation, after: u64) {
    disk.fail(At::Next(operation, after), Failure::NoSpace, Times::Once);
}

/// The calls since the last look, as text.
pub fn trace(disk: &SimulatedDisk) -> Vec<String> {
    disk.trace().iter().map(ToString::to_string).collect()
}

/// Changes a file behind the program's back.
pub fn change(disk: &SimulatedDisk, path: impl AsRef<Path>, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = disk.file(path.as_ref()).unwrap();
    change(&mut bytes);
    disk.put_file(path.as_ref(), bytes);
}

pub fn assert_corrupt(found: &Fault) {
    assert!(matches!(found, Fault::Corrupt { .. }), "{found}");
}
