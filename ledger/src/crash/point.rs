//! The list of places.
//!
//! Keeps: P6-B0, P6-AS1.

use std::fmt;

/// What tells one coming to a place from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    /// Nothing but how often the process came there: `NAME:3`.
    None,
    /// How many bytes of a write are done: `NAME[512]`. Never all of them.
    Byte,
    /// A number of its own: `NAME[7]`.
    Number,
}

macro_rules! points {
    ($($(#[$story:meta])+ $point:ident = $name:literal $index:ident,)+) => {
        /// A place.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Point {
            $($(#[$story])+ $point,)+
        }

        impl Point {
            /// Every place, in the order of a write's way, a batch's, a recovery's, a promotion's.
            pub const ALL: &'static [Self] = &[$(Self::$point,)+];

            /// The name in `AERODB_CRASH_POINT`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$point => $name,)+
                }
            }

            /// What may stand behind the name.
            #[must_use]
            pub const fn index(self) -> Index {
                match self {
                    $(Self::$point => Index::$index,)+
                }
            }
        }
    };
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self.index() {
            Index::None => Ok(()),
            Index::Byte => f.write_str("[byte]"),
            Index::Number => f.write_str("[i]"),
        }
    }
}

points! {
    // A write on the holder.
    /// The writes of a batch are gathered, none is judged (M-W19).
    GroupForming = "group.forming" None,
    /// Writes are judged and numbered; nothing of them is in the log (M-W01).
    WriteBeforeWal = "write.before_wal" None,
    /// A frame of the WAL is formed; no byte of it is written (M-W02).
    WalBeforeWrite = "wal.before_write" None,
    /// So many of the frame's bytes are written (M-W03, M-W20).
    WalMidWrite = "wal.mid_write" Byte,
    /// All of them are, none is fsynced (M-W04).
    WalAfterWrite = "wal.after_write" None,
    /// The fsync has begun and not returned (M-W05).
    WalMidFsync = "wal.mid_fsync" None,
    /// The fsync has returned; nothing is applied (M-W07, F-P2).
    WalAfterFsync = "wal.after_fsync" None,
    /// A segment of the WAL is being filled under its temporary name (M-W09).
    WalCreateWrite = "wal.create.tmp_write" Byte,
    /// It is filled, and not fsynced (M-W09).
    WalCreateFsync = "wal.create.fsync" None,
    /// It is fsynced, and has not its name (M-W09).
    WalCreateRename = "wal.create.rename" None,
    /// It has its name, and the directory is not fsynced (M-W09).
    WalCreateDirFsync = "wal.create.before_dir_fsync" None,
    /// Applied, and not visible yet (M-W13).
    CommitBeforeVisible = "commit.before_visible" None,
    /// Visible (M-W13).
    CommitAfterVisible = "commit.after_visible" None,
    /// One write of a batch is acknowledged, others may not be (M-W19).
    GroupAck = "group.ack" None,
    /// A write is acknowledged and its caller not answered (M-W14).
    AckBeforeSend = "ack.before_send" None,
    /// A read has its view and has read nothing (M-W23).
    ReadViewCreated = "read.view_created" None,
    /// A read has read, and is not looked at again (M-W23).
    ReadMid = "read.mid" None,
    /// It is known what may be pruned; nothing says so (M-W21).
    GcBeforeRecord = "gc.before_record" None,
    /// What may be pruned is recorded; nothing of it is (M-W22).
    GcAfterRecord = "gc.after_record" None,
    /// One version is removed, others are to be (M-W22).
    GcMidRemove = "gc.mid_remove" None,

    // A batch on a replica.
    /// What a pull will be answered with is read from the log; nothing is sent (M-R01, F-P2).
    ShipBeforeSend = "ship.before_send" None,
    /// A pull's bytes are here; none is written (M-R08, F-R1).
    RecvMidReceive = "recv.mid_receive" None,
    /// Received bytes are durable; nothing is validated (M-R10, F-R2).
    RecvAfterFsync = "recv.after_fsync" None,
    /// One batch of what was received is validated (M-R12).
    ValMid = "val.mid" None,
    /// Everything received is validated; nothing is applied (M-R16).
    ApplyBefore = "apply.before" None,
    /// One commit of a validated batch is in the store (M-R17, F-A1).
    ApplyMid = "apply.mid" None,
    /// All of them are; no bound says so (M-R18, F-A2).
    ApplyBeforeMeta = "apply.before_meta" None,

    // The identity with its stamps, which is all that a node writes about itself.
    /// So many bytes of it are written under a temporary name (M-R19).
    MetaWrite = "meta.tmp_write" Byte,
    /// It is written, and not fsynced (M-R19).
    MetaFsync = "meta.fsync" None,
    /// It is fsynced, and the old one has the name (M-R19).
    MetaRename = "meta.rename" None,
    /// It has the name, and the directory is not fsynced (M-R19).
    MetaDirFsync = "meta.dir_fsync" None,

    // A start.
    /// A step of a start is done, of the nine that `node::open` lists (M-C18, M-R21).
    RecStep = "rec.step" Number,
    /// A start has replayed one batch (M-C18, step 5).
    RecMidReplay = "rec.mid_replay" None,
    /// The copy of a torn tail is being written (M-C18).
    RecTailWrite = "rec.tail.tmp_write" Byte,
    /// It is written, and not fsynced (M-C18).
    RecTailFsync = "rec.tail.fsync" None,
    /// It is fsynced, and has not its name (M-C18).
    RecTailRename = "rec.tail.rename" None,
    /// It has its name, and the directory is not fsynced (M-C18).
    RecTailDirFsync = "rec.tail.dir_fsync" None,
    /// So many bytes of a tail are zeroed, or of the last frame written again (M-C18).
    RecOverwrite = "rec.overwrite" Byte,
    /// All of them are, none is fsynced (M-C18).
    RecOverwriteFsync = "rec.overwrite_fsync" None,

    // A halt and the ways back.
    /// A machine has moved, and nobody has acted on it (M-R32).
    SupTransition = "sup.transition" None,
    /// A failure is found; nothing says so (M-R32).
    HaltBeforeRecord = "halt.before_record" None,
    /// It is recorded; nobody was told (M-R32).
    HaltAfterRecord = "halt.after_record" None,
    /// The log that is kept is written beside the old one (discard-suffix, step 1).
    DiscardKept = "discard.kept" None,
    /// The decision ledger says what is set aside (step 2).
    DiscardRecorded = "discard.recorded" None,
    /// The stamp names the frames that are kept (step 3).
    DiscardStamped = "discard.stamped" None,
    /// The old log is in quarantine, none is in its place (step 4).
    DiscardAside = "discard.aside" None,

    // A snapshot that is taken over.
    /// So many bytes of a snapshot's chunk are written (M-R23, F-S1).
    BootWrite = "boot.mid_chunk" Byte,
    /// A chunk of a snapshot is written, more are to come (M-R23, F-S1).
    BootTransfer = "boot.transfer" None,
    /// All of them are, and not fsynced (M-R26).
    BootInstallFsync = "boot.install.fsync" None,
    /// A snapshot is received, durable; no byte of it was looked at (M-R24, F-S2).
    BootBeforeValidate = "boot.before_validate" None,
    /// Every byte was looked at; nothing is decided (M-R24, F-S2).
    BootMidValidate = "boot.mid_validate" None,
    /// It is accepted, and lies where it was received (M-R26).
    BootInstallTmp = "boot.install.tmp" None,
    /// It has its name, and the directory is not fsynced (M-R26).
    BootInstallDirFsync = "boot.install.dir_fsync" None,
    /// The snapshot has its name; no checkpoint names it (M-R26).
    BootInstallRename = "boot.install.rename" None,
    /// The checkpoint names it; the process has not started again (M-R27).
    BootInstalled = "boot.installed" None,

    // A checkpoint.
    /// A checkpoint is asked for; what it will be of is not known (M-C01).
    SnapBegin = "snap.begin" None,
    /// The directory of snapshots is made, and the one that holds it is not fsynced (M-C06).
    SnapParentFsync = "snap.parent_fsync" None,
    /// One version is put into a checkpoint's snapshot, others are to come (M-C02).
    SnapEnumerate = "snap.enumerate" None,
    /// So many bytes of the snapshot's header or of a block are written (M-C03).
    SnapFileWrite = "snap.file_write" Byte,
    /// A part of it is written, and not fsynced (M-C04).
    SnapFileFsync = "snap.file_fsync" None,
    /// So many bytes of its manifest are written (M-C05).
    SnapManifestWrite = "snap.manifest_write" Byte,
    /// The manifest is written, and not fsynced (M-C05).
    SnapManifestFsync = "snap.manifest_fsync" None,
    /// The snapshot is fsynced, and has not its name (M-C06).
    SnapRename = "snap.rename" None,
    /// It has its name, and the directory is not fsynced (M-C06).
    SnapDirFsync = "snap.dir_fsync" None,
    /// The snapshot is durable; no record names it (M-C08).
    CkptAfterSnapshot = "ckpt.after_snapshot" None,
    /// So many bytes of the record are written under a temporary name (M-C09).
    CkptRecordWrite = "ckpt.record_write" Byte,
    /// It is written, and not fsynced (M-C09).
    CkptRecordFsync = "ckpt.record_fsync" None,
    /// It is fsynced, and the old one has the name (M-C09).
    CkptRecordRename = "ckpt.record_rename" None,
    /// It has the name, and the directory is not fsynced (M-C09).
    CkptRecordDirFsync = "ckpt.record_dir_fsync" None,
    /// The record is durable; nothing of the log is removed (M-C10).
    CkptAfterRecord = "ckpt.after_record" None,
    /// One segment is removed, others may be to come (M-C11).
    TruncEachUnlink = "trunc.each_unlink" None,
    /// All of them are, and the directory is not fsynced (M-C12).
    TruncBeforeDirFsync = "trunc.before_dir_fsync" None,
    /// Segments are removed; older snapshots are not (M-C11).
    TruncAfter = "trunc.after" None,

    // An append to the authority ledger: frame and fsync, trailer and fsync.
    /// The frame is formed; no byte of it is written (M-P08, M-P17).
    LedgerBeforeWrite = "ledger.before_write" None,
    /// So many of its bytes are written (M-P08, M-P17).
    LedgerMidWrite = "ledger.mid_write" Byte,
    /// All of them are, none is fsynced (M-P08, M-P17).
    LedgerAfterWrite = "ledger.after_write" None,
    /// The frame's fsync has begun and not returned (M-P08, M-P17).
    LedgerMidFsync = "ledger.mid_fsync" None,
    /// It has returned; of the trailer there is nothing (M-P09, M-P17).
    LedgerAfterFsync = "ledger.after_fsync" None,
    /// The trailer is formed; no byte of it is written (M-P09, M-P17).
    TrailerBeforeWrite = "ledger.trailer.before_write" None,
    /// So many of its bytes are written (M-P09, M-P17).
    TrailerMidWrite = "ledger.trailer.mid_write" Byte,
    /// All of them are, none is fsynced (M-P09, M-P17).
    TrailerAfterWrite = "ledger.trailer.after_write" None,
    /// The trailer's fsync has begun and not returned (M-P09, M-P17).
    TrailerMidFsync = "ledger.trailer.mid_fsync" None,
    /// It has returned: the append is done, and nothing has followed from it (M-P09, M-P17).
    TrailerAfterFsync = "ledger.trailer.after_fsync" None,
    /// A segment of the authority ledger is being filled under its temporary name (M-P08).
    LedgerCreateWrite = "ledger.create.tmp_write" Byte,
    /// It is filled, and not fsynced (M-P08).
    LedgerCreateFsync = "ledger.create.fsync" None,
    /// It is fsynced, and has not its name (M-P09).
    LedgerCreateRename = "ledger.create.rename" None,
    /// It has its name, and the directory is not fsynced (M-P09).
    LedgerCreateDirFsync = "ledger.create.dir_fsync" None,

    // An append to the decision ledger: the same. Of a promotion's request the trailer follows the answer.
    /// The frame is formed; no byte of it is written (M-P02).
    RecordBeforeWrite = "record.before_write" None,
    /// So many of its bytes are written (M-P02).
    RecordMidWrite = "record.mid_write" Byte,
    /// All of them are, none is fsynced (M-P02).
    RecordAfterWrite = "record.after_write" None,
    /// The frame's fsync has begun and not returned (M-P02).
    RecordMidFsync = "record.mid_fsync" None,
    /// It has returned; of the trailer there is nothing (M-P02).
    RecordAfterFsync = "record.after_fsync" None,
    /// The trailer is formed; no byte of it is written (M-P11).
    RecordTrailerBeforeWrite = "record.trailer.before_write" None,
    /// So many of its bytes are written (M-P11).
    RecordTrailerMidWrite = "record.trailer.mid_write" Byte,
    /// All of them are, none is fsynced (M-P11).
    RecordTrailerAfterWrite = "record.trailer.after_write" None,
    /// The trailer's fsync has begun and not returned (M-P11).
    RecordTrailerMidFsync = "record.trailer.mid_fsync" None,
    /// It has returned: the append is done (M-P11).
    RecordTrailerAfterFsync = "record.trailer.after_fsync" None,

    // A promotion.
    /// A request has come; nothing was looked at (M-P01).
    PromoBeforeRequest = "promo.before_request" None,
    /// It is recorded; nothing is decided (M-P02).
    PromoRequested = "promo.requested" None,
    /// The receiver has stopped (1), the log's owner stands still (2), the facts are gathered (3), it is decided
    /// (4) (M-P03).
    PromoValidating = "promo.validating" Number,
    /// It is approved; nothing of the grant is written (M-P07).
    PromoApproved = "promo.approved" None,
    /// The grant is durable; the role is the old one (M-P10).
    PromoRoleRebind = "promo.role_rebind" None,
    /// This node holds and may write; its own record does not say so, and nobody was answered (M-P11).
    PromoSucceeded = "promo.succeeded" None,
    /// The record says so, after the answer (M-P11).
    PromoRecorded = "promo.recorded" None,
    /// A relinquishment is durable; the role is the old one (M-P17).
    SealAfter = "seal.after" None,
    /// The record says so; nobody was answered (M-P17).
    SealRecorded = "seal.recorded" None,
    /// Another entry of the holder is durable; nothing has followed from it.
    CommandDurable = "command.durable" None,
    /// Entries from upstream are durable; nothing has followed from them (M-P16).
    AdoptDurable = "adopt.durable" None,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_points_have_one_name() {
        let names: BTreeSet<_> = Point::ALL.iter().map(|point| point.name()).collect();
        assert_eq!(names.len(), Point::ALL.len());
    }

    #[test]
    fn a_point_shows_what_may_stand_behind_its_name() {
        let shown = [Point::WalMidWrite, Point::RecStep, Point::ValMid].map(|it| it.to_string());
        assert_eq!(shown, ["wal.mid_write[byte]", "rec.step[i]", "val.mid"]);
    }
}
