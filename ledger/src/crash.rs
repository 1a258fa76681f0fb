//! Named places on the production path where a test ends the process, or holds it (rules/5-matrix: the
//! boundaries of the crash matrix). Without the feature `crash-points` every function here is empty.
//!
//! `AERODB_CRASH_POINT=NAME` ends the process by SIGKILL at that place, `NAME:3` at the third time it comes
//! there. `AERODB_HOLD_POINT=NAME=FIFO` lets it stand there until the FIFO was opened for writing and
//! closed: so that a state between two steps can be looked at without anyone sleeping.
//!
//! Keeps: CT-4, CT-7, F-T2, CT-2, P5-T2.

/// A place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// Writes are judged and numbered; nothing of them is in the log (M-W01).
    WriteBeforeWal,
    /// A frame of the WAL is formed; no byte of it is written (M-W02).
    WalBeforeWrite,
    /// Half of the frame's bytes are written (M-W03).
    WalMidWrite,
    /// All of them are, none is fsynced (M-W04).
    WalAfterWrite,
    /// The fsync has returned; nothing is applied (M-W07, F-P2).
    WalAfterFsync,
    /// Applied, and not visible yet (M-W13).
    CommitBeforeVisible,
    /// Visible (M-W13).
    CommitAfterVisible,
    /// A write is acknowledged and its caller not answered (M-W14).
    AckBeforeSend,
    /// What a pull will be answered with is read from the log; nothing is sent (M-R01, F-P2).
    ShipBeforeSend,
    /// A pull's bytes are here; none is written (M-R08, F-R1).
    RecvMidReceive,
    /// Received bytes are durable; nothing is validated (M-R10, F-R2).
    RecvAfterFsync,
    /// One batch of what was received is validated (M-R12).
    ValMid,
    /// Everything received is validated; nothing is applied (M-R16).
    ApplyBefore,
    /// One commit of a validated batch is in the store (M-R17, F-A1).
    ApplyMid,
    /// All of them are; no bound says so (M-R18, F-A2).
    ApplyBeforeMeta,
    /// A start has read its ledgers (M-C18, step 1).
    RecLedgersRead,
    /// A start has replayed one batch (M-C18, step 5).
    RecMidReplay,
    /// A start has replayed everything and stamped nothing (M-C18, step 8).
    RecBeforeStamp,
    /// A start has written its stamp and serves nothing (M-C18, step 9).
    RecAfterStamp,
    /// A failure is found; nothing says so (M-R32).
    HaltBeforeRecord,
    /// It is recorded; nobody was told (M-R32).
    HaltAfterRecord,
    /// The log that is kept is written beside the old one (discard-suffix, step 1).
    DiscardKept,
    /// The decision ledger says what is set aside (step 2).
    DiscardRecorded,
    /// The stamp names the frames that are kept (step 3).
    DiscardStamped,
    /// The old log is in quarantine, none is in its place (step 4).
    DiscardAside,
    /// A chunk of a snapshot is written, more are to come (M-R23, F-S1).
    BootTransfer,
    /// A snapshot is received, durable; no byte of it was looked at (M-R24, F-S2).
    BootBeforeValidate,
    /// Every byte was looked at; nothing is decided (M-R24, F-S2).
    BootMidValidate,
    /// The snapshot has its name; no checkpoint names it (M-R26).
    BootInstallRename,
    /// The checkpoint names it; the process has not started again (M-R27).
    BootInstalled,
    /// Half-way through a checkpoint's snapshot: one version is written (M-C02).
    SnapEnumerate,
    /// The snapshot is durable; no record names it (M-C08).
    CkptAfterSnapshot,
    /// The record is durable; nothing of the log is removed (M-C10).
    CkptAfterRecord,
    /// Segments are removed; older snapshots are not (M-C11).
    TruncAfter,
}

impl Point {
    /// Every point, in the order of a write's and of a batch's way.
    pub const ALL: [Self; 34] = [
        Self::WriteBeforeWal,
        Self::WalBeforeWrite,
        Self::WalMidWrite,
        Self::WalAfterWrite,
        Self::WalAfterFsync,
        Self::CommitBeforeVisible,
        Self::CommitAfterVisible,
        Self::AckBeforeSend,
        Self::ShipBeforeSend,
        Self::RecvMidReceive,
        Self::RecvAfterFsync,
        Self::ValMid,
        Self::ApplyBefore,
        Self::ApplyMid,
        Self::ApplyBeforeMeta,
        Self::RecLedgersRead,
        Self::RecMidReplay,
        Self::RecBeforeStamp,
        Self::RecAfterStamp,
        Self::HaltBeforeRecord,
        Self::HaltAfterRecord,
        Self::DiscardKept,
        Self::DiscardRecorded,
        Self::DiscardStamped,
        Self::DiscardAside,
        Self::BootTransfer,
        Self::BootBeforeValidate,
        Self::BootMidValidate,
        Self::BootInstallRename,
        Self::BootInstalled,
        Self::SnapEnumerate,
        Self::CkptAfterSnapshot,
        Self::CkptAfterRecord,
        Self::TruncAfter,
    ];

    /// The name in `AERODB_CRASH_POINT`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WriteBeforeWal => "write.before_wal",
            Self::WalBeforeWrite => "wal.before_write",
            Self::WalMidWrite => "wal.mid_write",
            Self::WalAfterWrite => "wal.after_write",
            Self::WalAfterFsync => "wal.after_fsync",
            Self::CommitBeforeVisible => "commit.before_visible",
            Self::CommitAfterVisible => "commit.after_visible",
            Self::AckBeforeSend => "ack.before_send",
            Self::ShipBeforeSend => "ship.before_send",
            Self::RecvMidReceive => "recv.mid_receive",
            Self::RecvAfterFsync => "recv.after_fsync",
            Self::ValMid => "val.mid",
            Self::ApplyBefore => "apply.before",
            Self::ApplyMid => "apply.mid",
            Self::ApplyBeforeMeta => "apply.before_meta",
            Self::RecLedgersRead => "rec.ledgers_read",
            Self::RecMidReplay => "rec.mid_replay",
            Self::RecBeforeStamp => "rec.before_stamp",
            Self::RecAfterStamp => "rec.after_stamp",
            Self::HaltBeforeRecord => "halt.before_record",
            Self::HaltAfterRecord => "halt.after_record",
            Self::DiscardKept => "discard.kept",
            Self::DiscardRecorded => "discard.recorded",
            Self::DiscardStamped => "discard.stamped",
            Self::DiscardAside => "discard.aside",
            Self::BootTransfer => "boot.transfer",
            Self::BootBeforeValidate => "boot.before_validate",
            Self::BootMidValidate => "boot.mid_validate",
            Self::BootInstallRename => "boot.install.rename",
            Self::BootInstalled => "boot.installed",
            Self::SnapEnumerate => "snap.enumerate",
            Self::CkptAfterSnapshot => "ckpt.after_snapshot",
            Self::CkptAfterRecord => "ckpt.after_record",
            Self::TruncAfter => "trunc.after",
        }
    }
}

#[cfg(feature = "crash-points")]
mod armed;
#[cfg(feature = "crash-points")]
pub use armed::{check, is_due, reached};

/// The process has come to this place.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
#[allow(clippy::inline_always)] // It is nothing, and must cost nothing.
pub const fn reached(_: Point) {}

/// Whether the process ends when it next comes to this place.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
#[must_use]
#[allow(clippy::inline_always)] // As above.
pub const fn is_due(_: Point) -> bool {
    false
}
