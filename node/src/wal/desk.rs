//! Where the WAL's one owner sits, and the two ways to have it do a job.
//!
//! The owner and the right to write lie behind one lock: whoever has it is the owner for as long, and nothing
//! else can append. Mostly that is the WAL's own thread, which takes jobs from the queue, a write and what
//! queued behind it in one batch. One hand-over brings a write there, one takes the answer back.
//!
//! A writer that is alone gains nothing from a batch and pays for the two hand-overs; on an idle machine each
//! of them takes about as long as the write to the disk. So when the last batch was a single write, the
//! queue is empty and the lock is free, the request's own thread takes the lock and does the append
//! itself. The runtime puts another thread in its place meanwhile, so no read and no other request waits
//! for the disk. Whatever arrives meanwhile queues and comes in one batch, after which writers are not alone.

use std::sync::mpsc as sync;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use tokio::sync::{mpsc, oneshot};
use tokio::task::block_in_place;

use super::owner::{Job, Mode, Owner, Paused, Standing};
use super::{ReceiveError, WriteJob};

/// Jobs that may queue before senders wait.
const QUEUE: usize = 4096;

/// The owner with what it may do now.
#[derive(Debug)]
struct Desk {
    owner: Owner,
    mode: Mode,
    /// Whether the last batch was a single write.
    alone: bool,
}

impl Desk {
    /// Does the job, a write with what is queued behind it. Gives the job that comes next, if one was taken
    /// from the queue.
    fn serve(&mut self, job: Job, queue: &mut mpsc::Receiver<Job>) -> Option<Job> {
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
            Job::Look(reply) => {
                let _ = reply.send(self.owner.standing());
            }
        }
        None
    }

    fn write(&mut self, jobs: Vec<WriteJob>) {
        self.alone = jobs.len() == 1;
        if let Err(failed) = self.owner.write(&self.mode, jobs) {
            self.mode = failed;
        }
    }
}

/// The way to the owner.
#[derive(Debug, Clone)]
pub struct OwnerHandle {
    jobs: mpsc::Sender<Job>,
    desk: Arc<Mutex<Desk>>,
}

impl OwnerHandle {
    /// Carries out a write on this thread, if no other is under way; it is settled as a queued one is. To
    /// be called on a thread of a runtime with several.
    ///
    /// # Errors
    /// The job, when it should queue.
    pub fn write_here(&self, job: WriteJob) -> Result<(), WriteJob> {
        let mut desk = match self.desk.try_lock() {
            Ok(desk) => desk,
            // A panic stops the process, so a poisoned lock is never seen.
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(job),
        };
        if !desk.alone || self.jobs.capacity() < QUEUE {
            return Err(job);
        }
        block_in_place(|| desk.write(vec![job]));
        Ok(())
    }

    /// Queues a job, waiting for room.
    pub async fn send(&self, job: Job) -> bool {
        self.jobs.send(job).await.is_ok()
    }

    /// Stills the owner; everything queued before is done first. `None` when it has ended.
    #[must_use]
    pub fn pause(&self) -> Option<Paused> {
        let (reply, paused) = sync::channel();
        self.jobs.blocking_send(Job::Pause(reply)).ok()?;
        paused.recv().ok()
    }

    /// Where things stand between two batches. `None` when the owner has ended.
    pub async fn look(&self) -> Option<Standing> {
        let (reply, standing) = oneshot::channel();
        self.jobs.send(Job::Look(reply)).await.ok()?;
        standing.await.ok()
    }

    /// The same, for a thread of its own.
    #[must_use]
    pub fn look_blocking(&self) -> Option<Standing> {
        let (reply, standing) = oneshot::channel();
        self.jobs.blocking_send(Job::Look(reply)).ok()?;
        standing.blocking_recv().ok()
    }
}

/// Starts the owner's thread.
///
/// # Errors
/// When the thread cannot be started.
pub fn spawn(owner: Owner, mode: Mode) -> std::io::Result<OwnerHandle> {
    let (jobs, mut queue) = mpsc::channel(QUEUE);
    let desk = Arc::new(Mutex::new(Desk { owner, mode, alone: true }));
    let handle = OwnerHandle { jobs, desk: Arc::clone(&desk) };
    std::thread::Builder::new().name("wal".to_owned()).spawn(move || {
        let mut next = queue.blocking_recv();
        while let Some(job) = next {
            next = lock(&desk).serve(job, &mut queue);
            next = next.or_else(|| queue.blocking_recv());
        }
    })?;
    Ok(handle)
}

fn lock(desk: &Mutex<Desk>) -> std::sync::MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}
