//! The segment after the active one, made before it is needed.
//!
//! Keeps: P3-FS4, M-W09.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use aerodb_core::hash::PublicKey;

use crate::disk::{self, Access, Disk, DiskError, DiskFile, Operation};
use crate::log::segment::{SegmentHeader, path_of};
use crate::log::{Block, LogKind, Pace, Piece, Prepare, Pulse};

/// Makes the segments of one log, all of one size and with one size of block.
#[derive(Debug, Clone)]
pub(crate) struct SegmentMaker {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) dir: PathBuf,
    pub(crate) kind: LogKind,
    pub(crate) bytes: u64,
    pub(crate) block: Block,
    pub(crate) owner: PublicKey,
}

impl SegmentMaker {
    /// Makes segment `number` at this pace, faster while the log rests: under its name it is whole and durable, or
    /// absent.
    pub(crate) fn make(&self, number: u64, pace: Pace) -> Result<(), DiskError> {
        let mut haste = Haste { pace, rested: 0 };
        let Self { kind, bytes, block, owner, .. } = *self;
        let header = SegmentHeader { kind, number, bytes, block, owner };
        let path = path_of(&self.dir, number);
        disk::create_filled(&*self.disk, &path, &header.encode(), self.bytes, || haste.piece())
    }

    pub(crate) fn open(&self, number: u64) -> Result<Arc<dyn DiskFile>, DiskError> {
        self.disk.open(&path_of(&self.dir, number), Access::ReadWrite)
    }
}

/// Each further turn in which the log rests doubles the piece that is written, up to so often: whoever begins to write
/// waits for one of them.
const DOUBLED_MAX: u32 = 4;

/// How much of a segment is written in each turn.
struct Haste {
    pace: Pace,
    /// Turns in a row in which the log has rested, as far as they count.
    rested: u32,
}

impl Haste {
    fn piece(&mut self) -> usize {
        let Piece { bytes, flushed } = self.pace.piece();
        if flushed {
            self.rested = 0;
            return bytes;
        }
        let piece = bytes.saturating_mul(1 << self.rested);
        self.rested = DOUBLED_MAX.min(self.rested + 1);
        piece
    }
}

/// How far the next segment is.
#[derive(Debug)]
pub(crate) enum Next {
    /// Nothing was begun.
    Absent,
    /// It is on the disk.
    Ready,
    /// A thread makes it. Its failure is told to the append that needs the segment, and to no other.
    Making(Making),
}

/// The thread that makes a segment. It is waited for, at the latest when the log is closed: nothing is
/// written to the directory after that.
#[derive(Debug)]
pub(crate) struct Making(Option<JoinHandle<Result<(), DiskError>>>);

impl Making {
    fn join(mut self, path: &Path) -> Result<(), DiskError> {
        let outcome = self.0.take().map_or(Ok(Ok(())), JoinHandle::join);
        outcome.unwrap_or_else(|_| {
            let died = io::Error::other("the thread that makes the next segment panicked");
            Err(DiskError::new(Operation::Create, path, died))
        })
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        // Its failure has nobody to be told to: the segment is made again when it is needed.
        drop(self.0.take().map(JoinHandle::join));
    }
}

impl Next {
    /// Begins to make segment `number`, taking turns with the log's fsyncs, if nothing was begun. Only to be called
    /// when the active segment holds a durable frame or is the first: a segment that stands ready is always the only
    /// one.
    pub(crate) fn begin(
        &mut self,
        maker: &SegmentMaker,
        number: u64,
        prepare: Prepare,
        log: &Arc<Pulse>,
    ) {
        match (&self, prepare) {
            (Self::Absent, Prepare::Ahead) => {
                let (maker, pace) = (maker.clone(), Pace::beside(Arc::clone(log)));
                let thread = std::thread::Builder::new().name("segment".to_owned());
                // Where the system gives no thread, the append that needs the segment makes it.
                if let Ok(making) = thread.spawn(move || maker.make(number, pace)) {
                    *self = Self::Making(Making(Some(making)));
                }
            }
            (Self::Absent, Prepare::OnDemand) | (Self::Ready | Self::Making(_), _) => {}
        }
    }

    /// Opens segment `number`, waiting for it or making it now.
    pub(crate) fn take(
        &mut self,
        maker: &SegmentMaker,
        number: u64,
    ) -> Result<Arc<dyn DiskFile>, DiskError> {
        match std::mem::replace(self, Self::Absent) {
            Self::Absent => maker.make(number, Pace::ALONE)?,
            Self::Ready => {}
            Self::Making(making) => making.join(&path_of(&maker.dir, number))?,
        }
        maker.open(number)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_segment_is_written_faster_while_its_log_rests() {
        let log = Arc::<Pulse>::default();
        let mut haste = Haste { pace: Pace::beside(Arc::clone(&log)), rested: 0 };
        let least = 64 << 10;
        for doubled in [1, 2, 4, 8, 16, 16] {
            assert_eq!(haste.piece(), doubled * least);
        }
        log.beat(2 * least, || ());
        assert_eq!(haste.piece(), 2 * least, "as much as the log has written");
        assert_eq!((haste.piece(), haste.piece()), (least, 2 * least));
        let mut alone = Haste { pace: Pace::ALONE, rested: 0 };
        assert_eq!((alone.piece(), alone.piece()), (usize::MAX, usize::MAX));
    }

    /// A directory that is closed may be moved, or opened by another process.
    #[test]
    fn a_log_that_is_closed_has_waited_for_the_segment_that_was_being_made() {
        let made = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&made);
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            told.store(true, Ordering::Release);
            Ok(())
        });
        drop(Next::Making(Making(Some(thread))));
        assert!(made.load(Ordering::Acquire));
    }
}
