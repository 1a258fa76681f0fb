//! Asking for a checkpoint, and the thread that takes them, one after the other.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc as sync;

use aerodb_core::id::Boundary;
use aerodb_ledger::Durable;
use aerodb_ledger::checkpoint::Checkpoint;
use aerodb_ledger::wal::Removal;
use tokio::sync::oneshot;

use super::error::CheckpointError;
use super::taker::{Cut, Taken, Taker};

type Reply = oneshot::Sender<Result<Taken, CheckpointError>>;

/// What the thread is asked.
#[derive(Debug)]
enum Request {
    /// Take a checkpoint, and tell whoever waits for it.
    Take(Option<Reply>),
    /// Say that the one before this is over.
    Settle(oneshot::Sender<()>),
}

/// The way to the thread.
#[derive(Debug, Clone)]
pub struct CheckpointHandle {
    requests: sync::Sender<Request>,
    bytes: Arc<AtomicU64>,
}

/// The thread's queue.
#[derive(Debug)]
pub struct Requests(sync::Receiver<Request>);

impl CheckpointHandle {
    /// A handle, and the queue that its requests arrive in. The log is to grow by `bytes` before the next
    /// checkpoint; the worker moves that with the size of the snapshot.
    #[must_use]
    pub fn channel(bytes: Arc<AtomicU64>) -> (Self, Requests) {
        let (requests, queue) = sync::channel();
        (Self { requests, bytes }, Requests(queue))
    }

    /// How far the log grows before the next checkpoint.
    #[must_use]
    pub fn bytes_between(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Asks for a checkpoint without waiting for it. Never blocks.
    pub fn request(&self) {
        // A thread that has ended takes none any more.
        let _ = self.requests.send(Request::Take(None));
    }

    /// Completes when the checkpoint that is being taken, if there is one, is over.
    pub async fn settled(&self) {
        let (reply, settled) = oneshot::channel();
        if self.requests.send(Request::Settle(reply)).is_ok() {
            // A thread that has ended takes none any more.
            let _ = settled.await;
        }
    }

    /// Has a checkpoint taken, or learns what became of the one that others asked for meanwhile.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub async fn take(&self) -> Result<Taken, CheckpointError> {
        let (reply, taken) = oneshot::channel();
        self.requests.send(Request::Take(Some(reply))).map_err(|_| CheckpointError::Stopping)?;
        taken.await.unwrap_or(Err(CheckpointError::Stopping))
    }
}

/// What was asked for while the thread was at work, by kind.
#[derive(Default)]
struct Gathered {
    taking: bool,
    replies: Vec<Reply>,
    settling: Vec<oneshot::Sender<()>>,
}

impl Gathered {
    fn add(mut self, request: Request) -> Self {
        match request {
            Request::Take(reply) => {
                self.taking = true;
                self.replies.extend(reply);
            }
            Request::Settle(reply) => self.settling.push(reply),
        }
        self
    }
}

/// What the node is at when a checkpoint begins, and what it does with the one that is recorded.
pub trait Moment: Send {
    /// What is acknowledged, by which ledger; `None` when no checkpoint may be taken in the node's state.
    fn cut(&self) -> Option<Cut>;
    /// Has the log's owner let go of segments.
    ///
    /// # Errors
    /// [`CheckpointError`].
    fn let_go(&self, marker: &Durable<Checkpoint>) -> Result<Removal, CheckpointError>;
    /// The disk failed: the process must end.
    fn failed(&self, error: &CheckpointError);
}

/// The thread's work.
pub struct Worker {
    /// The steps.
    pub taker: Taker,
    /// The node.
    pub moment: Box<dyn Moment>,
    /// How far the log grows before the next checkpoint.
    pub bytes: Arc<AtomicU64>,
    /// The least that it grows, by configuration.
    pub bytes_min: u64,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("taker", &self.taker).finish_non_exhaustive()
    }
}

impl Worker {
    /// Takes checkpoints until nobody can ask any more, or the disk fails.
    pub fn run(self, requests: Requests) {
        while let Ok(first) = requests.0.recv() {
            if self.serve(first, &requests).is_break() {
                return;
            }
        }
    }

    /// Does what is asked by now: the same as [`Worker::run`] does, for whoever carries all parts of a node on
    /// one thread. `None` when nothing is asked.
    pub fn step(&self, requests: &Requests) -> Option<ControlFlow<()>> {
        requests.0.try_recv().ok().map(|first| self.serve(first, requests))
    }

    /// Breaks when the disk failed.
    fn serve(&self, first: Request, Requests(queue): &Requests) -> ControlFlow<()> {
        // Whoever asked before it begins gets this one.
        let asked = std::iter::once(first).chain(queue.try_iter());
        let Gathered { taking, replies, settling } = asked.fold(Gathered::default(), Gathered::add);
        for reply in settling {
            // As below.
            let _ = reply.send(());
        }
        if !taking {
            return ControlFlow::Continue(());
        }
        let taken = self.take();
        let failed = taken.as_ref().err().filter(|it| it.is_disk() && !it.is_no_space()).cloned();
        for reply in replies {
            // A caller that has gone away needs no answer.
            let _ = reply.send(taken.clone());
        }
        match failed {
            None => ControlFlow::Continue(()),
            Some(error) => {
                self.moment.failed(&error);
                ControlFlow::Break(())
            }
        }
    }

    fn take(&self) -> Result<Taken, CheckpointError> {
        let cut = self.moment.cut().ok_or(CheckpointError::NotHere)?;
        let acknowledged = cut.acknowledged.map(Boundary::get);
        let _span = tracing::info_span!("checkpoint", acknowledged).entered();
        tracing::info!("CHECKPOINT_BEGIN");
        let taken = self.taker.take(&cut, &mut |marker| self.moment.let_go(marker));
        match &taken {
            Ok(taken) => {
                let bytes = taken.standing.manifest.file_bytes();
                // Writing the snapshot again and again would else cost more than the log that it saves.
                self.bytes.store(self.bytes_min.max(bytes), Ordering::Relaxed);
                let at = taken.standing.marker.position.boundary;
                tracing::info!(commit_id = %at, bytes, segments = taken.segments_removed, "CHECKPOINT_COMPLETE");
            }
            Err(error) => tracing::warn!(%error, "CHECKPOINT_FAILED"),
        }
        taken
    }
}
