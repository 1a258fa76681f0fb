//! A founded node's directory, its log open for appending, and batches for it.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aerodb_core::position::Position;
use aerodb_core::wal::{Batch, Commit, Op};
use aerodb_ledger::disk::{Disk, RealDisk};
use aerodb_node::directory::DataDir;
use aerodb_node::open::{Opened, open};
use bytes::Bytes;

use crate::Failed;
use crate::support::{found, zero_filled};

/// A node's directory as a start finds it.
pub(crate) fn opened(dir: &Path) -> Result<Opened, Failed> {
    if !dir.exists() {
        found(dir, "127.0.0.1:7400")?;
    }
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    Ok(open(DataDir::new(dir.to_owned()), &disk)?)
}

/// One put of a value of so many bytes, the `number`-th.
pub(crate) fn put(number: u64, value_bytes: usize) -> Op {
    let key = Bytes::from(format!("key-{:06}", number % 100_000));
    Op::Put { key, value: Bytes::from(vec![b'v'; value_bytes]) }
}

/// Appends one batch of so many puts to the log and gives where it ends.
pub(crate) fn append(
    opened: &mut Opened,
    tip: &Position,
    commits: u64,
    value_bytes: usize,
) -> Result<Position, Failed> {
    let first = tip.boundary.get();
    let commits =
        (first..first + commits).map(|n| Commit { ops: vec![put(n, value_bytes)] }).collect();
    let (epoch, stamp) = (opened.ledger.authority().epoch(), opened.ledger.authority().head());
    let (batch, raw) = Batch::form(tip, epoch, stamp, commits).ok_or("no batch")?;
    opened.wal.append(&[raw])?;
    Ok(batch.end())
}

/// Bytes of frames in the log so far, and how many frames.
pub(crate) fn log_size(opened: &Opened) -> (u64, u64) {
    let segments = opened.wal.reader().segments();
    let sum = |of: fn(&aerodb_ledger::wal::SegmentInfo) -> u64| segments.iter().map(of).sum();
    (sum(|segment| segment.used_bytes), sum(|segment| segment.frames))
}

/// The floor: a file of zeros that is written from front to end, over and over, each write synced.
pub(crate) struct BareLoop {
    file: File,
    at: usize,
    bytes: Vec<u8>,
}

impl BareLoop {
    const FILE_BYTES: usize = 64 << 20;

    pub(crate) fn new(dir: &Path) -> Result<Self, Failed> {
        fs::create_dir_all(dir)?;
        let file = zero_filled(&dir.join("bare"), Self::FILE_BYTES)?;
        Ok(Self { file, at: 0, bytes: Vec::new() })
    }

    /// One write of so many bytes and its fsync; gives how long they took.
    pub(crate) fn write(&mut self, bytes: usize) -> Result<Duration, Failed> {
        self.bytes.resize(bytes, 0xab);
        if self.at + bytes > Self::FILE_BYTES {
            self.at = 0;
        }
        let started = Instant::now();
        self.file.write_all_at(&self.bytes, self.at as u64)?;
        self.file.sync_data()?;
        self.at += bytes;
        Ok(started.elapsed())
    }
}
