//! Where a process can end within an append.

use crate::crash::Point;
use crate::log::{FrameKind, LogKind};

/// The places on the way of one frame, in order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    pub(crate) before_write: Point,
    pub(crate) mid_write: Point,
    pub(crate) after_write: Point,
    pub(crate) mid_fsync: Point,
    pub(crate) after_fsync: Point,
}

impl Places {
    pub(crate) const fn of(log: LogKind, frame: FrameKind) -> Self {
        match (log, frame) {
            // The WAL has no trailers.
            (LogKind::Wal, FrameKind::Records | FrameKind::Trailer) => Self {
                before_write: Point::WalBeforeWrite,
                mid_write: Point::WalMidWrite,
                after_write: Point::WalAfterWrite,
                mid_fsync: Point::WalMidFsync,
                after_fsync: Point::WalAfterFsync,
            },
            (LogKind::Authority, FrameKind::Records) => Self {
                before_write: Point::LedgerBeforeWrite,
                mid_write: Point::LedgerMidWrite,
                after_write: Point::LedgerAfterWrite,
                mid_fsync: Point::LedgerMidFsync,
                after_fsync: Point::LedgerAfterFsync,
            },
            (LogKind::Authority, FrameKind::Trailer) => Self {
                before_write: Point::TrailerBeforeWrite,
                mid_write: Point::TrailerMidWrite,
                after_write: Point::TrailerAfterWrite,
                mid_fsync: Point::TrailerMidFsync,
                after_fsync: Point::TrailerAfterFsync,
            },
            (LogKind::Decision, FrameKind::Records) => Self {
                before_write: Point::RecordBeforeWrite,
                mid_write: Point::RecordMidWrite,
                after_write: Point::RecordAfterWrite,
                mid_fsync: Point::RecordMidFsync,
                after_fsync: Point::RecordAfterFsync,
            },
            (LogKind::Decision, FrameKind::Trailer) => Self {
                before_write: Point::RecordTrailerBeforeWrite,
                mid_write: Point::RecordTrailerMidWrite,
                after_write: Point::RecordTrailerAfterWrite,
                mid_fsync: Point::RecordTrailerMidFsync,
                after_fsync: Point::RecordTrailerAfterFsync,
            },
        }
    }
}
