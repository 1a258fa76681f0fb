//! Where a WAL begins.

use aerodb_core::position::Position;
use serde::{Deserialize, Serialize};

use crate::log::LogStart;

/// The place from which the WAL is kept: the start of one of its segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalStart {
    /// The segment.
    pub segment: u64,
    /// The sequence number of its first frame.
    pub frame_seq: u64,
    /// Where the history before it ends.
    pub position: Position,
}

impl WalStart {
    pub(crate) const fn of_log(&self) -> LogStart {
        LogStart {
            segment: self.segment,
            frame_seq: self.frame_seq,
            record: self.position.boundary.get(),
        }
    }
}

/// The log's start: that of the WAL, or the origin.
pub(super) fn log_start(start: Option<&WalStart>) -> LogStart {
    start.map_or(LogStart::ORIGIN, WalStart::of_log)
}
