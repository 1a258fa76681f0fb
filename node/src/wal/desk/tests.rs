//! The two ways to the owner, over a log on the real disk.

use std::path::Path;
use std::sync::Arc;

use aerodb_core::authority::Durability;
use aerodb_core::decision::acknowledge::Floor;
use aerodb_core::decision::tenure::Tenure;
use aerodb_core::hash::{ClusterId, Hash, PublicKey};
use aerodb_core::id::{Boundary, CommitId, Epoch, NodeId, Seq};
use aerodb_core::machine::{RoleEvent, Step, WalWriter};
use aerodb_core::position::{LedgerHead, Position};
use aerodb_core::wal::{EpochRuns, Op};
use aerodb_ledger::disk::simulated::{At, Failure, SimulatedDisk, Times};
use aerodb_ledger::disk::{Disk, Operation, RealDisk};
use aerodb_ledger::log::{LogOptions, Prepare};
use aerodb_ledger::wal::{Wal, WalPlace};

use super::*;
use crate::machines::Machines;
use crate::wal::{
    Acknowledgements, Applier, Cursors, FailureSink, Outcome, Receiver, Stages, Validator,
    WalFailure, WriteError,
};

const STAMP: LedgerHead = LedgerHead { seq: Seq::FIRST, hash: Hash([3; 32]) };

/// The owner of an empty log, holding epoch 1 without an obligation.
fn holder() -> (tempfile::TempDir, OwnerHandle) {
    let dir = tempfile::tempdir().unwrap();
    let handle = holder_on(Arc::new(RealDisk), dir.path(), |failure| panic!("{failure:?}"));
    (dir, handle)
}

/// The same, on this disk, telling its failure there.
fn holder_on(
    disk: Arc<dyn Disk>,
    dir: &Path,
    failed: impl Fn(WalFailure) + Send + 'static,
) -> OwnerHandle {
    let place = WalPlace {
        disk,
        dir: &dir.join("wal"),
        options: LogOptions::new(1 << 16, Prepare::OnDemand).unwrap(),
        owner: PublicKey([7; 32]),
    };
    let machines = Machines::default();
    let event = RoleEvent::LedgerNamesThisNode { epoch: Epoch::FIRST };
    let authority = machines.role.must_step_with(&machines.journal, &event, Step::into_authority);
    machines.writer.renew(WalWriter::Open { epoch: Epoch::FIRST });
    let acks = Acknowledgements::new(Boundary::ORIGIN, None, None);
    acks.hold(Tenure::new(None, Floor::Known(Boundary::ORIGIN), Seq::FIRST, None));
    let tip = Position::origin(&ClusterId([9; 32]));
    let cursors = Arc::new(Cursors::new(Boundary::ORIGIN));
    let owner = Owner {
        receiver: Receiver::new(
            Wal::create(&place).unwrap(),
            Boundary::ORIGIN,
            crate::checkpoint::Trigger::never(),
        ),
        validator: Validator::new(tip, EpochRuns::default(), Arc::clone(&cursors)),
        applier: Applier::new(Store::empty().0, Boundary::ORIGIN, cursors),
        acks: Arc::new(acks),
        stages: Stages {
            node: NodeId::new("n1").unwrap(),
            machine: Arc::clone(&machines.pipeline),
        },
        writer: Arc::clone(&machines.writer),
        journal: Arc::clone(&machines.journal),
        group_commit_max: 1024,
        failed: FailureSink(Box::new(failed)),
        has_failed: false,
    };
    let mode = Mode::Holder { authority: authority.unwrap(), stamp: STAMP };
    spawn(owner, mode, None).unwrap()
}

/// A write on this thread, as a request makes it that comes over the only connection of its thread.
fn write_here(handle: &OwnerHandle, job: WriteJob) -> Result<(), WriteJob> {
    let _under_way = handle.enter();
    handle.write_here(job, &RequestThread::sole())
}

type Settlement = oneshot::Receiver<(Answer, Settled)>;

fn put(handle: &OwnerHandle, key: &'static str) -> (WriteJob, Settlement) {
    let ops = vec![Op::Put { key: key.into(), value: "1".into() }];
    let write = Write { conditions: Vec::new(), ops, needs_key: false };
    let (reply, settlement) = oneshot::channel();
    (handle.job(write, Ticket::default(), reply), settlement)
}

fn committed(number: u64) -> (Answer, Settled) {
    let commit = CommitId::new(number).unwrap();
    (Ok(Outcome::Committed { commit, epoch: Epoch::FIRST }), Ok(Durability::Local))
}

/// Proves: PG-3.
#[test]
fn a_lone_write_is_settled_on_the_thread_that_asks() {
    let (_dir, handle) = holder();
    for number in 1..=3 {
        let (mut job, mut settlement) = put(&handle, "a");
        // The owner's thread may be at the desk, looking for work: then a write would queue.
        while let Err(not_here) = write_here(&handle, job) {
            job = not_here;
        }
        assert_eq!(settlement.try_recv().unwrap(), committed(number));
    }
    assert_eq!(handle.look_blocking().unwrap().tip.boundary, Boundary::new(3));
}

#[test]
fn a_write_queues_while_the_owner_is_paused() {
    let (_dir, handle) = holder();
    let mut paused = handle.pause().unwrap();
    let mut settlements = Vec::new();
    for key in ["a", "b"] {
        let (job, settlement) = put(&handle, key);
        let job = write_here(&handle, job).unwrap_err();
        handle.jobs.blocking_send(Job::Write(job)).unwrap();
        settlements.push(settlement);
    }
    let authority = paused.authority.take().unwrap();
    paused.resume(Mode::Holder { authority, stamp: STAMP });
    for (number, settlement) in (1..).zip(settlements) {
        assert_eq!(settlement.blocking_recv().unwrap(), committed(number));
    }
    assert_eq!(handle.look_blocking().unwrap().frame, 1, "one batch");
}

/// Proves: PG-3.
#[test]
fn a_write_queues_beside_another_write_and_on_a_shared_thread() {
    let (_dir, handle) = holder();
    let other = handle.enter();
    assert!(write_here(&handle, put(&handle, "a").0).is_err());
    drop(other);
    let _under_way = handle.enter();
    assert!(handle.write_here(put(&handle, "a").0, &RequestThread::default()).is_err());
    assert!(handle.write_here(put(&handle, "a").0, &RequestThread::sole()).is_ok());
}

#[test]
fn rm3_without_the_authority_nothing_is_appended_on_any_thread() {
    let (_dir, handle) = holder();
    handle.pause().unwrap().resume(Mode::Idle);
    let (job, settlement) = put(&handle, "a");
    if let Err(job) = write_here(&handle, job) {
        // The thread that paused has not let go of the lock yet.
        handle.jobs.blocking_send(Job::Write(job)).unwrap();
    }
    assert_eq!(settlement.blocking_recv().unwrap().0, Err(WriteError::Closed));
    assert_eq!(handle.look_blocking().unwrap().tip.boundary, Boundary::ORIGIN);
}

/// Word of the failure is under way to the supervisor, which may have other messages before it: none of these finds
/// an owner to decide on.
///
/// Proves: WAL-13, M-W05.
#[test]
fn nothing_is_decided_on_a_log_whose_disk_has_failed() {
    let disk = SimulatedDisk::new();
    disk.create_dir(Path::new("/n1")).unwrap();
    let (tell, told) = sync::channel();
    let tell = move |failure| tell.send(failure).unwrap();
    let handle = holder_on(Arc::new(disk.clone()), Path::new("/n1"), tell);
    assert!(handle.look_blocking().is_some());
    disk.fail(At::Next(Operation::Sync, 0), Failure::Io, Times::Once);
    let (job, settlement) = put(&handle, "a");
    handle.jobs.blocking_send(Job::Write(job)).unwrap();
    assert!(matches!(settlement.blocking_recv().unwrap(), (Err(WriteError::Failed { .. }), _)));
    assert!(matches!(told.recv().unwrap(), WalFailure::Fault(_)));
    assert_eq!(handle.look_blocking(), None);
    assert!(handle.pause().is_none());
    // It waits for nobody who was refused.
    assert!(handle.pause().is_none());
}
