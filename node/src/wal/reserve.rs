//! A request thread in reserve, for when another one waits for the disk for long.
//!
//! A lone writer's append runs on a request thread. Waking another thread for each of them, in case the disk
//! should take long, would cost what doing the append there saves. So the thread in reserve looks from time
//! to time, and only while there are such appends: one that is still under way at the next look takes
//! long, and until it ends the reserve is a request thread like any other. A disk that hangs keeps nobody
//! waiting but the writer.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// From one look to the next. What else is asked of the node waits at most twice that for the disk.
const LOOK: Duration = Duration::from_millis(5);

/// The thread in reserve, as the appending threads see it.
#[derive(Debug, Default)]
pub struct Reserve {
    /// Odd while an append is under way.
    appends: AtomicU64,
    manned: AtomicBool,
    /// Whether the reserve sleeps until it is told of an append.
    asleep: Mutex<bool>,
    asleep_hint: AtomicBool,
    wake: Condvar,
    ended: Notify,
}

impl Reserve {
    /// Whether there is a thread in reserve.
    pub(super) fn is_manned(&self) -> bool {
        self.manned.load(Ordering::Acquire)
    }

    /// An append begins on a request thread; only the owner's lock lets one at a time do so.
    pub(super) fn begin(&self) {
        self.appends.fetch_add(1, Ordering::SeqCst);
        if self.asleep_hint.load(Ordering::SeqCst) {
            *self.asleep.lock().unwrap_or_else(PoisonError::into_inner) = false;
            self.wake.notify_one();
        }
    }

    /// The append has ended.
    pub(super) fn end(&self) {
        self.appends.fetch_add(1, Ordering::SeqCst);
        self.ended.notify_waiters();
    }

    /// Mans the reserve with the thread that runs this, of a runtime that has one more than it needs.
    pub async fn man(self: Arc<Self>) {
        self.manned.store(true, Ordering::Release);
        loop {
            let stuck = self.stand_by();
            self.ended(stuck).await;
        }
    }

    /// Blocks the thread until an append takes long. Gives its number.
    fn stand_by(&self) -> u64 {
        let mut seen = self.appends.load(Ordering::SeqCst);
        loop {
            std::thread::sleep(LOOK);
            let now = self.appends.load(Ordering::SeqCst);
            match (now == seen, now % 2) {
                (true, 1) => return now,
                (true, _) => self.sleep(now),
                (false, _) => {}
            }
            seen = now;
        }
    }

    /// Sleeps until the next append.
    fn sleep(&self, seen: u64) {
        let mut asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        *asleep = true;
        self.asleep_hint.store(true, Ordering::SeqCst);
        // An append that began before the hint was set has been counted by now.
        while *asleep && self.appends.load(Ordering::SeqCst) == seen {
            asleep = self.wake.wait(asleep).unwrap_or_else(PoisonError::into_inner);
        }
        *asleep = false;
        self.asleep_hint.store(false, Ordering::SeqCst);
    }

    /// Completes when the append of this number has ended.
    async fn ended(&self, stuck: u64) {
        loop {
            let ended = self.ended.notified();
            if self.appends.load(Ordering::SeqCst) != stuck {
                return;
            }
            ended.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two threads, as a node with one request thread has; the test's own is none of them.
    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
    }

    /// Proves: P3-FS2.
    #[test]
    fn a_disk_that_hangs_keeps_no_other_request_waiting() {
        let (runtime, reserve) = (runtime(), Arc::new(Reserve::default()));
        runtime.spawn(Arc::clone(&reserve).man());
        while !reserve.is_manned() {
            std::thread::yield_now();
        }
        // More than once, with the reserve asleep in between or not.
        for _ in 0..3 {
            let (hung, hangs) = std::sync::mpsc::channel();
            let (go_on, told) = std::sync::mpsc::channel::<()>();
            let appending = Arc::clone(&reserve);
            let append = runtime.spawn(async move {
                appending.begin();
                hung.send(()).unwrap();
                told.recv().unwrap();
                appending.end();
            });
            hangs.recv().unwrap();
            // It is answered although the one request thread hangs.
            assert_eq!(runtime.block_on(runtime.spawn(async { 7 })).unwrap(), 7);
            go_on.send(()).unwrap();
            runtime.block_on(append).unwrap();
        }
        runtime.shutdown_background();
    }
}
