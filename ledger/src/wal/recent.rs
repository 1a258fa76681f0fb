//! The end of the WAL in memory: what a replica pulls has just been written, and is not on the way through the cache
//! where the log writes past it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aerodb_core::wal::RawBatch;

/// The most bytes of batches that are kept: of group commits of 64 small puts some tens.
const BYTES_MAX: usize = 256 << 10;

#[derive(Debug, Default)]
struct Frames {
    /// By sequence number, ascending.
    frames: VecDeque<(u64, Vec<RawBatch>)>,
    bytes: usize,
}

/// The batches of the last frames; kept by the writer, shared with the readers. Which frames are durable, and which
/// of them are still to be read, the index says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recent(Arc<Mutex<Frames>>);

impl Recent {
    // No writer can stop half-way through a change in a way that a reader could see.
    fn lock(&self) -> MutexGuard<'_, Frames> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the batches of the next frame, and lets go of the oldest ones that are too many then.
    pub(crate) fn push(&self, seq: u64, batches: &[RawBatch]) {
        let mut kept = self.lock();
        kept.frames.push_back((seq, batches.to_vec()));
        kept.bytes += bytes_of(batches);
        while kept.bytes > BYTES_MAX {
            let Some((_, oldest)) = kept.frames.pop_front() else { break };
            kept.bytes -= bytes_of(&oldest);
        }
    }

    /// The batches of this frame, if they are still here.
    pub(crate) fn find(&self, seq: u64) -> Option<Vec<RawBatch>> {
        let kept = self.lock();
        let at = kept.frames.binary_search_by_key(&seq, |(seq, _)| *seq).ok()?;
        Some(kept.frames[at].1.clone())
    }
}

fn bytes_of(batches: &[RawBatch]) -> usize {
    batches.iter().map(|batch| batch.bytes().len()).sum()
}

#[cfg(test)]
mod tests {
    use aerodb_core::hash::{ClusterId, Hash};
    use aerodb_core::id::{Epoch, Seq};
    use aerodb_core::position::{LedgerHead, Position};
    use aerodb_core::wal::{Batch, Commit, Op};

    use super::*;

    fn batch(value_bytes: usize) -> RawBatch {
        let stamp = LedgerHead { seq: Seq::FIRST, hash: Hash([3; 32]) };
        let op = Op::Put { key: "key".into(), value: vec![7; value_bytes].into() };
        let commits = vec![Commit { ops: vec![op] }];
        let origin = Position::origin(&ClusterId([9; 32]));
        Batch::form(&origin, Epoch::FIRST, stamp, commits).unwrap().1
    }

    #[test]
    fn the_last_frames_are_kept_up_to_the_bound_and_one_beyond_it_is_not() {
        let recent = Recent::default();
        let kept = |recent: &Recent| -> Vec<u64> {
            (0..9).filter(|seq| recent.find(*seq).is_some()).collect()
        };
        let third = batch(BYTES_MAX / 3 - 200);
        for seq in [1, 2, 4] {
            recent.push(seq, std::slice::from_ref(&third));
        }
        assert_eq!(kept(&recent), [1, 2, 4]);
        recent.push(5, &[third.clone(), batch(1)]);
        assert_eq!(kept(&recent), [2, 4, 5]);
        assert_eq!(recent.find(5).unwrap(), [third.clone(), batch(1)]);
        recent.push(6, &[batch(BYTES_MAX)]);
        assert_eq!(kept(&recent), [0; 0]);
        recent.push(7, &[third]);
        assert_eq!(kept(&recent), [7]);
    }
}
