//! When the log is at work on the device: who writes in bulk beside it takes turns with it.
//!
//! An fsync waits for whatever the device was given before it, by anybody. A snapshot that is written as fast as it
//! goes is therefore waited for by the writes of the log; one that gives the device little at a time, and the next when
//! that was flushed with the log, is waited for a little by each. It paces, and nothing else: while the log rests
//! nobody waits, and no decision looks at it.
//!
//! Who waits looks again after a while, and is woken by nobody: it costs a write two increments. Waking a thread cost
//! each of them more than the device did.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// The least that is given to the device in one turn, in bytes.
const TURN_BYTES_MIN: usize = 64 << 10;
/// Who waits for its turn looks so often. So few fsyncs wait for more than their own bytes, and none for many: a quarter
/// of the bytes every 200 us made every write a little slower, and the slowest no faster.
const LOOK_AFTER: Duration = Duration::from_millis(1);

/// The fsyncs of one log. Invariant: `count` is odd while one is under way.
#[derive(Debug, Default)]
pub struct Pulse {
    count: AtomicU64,
    /// Bytes that the last one made durable.
    bytes: AtomicUsize,
}

/// What may be done until the next turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// So many bytes may be given to the device.
    pub bytes: usize,
    /// Which fsync of the log was the last to return: with each of them the device was flushed.
    pub fsync: u64,
}

impl Pulse {
    /// An fsync of so many bytes of the log.
    pub(super) fn beat<T>(&self, bytes: usize, sync: impl FnOnce() -> T) -> T {
        self.bytes.store(bytes, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::AcqRel);
        let synced = sync();
        self.count.fetch_add(1, Ordering::AcqRel);
        synced
    }

    /// The turn that it is.
    #[must_use]
    pub fn now(&self) -> Turn {
        let bytes = self.bytes.load(Ordering::Relaxed).max(TURN_BYTES_MIN);
        Turn { bytes, fsync: self.count.load(Ordering::Acquire) / 2 }
    }

    /// The turn after `last`: once another fsync has returned, or at once if none was begun since.
    #[must_use]
    pub fn after(&self, last: Turn) -> Turn {
        let rests = || self.count.load(Ordering::Acquire) == 2 * last.fsync;
        if !rests() {
            thread::sleep(LOOK_AFTER);
        }
        while !rests() && self.now().fsync == last.fsync {
            thread::sleep(LOOK_AFTER);
        }
        self.now()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_turn_comes_at_once_while_the_log_rests_and_otherwise_when_its_fsync_has_returned() {
        let pulse = Pulse::default();
        let first = pulse.after(pulse.now());
        assert_eq!(first, Turn { bytes: TURN_BYTES_MIN, fsync: 0 });
        let ((begun, has_begun), (end, may_end)) = (channel(), channel::<()>());
        thread::scope(|scope| {
            let pulse = &pulse;
            let log = scope.spawn(move || {
                pulse.beat(1 << 20, || {
                    begun.send(()).unwrap();
                    may_end.recv().unwrap();
                    7
                })
            });
            has_begun.recv().unwrap();
            let waiter = scope.spawn(move || pulse.after(first));
            // However often it has looked meanwhile.
            assert!(!waiter.is_finished());
            assert_eq!(pulse.now().fsync, 0);
            end.send(()).unwrap();
            let turn = Turn { bytes: 1 << 20, fsync: 1 };
            assert_eq!((log.join().unwrap(), waiter.join().unwrap()), (7, turn));
        });
        pulse.beat(4096, || ());
        assert_eq!(pulse.now(), Turn { bytes: TURN_BYTES_MIN, fsync: 2 });
        assert_eq!(pulse.after(pulse.now()), pulse.now());
    }
}
