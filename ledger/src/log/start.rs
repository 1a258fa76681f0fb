//! Where a log begins.

use serde::Serialize;

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
}
