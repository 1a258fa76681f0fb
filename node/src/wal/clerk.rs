//! Who works off what is queued for the WAL's owner: its own thread, or whoever carries all parts of a node.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::desk::{Desk, Found, lock};
use super::owner::{GoOn, Job, Mode, Paused};

/// The end of the queue.
#[derive(Debug)]
struct Work {
    desk: Arc<Mutex<Desk>>,
    queue: mpsc::Receiver<Job>,
    /// Taken from the queue already.
    next: Option<Job>,
    found: Option<Found>,
}

/// Works off jobs, one after the other.
#[derive(Debug, Clone)]
pub struct Clerk(Arc<Mutex<Work>>);

impl Clerk {
    pub(super) fn new(
        desk: Arc<Mutex<Desk>>,
        queue: mpsc::Receiver<Job>,
        found: Option<Found>,
    ) -> Self {
        Self(Arc::new(Mutex::new(Work { desk, queue, next: None, found })))
    }

    /// Has a thread of its own work off jobs until nobody can ask any more.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn spawn(self) -> std::io::Result<()> {
        let thread = std::thread::Builder::new().name("wal".to_owned());
        let run = move || {
            let mut work = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            while work.step() || work.wait() {}
        };
        thread.spawn(run).map(drop)
    }

    /// Does one job, a write with what is queued behind it. `false` when there is none, or the owner is to hold
    /// still.
    #[must_use]
    pub fn step(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).step()
    }

    /// Does everything that is queued.
    pub(super) fn finish(&self) {
        while self.step() {}
    }

    /// Stills the owner, everything queued before done, until what this gives is used or dropped.
    pub(super) fn pause(&self) -> Paused {
        self.finish();
        let desk = Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner).desk);
        let (standing, authority) = lock(&desk).hold_still();
        Paused { standing, authority, go_on: GoOn::Here(Held(desk)) }
    }
}

impl Work {
    fn step(&mut self) -> bool {
        let mut desk = lock(&self.desk);
        if desk.is_still() {
            return false;
        }
        if let Some(found) = self.found.take() {
            desk.take_up(found);
            return true;
        }
        let Some(job) = self.next.take().or_else(|| self.queue.try_recv().ok()) else {
            return false;
        };
        self.next = desk.serve(job, &mut self.queue);
        true
    }

    /// Waits for the next job. `false` when none can come.
    fn wait(&mut self) -> bool {
        self.next = self.queue.blocking_recv();
        self.next.is_some()
    }
}

/// An owner that holds still; when nobody says how to go on, the WAL stays idle.
#[derive(Debug)]
pub(super) struct Held(Arc<Mutex<Desk>>);

impl Held {
    pub(super) fn resume(self, mode: Mode) {
        lock(&self.0).go_on(mode);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        lock(&self.0).let_go_on();
    }
}
