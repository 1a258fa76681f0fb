//! When the log is at work on the device: who writes in bulk beside it takes turns with it.
//!
//! An fsync waits for whatever the device was given before it, by anybody. A snapshot, or the log's next segment, that
//! is written as fast as it goes is therefore waited for by the writes of the log; one that gives the device little at a
//! time, and the next when that was flushed with the log, is waited for a little by each. The processor is shared out
//! the same way: whoever has it keeps it for milliseconds unless it waits. It paces, and nothing else: while the log
//! rests nobody waits, and no decision looks at it.
//!
//! Who waits looks again after a while, and is woken by nobody: it costs a write two increments. Waking a thread cost
//! each of them more than the device did.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// The least that is given to the device in one turn, in bytes. More is given where the log has written more since the
/// turn before: a segment that is begun with the one before it is ready when that is full.
const TURN_BYTES_MIN: usize = 64 << 10;
/// Who waits for its turn looks so often. So few fsyncs wait for more than their own bytes, and none for many: a quarter
/// of the bytes every 200 us made every write a little slower, and the slowest no faster.
const LOOK_AFTER: Duration = Duration::from_millis(1);

/// The fsyncs of one log. Invariant: `count` is odd while one is under way.
#[derive(Debug, Default)]
pub struct Pulse {
    count: AtomicU64,
    /// Bytes that they made durable, all of them together.
    written: AtomicU64,
}

/// What may be done until the next turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Turn {
    /// So many bytes may be given to the device.
    bytes: usize,
    /// Which fsync of the log was the last to return: with each of them the device was flushed.
    fsync: u64,
    /// What the log had written until then, in bytes.
    written: u64,
}

impl Pulse {
    /// An fsync of so many bytes of the log.
    pub(super) fn beat<T>(&self, bytes: usize, sync: impl FnOnce() -> T) -> T {
        self.written.fetch_add(bytes as u64, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::AcqRel);
        let synced = sync();
        self.count.fetch_add(1, Ordering::AcqRel);
        synced
    }

    /// A first turn.
    fn now(&self) -> Turn {
        let (fsync, written) = (self.fsync(), self.written.load(Ordering::Relaxed));
        Turn { bytes: TURN_BYTES_MIN, fsync, written }
    }

    fn fsync(&self) -> u64 {
        self.count.load(Ordering::Acquire) / 2
    }

    /// The turn after `last`: once another fsync has returned, or at once if none was begun since.
    fn after(&self, last: Turn) -> Turn {
        let rests = || self.count.load(Ordering::Acquire) == 2 * last.fsync;
        if !rests() {
            thread::sleep(LOOK_AFTER);
        }
        while !rests() && self.fsync() == last.fsync {
            thread::sleep(LOOK_AFTER);
        }
        let now = self.now();
        let written = usize::try_from(now.written - last.written).unwrap_or(usize::MAX);
        Turn { bytes: written.max(TURN_BYTES_MIN), ..now }
    }
}

/// The turns of one who writes in bulk.
#[derive(Debug)]
pub struct Pace(Option<(Arc<Pulse>, Turn)>);

/// What is written in one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// So many bytes at most.
    pub bytes: usize,
    /// Whether the device was flushed since the turn before.
    pub flushed: bool,
}

impl Pace {
    /// Of one who writes beside no log.
    pub const ALONE: Self = Self(None);

    /// Beside this log.
    #[must_use]
    pub fn beside(log: Arc<Pulse>) -> Self {
        let turn = log.now();
        Self(Some((log, turn)))
    }

    /// The next piece, once it is time for it; all that is left, at once, where no log is written beside.
    pub fn piece(&mut self) -> Piece {
        let Some((log, last)) = &mut self.0 else {
            return Piece { bytes: usize::MAX, flushed: false };
        };
        let turn = log.after(*last);
        let flushed = turn.fsync != last.fsync;
        *last = turn;
        Piece { bytes: turn.bytes, flushed }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, TryRecvError, channel};
    use std::time::Instant;

    use super::*;

    /// Longer than anything here takes: what waits for ever fails.
    const LONG: Duration = Duration::from_secs(10);

    /// The turn after `last`, when it has come.
    fn turn_after(pulse: &Arc<Pulse>, last: Turn) -> Receiver<Turn> {
        let (pulse, (told, turn)) = (Arc::clone(pulse), channel());
        thread::spawn(move || told.send(pulse.after(last)));
        turn
    }

    #[test]
    fn a_turn_comes_at_once_while_the_log_rests_and_otherwise_when_its_fsync_has_returned() {
        let pulse = Arc::<Pulse>::default();
        let first = turn_after(&pulse, pulse.now()).recv_timeout(LONG).unwrap();
        assert_eq!(first, Turn { bytes: TURN_BYTES_MIN, fsync: 0, written: 0 });
        let ((begun, has_begun), (end, may_end)) = (channel(), channel::<()>());
        let writer = Arc::clone(&pulse);
        let log = thread::spawn(move || {
            writer.beat(1 << 20, || {
                begun.send(()).unwrap();
                may_end.recv().unwrap();
                7
            })
        });
        has_begun.recv_timeout(LONG).unwrap();
        let waiter = turn_after(&pulse, first);
        // However often it has looked meanwhile.
        assert_eq!(waiter.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(pulse.now().fsync, 0);
        end.send(()).unwrap();
        let turn = Turn { bytes: 1 << 20, fsync: 1, written: 1 << 20 };
        assert_eq!((log.join().unwrap(), waiter.recv_timeout(LONG)), (7, Ok(turn)));
        pulse.beat(4096, || ());
        assert_eq!((pulse.now().bytes, pulse.now().fsync), (TURN_BYTES_MIN, 2));
        assert_eq!(turn_after(&pulse, pulse.now()).recv_timeout(LONG), Ok(pulse.now()));
    }

    #[test]
    fn who_writes_in_bulk_gives_little_beside_a_log_and_all_at_once_alone() {
        let mut alone = Pace::ALONE;
        assert_eq!(alone.piece(), Piece { bytes: usize::MAX, flushed: false });
        let log = Arc::<Pulse>::default();
        let mut pace = Pace::beside(Arc::clone(&log));
        assert_eq!(pace.piece(), Piece { bytes: TURN_BYTES_MIN, flushed: false });
        log.beat(2 * TURN_BYTES_MIN, || ());
        log.beat(TURN_BYTES_MIN, || ());
        assert_eq!(pace.piece(), Piece { bytes: 3 * TURN_BYTES_MIN, flushed: true });
        assert_eq!(pace.piece(), Piece { bytes: TURN_BYTES_MIN, flushed: false });
    }

    /// Also where an fsync has returned meanwhile: the device has what it was given in the last turn.
    #[test]
    fn beside_a_log_that_was_at_work_a_turn_is_waited_for() {
        let pulse = Arc::<Pulse>::default();
        for fsync in 1..20 {
            let (last, before) = (pulse.now(), Instant::now());
            pulse.beat(4096, || ());
            let turn = turn_after(&pulse, last).recv_timeout(LONG).unwrap();
            assert_eq!(turn.fsync, fsync);
            assert!(before.elapsed() >= LOOK_AFTER);
        }
    }
}
