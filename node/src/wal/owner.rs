//! The one owner of the WAL and of the writing side of the store: what it does with each job.
//!
//! Group commit without timers: a batch is what arrived while the last fsync ran.
//!
//! Keeps: P3-FS2, A-1, MVI-4, PG-1, PG-2, PG-4, MVI-5, CORE-F2, PERF-DET-3, M-W15, M-W19.

use std::sync::Arc;
use std::sync::mpsc as sync;

use aerodb_core::id::{Boundary, Epoch};
use aerodb_core::machine::{WalWriter, WalWriterEvent, WriteAuthority};
use aerodb_core::position::{LedgerHead, Position};
use aerodb_core::wal::{Batch, Commit, EpochRuns};
use aerodb_ledger::checkpoint::{Checkpoint, WalStart};
use aerodb_ledger::crash::{self, Point};
use aerodb_ledger::wal::Removal;
use aerodb_ledger::{Durable, Fault};
use tokio::sync::{mpsc, oneshot};

use crate::journal::{Cell, Journal};
use crate::store::Place;
use crate::wal::clerk::Held;
use crate::wal::pipeline::{Applier, Pulled, ReceiveError, Receiver, Stages, Validator};
use crate::wal::write::{Answer, Ticket, Tip};
use crate::wal::{
    Acknowledgements, Outcome, Settled, Unacknowledged, Waiter, WriteError, WriteJob,
};

/// The most bytes of values in one batch.
const BATCH_BYTES_MAX: usize = 4 << 20;

/// What the owner may do now.
#[derive(Debug)]
pub enum Mode {
    /// Append commits in the authority's epoch.
    Holder {
        /// The right to do so.
        authority: WriteAuthority,
        /// The ledger's durable head, stamped into every batch.
        stamp: LedgerHead,
    },
    /// Append what is received from upstream.
    Replica,
    /// Append nothing.
    Idle,
}

impl Mode {
    /// Gives the right to write back.
    pub(super) fn into_authority(self) -> Option<WriteAuthority> {
        match self {
            Self::Holder { authority, .. } => Some(authority),
            Self::Replica | Self::Idle => None,
        }
    }
}

/// What is asked of the owner.
#[derive(Debug)]
pub enum Job {
    /// Append a commit.
    Write(WriteJob),
    /// Take what a pull brought.
    Receive(Pulled, oneshot::Sender<Result<Position, ReceiveError>>),
    /// Finish what is under way, then hold still until told how to go on.
    Pause(sync::Sender<Paused>),
    /// Say where things stand, between two batches.
    Look(oneshot::Sender<Standing>),
    /// Prepare the place from which the log goes on past a gap that a snapshot fills.
    StartPast(Position, oneshot::Sender<Result<WalStart, Fault>>),
    /// Forget the segments that a checkpoint no longer needs.
    LetGo(Box<Durable<Checkpoint>>, oneshot::Sender<Result<Removal, Fault>>),
}

/// Where the history ends on this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The validated and applied end.
    pub tip: Position,
    /// The durable end of what was received.
    pub received: Boundary,
    /// Which epochs it carries where.
    pub epochs: EpochRuns,
    /// The last frame of the log, for the close stamp.
    pub frame: u64,
    /// The disk has failed: where the log ends is not known before a restart has read it (WAL-13). Word of it is on
    /// its way to the supervisor.
    pub failed: bool,
}

/// The owner, holding still. Dropping it without [`Paused::resume`] leaves the WAL idle.
#[derive(Debug)]
pub struct Paused {
    /// Where the history ends.
    pub standing: Standing,
    /// The authority that the owner had, given back.
    pub authority: Option<WriteAuthority>,
    pub(super) go_on: GoOn,
}

/// How the owner is told to go on.
#[derive(Debug)]
pub(super) enum GoOn {
    /// Its thread waits for word.
    Told(sync::Sender<Mode>),
    /// The thread that is here carries it too.
    Here(Held),
}

impl Paused {
    /// Lets the owner go on.
    pub fn resume(self, mode: Mode) {
        match self.go_on {
            // A dead owner has reported its failure already.
            GoOn::Told(go_on) => drop(go_on.send(mode)),
            GoOn::Here(held) => held.resume(mode),
        }
    }
}

/// What ends the owner's work for good.
#[derive(Debug)]
pub enum WalFailure {
    /// The disk failed: the process must end.
    Fault(Fault),
    /// What upstream sent breaks a rule: the node halts.
    Rejected(ReceiveError),
}

impl WalFailure {
    /// Whether the process must end of it.
    const fn is_of_the_disk(&self) -> bool {
        match self {
            Self::Fault(_) | Self::Rejected(ReceiveError::Disk(_)) => true,
            Self::Rejected(
                ReceiveError::NotReplica
                | ReceiveError::Cut(_)
                | ReceiveError::LedgerBehind { .. }
                | ReceiveError::Diverged(_),
            ) => false,
        }
    }
}

/// Takes word of what ends the owner's work; never blocks.
pub struct FailureSink(pub Box<dyn Fn(WalFailure) + Send>);

impl std::fmt::Debug for FailureSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FailureSink")
    }
}

/// The owner's state. There is one of it, and it lives behind the lock of [`OwnerHandle`](super::OwnerHandle).
#[derive(Debug)]
pub struct Owner {
    /// The log and its durable end.
    pub receiver: Receiver,
    /// The validated end.
    pub validator: Validator,
    /// The store and the applied end.
    pub applier: Applier,
    /// Who waits for what.
    pub acks: Arc<Acknowledgements<Answer>>,
    /// The stages of a replica.
    pub stages: Stages,
    /// The writer's machine.
    pub writer: Arc<Cell<WalWriter>>,
    /// Where its steps are journalled.
    pub journal: Arc<Journal>,
    /// The most commits under one fsync.
    pub group_commit_max: usize,
    /// Told of what ends the work.
    pub failed: FailureSink,
    /// Whether it was told that the disk failed.
    pub has_failed: bool,
}

/// A batch of writes as they were judged: for each write its ticket and its waiter, in order, and the commits
/// of those that came to one with the places of their keys.
struct Judged {
    tickets: Vec<Ticket>,
    waiters: Vec<Waiter<Answer>>,
    commits: Vec<Commit>,
    places: Vec<Place>,
}

impl Judged {
    fn with_room(writes: usize) -> Self {
        Self {
            tickets: Vec::with_capacity(writes),
            waiters: Vec::with_capacity(writes),
            commits: Vec::with_capacity(writes),
            places: Vec::with_capacity(writes),
        }
    }
}

impl Owner {
    pub(super) fn standing(&self) -> Standing {
        let (tip, epochs) = (self.validator.tip(), self.validator.epochs().clone());
        let frame = self.receiver.wal.last_frame_seq();
        Standing { tip, received: self.receiver.end(), epochs, frame, failed: self.has_failed }
    }

    /// Takes what is queued behind `first`, up to the bounds; a job of another kind ends the batch and
    /// comes next, so that order is kept.
    pub(super) fn gather(
        &self,
        first: WriteJob,
        queue: &mut mpsc::Receiver<Job>,
    ) -> (Vec<WriteJob>, Option<Job>) {
        let mut bytes = first.write.bytes();
        let mut jobs = vec![first];
        while jobs.len() < self.group_commit_max && bytes < BATCH_BYTES_MAX {
            match queue.try_recv() {
                Ok(Job::Write(job)) => {
                    bytes += job.write.bytes();
                    jobs.push(job);
                }
                Ok(other) => return (jobs, Some(other)),
                Err(_) => break,
            }
        }
        (jobs, None)
    }

    /// Appends the batch. After a failure nothing is appended any more: the error is the mode to go on in.
    pub(super) fn write(&mut self, mode: &Mode, jobs: Vec<WriteJob>) -> Result<(), Mode> {
        let Mode::Holder { authority, stamp } = mode else {
            jobs.into_iter().for_each(|job| refuse(job.reply, WriteError::Closed));
            return Ok(());
        };
        crash::reached(Point::GroupForming);
        let Judged { tickets, waiters, commits, places } = self.judge(jobs, authority.epoch());
        let durable = if commits.is_empty() {
            Ok(())
        } else {
            // `judge` gave every commit its number, so there is a batch of them.
            let tip = self.validator.tip();
            let (batch, raw) = Batch::form(&tip, authority.epoch(), *stamp, commits)
                .unwrap_or_else(|| panic!("commits past {} form no batch", tip.boundary));
            crash::reached(Point::WriteBeforeWal);
            self.receiver.append(&[raw]).map(|_| self.install(batch, places))
        };
        match durable {
            Ok(()) => {
                for (ticket, waiter) in tickets.iter().zip(&waiters) {
                    if let Ok(Outcome::Committed { commit, .. }) = &waiter.value {
                        ticket.stamp(*commit);
                    }
                }
                crash::reached(Point::CommitBeforeVisible);
                self.acks.durable(self.applier.end(), waiters);
                crash::reached(Point::CommitAfterVisible);
                Ok(())
            }
            Err(fault) => {
                self.poison(waiters, fault);
                Err(Mode::Idle)
            }
        }
    }

    /// Judges each write against the tip that the ones before it leave.
    fn judge(&self, jobs: Vec<WriteJob>, epoch: Epoch) -> Judged {
        let mut tip = Tip::new(self.applier.store.store());
        let mut end = self.validator.tip().boundary;
        let mut judged = Judged::with_room(jobs.len());
        // Where nothing is conditional nobody looks at what the writes before have changed.
        let conditional = jobs.iter().any(|job| job.write.is_conditional());
        for WriteJob { write, place, ticket, reply } in jobs {
            let value = match (tip.judge(write), end.next_commit()) {
                (Ok(change), Some(commit)) => {
                    if conditional {
                        tip.advance(commit, &change);
                    }
                    judged.commits.push(change);
                    judged.places.push(place);
                    end = Boundary::from(commit);
                    Ok(Outcome::Committed { commit, epoch })
                }
                (Err(outcome), _) => Ok(outcome),
                (Ok(_), None) => Err(WriteError::Closed),
            };
            judged.tickets.push(ticket);
            judged.waiters.push(Waiter { needs: end, value, reply });
        }
        judged
    }

    /// The batch goes into the store; it is seen once the acknowledged bound passes it.
    fn install(&mut self, batch: Batch, places: Vec<Place>) {
        let validated = self.validator.own(batch);
        self.applier.apply(validated, places);
    }

    fn poison(&mut self, waiters: Vec<Waiter<Answer>>, fault: Fault) {
        self.writer.must_step(&self.journal, &WalWriterEvent::Failed);
        let error = WriteError::Failed { detail: fault.to_string(), no_space: fault.is_no_space() };
        for waiter in waiters {
            let _ = waiter.reply.send((Err(error.clone()), Err(Unacknowledged::AuthorityEnded)));
        }
        self.tell(WalFailure::Fault(fault));
    }

    /// What upstream sent breaks a rule, or the disk failed: say so to the supervisor.
    pub(super) fn report(&mut self, error: &ReceiveError) {
        if error.is_failure() {
            self.tell(WalFailure::Rejected(error.clone()));
        }
    }

    fn tell(&mut self, failure: WalFailure) {
        self.has_failed |= failure.is_of_the_disk();
        (self.failed.0)(failure);
    }

    /// Holds still until told how to go on; when nobody says so, the WAL stays idle.
    pub(super) fn pause(&self, mode: Mode, reply: &sync::Sender<Paused>) -> Mode {
        let (go_on, told) = sync::channel();
        let (standing, authority, go_on) =
            (self.standing(), mode.into_authority(), GoOn::Told(go_on));
        match reply.send(Paused { standing, authority, go_on }) {
            Ok(()) => told.recv().unwrap_or(Mode::Idle),
            Err(_) => Mode::Idle,
        }
    }
}

fn refuse(reply: oneshot::Sender<(Answer, Settled)>, error: WriteError) {
    let _ = reply.send((Err(error), Err(Unacknowledged::AuthorityEnded)));
}
