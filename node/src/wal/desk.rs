//! Where the WAL's one owner sits, and the two ways to have it do a job.
//!
//! The owner and the right to write lie behind one lock: whoever has it is the owner for as long, and nothing
//! else can append. Mostly that is the WAL's own thread, which takes jobs from the queue, a write and what
//! queued behind it in one batch. One hand-over brings a write there, one takes the answer back.
//!
//! A writer that is alone ([`Lone`]) gains nothing from a batch and pays for the two hand-overs; on an idle
//! machine each of them takes about as long as the write to the disk. It takes the lock and does the append
//! on its request's own thread. Nobody else waits for the disk because of it: it does so only where its
//! connection is the only one on that thread ([`RequestThread::hold`]).
//!
//! Keeps: PG-3, PERF-DET-3, P3-G12.

use std::sync::mpsc as sync;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use aerodb_core::authority::Authority;
use aerodb_core::machine::WriteAuthority;
use aerodb_core::position::Position;
use aerodb_http_api::threads::RequestThread;
use aerodb_ledger::checkpoint::{Checkpoint, WalStart};
use aerodb_ledger::wal::Removal;
use aerodb_ledger::{Durable, Fault};
use tokio::sync::{mpsc, oneshot};

use super::clerk::Clerk;
use super::lone::{Lone, UnderWay};
use super::owner::{Job, Mode, Owner, Paused, Standing};
use super::{Answer, ReceiveError, Received, Settled, Ticket, Write, WriteJob};
use crate::store::Store;
use crate::world::Hands;

/// Jobs that may queue before senders wait.
const QUEUE: usize = 4096;

/// The owner with what it may do now.
#[derive(Debug)]
pub(super) struct Desk {
    owner: Owner,
    mode: Mode,
    /// Whether the owner is to hold still; on a thread of its own it waits instead.
    still: bool,
}

impl Desk {
    /// Does the job, a write with what is queued behind it. Gives the job that comes next, if one was taken
    /// from the queue.
    pub(super) fn serve(&mut self, job: Job, queue: &mut mpsc::Receiver<Job>) -> Option<Job> {
        match job {
            Job::Write(first) => {
                let (jobs, after) = self.owner.gather(first, queue);
                self.write(jobs);
                return after;
            }
            Job::Receive(pulled, reply) => {
                let received = match self.mode {
                    Mode::Replica => self.owner.receive(pulled),
                    Mode::Holder { .. } | Mode::Idle => Err(ReceiveError::NotReplica),
                };
                if let Err(error) = &received {
                    self.owner.report(error);
                }
                let _ = reply.send(received);
            }
            Job::Pause(reply) => {
                let mode = std::mem::replace(&mut self.mode, Mode::Idle);
                self.mode = self.owner.pause(mode, &reply);
            }
            Job::StartPast(position, reply) => {
                let _ = reply.send(self.owner.receiver.wal.start_past(position));
            }
            Job::LetGo(marker, reply) => {
                let _ = reply.send(self.owner.receiver.wal.let_go(&marker));
            }
            Job::Look(reply) => {
                let _ = reply.send(self.owner.standing());
            }
        }
        None
    }

    /// What an earlier process received goes first; a node that is halted leaves it as it is.
    pub(super) fn take_up(&mut self, Found { received, authority }: Found) {
        let taken = match self.mode {
            Mode::Replica => self.owner.take_up(received, &authority),
            Mode::Holder { .. } | Mode::Idle => Ok(()),
        };
        if let Err(error) = taken {
            self.owner.report(&error);
        }
    }

    fn write(&mut self, jobs: Vec<WriteJob>) {
        if let Err(failed) = self.owner.write(&self.mode, jobs) {
            self.mode = failed;
        }
    }

    pub(super) fn hold_still(&mut self) -> (Standing, Option<WriteAuthority>) {
        self.still = true;
        let mode = std::mem::replace(&mut self.mode, Mode::Idle);
        (self.owner.standing(), mode.into_authority())
    }

    pub(super) const fn is_still(&self) -> bool {
        self.still
    }

    pub(super) fn go_on(&mut self, mode: Mode) {
        self.mode = mode;
    }

    pub(super) const fn let_go_on(&mut self) {
        self.still = false;
    }
}

/// The way to the owner.
#[derive(Debug, Clone)]
pub struct OwnerHandle {
    jobs: mpsc::Sender<Job>,
    desk: Arc<Mutex<Desk>>,
    /// What the owner writes to.
    store: Store,
    lone: Arc<Lone>,
    /// Where the thread that asks carries the owner too, so that it must not wait for it.
    here: Option<Clerk>,
}

impl OwnerHandle {
    /// A write is under way until what this gives is dropped.
    #[must_use]
    pub fn enter(&self) -> UnderWay {
        self.lone.enter()
    }

    /// The write as a job, for this thread or for the queue.
    #[must_use]
    pub fn job(
        &self,
        write: Write,
        ticket: Ticket,
        reply: oneshot::Sender<(Answer, Settled)>,
    ) -> WriteJob {
        WriteJob::new(write, &self.store, ticket, reply)
    }

    /// Carries out a write on this thread if it is alone; it is settled as a queued one is.
    ///
    /// # Errors
    /// The job, when it should queue.
    pub fn write_here(&self, job: WriteJob, thread: &RequestThread) -> Result<(), WriteJob> {
        if !self.lone.is_alone() || self.jobs.capacity() < QUEUE {
            return Err(job);
        }
        let Some(_held) = thread.hold() else { return Err(job) };
        let mut desk = match self.desk.try_lock() {
            Ok(desk) => desk,
            // A panic stops the process, so a poisoned lock is never seen.
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(job),
        };
        desk.write(vec![job]);
        Ok(())
    }

    /// Queues a job, waiting for room.
    pub async fn send(&self, job: Job) -> bool {
        self.jobs.send(job).await.is_ok()
    }

    /// Stills the owner; everything queued before is done first. `None` when it has ended or its disk has failed:
    /// whatever was to be decided waits for the word of that, which ends the process.
    #[must_use]
    pub fn pause(&self) -> Option<Paused> {
        let paused = if let Some(clerk) = &self.here {
            clerk.pause()
        } else {
            let (reply, paused) = sync::channel();
            self.jobs.blocking_send(Job::Pause(reply)).ok()?;
            paused.recv().ok()?
        };
        (!paused.standing.failed).then_some(paused)
    }

    /// Has a job done and waits for what it comes to; not for a thread of the runtime.
    fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Option<T> {
        let (reply, mut answer) = oneshot::channel();
        match &self.here {
            None => {
                self.jobs.blocking_send(job(reply)).ok()?;
                answer.blocking_recv().ok()
            }
            Some(clerk) => {
                clerk.finish();
                self.jobs.try_send(job(reply)).ok()?;
                clerk.finish();
                answer.try_recv().ok()
            }
        }
    }

    /// Where things stand between two batches. `None` as for [`OwnerHandle::pause`].
    pub async fn look(&self) -> Option<Standing> {
        let (reply, standing) = oneshot::channel();
        self.jobs.send(Job::Look(reply)).await.ok()?;
        standing.await.ok().filter(|standing| !standing.failed)
    }

    /// The same, for a thread of its own.
    #[must_use]
    pub fn look_blocking(&self) -> Option<Standing> {
        self.ask(Job::Look).filter(|standing| !standing.failed)
    }

    /// Has the owner prepare the place from which the log goes on past a gap that a snapshot fills. `None` when
    /// it has ended.
    #[must_use]
    pub fn start_past(&self, position: Position) -> Option<Result<WalStart, Fault>> {
        self.ask(|reply| Job::StartPast(position, reply))
    }

    /// Has the owner forget the segments that a checkpoint no longer needs. `None` when it has ended.
    #[must_use]
    pub fn let_go(&self, marker: Durable<Checkpoint>) -> Option<Result<Removal, Fault>> {
        self.ask(|reply| Job::LetGo(Box::new(marker), reply))
    }
}

/// What the log holds past the validated history at the start, and the ledger that it is judged by.
#[derive(Debug)]
pub struct Found {
    /// Received by an earlier process.
    pub received: Received,
    /// This node's authority ledger.
    pub authority: Arc<Authority>,
}

/// Seats the owner; its jobs wait for the clerk. What was found, if anything, goes through the stages before
/// anything that is queued.
#[must_use]
pub fn seat(owner: Owner, mode: Mode, found: Option<Found>, hands: Hands) -> (OwnerHandle, Clerk) {
    let (jobs, queue) = mpsc::channel(QUEUE);
    let store = owner.applier.store.store().clone();
    let desk = Arc::new(Mutex::new(Desk { owner, mode, still: false }));
    let clerk = Clerk::new(Arc::clone(&desk), queue, found);
    let here = match hands {
        Hands::Threads => None,
        Hands::One => Some(clerk.clone()),
    };
    (OwnerHandle { jobs, desk, store, lone: Arc::default(), here }, clerk)
}

/// Starts the owner on a thread of its own.
///
/// # Errors
/// When the thread cannot be started.
pub fn spawn(owner: Owner, mode: Mode, found: Option<Found>) -> std::io::Result<OwnerHandle> {
    let (handle, clerk) = seat(owner, mode, found, Hands::Threads);
    clerk.spawn()?;
    Ok(handle)
}

pub(super) fn lock(desk: &Mutex<Desk>) -> std::sync::MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
