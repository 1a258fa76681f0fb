//! A segment while it is read.

use std::sync::Arc;

use crate::disk::DiskFile;
use crate::fault::Fault;

/// Bytes that are read at once: few enough that they are still in the processor's cache when they are looked
/// at, and a multiple of every block.
const WINDOW_BYTES: u64 = 256 << 10;

/// The bytes of a segment around the place that is looked at.
#[derive(Debug)]
pub(crate) struct Window<'b> {
    file: Arc<dyn DiskFile>,
    /// Past the cache, which may hold what no fsync ever wrote.
    uncached: bool,
    /// Of the whole file.
    length: u64,
    start: u64,
    bytes: &'b mut Vec<u8>,
}

impl<'b> Window<'b> {
    /// The first bytes of the file. `bytes` is used again for each file that is read.
    pub(crate) fn open(
        file: Arc<dyn DiskFile>,
        length: u64,
        uncached: bool,
        bytes: &'b mut Vec<u8>,
    ) -> Result<Self, Fault> {
        let mut window = Self { file, uncached, length, start: 0, bytes };
        window.load(0, WINDOW_BYTES)?;
        Ok(window)
    }

    /// What is held from `offset` on, which is not before the window.
    pub(crate) fn from(&self, offset: u64) -> &[u8] {
        let at = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        self.bytes.get(at..).unwrap_or_default()
    }

    /// Gets more of what follows `offset`: the next window first, then all the rest. False when all of it is
    /// held already.
    pub(crate) fn more(&mut self, offset: u64) -> Result<bool, Fault> {
        if self.start + self.bytes.len() as u64 == self.length {
            return Ok(false);
        }
        let bytes = if self.start < offset { WINDOW_BYTES } else { self.length };
        self.load(offset, bytes)?;
        Ok(true)
    }

    fn load(&mut self, start: u64, bytes: u64) -> Result<(), Fault> {
        // A segment's header bounds its size by 1 GiB, and so does the caller that of any other file.
        let bytes = usize::try_from(bytes.min(self.length - start)).unwrap_or_default();
        self.start = start;
        self.bytes.resize(bytes, 0);
        if self.uncached {
            self.file.read_uncached_at(start, self.bytes)?;
        } else {
            self.file.read_at(start, self.bytes)?;
        }
        Ok(())
    }
}
