//! Where a log begins.

use serde::Serialize;

use crate::log::SEGMENT_MAX;

/// The first place of a log. What came before was removed below a durable checkpoint, by whole segments;
/// numbers are never used again (DIS-18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LogStart {
    /// The first segment. Files of earlier ones are what a truncation had not removed yet.
    pub segment: u64,
    /// The sequence number of its first frame.
    pub frame_seq: u64,
    /// The last record before it; 0 where there was none.
    pub record: u64,
}

impl LogStart {
    /// Of a log that was never truncated.
    pub const ORIGIN: Self = Self { segment: 1, frame_seq: 1, record: 0 };

    pub(crate) fn last_record(self) -> Option<u64> {
        Some(self.record).filter(|record| *record > 0)
    }

    /// No log has so many frames or records; below it nothing that counts them overflows.
    pub(crate) const NUMBER_MAX: u64 = 1 << 62;

    /// Whether a log can begin here: numbers start at 1, and every segment before holds a frame.
    pub(crate) fn is_possible(&self) -> bool {
        (1..=SEGMENT_MAX).contains(&self.segment)
            && self.segment <= self.frame_seq
            && (self.segment == 1) == (self.frame_seq == 1)
            && self.frame_seq < Self::NUMBER_MAX
            && self.record < Self::NUMBER_MAX
    }
}
